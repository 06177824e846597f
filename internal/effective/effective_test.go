package effective_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/k3s"
	"github.com/towpath-dev/towpath/internal/effective"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

const (
	config   = "/etc/containerd/config.toml"
	certs    = "/etc/containerd/certs.d"
	yaml     = "/etc/rancher/k3s/registries.yaml"
	made     = "/var/lib/rancher/k3s/agent/etc/containerd/"
	cri      = `plugins."io.containerd.grpc.v1.cri".registry`
	withPath = "version = 2\n[" + cri + "]\nconfig_path = \"" + certs + "\"\n"
	old      = "version = 2\n[" + cri + ".mirrors.\"r.lab\"]\nendpoint = [\"https://old.lab\"]\n"
	mirrored = "[host.\"https://new.lab\"]\n"
	written  = "mirrors:\n  r.lab:\n    endpoint: [\"https://yaml.lab\"]\n"
)

// input is what is known of a runtime with these files, each as path and text,
// when a pull from r.lab is of interest.
func input(runtime, version string, files ...string) effective.Input {
	in := effective.Input{Registry: "r.lab", Runtime: snapshot.Runtime{Target: effective.Target(route.Target{Runtime: runtime, Version: route.MustVersion(version)}), Owner: &snapshot.Owner{}}}
	for i := 0; i < len(files); i += 2 {
		in.Files = with(in.Files, source.File{Path: files[i], Data: []byte(files[i+1])})
	}
	return in
}

// with adds a file and the directories that it stands in.
func with(files []source.File, f source.File) []source.File {
	for dir := path.Dir(f.Path); source.Find(files, dir) == nil; dir = path.Dir(dir) {
		files = append(files, source.File{Path: dir, Kind: source.Directory})
	}
	return append(files, f)
}

// started is a K3s node whose agent has written its files.
func started(in effective.Input) effective.Input {
	for _, f := range k3s.Rendered(in.Files, in.Runtime.Target, k3s.Options{}) {
		in.Files = with(in.Files, f)
	}
	return in
}

func hosts(r effective.Reading, registry string) string {
	var out []string
	for _, e := range r.Table.Endpoints(registry) {
		out = append(out, e.Host)
	}
	return strings.Join(out, " ")
}

func find(r effective.Reading, code string) *finding.Finding {
	i := slices.IndexFunc(r.Findings, func(f finding.Finding) bool { return f.Code == code })
	if i < 0 {
		return nil
	}
	return &r.Findings[i]
}

func codes(r effective.Reading) []string {
	var out []string
	for _, f := range r.Findings {
		out = append(out, f.ID+" "+f.Code)
	}
	return out
}

func TestWhichFilesCount(t *testing.T) {
	for name, c := range map[string]struct {
		in   effective.Input
		want string
	}{
		"none":                           {input("containerd", "1.7.35"), "r.lab"},
		"hosts.toml without config_path": {input("containerd", "1.7.35", config, "version = 2\n", certs+"/r.lab/hosts.toml", mirrored), "r.lab"},
		"config_path":                    {input("containerd", "1.7.35", config, withPath, certs+"/r.lab/hosts.toml", mirrored), "new.lab r.lab"},
		"the default of containerd 2, which is read as one path": {input("containerd", "2.4.2", certs+"/r.lab/hosts.toml", mirrored), "r.lab"},
		"config_path on containerd 2":                            {input("containerd", "2.4.2", config, "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '"+certs+"'\n", certs+"/r.lab/hosts.toml", mirrored), "new.lab r.lab"},
		"no default in containerd 1":                             {input("containerd", "1.7.35", certs+"/r.lab/hosts.toml", mirrored), "r.lab"},
		"old mirrors":                                            {input("containerd", "1.6.20", config, old), "old.lab r.lab"},
		"another registry's mirrors":                             {input("containerd", "1.6.20", config, strings.ReplaceAll(old, "r.lab", "q.lab")), "r.lab"},
		"registries.yaml before a start":                         {input("k3s", "1.30.4", yaml, written), "yaml.lab r.lab"},
		"registries.yaml after a start":                          {started(input("k3s", "1.30.4", yaml, written)), "yaml.lab r.lab"},
		"registries.yaml on containerd":                          {input("containerd", "1.7.35", yaml, written), "r.lab"},
		"containerd's own file on K3s":                           {input("k3s", "1.30.4", config, withPath, certs+"/r.lab/hosts.toml", mirrored), "r.lab"},
		"RKE2 has files of its own":                              {input("rke2", "1.30.4", yaml, written), "r.lab"},
		"RKE2":                                                   {input("rke2", "1.30.4", "/etc/rancher/rke2/registries.yaml", written), "yaml.lab r.lab"},
	} {
		t.Run(name, func(t *testing.T) {
			r := effective.Read(c.in)
			if got := hosts(r, "r.lab"); got != c.want {
				t.Errorf("asks %q, want %q; %q", got, c.want, codes(r))
			}
		})
	}
}

func TestConfigPathAndMirrorsTogetherStopEveryPull(t *testing.T) {
	in := input("containerd", "1.7.35", config, withPath+"["+cri+".mirrors.\"q.lab\"]\nendpoint = [\"https://old.lab\"]\n", certs+"/r.lab/hosts.toml", mirrored)
	f := find(effective.Read(in), "config/mirrors-with-config-path")
	if f == nil || !f.Stops || f.Severity != finding.Error {
		t.Errorf("%+v of %q", f, codes(effective.Read(in)))
	}
}

func TestFlagsOverruleTheFiles(t *testing.T) {
	in := input("containerd", "1.7.35", config, withPath, certs+"/r.lab/hosts.toml", mirrored, "/my/certs/r.lab/hosts.toml", "server = \"https://mine.lab\"\n")
	in.HostsDir = "/my/certs"
	if got := hosts(effective.Read(in), "r.lab"); got != "mine.lab" {
		t.Errorf("--hosts-dir: asks %q", got)
	}
	in = started(input("k3s", "1.30.4", yaml, written, "/my/registries.yaml", strings.ReplaceAll(written, "yaml.lab", "mine.lab")))
	in.Registries = "/my/registries.yaml"
	if got := hosts(effective.Read(in), "r.lab"); got != "mine.lab r.lab" {
		t.Errorf("--registries: asks %q", got)
	}
}

// With hosts.toml files the tls tables of config.toml do not count, the auth
// tables do.
func TestOfConfigTomlOnlyTheCredentialsCountBesideHostsToml(t *testing.T) {
	in := input("containerd", "1.7.35", config, withPath+"["+cri+".configs.\"new.lab\".tls]\ninsecure_skip_verify = true\n["+cri+".configs.\"new.lab\".auth]\nusername = \"u\"\npassword = \"p\"\n",
		certs+"/r.lab/hosts.toml", mirrored)
	e := effective.Read(in).Table.Endpoints("r.lab")[0]
	if e.TLS.SkipVerify || e.Auth.User != "u" {
		t.Errorf("%s: skips verification %t, user %q", e, e.TLS.SkipVerify, e.Auth.User)
	}
}

// K3s goes by what it wrote until it is started again.
func TestGeneratedFilesCountUntilTheNextStart(t *testing.T) {
	in := started(input("k3s", "1.30.4", yaml, written))
	fresh := effective.Read(in)
	if f := find(fresh, "config/registries-yaml-invalid"); f != nil {
		t.Errorf("nothing has changed: %s %s", f.ID, f.Text)
	}
	for i := range in.Files {
		if in.Files[i].Path == yaml {
			in.Files[i].Data = []byte(strings.ReplaceAll(written, "yaml.lab", "later.lab"))
		}
	}
	r := effective.Read(in)
	if got := hosts(r, "r.lab"); got != "yaml.lab r.lab" {
		t.Errorf("asks %q, which is not what was generated", got)
	}
	if !slices.ContainsFunc(r.Findings, func(f finding.Finding) bool { return f.Severity == finding.Error && f.Ignores && f.Registry == "r.lab" }) {
		t.Errorf("that registries.yaml says something else is not told: %q", codes(r))
	}
}

// Releases differ in blank lines and comments: that is no drift.
func TestGeneratedFilesThatAskTheSameAreNoDrift(t *testing.T) {
	in := started(input("k3s", "1.30.4", yaml, written))
	for i := range in.Files {
		if strings.HasSuffix(in.Files[i].Path, "hosts.toml") {
			in.Files[i].Data = append([]byte("\n\n"), in.Files[i].Data...)
		}
	}
	for _, f := range effective.Read(in).Findings {
		if f.Severity == finding.Error {
			t.Errorf("%s %s", f.ID, f.Text)
		}
	}
}

func TestATemplateOverridesRegistriesYAML(t *testing.T) {
	in := started(input("k3s", "1.30.4", yaml, written, made+"config.toml.tmpl", "version = 2\n"))
	in.Files = slices.DeleteFunc(in.Files, func(f source.File) bool {
		return strings.HasPrefix(f.Path, made+"certs.d/") || f.Path == made+"config.toml"
	})
	in.Files = append(in.Files, source.File{Path: made + "config.toml", Data: []byte("version = 2\n")})
	r := effective.Read(in)
	if find(r, "config/template-overrides-registries") == nil || hosts(r, "r.lab") != "r.lab" {
		t.Errorf("asks %q, tells %q", hosts(r, "r.lab"), codes(r))
	}
}

// A directory for the registry lies where another containerd would look.
func TestTheFileOfAnotherInstanceIsTold(t *testing.T) {
	in := input("containerd", "1.7.35", config, strings.Replace(withPath, certs, "/opt/certs", 1), certs+"/r.lab/hosts.toml", mirrored, "/opt/certs/q.lab/hosts.toml", mirrored)
	f := find(effective.Read(in), "config/wrong-containerd-instance")
	if f == nil || f.At.File != certs+"/r.lab/hosts.toml" || !f.Ignores || f.Registry != "r.lab" || len(f.Evidence) == 0 {
		t.Fatalf("%+v", f)
	}
	for name, change := range map[string]func(*effective.Input){
		"all registries are of interest": func(in *effective.Input) { in.Registry = "" },
		"another registry is":            func(in *effective.Input) { in.Registry = "x.lab" },
		"a flag says where to look":      func(in *effective.Input) { in.HostsDir = "/opt/certs" },
		"it looks there": func(in *effective.Input) {
			in.Files[slices.IndexFunc(in.Files, func(f source.File) bool { return f.Path == config })].Data = []byte(withPath)
		},
	} {
		twin := in
		twin.Files = slices.Clone(in.Files)
		change(&twin)
		if f := find(effective.Read(twin), "config/wrong-containerd-instance"); f != nil {
			t.Errorf("%s: %s", name, f.Text)
		}
	}
}

func TestTheSandboxImage(t *testing.T) {
	for _, c := range []struct{ version, text, want string }{
		{"1.7.35", "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = \"a/pause\"\n", "a/pause"},
		{"2.1.0", "version = 3\n[plugins.'io.containerd.cri.v1.images'.pinned_images]\nsandbox = \"b/pause\"\n", "b/pause"},
	} {
		got := effective.Read(input("containerd", c.version, config, c.text)).Sandbox
		if got.Image != c.want || got.From != (source.Pos{File: config, Line: 3, Column: 1}) {
			t.Errorf("%s: %+v", c.version, got)
		}
	}
	if got := effective.Read(input("containerd", "1.7.35")).Sandbox; got.Image == "" || !got.From.IsZero() {
		t.Errorf("the default is %+v", got)
	}
}

func TestRancherBringsAContainerdOfItsOwn(t *testing.T) {
	for runtime, own := range map[string]bool{"": false, "containerd": false, "k3s": true, "rke2": true} {
		got := effective.Target(route.Target{Runtime: runtime, Version: route.MustVersion("1.30.4")})
		if !got.Containerd.Known() && runtime != "" || own == (got.Containerd.String() == got.Version.String()) {
			t.Errorf("%q: %+v", runtime, got)
		}
		if again := effective.Target(got); again != got {
			t.Errorf("%q: %+v and then %+v", runtime, got, again)
		}
	}
}
