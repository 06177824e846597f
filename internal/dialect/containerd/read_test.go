package containerd

import (
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

func containerdTarget(version string) route.Target {
	v := route.MustVersion(version)
	return route.Target{Runtime: "containerd", Version: v, Containerd: v}
}

func TestCandidatesDependOnTheVersion(t *testing.T) {
	for _, c := range []struct{ registry, version, want string }{
		{"docker.io", "2.4.2", "docker.io _default"},
		{"r.example:5000", "2.4.2", "r.example_5000_ r.example:5000 _default"},
		{"r.example:5000", "1.6.16", "r.example_5000_ r.example:5000"},
		{"r.example:5000", "1.6.17", "r.example_5000_ r.example:5000 _default"},
		{"r.example", "1.7.0", "r.example _default"},
		{"[::1]:5000", "1.7.35", "[::1]_5000_ [::1]:5000 _default"},
		{"[fd00::1]", "2.0.0", "[fd00:_1]_ [fd00::1] _default"},
	} {
		if got := strings.Join(Candidates(c.registry, containerdTarget(c.version)), " "); got != c.want {
			t.Errorf("%s, containerd %s: got %s, want %s", c.registry, c.version, got, c.want)
		}
	}
}

func TestEveryCandidateLeadsBackToItsRegistry(t *testing.T) {
	for _, registry := range []string{"docker.io", "r.example:5000", "localhost", "localhost:5000", "[::1]:5000", "[fd00::1]", "10.0.0.1:80"} {
		for _, name := range Candidates(registry, containerdTarget("2.4.2"))[:1] {
			if got, ok := RegistryOf(name, containerdTarget("2.4.2")); got != registry || !ok {
				t.Errorf("%s: got %s %v, want %s", name, got, ok, registry)
			}
		}
	}
}

const mirrorFile = "[host.\"https://m.example\"]\ncapabilities = [\"pull\", \"resolve\"]\n"

func regular(path, text string) source.File { return source.File{Path: path, Data: []byte(text)} }

// TestNamesAloneTellOfMisnamedDirectories is the look of explain: only the
// candidates of one registry were read.
func TestNamesAloneTellOfMisnamedDirectories(t *testing.T) {
	files := []source.File{
		{Path: "/certs.d", Kind: source.Directory},
		{Path: "/certs.d/r.example_5000", Kind: source.Directory, Unread: true},
		{Path: "/certs.d/registry-1.docker.io", Kind: source.Directory, Unread: true},
		{Path: "/certs.d/*", Kind: source.Directory, Unread: true},
		{Path: "/certs.d/q.example:443", Kind: source.Directory, Unread: true},
		{Path: "/certs.d/Upper.example", Kind: source.Directory, Unread: true},
		{Path: "/certs.d/other.example", Kind: source.Directory, Unread: true},
		{Path: "/certs.d/ghcr.io", Kind: source.Directory},
		regular("/certs.d/ghcr.io/hosts.toml", mirrorFile),
	}
	got := Parse(files, containerdTarget("2.4.2"))
	ids := map[string]bool{}
	for _, f := range got.Findings {
		ids[f.ID] = true
	}
	for _, id := range []string{"HT001", "HT003", "HT004", "HT010", "HT011"} {
		if !ids[id] {
			t.Errorf("%s is not found: %v", id, got.Findings)
		}
	}
	if len(got.Table.Routes) != 1 || got.Table.Routes[0].Match != "ghcr.io" || len(got.Table.Routes[0].Mirrors) != 1 {
		t.Errorf("got %+v", got.Table.Routes)
	}
}

func TestADirectoryThatNobodyLookedIntoIsNotCalledEmpty(t *testing.T) {
	files := []source.File{
		{Path: "/certs.d", Kind: source.Directory}, {Path: "/certs.d/ghcr.io", Kind: source.Directory, Unread: true},
		{Path: "/certs.d/_default", Kind: source.Directory}, regular("/certs.d/_default/hosts.toml", mirrorFile),
	}
	if got := Parse(files, containerdTarget("2.4.2")); len(got.Findings) > 0 {
		t.Errorf("got %v", got.Findings)
	}
}

func TestRootsAreGuessedFromWhatIsGiven(t *testing.T) {
	for _, c := range []struct {
		name, want string
		files      []source.File
	}{
		{"a file", "/etc/containerd/certs.d", []source.File{regular("/etc/containerd/certs.d/docker.io/hosts.toml", "")}},
		{"two trees", "/a /b", []source.File{regular("/a/docker.io/hosts.toml", ""), regular("/b/ghcr.io/ca.crt", "")}},
		{"an empty root", "/a", []source.File{{Path: "/a", Kind: source.Directory}}},
		{"names without content", "/a", []source.File{{Path: "/a", Kind: source.Directory}, {Path: "/a/x_5000", Kind: source.Directory, Unread: true}}},
		{"nothing", "", nil},
	} {
		if got := strings.Join(Roots(c.files), " "); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestACallerLearnsWhichCertificatesToRead plays the two rounds: what the tree
// names, and then what they hold.
func TestACallerLearnsWhichCertificatesToRead(t *testing.T) {
	files := []source.File{
		{Path: "/certs.d/r.example", Kind: source.Directory},
		regular("/certs.d/r.example/hosts.toml", "ca = \"/pki/ca.pem\"\n[host.\"https://m.example\"]\nca = [\"own.pem\"]\nclient = [[\"c.pem\", \"/pki/c.key\"]]\n"),
		regular("/certs.d/r.example/own.pem", "nothing"),
		{Path: "/certs.d/q.example/ca.crt", Unread: true},
		{Path: "/certs.d/q.example/c.cert", Unread: true},
		{Path: "/certs.d/q.example/c.key", Unread: true},
	}
	target := containerdTarget("2.4.2")
	// c.pem is not there: perhaps it lies where somebody counts relative paths from.
	want := []string{"/c.pem", "/certs.d/c.pem", "/certs.d/q.example/c.cert", "/certs.d/q.example/c.key", "/certs.d/q.example/ca.crt", "/certs.d/r.example/c.pem", "/certs.d/r.example/own.pem", "/pki/c.key", "/pki/ca.pem"}
	if got := References(files, target); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	table := Parse(files, target).Table
	if got := table.Route("r.example").Fails; !strings.Contains(got, "/certs.d/r.example/own.pem") {
		t.Errorf("own.pem is no PEM, got %q", got)
	}
	if got := table.Route("q.example").Fails; got != "" {
		t.Errorf("nobody looked into q.example, got %q", got)
	}
	files[5].Unread, files[5].Problem = false, "no such file or directory"
	files[2] = regular("/certs.d/r.example/other", "")
	if got := Parse(files, target).Table.Route("r.example").Fails; !strings.Contains(got, "own.pem cannot be used: it does not exist") {
		t.Errorf("the directory was listed and has no own.pem, got %q", got)
	}
}

func TestAnUnreadableCAIsNotHeldAgainstARuntimeThatIsRoot(t *testing.T) {
	files := []source.File{
		regular("/certs.d/r.example/hosts.toml", "ca = \"/pki/ca.pem\"\n"+mirrorFile),
		{Path: "/pki/ca.pem", Problem: "open /pki/ca.pem: permission denied"},
	}
	got := Read([]string{"/certs.d"}, files, containerdTarget("2.4.2"))
	if fails := got.Table.Route("r.example").Fails; fails != "" {
		t.Errorf("got %q", fails)
	}
	if len(got.Findings) != 1 || got.Findings[0].Severity != finding.Info || got.Findings[0].Confidence != finding.Possible {
		t.Errorf("got %+v", got.Findings)
	}
}

func TestOnlyTheForkOfK3sCanLeaveOutTheRegistry(t *testing.T) {
	for _, c := range []struct {
		text                 string
		fork, upstream, asks bool
	}{
		{mirrorFile, false, true, true},
		{mirrorFile, true, false, false},
		{"server = \"\"\n" + mirrorFile, true, true, true},
		{"server = \"https://u.example\"\n" + mirrorFile, true, true, false},
		{"# nothing\n", true, true, true},
	} {
		target := containerdTarget("1.7.23")
		target.Fork = c.fork
		table := Parse([]source.File{regular("/certs.d/r.example/hosts.toml", c.text)}, target).Table
		up := table.Route("r.example").Upstream
		if (up != nil) != c.upstream {
			t.Errorf("fork %v, %q: got upstream %+v", c.fork, c.text, up)
		}
		asks := slices.ContainsFunc(table.Endpoints("r.example"), func(e route.Endpoint) bool { return e.Host == "r.example" })
		if asks != c.asks {
			t.Errorf("fork %v, %q: asks the registry itself: %v", c.fork, c.text, asks)
		}
	}
}

func TestRewritesAreReadForTheForkAlone(t *testing.T) {
	text := mirrorFile + "[host.\"https://m.example\".rewrite]\n\"^team/(.*)\" = \"proxy/$1\"\n"
	ref, err := route.ParseRef("r.example/team/app:1")
	if err != nil {
		t.Fatal(err)
	}
	for fork, want := range map[bool]string{
		true:  "https://m.example/v2/proxy/app/manifests/1?ns=r.example",
		false: "https://m.example/v2/team/app/manifests/1?ns=r.example",
	} {
		target := containerdTarget("1.7.35")
		target.Fork = fork
		got := Parse([]source.File{regular("/certs.d/r.example/hosts.toml", text)}, target).Table.Resolve(ref)
		if len(got) == 0 || got[0].URL != want {
			t.Errorf("fork %v: got %v, want %s", fork, got, want)
		}
	}
}

func TestEndpointsKnowWhereTheyWereWritten(t *testing.T) {
	text := "server = \"https://u.example\"\n\n" + mirrorFile + "[host.\"https://n.example\".header]\nx = \"1\"\n"
	r := Parse([]source.File{regular("/certs.d/r.example/hosts.toml", text)}, containerdTarget("2.4.2")).Table.Route("r.example")
	got := []string{r.From.String(), r.Mirrors[0].From.String(), r.Mirrors[1].From.String(), r.Upstream.From.String()}
	want := []string{"/certs.d/r.example/hosts.toml", "/certs.d/r.example/hosts.toml:3:1", "/certs.d/r.example/hosts.toml:5:1", "/certs.d/r.example/hosts.toml:1:1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestARootThatCannotBeReadFailsEveryPull(t *testing.T) {
	files := []source.File{{Path: "/a", Kind: source.Directory, Problem: "too many levels of symbolic links"}, regular("/b/r.example/hosts.toml", mirrorFile)}
	got := Read([]string{"/a", "/b"}, files, containerdTarget("2.4.2"))
	if got.Table.Route("r.example").Fails == "" || len(got.Findings) == 0 || got.Findings[0].Severity != finding.Error {
		t.Errorf("got %+v", got)
	}
}
