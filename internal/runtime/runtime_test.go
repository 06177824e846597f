package runtime

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// binaries are the containerds to test with: that of the system, those that the
// lab has built, and those that TOWPATH_CONTAINERDS lists as PATH does.
func binaries(t *testing.T) map[string]string {
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
		fields := strings.Fields(string(text))
		if err != nil || len(fields) < 3 {
			continue
		}
		version, err := route.ParseVersion(fields[2])
		if err == nil {
			out[fmt.Sprintf("%d.%d", version.Major, version.Minor)] = path
		}
	}
	if len(out) == 0 {
		t.Skip("not looked at: real containerds, none is installed")
	}
	for _, series := range []string{"1.6", "1.7", "2.4"} {
		if out[series] == "" {
			t.Logf("not looked at: containerd %s is not there", series)
		}
	}
	return out
}

// each runs a test against every containerd that is there.
func each(t *testing.T, test func(t *testing.T, series, path string)) {
	for series, path := range binaries(t) {
		t.Run(series, func(t *testing.T) { test(t, series, path) })
	}
}

// daemon is a containerd of our own with everything below a directory.
type daemon struct {
	dir, socket string
	cmd         *exec.Cmd
}

// prepare writes the configuration of a containerd. registry goes into its
// registry table.
func prepare(t *testing.T, series, path, registry string) *daemon {
	t.Helper()
	dir, err := os.MkdirTemp("", "rt") // short: the path of a socket has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	version, images, imports := 2, `plugins."io.containerd.grpc.v1.cri"`, ""
	if strings.HasPrefix(series, "2.") {
		version, images, imports = 3, `plugins."io.containerd.cri.v1.images"`, "imports = []\n"
	}
	config := fmt.Sprintf("version = %d\nroot = %q\nstate = %q\n%sdisabled_plugins = [\"io.containerd.nri.v1.nri\"]\n"+
		"[grpc]\naddress = %q\n[ttrpc]\naddress = %q\n[plugins.\"io.containerd.internal.v1.opt\"]\npath = %q\n[%s.registry]\n%s\n",
		version, dir+"/data", dir+"/state", imports, dir+"/c.sock", dir+"/t.sock", dir+"/opt", images, strings.ReplaceAll(registry, "REGISTRY", images+".registry"))
	if err := os.WriteFile(dir+"/config.toml", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return &daemon{dir: dir, socket: dir + "/c.sock", cmd: exec.Command(path, "-c", dir+"/config.toml")}
}

func (d *daemon) start(t *testing.T) {
	t.Helper()
	log, err := os.Create(d.dir + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	d.cmd.Stdout, d.cmd.Stderr = log, log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.cmd.Process.Signal(unix.SIGCONT)
		d.cmd.Process.Signal(unix.SIGTERM)
		d.cmd.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(d.dir + "/log")
			t.Logf("containerd says\n%s", text[max(0, len(text)-3000):])
		}
	})
}

// started runs a containerd until its CRI answers.
func started(t *testing.T, series, path string) (*daemon, *Client) {
	t.Helper()
	d := prepare(t, series, path, "")
	d.start(t)
	if err := Await(t.Context(), d.socket); err != nil {
		t.Fatal(err)
	}
	c, err := Dial(d.socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return d, c
}

func TestAWorkingRuntimeAnswers(t *testing.T) {
	each(t, func(t *testing.T, series, path string) {
		d, c := started(t, series, path)
		seen, version := Look(t.Context(), d.socket)
		if tells := strings.HasPrefix(series, "1."); (seen.Loaded != nil) != tells {
			t.Errorf("it tells what it loaded: %v, want %v", seen.Loaded != nil, tells)
		}
		seen.Loaded = nil
		if want := (snapshot.CRI{Asked: true, Answers: true, Images: true}); seen != want {
			t.Errorf("saw %+v, want %+v", seen, want)
		}
		again, err := c.Version(t.Context())
		if !strings.HasPrefix(strings.TrimPrefix(version, "v"), series) || err != nil || again != version {
			t.Errorf("version %q and %q, %v; want %s", version, again, err, series)
		}
		usage, err := c.Usage(t.Context())
		if err != nil || len(usage) == 0 || !strings.HasPrefix(usage[0].Dir, d.dir) {
			t.Errorf("usage %+v, %v", usage, err)
		}
	})
}

func TestAPluginThatIsNotLoadedIsToldFromSilence(t *testing.T) {
	each(t, func(t *testing.T, series, path string) {
		d := prepare(t, series, path, "config_path = \"/etc/certs.d\"\n[REGISTRY.mirrors.\"r.example\"]\nendpoint = [\"http://r.example\"]")
		d.start(t)
		awaitSocket(t, d)
		seen, version := Look(t.Context(), d.socket)
		if seen.Answers || seen.Images || !seen.Unlisted || seen.TimedOut || !strings.Contains(seen.Err, "unknown service runtime.v1") {
			t.Errorf("saw %+v", seen)
		}
		if !strings.HasPrefix(strings.TrimPrefix(version, "v"), series) {
			t.Errorf("version %q of %s", version, series)
		}
		c, err := Dial(d.socket)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if again, err := c.Version(t.Context()); err != nil || again != version {
			t.Errorf("version %q, %v", again, err)
		}
	})
}

func awaitSocket(t *testing.T, d *daemon) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("unix", d.socket)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(until) {
			t.Fatalf("no socket: %v", err)
		}
	}
}

func TestARuntimeThatHangsIsToldFromOneThatIsGone(t *testing.T) {
	each(t, func(t *testing.T, series, path string) {
		d, c := started(t, series, path)
		if err := d.cmd.Process.Signal(unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		seen, version := Look(ctx, d.socket)
		if seen.Answers || !seen.TimedOut || seen.Unlisted || version != "" {
			t.Errorf("stopped: saw %+v, version %q", seen, version)
		}
		if _, err := c.Image(ctx, "r.example/a:1"); err == nil {
			t.Error("a runtime that is stopped knows an image")
		}
		if err := Await(ctx, d.socket); err == nil {
			t.Error("a runtime that is stopped was waited for")
		}
		d.cmd.Process.Signal(unix.SIGCONT)
		if err := Await(t.Context(), d.socket); err != nil {
			t.Error(err)
		}
		d.cmd.Process.Kill()
		d.cmd.Process.Wait()
		seen, _ = Look(t.Context(), d.socket)
		if seen.TimedOut || !strings.Contains(seen.Err, "connection refused") {
			t.Errorf("killed: saw %+v", seen)
		}
		os.Remove(d.socket)
		seen, _ = Look(t.Context(), d.socket)
		if want := (snapshot.CRI{Asked: true, Err: "dial unix " + d.socket + ": connect: no such file or directory"}); seen != want {
			t.Errorf("gone: saw %+v, want %+v", seen, want)
		}
	})
}

func TestANodeKnowsTheVersionThatTheSocketTells(t *testing.T) {
	r, err := node.OpenRoot("/")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	each(t, func(t *testing.T, series, path string) {
		d, _ := started(t, series, path)
		n := node.Find(t.Context(), r, node.Caller{Ask: Ask})
		rt, _, err := node.Choose(r, n, node.Want{Config: d.dir + "/config.toml"})
		if err != nil {
			t.Fatal(err)
		}
		if rt.PID != d.cmd.Process.Pid || !rt.CRI.Images || !strings.HasPrefix(strings.TrimPrefix(rt.Target.Version.Text, "v"), series) {
			t.Errorf("found %+v", rt)
		}
	})
}

func TestASilentSocketIsGivenUp(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if seen, _ := Look(ctx, filepath.Join(dir, "s")); !seen.TimedOut || seen.Answers {
		t.Errorf("saw %+v", seen)
	}
}

// registry serves one image, "team/app:1", to those who log in as u with
// password p, over plain HTTP on loopback.
func registry(t *testing.T) (host string) {
	t.Helper()
	blobs := map[string][]byte{}
	blob := func(kind string, data []byte) map[string]any {
		digest := fmt.Sprintf("sha256:%x", sha256.Sum256(data))
		blobs[digest] = data
		return map[string]any{"mediaType": kind, "digest": digest, "size": len(data)}
	}
	layer, diff := layer(t)
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux", "config": map[string]any{},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{diff}},
	})
	if err != nil {
		t.Fatal(err)
	}
	const kind = "application/vnd.oci.image.manifest.v1+json"
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": kind,
		"config": blob("application/vnd.oci.image.config.v1+json", config),
		"layers": []any{blob("application/vnd.oci.image.layer.v1.tar+gzip", layer)},
	})
	if err != nil {
		t.Fatal(err)
	}
	blobs[fmt.Sprintf("sha256:%x", sha256.Sum256(manifest))] = manifest
	blobs["1"] = manifest
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "u" || password != "p" {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		data, ok := blobs[filepath.Base(r.URL.Path)]
		if !ok || !strings.HasPrefix(r.URL.Path, "/v2/team/app/") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if strings.Contains(r.URL.Path, "/manifests/") {
			w.Header().Set("Content-Type", kind)
		}
		w.Header().Set("Docker-Content-Digest", fmt.Sprintf("sha256:%x", sha256.Sum256(data)))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// layer makes a compressed archive with one file, and the digest of it unpacked.
func layer(t *testing.T) (data []byte, diff string) {
	t.Helper()
	var plain, packed bytes.Buffer
	archive := tar.NewWriter(&plain)
	err := errors.Join(
		archive.WriteHeader(&tar.Header{Name: "hello", Mode: 0o644, Size: 5, Typeflag: tar.TypeReg}),
		func() error { _, err := archive.Write([]byte("hello")); return err }(), archive.Close(),
	)
	zip := gzip.NewWriter(&packed)
	_, copyErr := zip.Write(plain.Bytes())
	if err := errors.Join(err, copyErr, zip.Close()); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes(), fmt.Sprintf("sha256:%x", sha256.Sum256(plain.Bytes()))
}

func TestAnImageIsPulledFoundAndRemoved(t *testing.T) {
	host := registry(t)
	each(t, func(t *testing.T, series, path string) {
		_, c := started(t, series, path)
		ref := host + "/team/app:1"
		if image, err := c.Image(t.Context(), ref); image != nil || err != nil {
			t.Errorf("before the pull: %+v, %v", image, err)
		}
		if _, err := c.Pull(t.Context(), ref, route.Auth{}, nil); err == nil || !strings.Contains(err.Error(), ref) {
			t.Errorf("without a password: %v", err)
		}
		wrong := route.Auth{User: "u", Password: route.NewSecret("hunter2")}
		if _, err := c.Pull(t.Context(), ref, wrong, nil); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("with a wrong password: %v", err)
		}
		id, err := c.Pull(t.Context(), ref, route.Auth{User: "u", Password: route.NewSecret("p")}, func(time.Duration) {})
		if err != nil {
			t.Fatal(err)
		}
		image, err := c.Image(t.Context(), ref)
		if err != nil || image == nil || image.ID != id || len(image.Tags) != 1 || image.Tags[0] != ref || len(image.Digests) != 1 || image.Bytes == 0 {
			t.Fatalf("after the pull of %s: %+v, %v", id, image, err)
		}
		for range 2 {
			if err := c.Remove(t.Context(), ref); err != nil {
				t.Error(err)
			}
		}
		if image, err := c.Image(t.Context(), ref); image != nil || err != nil {
			t.Errorf("after its removal: %+v, %v", image, err)
		}
	})
}

func TestAPullEndsWithItsContext(t *testing.T) {
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hang.Close()
	each(t, func(t *testing.T, series, path string) {
		_, c := started(t, series, path)
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		calls := 0
		_, err := c.Pull(ctx, hang.Listener.Addr().String()+"/a/b:1", route.Auth{}, func(time.Duration) { calls++ })
		if err == nil || calls == 0 {
			t.Errorf("ended with %v after %d reports", err, calls)
		}
	})
}
