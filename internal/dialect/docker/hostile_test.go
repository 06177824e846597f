package docker_test

import (
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/docker"
	"github.com/towpath-dev/towpath/internal/dialect/docker/corpus"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

func at(text string) []source.File {
	return []source.File{{Path: "/etc/docker/daemon.json", Data: []byte(text)}}
}

// said lists the numbers of the findings of a file.
func said(t *testing.T, files []source.File, o docker.Options) string {
	t.Helper()
	var out []string
	for _, f := range docker.Read(files, target, o).Findings {
		if left := finding.Names(f.Text); len(left) > 0 {
			t.Errorf("%s has no argument for %v", f.ID, left)
		}
		if len(f.Evidence) == 0 || f.Evidence[0].Saw == "" {
			t.Errorf("%s has no evidence", f.ID)
		}
		out = append(out, f.ID)
	}
	return strings.Join(out, " ")
}

func TestEveryMistakeIsNamed(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a trailing comma", `{"debug": true,}`, "DK001"},
		{"a comment", "{\n// mirrors\n\"debug\": true}", "DK001"},
		{"smart quotes", `{“debug”: true}`, "DK001"},
		{"an unknown key", `{"registry_mirrors": []}`, "DK001"},
		{"a wrong type", `{"registry-mirrors": "https://m.example"}`, "DK001"},
		{"a mirror without a scheme", `{"registry-mirrors": ["m.example"]}`, "DK002"},
		{"a plain mirror", `{"registry-mirrors": ["http://m.example"]}`, "DK003"},
		{"a mirror of another registry", `{"registry-mirrors": ["https://m.example/ghcr"]}`, "DK004"},
		{"a scheme that is cut off", `{"insecure-registries": ["http://r.example"]}`, "DK005"},
		{"a path", `{"insecure-registries": ["r.example/x"]}`, "DK005"},
		{"a mirror that is gone", `{"registry-mirrors": ["https://registry.docker-cn.com"]}`, "DK007"},
		{"mirrors twice", `{"registry-mirrors": ["https://m.example"], "debug": true, "registry-mirrors": ["https://n.example"]}`, "DK021"},
		{"a key twice that says nothing the first time", `{"registry-mirrors": [], "registry-mirrors": ["https://n.example"]}`, ""},
		{"everything insecure", `{"insecure-registries": ["0.0.0.0/0"]}`, "DK012"},
		{"a proxy outside of proxies", `{"http-proxy": "http://p.example"}`, "DK014"},
		{"one insecure mirror", `{"features": {"containerd-snapshotter": true}, "registry-mirrors": ["https://m.example"], "insecure-registries": ["m.example"]}`, "DK003 DK015"},
		{"the name of a flag", `{"registry-mirror": ["https://m.example"]}`, "DK016"},
		{"an object that nobody reads", `{"registry": {"debug": true}}`, "DK017"},
		{"an insecure Docker Hub", `{"insecure-registries": ["docker.io"]}`, "DK018"},
		{"the documented example", `{"registry-mirrors": ["https://m.example"], "insecure-registries": ["192.0.2.10:5000", "198.51.100.0/24"], "proxies": {"https-proxy": "http://p.example:3128", "no-proxy": "localhost"}}`, ""},
		{"an empty file", "\n", ""},
	} {
		if got := said(t, at(c.text), docker.Options{}); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	if got := said(t, at(`{"hosts": ["unix:///var/run/docker.sock"]}`), docker.Options{Args: []string{"-H", "fd://"}}); got != "DK009" {
		t.Errorf("a flag beside the file: got %q", got)
	}
	if got := said(t, at(`{"registry-mirrors": ["https://m.example"]}`), docker.Options{Beside: true}); got != "DK008" {
		t.Errorf("beside another runtime: got %q", got)
	}
	certs := append(at(`{"insecure-registries": ["r.example"]}`), source.File{Path: "/etc/docker/certs.d/r.example:5000/ca.pem", Data: []byte("x")}, source.File{Path: "/etc/docker/certs.d/s.example/a.cert"}, source.File{Path: "/etc/docker/certs.d/t.example_5000/hosts.toml"})
	if got, want := said(t, certs, docker.Options{}), "DK006 DK019 DK010 DK011 DK010"; got != want {
		t.Errorf("certificates: got %q, want %q", got, want)
	}
}

func TestHostileFilesAreFindings(t *testing.T) {
	for name, text := range map[string]string{
		"ten megabytes": `{"a": "` + strings.Repeat("x", 10<<20) + `"}`,
		"deep nesting":  strings.Repeat(`{"a":`, 100000),
		"odd UTF-16":    "\xff\xfe{\x00}",
		"NUL bytes":     strings.Repeat("\x00", 100),
	} {
		reading := docker.Read(at(text), target, docker.Options{})
		_ = docker.Render(reading.Table, at(text))
		if name == "NUL bytes" && len(reading.Findings) == 0 {
			t.Error("NUL bytes are accepted")
		}
	}
}

// FuzzParse looks for crashes, and for edits and renderings that change what they must not.
func FuzzParse(f *testing.F) {
	r := corpus.New(41)
	for range 20 {
		f.Add([]byte(r.Mutated()))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		files := at(string(data))
		reading := docker.Read(files, target, docker.Options{})
		if after := docker.Render(reading.Table, files); len(after) != 1 || string(after[0].Data) != string(data) {
			t.Fatalf("rendering what is there changes %q to %q", data, after[0].Data)
		}
		for _, x := range reading.Findings {
			if x.Fix == nil {
				continue
			}
			if _, err := source.Apply(data, x.Fix.Edits); err != nil {
				t.Fatalf("%s: %v", x.ID, err)
			}
		}
	})
}
