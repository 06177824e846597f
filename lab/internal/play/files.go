package play

import (
	"archive/tar"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"

	"github.com/towpath-dev/towpath/lab/internal/containerd"
	"github.com/towpath-dev/towpath/lab/internal/node"
	"github.com/towpath-dev/towpath/lab/internal/scenario"
)

// view is what the files of a scenario may ask for, between << and >>: they
// must mean the same on every generation.
type view struct {
	Version       string // of containerd
	ConfigVersion int    // of config.toml
	Images        string // table of the image service
	Registry      string // table of its registry settings
	Sandbox       string // default sandbox image
	SandboxKey    string // key for another, under Images
	K3s           string // version
	K3sTemplate   string // file name
}

func newView(g containerd.Generation) view {
	return view{
		Version: g.Version(), ConfigVersion: g.ConfigVersion(), Images: g.Images(), Registry: g.Registry(),
		Sandbox: g.Sandbox(), SandboxKey: g.SandboxKey(), K3s: g.K3s(), K3sTemplate: g.K3sTemplate(),
	}
}

// render fills in one file or file name of a scenario. Pem knows the
// certificates and keys of the world by name.
func render(text string, v view, pem func(string) (string, error)) (string, error) {
	t, err := template.New("").Delims("<<", ">>").Option("missingkey=error").Funcs(template.FuncMap{
		"pem": pem,
		"hex": func(s string) (string, error) { b, err := hex.DecodeString(s); return string(b), err },
	}).Parse(text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = t.Execute(&out, v)
	return out.String(), err
}

// base are the files of every node. Those of a scenario go over them.
func base(r runtime) map[string]string {
	files := map[string]string{
		"/etc/hostname":      node.Hostname + "\n",
		"/etc/hosts":         "127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.1.1 node1\n",
		"/etc/resolv.conf":   "nameserver 10.20.0.53\n",
		"/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
		"/etc/passwd":        "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n",
		"/etc/group":         "root:x:0:\nnogroup:x:65534:\n",
	}
	files["/etc/ssl/certs/ca-certificates.crt"] = `<<pem "internet/ca.crt">><<pem "ca.crt">>`
	switch {
	case r.gen.Engine():
		maps.Copy(files, engineFiles(r))
	case r.embedded():
		maps.Copy(files, embedded(r))
		files[versionFile] = strings.ReplaceAll(r.gen.K3s(), "+k3s1", map[string]string{"k3s": "+k3s1", "rke2": "+rke2r1"}[r.spec.Kind])
	default:
		maps.Copy(files, stock(r))
	}
	return files
}

// write puts the files under a prefix of the scenario on the node.
func write(v scenario.Variant, prefix string, fill func(string) (string, error)) error {
	for _, f := range v.Files {
		name, ok := strings.CutPrefix(f.Name, prefix)
		if !ok {
			continue
		}
		if err := put(name, f.Data, fill); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

// link makes the symbolic links of a scenario.
func link(links map[string]string) error {
	for name, to := range links {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(to, name); err != nil {
			return err
		}
	}
	return nil
}

// protect gives files the modes that a scenario wants for them.
func protect(modes map[string]string) error {
	for name, text := range modes {
		mode, err := strconv.ParseUint(text, 8, 12)
		if err != nil {
			return fmt.Errorf("mode of %s: %w", name, err)
		}
		if err := os.Chmod(name, fs.FileMode(mode)); err != nil {
			return err
		}
	}
	return nil
}

func put(name, data string, fill func(string) (string, error)) error {
	name, err := fill(name)
	if err != nil {
		return err
	}
	if data, err = fill(data); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(data), 0o644)
}

// pack makes a tar of a directory.
func pack(dir string) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.AddFS(regular{os.DirFS(dir)}); err != nil {
		return nil, err
	}
	return out.Bytes(), w.Close()
}

// regular hides what is neither file nor directory, such as sockets.
type regular struct{ fs.FS }

// ReadDir lists a directory without what is hidden.
func (r regular) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(r.FS, name)
	kept := all[:0]
	for _, e := range all {
		if e.IsDir() || e.Type().IsRegular() {
			kept = append(kept, e)
		}
	}
	return kept, err
}

// unpack puts a tar of pack back.
func unpack(data []byte, dir string) error {
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		name := filepath.Join(dir, h.Name)
		if h.FileInfo().IsDir() {
			if err := os.MkdirAll(name, h.FileInfo().Mode()); err != nil {
				return err
			}
			continue
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if err := os.WriteFile(name, b, h.FileInfo().Mode()); err != nil {
			return err
		}
	}
}
