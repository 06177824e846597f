package expiry

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/ca"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/survey"
)

// registry is a TLS server that presents a certificate of some days.
func registry(t *testing.T, a ca.Authority, days int) string {
	t.Helper()
	names, err := ca.ParseNames([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Issue(ca.Order{Names: names, Days: days, Now: time.Now().Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{c.Chain[0].Raw}, PrivateKey: c.Key}}})
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, l)
}

func serve(t *testing.T, l net.Listener) string {
	s := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: 5 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

func authority(t *testing.T, days int) ca.Authority {
	t.Helper()
	a, err := ca.New(ca.Profile{Now: time.Now(), Days: days})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// look surveys a node that is a directory.
func look(t *testing.T, dir string) Look {
	t.Helper()
	root, err := node.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	v, err := survey.Take(t.Context(), survey.Request{Root: root, Runtime: "containerd@2.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return Look{Survey: v, Timeout: 5 * time.Second}
}

const config = "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '/etc/containerd/certs.d'\n"

func TestEveryConfiguredHostAndFileIsSeen(t *testing.T) {
	dir := t.TempDir()
	good, other, added := authority(t, 400), authority(t, 400), authority(t, 20)
	fresh, soon, foreign := registry(t, good, 300), registry(t, good, 5), registry(t, other, 300)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "etc/containerd/config.toml", config)
	write(t, dir, "etc/containerd/ca.crt", string(ca.PEM(good.Cert)))
	write(t, dir, "usr/local/share/ca-certificates/added.crt", string(ca.PEM(added.Cert)))
	write(t, dir, "etc/ssl/certs/ca-certificates.crt", string(ca.PEM(authority(t, 300).Cert, added.Cert)))
	write(t, dir, "etc/containerd/certs.d/r.example/hosts.toml", fmt.Sprintf(`server = "https://%s"
ca = "/etc/containerd/ca.crt"
[host."https://%s"]
ca = "/etc/containerd/ca.crt"
[host."https://%s"]
[host."http://%s"]
[host."https://127.0.0.1:1"]
`, fresh, soon, foreign, serve(t, plain)))
	w := look(t, dir).Take(t.Context())

	hosts := map[string]string{}
	for _, h := range w.Hosts {
		hosts[h.Name] = fmt.Sprintf("plain %v, verified %v, failed %v", h.Plain, h.Verified, h.Failure != "")
	}
	for host, want := range map[string]string{
		fresh: "plain false, verified true, failed false", soon: "plain false, verified true, failed false", foreign: "plain false, verified false, failed false",
		plain.Addr().String(): "plain true, verified false, failed false", "127.0.0.1:1": "plain false, verified false, failed true",
	} {
		if hosts[host] != want {
			t.Errorf("%s: %s, want %s", host, hosts[host], want)
		}
	}
	var rows []string
	for _, s := range w.Sightings() {
		rows = append(rows, fmt.Sprintf("%s %s %d", s.Where, s.Role, ca.Days(s.Cert.NotAfter, w.Taken)))
	}
	want := []string{
		soon + " server 5", "/usr/local/share/ca-certificates/added.crt system 19", fresh + " server 300", foreign + " server 300", "/etc/containerd/ca.crt ca 399",
	}
	if strings.Join(rows, "\n") != strings.Join(want, "\n") && strings.Join(rows, "\n") != strings.Join([]string{want[0], want[1], want[3], want[2], want[4]}, "\n") {
		t.Errorf("certificates:\n%s\nwant\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
	}
	found := map[string]finding.Severity{}
	for _, f := range w.Judge(30, 7) {
		found[f.Code+" "+f.Subject] = f.Severity
	}
	for key, severity := range map[string]finding.Severity{
		"tls/certificate-expires-soon " + soon: finding.Error, "tls/certificate-expires-soon /usr/local/share/ca-certificates/added.crt": finding.Warning,
		"tls/chain-refused " + foreign: finding.Error, "tls/certificate-not-seen 127.0.0.1:1": finding.Warning,
	} {
		if got, ok := found[key]; !ok || got != severity {
			t.Errorf("%s: %v %v, want %v", key, got, ok, severity)
		}
	}
	if len(found) != 4 {
		t.Errorf("found %v", found)
	}
}

func TestAHostIsJudgedByWhatItsRuntimeTrusts(t *testing.T) {
	dir := t.TempDir()
	a := authority(t, 400)
	addr := registry(t, a, 300)
	write(t, dir, "etc/containerd/config.toml", config)
	h, trust := look(t, dir).Host(t.Context(), addr)
	if h.Verified || len(h.Chain) != 1 || len(trust.Named) != 0 {
		t.Errorf("without a ca: verified %v, %d certificates, %d named", h.Verified, len(h.Chain), len(trust.Named))
	}
	write(t, dir, "etc/containerd/ca.crt", string(ca.PEM(a.Cert)))
	write(t, dir, "etc/containerd/certs.d/"+addr+"/hosts.toml", "ca = '/etc/containerd/ca.crt'\n")
	h, trust = look(t, dir).Host(t.Context(), addr)
	if h.Skip { // containerd does not verify localhost
		h.Verified = true
	}
	if !h.Verified || len(trust.Named) != 1 {
		t.Errorf("with its ca: verified %v (%s), %d named", h.Verified, h.Verify, len(trust.Named))
	}
}

func TestASlowHostDoesNotHoldUpTheOthers(t *testing.T) {
	dir := t.TempDir()
	a := authority(t, 400)
	write(t, dir, "etc/containerd/config.toml", config)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	l := look(t, dir)
	l.Timeout = 3 * time.Second
	for range 3 {
		l.Hosts = append(l.Hosts, registry(t, a, 300))
	}
	l.Hosts = append(l.Hosts, silent.Addr().String())
	w := l.Take(t.Context())
	seen := 0
	for _, h := range w.Hosts {
		if h.Name == silent.Addr().String() && h.Failure == "" {
			t.Error("a certificate of the silent host was seen")
		}
		if len(h.Chain) > 0 {
			seen++
		}
	}
	if len(w.Hosts) != 4 || seen != 3 {
		t.Errorf("%d hosts, %d seen", len(w.Hosts), seen)
	}
}
