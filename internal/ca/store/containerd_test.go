package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/ca"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/runtime"
)

// containerds are those of the system, those that the lab has built, and those
// that TOWPATH_CONTAINERDS lists as PATH does, by their version.
func containerds(t *testing.T) map[string]string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("not looked at without root: real containerds")
	}
	list := filepath.SplitList(os.Getenv("TOWPATH_CONTAINERDS"))
	if cache, err := os.UserCacheDir(); err == nil {
		built, _ := filepath.Glob(filepath.Join(cache, "towpath-lab", "containerd-*", "containerd"))
		list = append(list, built...)
	}
	if system, err := exec.LookPath("containerd"); err == nil {
		list = append(list, system)
	}
	out := map[string]string{}
	for _, path := range list {
		text, err := exec.Command(path, "--version").Output()
		if fields := strings.Fields(string(text)); err == nil && len(fields) > 2 {
			out[strings.TrimPrefix(fields[2], "v")] = path
		}
	}
	if len(out) == 0 {
		t.Skip("not looked at: real containerds, none is installed")
	}
	return out
}

// startContainerd runs one with its hosts.toml files below a directory, until
// its CRI answers.
func startContainerd(t *testing.T, version, path, certs string) *runtime.Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "ca") // short: the path of a socket has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	number, images, imports := 2, `plugins."io.containerd.grpc.v1.cri"`, ""
	if strings.HasPrefix(version, "2.") {
		number, images, imports = 3, `plugins."io.containerd.cri.v1.images"`, "imports = []\n"
	}
	config := fmt.Sprintf("version = %d\nroot = %q\nstate = %q\n%sdisabled_plugins = [\"io.containerd.nri.v1.nri\"]\n[grpc]\naddress = %q\n[ttrpc]\naddress = %q\n"+
		"[plugins.\"io.containerd.internal.v1.opt\"]\npath = %q\n[%s.registry]\nconfig_path = %q\n", number, dir+"/data", dir+"/state", imports, dir+"/c.sock", dir+"/t.sock", dir+"/opt", images, certs)
	if err := os.WriteFile(dir+"/config.toml", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-c", dir+"/config.toml")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(unix.SIGTERM)
		cmd.Wait()
	})
	if err := runtime.Await(t.Context(), dir+"/c.sock"); err != nil {
		t.Fatal(err)
	}
	c, err := runtime.Dial(dir + "/c.sock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// A registry that demands a client certificate hears of a pull only when both
// sides accept what was issued. It has no image, which is how the pull ends.
func TestRealContainerdsAcceptWhatIsWritten(t *testing.T) {
	for version, path := range containerds(t) {
		t.Run(version, func(t *testing.T) {
			loopback, err := ca.ParseConstraint("127.0.0.0/8")
			if err != nil {
				t.Fatal(err)
			}
			a, err := ca.New(ca.Profile{Now: time.Now(), Permit: []ca.Constraint{loopback}})
			if err != nil {
				t.Fatal(err)
			}
			clients, dir := made(t, 99), t.TempDir()
			server, serverKey, root := Files(filepath.Join(dir, "s"), "r", false)
			client, clientKey, _ := Files(filepath.Join(dir, "c"), "c", true)
			if _, err := Save(filepath.Join(dir, "s"), "r", false, issued(t, a, ca.Order{}, "127.0.0.1")); err != nil {
				t.Fatal(err)
			}
			if _, err := Save(filepath.Join(dir, "c"), "c", true, issued(t, clients, ca.Order{Client: true}, "node-1")); err != nil {
				t.Fatal(err)
			}
			pool := x509.NewCertPool()
			pool.AddCert(clients.Cert)
			var heard atomic.Int64
			addr := registry(t, server, serverKey, pool, &heard)
			certs := filepath.Join(dir, "certs.d")
			c := startContainerd(t, version, path, certs)
			for _, x := range []struct {
				name, tls string
				heard     bool
			}{
				{"bare.example", "", false},
				{"ca.example", fmt.Sprintf("ca = %q\n", root), false},
				{"both.example", fmt.Sprintf("ca = %q\nclient = [[%q, %q]]\n", root, client, clientKey), true},
			} {
				host := filepath.Join(certs, x.name)
				if err := os.MkdirAll(host, 0o755); err != nil {
					t.Fatal(err)
				}
				text := fmt.Sprintf("server = \"https://%s\"\n%s[host.\"https://%s\"]\ncapabilities = [\"pull\", \"resolve\"]\n%s", addr, x.tls, addr, x.tls)
				if err := os.WriteFile(filepath.Join(host, "hosts.toml"), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				heard.Store(0)
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				_, err := c.Pull(ctx, x.name+"/a/b:1", route.Auth{}, nil)
				cancel()
				if got := heard.Load() > 0; got != x.heard {
					t.Errorf("%s: the registry heard of it: %v, want %v (%v)", x.name, got, x.heard, err)
				}
				if x.name == "bare.example" && (err == nil || !strings.Contains(err.Error(), "x509: ")) {
					t.Errorf("without its ca: %v", err)
				}
			}
		})
	}
}

// registry answers every request with 404, to clients with a certificate.
func registry(t *testing.T, cert, key string, clients *x509.CertPool, heard *atomic.Int64) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients})
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			heard.Add(1)
			w.WriteHeader(http.StatusNotFound)
		}),
		ReadHeaderTimeout: 5 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}
