package k3s

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

func registries(text string) []source.File {
	return []source.File{{Path: "/etc/rancher/k3s/registries.yaml", Data: []byte(text), Mode: 0o600}}
}

func ids(findings []finding.Finding) string {
	var out []string
	for _, f := range findings {
		out = append(out, f.ID)
	}
	return strings.Join(out, " ")
}

func TestUTF16IsReadButNotEdited(t *testing.T) {
	data := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune("mirrors:\n  docker.io:\n    endpoints: [https://a.lab]\n")) {
		data = append(data, byte(u), byte(u>>8))
	}
	reading := Read(registries(string(data)), route.Target{}, Options{})
	if got := ids(reading.Findings); got != "syntax/utf-16 K3004" {
		t.Fatalf("found %s", got)
	}
	for _, f := range reading.Findings {
		if f.Fix != nil && len(f.Fix.Edits) > 0 {
			t.Errorf("%s edits UTF-16", f.ID)
		}
	}
	if at := reading.Findings[1].At; at.Line != 3 || at.Column != 5 {
		t.Errorf("the key is at %s", at)
	}
}

func TestAFileThatCannotBeReadIsAFinding(t *testing.T) {
	for name, c := range map[string]struct {
		file source.File
		id   string
	}{
		"a directory":     {source.File{Kind: source.Directory}, "syntax/unreadable"},
		"a dangling link": {source.File{Kind: source.Dangling}, "syntax/unreadable"},
		"a device":        {source.File{Kind: source.Special}, "syntax/unreadable"},
		"no permission":   {source.File{Problem: "permission denied"}, "syntax/unreadable"},
		"huge":            {source.File{Data: make([]byte, yamldoc.MaxSize+1)}, "K3001"},
	} {
		t.Run(name, func(t *testing.T) {
			c.file.Path = "/etc/rancher/k3s/registries.yaml"
			reading := Read([]source.File{c.file}, route.Target{}, Options{})
			if got := ids(reading.Findings); got != c.id {
				t.Errorf("found %q", got)
			}
			if len(reading.Table.Routes) > 0 {
				t.Error("there are routes")
			}
		})
	}
}

func TestWithoutAFileThereIsNothingToSay(t *testing.T) {
	reading := Read(nil, route.Target{}, Options{})
	if len(reading.Findings)+len(reading.Table.Routes) > 0 {
		t.Errorf("%+v", reading)
	}
	if got := len(Rendered(nil, route.Target{}, Options{})); got != 1 {
		t.Errorf("%d files are rendered, want config.toml alone", got)
	}
}

// A file somewhere else is taken for registries.yaml, as when a person names it.
func TestAFileGivenByHandIsRead(t *testing.T) {
	files := []source.File{{Path: "draft.yml", Data: []byte("mirrors:\n  quay.io:\n    endpoint: [https://a.lab]\n")}}
	if got := len(RKE2.Parse(files, route.Target{}).Table.Routes); got != 1 {
		t.Errorf("%d routes", got)
	}
}

func TestTheContainerdInside(t *testing.T) {
	for version, want := range map[string]string{
		"v1.36.1+k3s1": "2.2.3", "1.37": "2.2.3", "1.32.2": "2.0.2", "1.32.1": "1.7.23", "1.31.5+rke2r1": "1.7.23", "1.31.6": "2.0.2",
		"1.30": "1.7.23", "1.29.3": "1.7.11", "1.28.4": "1.7.7", "1.26.0": "1.6.12", "1.25.16": "1.6", "1.21.14": "1.4", "0.9": "",
	} {
		got := Fill(route.Target{Runtime: nameRKE2, Version: route.MustVersion(version)})
		if got.Containerd.String() != want || !got.Fork {
			t.Errorf("%s has containerd %q, want %q", version, got.Containerd, want)
		}
	}
	known := Fill(route.Target{Version: route.MustVersion("1.31.6"), Containerd: route.MustVersion("1.7.1")})
	if known.Containerd.String() != "1.7.1" || known.Runtime != nameK3s {
		t.Errorf("what was found on the node is overwritten: %+v", known)
	}
	if got := Fill(route.Target{}); got.Containerd.Known() {
		t.Errorf("nothing known gives %v", got)
	}
	if !slices.IsSortedFunc(containers, func(a, b release) int {
		return route.MustVersion(a.since).Compare(route.MustVersion(b.since))
	}) {
		t.Error("the table is not in order")
	}
}

func TestGenerations(t *testing.T) {
	for version, want := range map[string]generation{
		"1.26.12": inConfigToml, "1.26.13": firstHosts, "1.26.15": rootHosts, "1.27.9": inConfigToml, "1.27.12": rootHosts, "1.27.13": fullHosts,
		"1.28.5": inConfigToml, "1.28.8": rootHosts, "1.28.9": fullHosts, "1.29.0": inConfigToml, "1.29.2": firstHosts, "1.29.4": fullHosts, "1.30.0": fullHosts,
	} {
		if got := generationOf(route.MustVersion(version)); got != want {
			t.Errorf("%s: got %d, want %d", version, got, want)
		}
	}
	if got := generationOf(route.Version{}); got != fullHosts {
		t.Errorf("an unknown version is of generation %d", got)
	}
}

func TestTheLastSettingCounts(t *testing.T) {
	files := []source.File{
		{Path: "/etc/rancher/k3s/config.yaml.d/20-b.yaml", Data: []byte("embedded-registry: false\nprivate-registry: /b.yaml\n")},
		{Path: "/etc/rancher/k3s/config.yaml.d/10-a.yaml", Data: []byte("embedded-registry: true\ndisable-default-registry-endpoint: true\n")},
		{Path: "/etc/rancher/k3s/config.yaml", Data: []byte("private-registry: /a.yaml\ncontainer-runtime-endpoint: unix:///x.sock\n")},
	}
	s := newReader(files, route.Target{}, Options{}).set
	if s.registries != "/b.yaml" || s.embedded || !s.noDefault || s.external != "--container-runtime-endpoint" {
		t.Errorf("%+v", s)
	}
	s = newReader(files, route.Target{}, Options{Args: []string{"server", "--private-registry", "/c.yaml", "--disable-default-registry-endpoint=false"}}).set
	if s.registries != "/c.yaml" || s.noDefault {
		t.Errorf("%+v", s)
	}
}

func TestLocalhostIsWhatContainerdThinks(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:5000": true, "127.0.0.1": true, "127.8.9.1:80": true, "::1": true, "[::1]": true, "[::1]:5000": true,
		"localhost.lab": false, "127.0.0.1.lab": false, "10.0.0.1": false, "[::2]:80": false, "::1:5000": false, "127.0.0.256": false, "localhost:": false,
	} {
		if got := isLocalhost(host); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}

func TestDialectsAreListedWhole(t *testing.T) {
	for _, d := range []struct {
		name, first, unit string
	}{{K3s.Name, K3s.Paths[0], K3s.Reload(route.Target{})}, {RKE2.Name, RKE2.Paths[0], RKE2.Reload(route.Target{})}} {
		if !strings.HasPrefix(d.first, "/etc/rancher/"+d.name+"/registries.yaml") || !strings.HasPrefix(d.unit, d.name) {
			t.Errorf("%+v", d)
		}
	}
	for _, k := range Kinds() {
		if k.Code == "" || k.ID == "" || k.Title == "" || k.Doc == "" || k.Text == "" || strings.HasSuffix(k.Text, ".") {
			t.Errorf("incomplete: %+v", k)
		}
		if strings.Contains(strings.ToLower(k.Fix), "skip_verify") {
			t.Errorf("%s proposes no verification", k.ID)
		}
	}
}

// many is a registries.yaml of n mirrors with as many configs.
func many(n int) []source.File {
	var b strings.Builder
	b.WriteString("mirrors:\n")
	for i := range n {
		fmt.Fprintf(&b, "  r%d.example:\n    endpoint:\n      - https://a%d.example # comment\n      - https://b%d.example/v2/x\n", i, i, i)
	}
	b.WriteString("configs:\n")
	for i := range n {
		fmt.Fprintf(&b, "  a%d.example:\n    auth: {username: u, password: p%d}\n", i, i)
	}
	return []source.File{{Path: "/etc/rancher/k3s/registries.yaml", Data: []byte(b.String()), Mode: fs.FileMode(0o600)}}
}

func BenchmarkRead10000Mirrors(b *testing.B) {
	files := many(10000)
	for b.Loop() {
		if got := len(Read(files, route.Target{}, Options{}).Table.Routes); got != 20000 {
			b.Fatal(got)
		}
	}
}

func BenchmarkRender10000Mirrors(b *testing.B) {
	files := many(10000)
	t := Read(files, route.Target{}, Options{}).Table
	t.Routes = t.Routes[:len(t.Routes)-1]
	for b.Loop() {
		K3s.Render(t, files)
	}
}

func TestARepeatedKeyIsAboutTheRegistryWhosePullsItTouches(t *testing.T) {
	entry := func(section, key, value string) string {
		return fmt.Sprintf("%s:\n  %q:\n    %s\n", section, key, value)
	}
	twice := func(key string) string {
		return entry("configs", key, "tls: {ca_file: /ca.pem}") + entry("configs", key, "auth: {username: u, password: p}")
	}
	for name, c := range map[string]struct{ text, registry string }{
		"a mirror":                  {entry("mirrors", "a.lab", "endpoint: [https://c.lab]") + entry("mirrors", "a.lab", "rewrite: {x: y}"), "a.lab"},
		"every mirror":              {entry("mirrors", "*", "endpoint: [https://c.lab]") + entry("mirrors", "*", "rewrite: {x: y}"), ""},
		"the registry itself":       {twice("r.lab:5000"), "r.lab:5000"},
		"what is mirror as well":    {entry("mirrors", "a.lab", "endpoint: [https://c.lab]") + twice("c.lab"), ""},
		"another than the mirror's": {entry("mirrors", "a.lab", "endpoint: [https://c.lab]") + twice("b.lab"), "b.lab"},
	} {
		t.Run(name, func(t *testing.T) {
			all := Read(registries(c.text), route.Target{Runtime: "k3s", Version: route.MustVersion("1.30.4")}, Options{}).Findings
			i := slices.IndexFunc(all, func(f finding.Finding) bool { return f.ID == "K3002" })
			if i < 0 || all[i].Registry != c.registry {
				t.Fatalf("found %s, %+v", ids(all), all)
			}
			if all[i].Fix == nil || len(all[i].Fix.Edits) == 0 {
				t.Error("nothing puts the entries together")
			}
		})
	}
}
