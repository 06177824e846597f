package containerdconfig

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

const (
	oldTable   = `plugins."io.containerd.grpc.v1.cri"`
	newTable3  = `plugins."io.containerd.cri.v1.images"`
	someConfig = "config_path = \"/c\"\n"
)

// gist is what a reading comes down to: why nothing works, or the config_path
// in force and the mirrors.
func gist(c Config) string {
	switch {
	case len(c.Fatal) > 0:
		return "fatal " + string(c.Fatal[0].Cause)
	case len(c.CRIDead) > 0:
		return "dead " + string(c.CRIDead[0].Cause)
	}
	out := override("-", c.ConfigPath.Value)
	for _, m := range c.Mirrors {
		out += " " + m.Name
		for _, e := range m.Endpoints {
			out += "," + e.Value
		}
	}
	return strings.ReplaceAll(out, certsDirs, "default")
}

// The rows say in words what the modules under oracle prove on thousands of
// inputs: what each series of containerd makes of one file.
func TestTheSameFileMeansDifferentThings(t *testing.T) {
	registry := func(table string) string { return "[" + table + ".registry]\n" + someConfig }
	mirror := func(table string) string {
		return "[" + table + ".registry.mirrors.\"docker.io\"]\nendpoint = [\"https://m\"]\n"
	}
	for _, c := range []struct{ name, text, c16, c17, c20, c221, c227, c234, c24 string }{
		{"nothing", "", "-", "-", "-", "default", "default", "default", "default"},
		{"no version, short id", registry("plugins.cri"), "/c", "/c", "-", "default", "default", "/c", "/c"},
		{"no version, full id", registry(oldTable), "-", "-", "-", "default", "default", "/c", "/c"},
		{"version 1, short id", "version = 1\n" + registry("plugins.cri"), "/c", "/c", "-", "default", "default", "/c", "/c"},
		{"version 2, old table", "version = 2\n" + registry(oldTable), "/c", "/c", "/c", "/c", "/c", "/c", "/c"},
		{"version 2, new table", "version = 2\n" + registry(newTable3), "-", "-", "/c", "/c", "/c", "/c", "/c"},
		{"version 2, short id", "version = 2\n" + registry("plugins.cri"), "fatal bad-plugin-id", "fatal bad-plugin-id", "-", "default", "default", "default", "default"},
		{"version 2, both tables", "version = 2\n" + registry(oldTable) + strings.Replace(registry(newTable3), "/c", "/n", 1), "/c", "/c", "/c", "/c", "/c", "/c", "/c"},
		{"version 3, new table", "version = 3\n" + registry(newTable3), "-", "fatal bad-version", "/c", "/c", "/c", "/c", "/c"},
		{"version 3, old table", "version = 3\n" + registry(oldTable), "/c", "fatal bad-version", "-", "default", "default", "/c", "/c"},
		{"version 4", "version = 4\n" + registry(newTable3), "-", "fatal bad-version", "fatal bad-version", "fatal bad-version", "fatal bad-version", "/c", "/c"},
		{"version 4, old table", "version = 4\n" + registry(oldTable), "/c", "fatal bad-version", "fatal bad-version", "fatal bad-version", "fatal bad-version", "default", "default"},
		{"version 5", "version = 5\n", "-", "fatal bad-version", "fatal bad-version", "fatal bad-version", "fatal bad-version", "fatal bad-version", "fatal bad-version"},
		{"mirrors", "version = 2\n" + mirror(oldTable), "- docker.io,https://m", "- docker.io,https://m", "- docker.io,https://m", "dead mirrors-and-config-path", "- docker.io,https://m", "- docker.io,https://m", "- docker.io,https://m"},
		{"mirrors and config_path", "version = 2\n" + registry(oldTable) + mirror(oldTable), "dead mirrors-and-config-path", "dead mirrors-and-config-path", "dead mirrors-and-config-path", "dead mirrors-and-config-path", "dead mirrors-and-config-path", "dead mirrors-and-config-path", "dead mirrors-and-config-path"},
		{"empty mirrors and config_path", "version = 2\n" + registry(oldTable) + "[" + oldTable + ".registry.mirrors]\n", "/c", "/c", "/c", "/c", "/c", "/c", "/c"},
		{"empty config_path in version 2", "version = 2\n" + strings.Replace(registry(oldTable), "/c", "", 1), "-", "-", "-", "default", "default", "default", "default"},
		{"tls and config_path", "version = 2\n" + registry(oldTable) + "[" + oldTable + ".registry.configs.\"h\".tls]\n", "dead tls-and-config-path", "dead tls-and-config-path", "/c", "/c", "/c", "/c", "/c"},
		{"cri disabled by its short name", "disabled_plugins = [\"cri\"]\n", "dead disabled", "dead disabled", "dead disabled", "dead disabled", "dead disabled", "dead disabled", "dead disabled"},
		{"cri disabled by its short name in version 2", "version = 2\ndisabled_plugins = [\"cri\"]\n", "fatal bad-plugin-id", "fatal bad-plugin-id", "fatal bad-plugin-id", "fatal bad-plugin-id", "fatal bad-plugin-id", "fatal bad-plugin-id", "fatal bad-plugin-id"},
		{"image service disabled", "version = 2\ndisabled_plugins = [\"io.containerd.cri.v1.images\"]\n", "-", "-", "dead disabled", "dead disabled", "dead disabled", "dead disabled", "dead disabled"},
		{"endpoint is a text", "version = 2\n[" + oldTable + ".registry.mirrors.\"h\"]\nendpoint = \"x\"\n", "fatal wrong-type", "fatal wrong-type", "fatal wrong-type", "fatal wrong-type", "fatal wrong-type", "fatal wrong-type", "fatal wrong-type"},
		{"key in capitals", "version = 2\n[" + oldTable + ".registry]\nCONFIG_PATH = \"/c\"\n", "/c", "/c", "/c", "/c", "/c", "/c", "/c"},
		{"key in mixed case", "version = 2\n[" + oldTable + ".registry]\nConfig_Path = \"/c\"\n", "-", "-", "/c", "/c", "/c", "/c", "/c"},
		{"unquoted host", "version = 2\n[" + oldTable + ".registry.mirrors.docker.io]\nendpoint = [\"https://m\"]\n", "- docker", "- docker", "- docker", "dead mirrors-and-config-path", "- docker", "- docker", "- docker"},
		{"byte order mark", "\ufeffversion = 2\n" + registry(oldTable), "/c", "/c", "fatal syntax", "fatal syntax", "fatal syntax", "fatal syntax", "fatal syntax"},
		{"bad timeout", "version = 2\n[" + oldTable + "]\nimage_pull_progress_timeout = \"10\"\n", "-", "dead bad-timeout", "dead bad-timeout", "dead bad-timeout", "dead bad-timeout", "dead bad-timeout", "dead bad-timeout"},
	} {
		for version, want := range map[string]string{
			"1.6.20": c.c16, "1.7.35": c.c17, "2.0.11": c.c20, "2.2.1": c.c221, "2.2.7": c.c227, "2.3.4": c.c234, "2.4.2": c.c24,
		} {
			if got := gist(Read(one(c.text), "", containerd(version))); got != want {
				t.Errorf("%s, %s: got %q, want %q", c.name, version, got, want)
			}
		}
	}
}

func dropIns(texts ...string) []source.File {
	var out []source.File
	for i, text := range texts {
		name := DefaultPath
		if i > 0 {
			name = fmt.Sprintf("/etc/containerd/conf.d/%d.toml", i)
		}
		out = append(out, source.File{Path: name, Data: []byte(text)})
	}
	return out
}

func TestALaterFileReplacesTheTableIn1AndIsMergedIn2(t *testing.T) {
	files := dropIns(
		"version = 2\nimports = [\"/etc/containerd/conf.d/*.toml\"]\n["+oldTable+"]\nsandbox_image = \"r/pause:1\"\n"+
			"["+oldTable+".registry.mirrors.\"docker.io\"]\nendpoint = [\"https://a\", \"https://b\"]\n["+oldTable+".registry.headers]\nA = [\"1\"]\n",
		"version = 2\n["+oldTable+".registry.mirrors.\"docker.io\"]\nendpoint = [\"https://b\", \"https://c\"]\n["+oldTable+".registry.headers]\nB = [\"1\"]\n",
	)
	for version, want := range map[string]string{
		"1.6.20": "registry.k8s.io/pause:3.6 - docker.io,https://b,https://c 1",
		"1.7.35": "registry.k8s.io/pause:3.8 - docker.io,https://b,https://c 1",
		"2.2.7":  "r/pause:1 - docker.io,https://b,https://c 2",
		"2.4.2":  "r/pause:1 - docker.io,https://b,https://c 2",
	} {
		c := Read(files, "", containerd(version))
		if got := fmt.Sprintf("%s %s %d", c.Sandbox.Value, gist(c), len(c.Headers)); got != want {
			t.Errorf("%s: got %q, want %q", version, got, want)
		}
		if at := c.Mirrors[0].Endpoints[1].At.String(); at != "/etc/containerd/conf.d/1.toml:3:26" {
			t.Errorf("%s: the second endpoint stands at %s", version, at)
		}
	}
}

func TestVersionsOfDropIns(t *testing.T) {
	root := "version = 2\nimports = [\"conf.d/*.toml\"]\n[" + oldTable + ".registry]\n" + someConfig
	for _, c := range []struct{ drop, c17, c20, c227, c234, c235, c24 string }{
		{"[" + newTable3 + "]\nsnapshotter = \"native\"\n", "fatal bad-plugin-id", "/c", "/c", "/c", "/c", "/c"},
		{"version = 3\n", "fatal bad-version", "-", "default", "fatal drop-in-version", "/c", "/c"},
		{"version = 2\n[" + oldTable + "]\n", "-", "/c", "/c", "/c", "/c", "/c"},
	} {
		for version, want := range map[string]string{"1.7.35": c.c17, "2.0.11": c.c20, "2.2.7": c.c227, "2.3.4": c.c234, "2.3.5": c.c235, "2.4.2": c.c24} {
			if strings.HasPrefix(c.drop, "[") && version == "1.7.35" {
				want = "/c" // the other plugin's table is none of the CRI plugin of 1.7
			}
			if got := gist(Read(dropIns(root, c.drop), "", containerd(version))); got != want {
				t.Errorf("%q, %s: got %q, want %q", c.drop, version, got, want)
			}
		}
	}
}

func TestWhatIsReadAndWhatIsNot(t *testing.T) {
	files := []source.File{
		{Path: DefaultPath, Data: []byte("version = 2\nimports = [\"conf.d/*.toml\", \"/etc/containerd/config.toml\"]\n[" + newTable3 + ".registry]\n" + someConfig)},
		{Path: "/etc/containerd/conf.d/b.toml", Data: []byte("version = 2\nimports = [\"../more.toml\"]\n")},
		{Path: "/etc/containerd/conf.d/a.toml", Data: []byte("version = 2\n")},
		{Path: "/etc/containerd/conf.d/c.conf", Data: []byte("no TOML")},
		{Path: "/etc/containerd/more.toml", Data: []byte("version = 2\n[" + oldTable + "]\n")},
	}
	c := Read(files, "", containerd("1.7.35"))
	var got []string
	for _, l := range c.Loads {
		got = append(got, fmt.Sprintf("%s %s %v", path.Base(l.Path), l.At, l.Plugins))
	}
	want := []string{
		"config.toml - [io.containerd.cri.v1.images]",
		"a.toml /etc/containerd/config.toml:2:12 []",
		"b.toml /etc/containerd/config.toml:2:12 []",
		"more.toml /etc/containerd/conf.d/b.toml:2:12 [io.containerd.grpc.v1.cri]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(c.Ignored) != 1 || c.Ignored[0].At.Line != 3 || !strings.Contains(c.Ignored[0].Why, "version 2") {
		t.Errorf("ignored: %+v", c.Ignored)
	}
}

func TestAMainFileThatIsNotThere(t *testing.T) {
	if c := Read(nil, "", containerd("2.4.2")); len(c.Fatal) > 0 || c.Sandbox.Value != "registry.k8s.io/pause:3.10.2" {
		t.Errorf("without its default file containerd runs on defaults, got %+v", c.Fatal)
	}
	c := Read(nil, "/opt/c.toml", containerd("2.4.2"))
	if len(c.Fatal) != 1 || c.Fatal[0].Cause != Missing {
		t.Errorf("a file that was named has to be there, got %+v", c.Fatal)
	}
	found := Lint(c)
	if len(found) != 1 || found[0].ID != "CC025" || found[0].Evidence[0].Command != "ls -l /opt/c.toml" {
		t.Errorf("got %+v", found)
	}
	rendered := "/var/lib/rancher/k3s/agent/etc/containerd/config.toml"
	k3s := route.Target{Runtime: "k3s", Version: route.MustVersion("1.31.1"), Containerd: route.MustVersion("1.7.22")}
	if c := Read(nil, rendered, k3s); len(c.Fatal) > 0 {
		t.Errorf("K3s writes its file when it starts, got %+v", c.Fatal)
	}
}

func TestRootsAreTheDirectoriesThatCount(t *testing.T) {
	list := "[" + oldTable + ".registry]\nconfig_path = \"/a:rel\"\n"
	for _, c := range []struct{ version, text, want string }{
		{"1.7.35", "version = 2\n" + list, "/a /srv/rel"},
		{"2.4.2", "version = 2\n" + list, "/a:rel"},
		{"2.4.2", "version = 2\n[" + oldTable + "]\nmax_concurrent_downloads = 5\n" + list, "/a /srv/rel"},
		{"2.4.2", "", certsDirs},
		{"2.1.9", "", ""},
		{"2.4.2", "version = 3\n[" + newTable3 + "]\nuse_local_image_pull = true\n", "/etc/containerd/certs.d /etc/docker/certs.d"},
	} {
		got := strings.Join(Read(one(c.text), "", containerd(c.version)).Roots("/srv"), " ")
		if got != c.want {
			t.Errorf("%s %q: got %q, want %q", c.version, c.text, got, c.want)
		}
	}
}

func TestK0sMergesItsDropIns(t *testing.T) {
	files := []source.File{
		{Path: k0sMain, Data: []byte("# k0s_managed=true\nversion = 2\nimports = [\"/run/k0s/containerd-cri.toml\"]\n")},
		{Path: k0sDropIns + "/a.toml", Data: []byte("version = 2\n[" + oldTable + "]\nsandbox_image = \"r/pause:1\"\n")},
		{Path: k0sDropIns + "/b.toml", Data: []byte("version = 2\n[" + oldTable + ".registry]\n" + someConfig)},
	}
	k0s := route.Target{Runtime: "k0s", Version: route.MustVersion("1.30.5"), Containerd: route.MustVersion("1.7.22")}
	c := Read(files, k0sMain, k0s)
	if c.Sandbox.Value != "r/pause:1" || c.ConfigPath.Value != "/c" || len(c.Ignored) > 0 {
		t.Errorf("got %s and %s, ignored %v", c.Sandbox.Value, c.ConfigPath.Value, c.Ignored)
	}
	if at := c.Sandbox.At.String(); at != k0sDropIns+"/a.toml:3:1" {
		t.Errorf("the sandbox image stands at %s", at)
	}
	files[0].Data = []byte("version = 2\n")
	if c := Read(files, k0sMain, k0s); c.ConfigPath.Value != "" {
		t.Errorf("a file of one's own imports no drop-ins, got %s", c.ConfigPath.Value)
	}
}

func TestCollectFollowsImports(t *testing.T) {
	disk := map[string]string{
		"/c/config.toml":    "imports = [\"d/*.toml\", \"x.toml\", \"missing.toml\"]\n",
		"/c/d/b.toml":       "imports = [\"../config.toml\", \"../y.toml\"]\n",
		"/c/d/a.toml":       "this is no TOML",
		"/c/x.toml":         "version = 2\n",
		"/c/y.toml":         "",
		"/c/unrelated.toml": "",
	}
	read := func(p string) (source.File, bool) {
		text, ok := disk[p]
		return source.File{Path: p, Data: []byte(text)}, ok
	}
	list := func(pattern string) []string {
		if pattern != "/c/d/*.toml" {
			t.Errorf("asked for %s", pattern)
		}
		return []string{"/c/d/a.toml", "/c/d/b.toml"}
	}
	var got []string
	for _, f := range Collect("/c/config.toml", containerd("2.4.2"), read, list) {
		got = append(got, strings.TrimPrefix(f.Path, "/c/"))
	}
	want := []string{"config.toml", "d/a.toml", "d/b.toml", "x.toml", "y.toml"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTheTableOfMirrors(t *testing.T) {
	text := "version = 2\n[" + oldTable + ".registry.mirrors.\"r.lab:5000\"]\nendpoint = [\"http://r.lab:5000\", \"https://m.lab/hub\"]\n" +
		"[" + oldTable + ".registry.mirrors.\"*\"]\nendpoint = [\"any.lab\"]\n" +
		"[" + oldTable + ".registry.configs.\"m.lab\".auth]\nauth = \"dTpw\"\n[" + oldTable + ".registry.configs.\"m.lab\".tls]\nca_file = \"/ca.pem\"\n" +
		"[" + oldTable + ".registry.headers]\nX = [\"1\"]\n"
	table := Read(one(text), "", containerd("1.7.35")).Table()
	for registry, want := range map[string]string{
		"r.lab:5000":     "http://r.lab:5000/v2 https://m.lab/hub(u,/ca.pem)",
		"docker.io":      "https://any.lab/v2 https://registry-1.docker.io/v2",
		"localhost:5000": "https://any.lab/v2 http://localhost:5000/v2",
		"m.lab":          "https://any.lab/v2 https://m.lab/v2(u,/ca.pem)",
	} {
		var got []string
		for _, e := range table.Endpoints(registry) {
			one := e.String()
			if e.Auth.User != "" {
				one += "(" + e.Auth.User + "," + strings.Join(e.TLS.CA, " ") + ")"
			}
			if len(e.Header) != 1 || e.Header[0].Key != "X" {
				t.Errorf("%s: headers %v", one, e.Header)
			}
			got = append(got, one)
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s: got %s, want %s", registry, g, want)
		}
	}
}
