package registriesconf_test

import (
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/registriesconf"
	"github.com/towpath-dev/towpath/internal/dialect/registriesconf/corpus"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

const conf = "/etc/containers/registries.conf"

func at(text string, more ...source.File) []source.File {
	return append([]source.File{{Path: conf, Data: []byte(text)}}, more...)
}

// said lists the numbers of the findings of files.
func said(t *testing.T, files []source.File) string {
	t.Helper()
	var out []string
	for _, f := range registriesconf.Parse(files, crio).Findings {
		if left := finding.Names(f.Text); len(left) > 0 {
			t.Errorf("%s has no argument for %v", f.ID, left)
		}
		if len(f.Evidence) == 0 || strings.Contains(f.Evidence[0].Saw+f.Text, "s3cret") {
			t.Errorf("%s: bad evidence %v", f.ID, f.Evidence)
		}
		out = append(out, f.ID)
	}
	return strings.Join(out, " ")
}

func TestEveryMistakeIsNamed(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a scheme", "[[registry]]\nlocation = \"https://r.example\"\n", "CR001"},
		{"both layouts", "[[registry]]\nlocation = \"r.example\"\n[registries.search]\nregistries = ['x.example']\n", "CR002"},
		{"the old layout", "[registries.search]\nregistries = ['x.example']\n", "CR002"},
		{"a wildcard with a port", "[[registry]]\nprefix = \"*.example:5000\"\nlocation = \"r.example\"\n", "CR003"},
		{"a registry twice", "[[registry]]\nlocation = \"r.example\"\n[[registry]]\nlocation = \"r.example\"\n", "CR004"},
		{"a conflict", "[[registry]]\nlocation = \"r.example\"\n[[registry]]\nprefix = \"x.example\"\nlocation = \"r.example\"\ninsecure = true\n", "CR005"},
		{"a policy in the registry", "[[registry]]\nlocation = \"r.example\"\npull-from-mirror = \"all\"\n", "CR006"},
		{"a lost library", "[[registry]]\nprefix = \"docker.io/library\"\nlocation = \"docker.io/library\"\n[[registry.mirror]]\nlocation = \"m.example/hub\"\n", "CR008"},
		{"a key that is near", "[[registry]]\nlocation = \"r.example\"\nmirror_by_digest_only = true\n", "CR013"},
		{"two registries for short names", "unqualified-search-registries = [\"a.example\", \"b.example\"]\nshort-name-mode = \"permissive\"\n", "CR015"},
		{"no TOML", "[[registry]]\nlocation = “r.example”\n", "CR017"},
		{"no location", "[[registry]]\nprefix = \"r.example\"\n", "CR018"},
		{"the documented example", "[[registry]]\nprefix = \"docker.io\"\nlocation = \"docker.io\"\n[[registry.mirror]]\nlocation = \"m.example/hub\"\npull-from-mirror = \"digest-only\"\n", ""},
	} {
		if got := said(t, at(c.text)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	for _, c := range []struct {
		name, want string
		file       source.File
	}{
		{"a user's file", "CR007", source.File{Path: "/root/.config/containers/registries.conf", Data: []byte("")}},
		{"half a pair", "CR009", source.File{Path: "/etc/containers/certs.d/r.example/a.cert"}},
		{"an underscore", "CR009", source.File{Path: "/etc/containers/certs.d/r.example_5000/x.txt"}},
		{"crio.conf", "CR010", source.File{Path: "/etc/crio/crio.conf", Data: []byte("[crio.image]\ninsecure_registries = [\"r.example\"]\n")}},
		{"policy.json", "CR011", source.File{Path: "/etc/containers/policy.json", Data: []byte(`{"defualt": []}`)}},
		{"a drop-in", "CR012", source.File{Path: "/etc/containers/registries.conf.d/mine.toml", Data: []byte("")}},
		{"hosts.toml", "CR014", source.File{Path: "/etc/containers/certs.d/r.example/hosts.toml", Data: []byte("")}},
		{"a URL as key", "CR016", source.File{Path: "/root/.config/containers/auth.json", Data: []byte(`{"auths": {"https://r.example/x": {"auth": "dTpzM2NyZXQ="}}}`)}},
		{"broken credentials", "CR023", source.File{Path: "/root/.config/containers/auth.json", Data: []byte(`{"auths": s3cret`)}},
	} {
		if got := said(t, at("", c.file)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestCredentialsFollowThePath(t *testing.T) {
	login := source.File{Path: "/root/.config/containers/auth.json", Data: []byte(`{"auths": {"r.example": {"auth": "aG9zdDpw"}, "r.example/team": {"auth": "dGVhbTpw"}, "https://index.docker.io/v1/": {"auth": "aHViOnA="}}}`)}
	table := registriesconf.Parse(at("", login), crio).Table
	for image, want := range map[string]string{"r.example/x/y": "host", "r.example/team/app": "team", "r.example/teams/app": "host", "nginx": "hub", "r.example:5000/x/y": ""} {
		ref, _ := route.ParseRef(image)
		if got := table.EndpointsFor(ref)[0].Auth.User; got != want {
			t.Errorf("%s: got %q, want %q", image, got, want)
		}
	}
}

func TestTenThousandRegistriesAreNoBurden(t *testing.T) {
	var b strings.Builder
	for i := range 10000 {
		b.WriteString("[[registry]]\nlocation = \"r" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + ".example:" + "5000/" + strings.Repeat("p", 1+i%50) + "\"\n[[registry.mirror]]\nlocation = \"m.example\"\n")
	}
	if got := said(t, at(b.String())); strings.Contains(got, "CR022") {
		t.Error("not read")
	}
}

// FuzzParse looks for crashes, and for edits that cannot be carried out.
func FuzzParse(f *testing.F) {
	r := corpus.New(42)
	for range 20 {
		f.Add([]byte(r.Mutated()))
	}
	f.Add([]byte(strings.Repeat("[", 1000)))
	f.Fuzz(func(t *testing.T, data []byte) {
		files := at(string(data))
		reading := registriesconf.Parse(files, crio)
		_ = registriesconf.Render(reading.Table, files)
		for _, x := range reading.Findings {
			if x.Fix == nil {
				continue
			}
			if _, err := source.Apply(data, x.Fix.Edits); err != nil && (len(x.Fix.Edits) == 0 || x.Fix.Edits[0].Op == source.Replace) {
				t.Fatalf("%s: %v", x.ID, err)
			}
		}
	})
}
