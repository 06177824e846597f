package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// towpath calls the program in a directory of its own.
func towpath(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	status = Main(context.Background(), World{Args: args, In: strings.NewReader(""), Out: &o, Err: &e})
	return status, o.String(), e.String()
}

func keysOf(t *testing.T, doc string) (keys string, m map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(doc), &m); err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	var list []string
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return strings.Join(list, " "), m
}

func TestAnAuthorityIsMadeUsedAndRenewed(t *testing.T) {
	t.Chdir(t.TempDir())
	steps := []struct {
		args   string
		status int
		want   string // in what is printed
	}{
		{"ca new --name Corp ca", 0, "made the authority Corp"},
		{"ca new ca", 3, "exists and is not empty"},
		{"ca issue --ca ca r.example 10.0.0.1", 0, "issued a server certificate for r.example, 10.0.0.1"},
		{"ca issue --ca ca --ip 10.0.0.1 r.example", 0, "kept the certificate"},
		{"ca issue --ca ca --ip 10.0.0.1 --renew r.example", 0, "renewed a server certificate"},
		{"ca issue --ca ca r.example", 0, "renewed a server certificate"},
		{"ca issue --ca ca --days 40 --renew-before 39 --renew r.example", 0, "renewed"},
		{"ca issue --ca ca --renew-before 90 r.example", 0, "renewed"},
		{"ca issue --ca ca --client node-1", 0, "node-1/node-1.cert"},
		{"ca show r.example/r.example.crt r.example/r.example.key ca/ca.crt --fail-on info", 0, "no findings"},
		{"ca show --name r.example --ca ca/ca.crt r.example/r.example.crt --fail-on info", 0, "named as ca"},
		{"ca show --name o.example r.example/r.example.crt", 1, "tls/name-not-covered"},
		{"ca show --name o.example --ignore tls/name-not-covered r.example/r.example.crt", 0, "no findings"},
		{"ca show r.example node-1", 0, "no findings"},
		{"ca show no-such-file.crt/x", 2, "there is no such file, and it is no host"},
		{"ca issue --ca none r.example", 3, "open the authority"},
		{"ca issue r.example", 2, "which authority"},
		{"ca issue --ca ca", 2, "which names"},
		{"ca issue --ca ca r.example:5000", 2, "write r.example"},
		{"ca issue --ca ca --days 826 r.example", 2, "1 to 825 days"},
		{"ca issue --ca ca --ip r.example r.example", 2, "no address"},
		{"ca new --days 3650 other", 2, "1 to 3649 days"},
		{"ca new --permit https://x other", 2, "--permit"},
		{"ca new -o prometheus other", 2, "text, json and yaml"},
		{"ca frobnicate", 2, "frobnicate"},
		{"ca", 0, "towpath ca new ./ca"},
	}
	for _, s := range steps {
		status, out, errs := towpath(t, strings.Fields(s.args)...)
		if status != s.status || !strings.Contains(out+errs, s.want) {
			t.Errorf("towpath %s: status %d, want %d and %q:\n%s%s", s.args, status, s.status, s.want, out, errs)
		}
	}
	backups, _ := filepath.Glob("r.example/*.backup-*")
	if len(backups) != 4 {
		t.Errorf("backups: %v", backups)
	}
}

func TestDocumentsOfCA(t *testing.T) {
	t.Chdir(t.TempDir())
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	const findings = "findings"
	for _, s := range []struct{ args, kind, keys string }{
		{"ca new ca", "ca", "certFile certificate findings keyFile kind schema"},
		{"ca issue --ca ca 127.0.0.1", "ca-issue", "backup caFile certFile certificate findings keyFile kind schema shortened state"},
		{"ca issue --ca ca 127.0.0.1", "ca-issue", "backup caFile certFile certificate findings keyFile kind schema shortened state"},
		{"ca show ca", "ca-show", "chains findings inputs kind schema"},
		{"ca watch --root .", "ca-expiry", "certificates findings hosts kind runtime schema taken"},
		{"ca --watch-expiry --root .", "ca-expiry", "certificates findings hosts kind runtime schema taken"},
		{"ca issue --ca nowhere a.example", "error", ""},
	} {
		_, out, _ := towpath(t, append(strings.Fields(s.args), "-o", "json")...)
		keys, doc := keysOf(t, out)
		if s.keys != "" && keys != s.keys || doc["kind"] != s.kind || doc["schema"] != "towpath/v1" || doc[findings] == nil {
			t.Errorf("towpath %s: kind %v, keys %q, want %s, %q", s.args, doc["kind"], keys, s.kind, s.keys)
		}
	}
	pair, err := tls.LoadX509KeyPair("127.0.0.1/127.0.0.1.crt", "127.0.0.1/127.0.0.1.key")
	if err != nil {
		t.Fatal(err)
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	defer server.Close()
	host := server.Listener.Addr().String()
	for args, want := range map[string]int{"ca show " + host: 1, "ca show --ca ca/ca.crt " + host: 0, "ca show --ca ca/ca.crt https://" + host + "/v2/": 0} {
		if status, out, errs := towpath(t, strings.Fields(args+" --root . --fail-on info")...); status != want {
			t.Errorf("towpath %s: status %d, want %d\n%s%s", args, status, want, out, errs)
		}
	}
	status, out, errs := towpath(t, "ca", "watch", "--root", ".", "-o", "prometheus", "--fail-on", "warning", host)
	if status > exitFindings {
		t.Fatalf("status %d: %s", status, errs)
	}
	exposition(t, out, host)
}

// exposition holds metrics to the text format and, where it is there, to promtool.
func exposition(t *testing.T, text, host string) {
	t.Helper()
	sample := regexp.MustCompile(`^([a-z_]+)(\{([a-z]+="([^"\\\n]|\\[\\"n])*",?)+\})? -?\d+$`)
	typed, seen := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			typed[strings.TrimSuffix(name, " gauge")] = true
			continue
		}
		if strings.HasPrefix(line, "# HELP ") {
			continue
		}
		m := sample.FindStringSubmatch(line)
		series, _, _ := strings.Cut(line, "} ")
		if m == nil || !typed[m[1]] || seen[series] {
			t.Errorf("no sample, without its type, or there twice: %s", line)
		}
		seen[series] = true
	}
	for _, want := range []string{
		fmt.Sprintf(`towpath_host_certificate_seen{host=%q} 1`, host), `towpath_certificate_not_after_timestamp_seconds{where="` + host + `",role="server",title="127.0.0.1"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Log("not looked at: promtool is not there")
		return
	}
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

func TestKeysNeverReachTheOutput(t *testing.T) {
	t.Chdir(t.TempDir())
	towpath(t, "ca", "new", "ca")
	key, err := os.ReadFile("ca/ca.key")
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.Split(string(key), "\n")[1]
	for _, format := range []string{"text", "json", "yaml"} {
		_, out, errs := towpath(t, "ca", "show", "ca", "-o", format)
		if !strings.Contains(out, "private key") || strings.Contains(out+errs, secret[:20]) {
			t.Errorf("-o %s:\n%s%s", format, out, errs)
		}
	}
}
