package towpath_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/dialect/towpath"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

const (
	byMode = "TW006" // depends on the mode of a file, which cases do not have
	byNode = "TW009" // of ReadNode
)

func TestFindings(t *testing.T) {
	rest := slices.DeleteFunc(slices.Clone(towpath.Kinds), func(k finding.Kind) bool { return k.ID == byMode || k.ID == byNode })
	dialecttest.Cases(t, towpath.Dialect, "testdata/lint/*.txtar", rest)
	dialecttest.Kinds(t, towpath.Kinds)
}

func TestSecretsInAFileForEverybodyAreTold(t *testing.T) {
	const inline = "version: towpath/v1\nhosts:\n  a:\n    auth: {user: u, password: s3cret}\n"
	const proxy = "version: towpath/v1\nproxy: {https: 'http://u:s3cret@p:1'}\n"
	for _, c := range []struct {
		text string
		mode fs.FileMode
		told bool
	}{
		{inline, 0o644, true}, {inline, 0o600, false}, {inline, 0o640, false}, {proxy, 0o604, true},
		{"version: towpath/v1\nheaders: {Authorization: Basic s3cret}\n", 0o644, true},
		{"version: towpath/v1\nheaders: {X-Team: a}\n", 0o644, false},
		{strings.Replace(inline, "password: s3cret", "passwordFile: /p", 1), 0o644, false},
	} {
		f := source.File{Path: towpath.Path, Data: []byte(c.text), Mode: c.mode}
		found := towpath.Parse([]source.File{f}, route.Target{}).Findings
		told := slices.ContainsFunc(found, func(f finding.Finding) bool { return f.ID == byMode && f.Severity == finding.Warning })
		if told != c.told {
			t.Errorf("mode %o: told %v, want %v:\n%s", c.mode, told, c.told, c.text)
		}
		for _, f := range found {
			dialecttest.Decent(t, f)
		}
	}
}

func TestWishesForTheNodeAreRead(t *testing.T) {
	pem := string(dialecttest.Certificates()[0].Data)
	text := "version: towpath/v1\ntrust:\n  - /a.pem\n  - |\n    " + strings.ReplaceAll(strings.TrimSuffix(pem, "\n"), "\n", "\n    ") +
		"\nproxy: {http: 'http://p:1', noProxy: 'a, .b,10.0.0.0/8'}\ntime: {synchronise: false}\nsandboxImage: r.example/pause:1\n"
	node := func(text string, more ...source.File) []source.File {
		return append([]source.File{{Path: towpath.Path, Data: []byte(text)}}, more...)
	}
	authority := source.File{Path: "/a.pem", Data: []byte(pem)}
	w, found := towpath.ReadNode(node(text, authority))
	if len(found) > 0 {
		t.Fatal(found)
	}
	if len(w.Trust) != 2 || w.Trust[0].Name != "a" || string(w.Trust[0].PEM) != pem || string(w.Trust[1].PEM) != pem || w.Trust[1].Name == "" {
		t.Errorf("trust: %+v", w.Trust)
	}
	if w.Proxy == nil || w.Proxy.HTTP.Reveal() != "http://p:1" || !w.Proxy.HTTPS.IsZero() || !slices.Equal(w.Proxy.NoProxy, []string{"a", ".b", "10.0.0.0/8"}) {
		t.Errorf("proxy: %+v", w.Proxy)
	}
	if w.SyncTime || w.SandboxImage != "r.example/pause:1" || w.IsZero() {
		t.Errorf("got %+v", w)
	}
	if w, _ := towpath.ReadNode(node(strings.Replace(text, "synchronise: false", "synchronise: true", 1), authority)); !w.SyncTime {
		t.Errorf("the clock is left alone: %+v", w)
	}
	if w, _ := towpath.ReadNode(node("version: towpath/v1\n")); !w.IsZero() {
		t.Errorf("of nothing: %+v", w)
	}
	if w, found := towpath.ReadNode(node(text+"colour: red\n", authority)); !w.IsZero() || len(found) != 1 {
		t.Errorf("of a file with a mistake: %+v, %v", w, found)
	}
}

func TestAnAuthorityThatIsNotThereIsRefused(t *testing.T) {
	file := source.File{Path: towpath.Path, Data: []byte("version: towpath/v1\ntrust: [/a.pem]\nsandboxImage: r.example/pause:1\n")}
	sound := source.File{Path: "/a.pem", Data: dialecttest.Certificates()[0].Data}
	for _, c := range []struct {
		name  string
		files []source.File
		told  bool
	}{
		{"there", []source.File{file, sound}, false},
		{"not there", []source.File{file}, true},
		{"empty", []source.File{file, {Path: "/a.pem"}}, true},
		{"unreadable", []source.File{file, {Path: "/a.pem", Problem: "permission denied"}}, true},
	} {
		w, found := towpath.ReadNode(c.files)
		told := len(found) == 1 && found[0].ID == byNode && found[0].Severity == finding.Error
		if told != c.told || w.IsZero() != c.told {
			t.Errorf("%s: %+v, %v", c.name, w, found)
		}
		for _, f := range found {
			dialecttest.Decent(t, f)
		}
		if found := towpath.Parse(c.files, route.Target{}).Findings; len(found) > 0 {
			t.Errorf("%s: reading the routes found %v", c.name, found)
		}
	}
}

func TestCommentsStayWhereRoutesChange(t *testing.T) {
	const before = `version: towpath/v1
registries:
  # the hub
  docker.io: # ours
    mirrors:
      # fast
      - https://a.example # near
      # slow
      - https://b.example
    upstream: false # never

  # other
  ghcr.io:
    mirrors: [https://c.example]
`
	const after = `version: towpath/v1
registries:
  # the hub
  docker.io: # ours
    mirrors:
      # slow
      - https://b.example
      # fast
      - https://a.example # near
      - https://new.example
    upstream: false # never

  # other
  ghcr.io:
    mirrors: [https://c.example]
`
	have := []source.File{{Path: towpath.Path, Data: []byte(before)}}
	table := towpath.Parse(have, route.Target{}).Table
	m := table.Routes[0].Mirrors
	third := m[0]
	third.Host = "new.example"
	table.Routes[0].Mirrors = []route.Endpoint{m[1], m[0], third}
	if got := string(towpath.Render(table, have)[0].Data); got != after {
		t.Errorf("got\n%s", got)
	}
}
