package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/ca"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("STORE_TEST_WRITE"); dir != "" {
		writeForEver(dir)
	}
	os.Exit(m.Run())
}

func made(t testing.TB, days int) ca.Authority {
	t.Helper()
	a, err := ca.New(ca.Profile{Now: time.Now(), Days: days})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func issued(t testing.TB, a ca.Authority, o ca.Order, names ...string) ca.Certificate {
	t.Helper()
	list, err := ca.ParseNames(names)
	if err != nil {
		t.Fatal(err)
	}
	o.Names, o.Now = list, time.Now()
	c, err := a.Issue(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// listed are the files of a directory with their modes.
func listed(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s %04o", e.Name(), info.Mode().Perm()))
	}
	return strings.Join(out, ", ")
}

func TestAnAuthorityIsForItsOwnerAlone(t *testing.T) {
	defer unix.Umask(unix.Umask(0))
	dir := filepath.Join(t.TempDir(), "deep", "ca")
	if err := Create(dir, made(t, 99)); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(dir)
	if err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v (%v)", st.Mode(), err)
	}
	if got := listed(t, dir); got != "ca.crt 0644, ca.key 0600" {
		t.Error(got)
	}
	if got := listed(t, filepath.Dir(dir)); got != "ca 0700" {
		t.Errorf("beside it there is %s", got)
	}
	if _, err := Open(dir); err != nil {
		t.Error(err)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Create(dir, made(t, 99)); err != nil {
		t.Fatalf("an empty directory: %v", err)
	}
	before, _ := os.ReadFile(filepath.Join(dir, KeyFile))
	if err := Create(dir, made(t, 99)); !errors.Is(err, ErrTaken) {
		t.Errorf("a second authority: %v", err)
	}
	if after, _ := os.ReadFile(filepath.Join(dir, KeyFile)); string(after) != string(before) {
		t.Error("the key has changed")
	}
	if err := Create(filepath.Join(dir, CertFile), made(t, 99)); err == nil {
		t.Error("a file was taken for a directory")
	}
}

func TestRenewalKeepsTheKeyAndTheOldCertificate(t *testing.T) {
	a, dir := made(t, 99), filepath.Join(t.TempDir(), "r")
	cert, key, _ := Files(dir, "r.example", false)
	first := issued(t, a, ca.Order{}, "r.example")
	if _, err := Save(dir, "r.example", false, first); err != nil {
		t.Fatal(err)
	}
	if got := listed(t, dir); got != "ca.crt 0644, r.example.crt 0644, r.example.key 0600" {
		t.Error(got)
	}
	have, err := Find(cert, key)
	if err != nil || len(have.Chain) != 2 {
		t.Fatalf("%+v, %v", have, err)
	}
	second := issued(t, a, ca.Order{Key: have.Key}, "r.example")
	saved, err := Save(dir, "r.example", false, second)
	if err != nil {
		t.Fatal(err)
	}
	if old, err := readCert(saved.Backup); err != nil || !old[0].Equal(first.Chain[0]) {
		t.Errorf("the backup %s is not the old certificate (%v)", saved.Backup, err)
	}
	if have, err = Find(cert, key); err != nil || !have.Chain[0].Equal(second.Chain[0]) {
		t.Errorf("the new certificate is not in place: %v", err)
	}
	if _, err := Save(dir, "r.example", false, issued(t, a, ca.Order{}, "r.example")); err == nil {
		t.Error("a certificate for another key was put beside the one that is there")
	}
	if st, _ := os.Stat(key); st.Mode().Perm() != 0o600 {
		t.Errorf("the key has mode %v", st.Mode())
	}
}

func TestWhatCannotBeAnAuthorityIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	if _, err := Open(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
	a := made(t, 99)
	if err := Create(dir, a); err != nil {
		t.Fatal(err)
	}
	key, _ := ca.KeyPEM(made(t, 99).Key)
	leaf := issued(t, a, ca.Order{Key: a.Key}, "r.example")
	for name, x := range map[string]struct {
		file string
		data []byte
	}{
		"another key": {KeyFile, key}, "no key": {KeyFile, []byte("x")}, "no certificate": {CertFile, []byte("x")},
		"a leaf": {CertFile, ca.PEM(leaf.Chain[0])}, "far too large": {CertFile, make([]byte, maxFile+1)},
	} {
		path := filepath.Join(dir, x.file)
		keep, _ := os.ReadFile(path)
		if err := os.WriteFile(path, x.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil {
			t.Errorf("%s: it was opened", name)
		}
		if err := os.WriteFile(path, keep, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := read(filepath.Join(dir, "pipe")); err == nil {
		t.Error("a pipe was read")
	}
}

// writeForEver makes authorities and certificates and renews them until it is killed.
func writeForEver(dir string) {
	for n := 0; ; n++ {
		a, err := ca.New(ca.Profile{Now: time.Now()})
		if err == nil {
			err = Create(filepath.Join(dir, fmt.Sprint("ca", n)), a)
		}
		names, _ := ca.ParseNames([]string{"r.example"})
		out := filepath.Join(dir, "out")
		cert, key, _ := Files(out, "r", false)
		var have Found
		if err == nil {
			have, err = Find(cert, key)
		}
		var c ca.Certificate
		if err == nil {
			c, err = a.Issue(ca.Order{Names: names, Now: time.Now(), Key: have.Key})
		}
		if err == nil {
			_, err = Save(out, "r", false, c)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Stdout.WriteString(".")
	}
}

// Whenever the writer is killed, every authority that is there is whole, and the
// certificate fits its key. The next writer removes what was left.
func TestKilledAtAnyMomentNothingIsHalfWritten(t *testing.T) {
	dir := t.TempDir()
	for round := range 40 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "STORE_TEST_WRITE="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if round%2 == 0 {
			out.Read(make([]byte, 1)) // one round at least is through
		}
		time.Sleep(time.Duration(round*137%4000) * time.Microsecond)
		cmd.Process.Kill()
		cmd.Wait()
		whole(t, dir)
	}
	if err := Create(filepath.Join(dir, "ca0x"), made(t, 9)); err != nil {
		t.Fatal(err)
	}
}

func whole(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "ca"):
			if _, err := Open(path); err != nil {
				t.Fatalf("half an authority: %v", err)
			}
			os.RemoveAll(path) // the next round begins at ca0 again
		case e.Name() == "out":
			cert, key, _ := Files(path, "r", false)
			if have, err := Find(cert, key); err != nil || have.Chain == nil {
				t.Fatalf("half a certificate: %v %v", have, err)
			}
		}
	}
}

func TestWhatAKilledWriterLeftIsRemoved(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, ".ca.towpath-123")
	if err := os.Mkdir(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(left, KeyFile), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Create(filepath.Join(dir, "ca"), made(t, 9)); err != nil {
		t.Fatal(err)
	}
	if got := listed(t, dir); got != "ca 0700" {
		t.Error(got)
	}
}

// serve is a TLS server with the files that Save wrote.
func serve(t *testing.T, cert, key string, clients *x509.CertPool) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{pair}}
	if clients != nil {
		cfg.ClientAuth, cfg.ClientCAs = tls.RequireAndVerifyClientCert, clients
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: 5 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

func TestServersAndClientsAcceptWhatIsWritten(t *testing.T) {
	a, dir := made(t, 99), t.TempDir()
	server, serverKey, root := Files(filepath.Join(dir, "s"), "r", false)
	client, clientKey, _ := Files(filepath.Join(dir, "c"), "c", true)
	if _, err := Save(filepath.Join(dir, "s"), "r", false, issued(t, a, ca.Order{}, "r.example", "*.w.example", "127.0.0.1", "::1")); err != nil {
		t.Fatal(err)
	}
	if _, err := Save(filepath.Join(dir, "c"), "c", true, issued(t, a, ca.Order{Client: true}, "node-1")); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(root)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	addr := serve(t, server, serverKey, pool)
	pair, err := tls.LoadX509KeyPair(client, clientKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"r.example", "a.w.example", "127.0.0.1", "::1"} {
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", addr, &tls.Config{RootCAs: pool, ServerName: name, Certificates: []tls.Certificate{pair}})
		if err != nil {
			t.Errorf("Go refuses it for %s: %v", name, err)
			continue
		}
		c.Close()
	}
	if c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: pool, ServerName: "other.example"}); err == nil {
		c.Close()
		t.Error("Go accepts it for another name")
	}
	openssl(t, addr, root, client, clientKey)
	for _, args := range [][]string{
		{"-purpose", "sslserver", "-verify_hostname", "b.w.example", server}, {"-purpose", "sslserver", "-verify_ip", "127.0.0.1", server}, {"-purpose", "sslclient", client},
	} {
		out, err := exec.Command("openssl", append([]string{"verify", "-x509_strict", "-CAfile", root}, args...)...).CombinedOutput()
		if err != nil {
			t.Errorf("openssl verify %v: %s", args, out)
		}
	}
}

func openssl(t *testing.T, addr, root, client, key string) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("not looked at: openssl is not there")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for name, ok := range map[string]bool{"r.example": true, "other.example": false} {
		out, err := exec.CommandContext(ctx, "openssl", "s_client", "-connect", addr, "-servername", name, "-verify_hostname", name, "-verify_return_error",
			"-CAfile", root, "-cert", client, "-key", key, "-brief").CombinedOutput()
		if (err == nil) != ok {
			t.Errorf("openssl s_client for %s: %v\n%s", name, err, out)
		}
	}
}
