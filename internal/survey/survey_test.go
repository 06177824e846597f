package survey_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/survey"
)

const (
	withPath = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n"
	mirrored = "server = \"https://r.lab\"\n[host.\"https://m.lab\"]\n"
	certs    = "/etc/containerd/certs.d/"
)

// tree writes files below a new directory: path and text, or "-> target" for a link.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		at := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(at), 0o755)
		if target, link := strings.CutPrefix(text, "-> "); link && err == nil {
			err = os.Symlink(target, at)
		} else if err == nil {
			err = os.WriteFile(at, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// take surveys a tree, for containerd 1.7 and the registry r.lab.
func take(t *testing.T, dir string, change func(*survey.Request)) *survey.Survey {
	t.Helper()
	root, err := node.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	q := survey.Request{Root: root, Runtime: "containerd@1.7.35", Registry: "r.lab"}
	if change != nil {
		change(&q)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := survey.Take(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func asked(s *survey.Survey, registry string) string {
	var out []string
	for _, e := range s.Reading.Table.Endpoints(registry) {
		out = append(out, e.Host)
	}
	return strings.Join(out, " ")
}

func found(s *survey.Survey, severity finding.Severity) []string {
	var out []string
	for _, f := range s.Reading.Findings {
		if f.Severity >= severity {
			out = append(out, f.Code)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestATreeIsReadAsAfterAChroot(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"plain":                   {"etc/containerd/config.toml": withPath, certs + "r.lab/hosts.toml": mirrored},
		"absolute links":          {"etc/containerd/config.toml": "-> /opt/c.toml", "opt/c.toml": withPath, "etc/containerd/certs.d": "-> /opt/certs", "opt/certs/r.lab/hosts.toml": mirrored},
		"links above the root":    {"etc/containerd/config.toml": withPath, certs + "r.lab": "-> ../../../../../../../../opt/r", "opt/r/hosts.toml": mirrored},
		"a relative link of file": {"etc/containerd/config.toml": withPath, certs + "r.lab/hosts.toml": "-> ../shared.toml", certs + "shared.toml": mirrored},
	} {
		t.Run(name, func(t *testing.T) {
			s := take(t, tree(t, files), nil)
			if got := asked(s, "r.lab"); got != "m.lab r.lab" {
				t.Errorf("asks %q; findings %q", got, found(s, finding.Warning))
			}
			for _, f := range s.Files {
				if strings.Contains(f.Path, t.Name()) {
					t.Errorf("%s is named as seen from outside the tree", f.Path)
				}
			}
		})
	}
}

func TestNothingOutsideOfTheTreeIsRead(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "hosts.toml")
	if err := os.WriteFile(outside, []byte("server = \"https://outside.lab\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := take(t, tree(t, map[string]string{
		"etc/containerd/config.toml": withPath, certs + "r.lab/hosts.toml": "-> " + outside, "etc/hosts": "-> " + outside, certs + "other.lab": "-> " + filepath.Dir(outside),
	}), nil)
	for _, f := range s.Files {
		if strings.Contains(string(f.Data), "outside.lab") {
			t.Errorf("%s was read", f.Path)
		}
	}
	if got := asked(s, "r.lab"); got != "r.lab" {
		t.Errorf("asks %q", got)
	}
}

// What is no file, is no file to containerd either, and nobody waits for it.
func TestWhatCannotBeReadIsToldAndHoldsNobodyUp(t *testing.T) {
	for name, put := range map[string]func(at string) error{
		"a pipe":            func(at string) error { return unix.Mkfifo(at, 0o644) },
		"a circle of links": func(at string) error { return os.Symlink("hosts.toml", at) },
		"a directory":       func(at string) error { return os.Mkdir(at, 0o755) },
		"a dangling link":   func(at string) error { return os.Symlink("/nowhere", at) },
		"too large":         func(at string) error { return os.WriteFile(at, []byte(strings.Repeat("# x\n", 1000)), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := tree(t, map[string]string{"etc/containerd/config.toml": withPath, certs + "r.lab/ca.crt": "x"})
			if err := put(filepath.Join(dir, certs, "r.lab/hosts.toml")); err != nil {
				t.Fatal(err)
			}
			s := take(t, dir, func(q *survey.Request) { q.Root.Limit(2000) })
			f := source.Find(s.Files, certs+"r.lab/hosts.toml")
			if f == nil || f.Kind == source.Regular && f.Problem == "" || len(f.Data) > 0 {
				t.Errorf("seen as %+v", f)
			}
			if name != "a dangling link" && len(found(s, finding.Info)) == 0 {
				t.Errorf("nothing is told; it asks %q", asked(s, "r.lab"))
			}
		})
	}
}

func TestOfOtherRegistriesOnlyTheNamesAreRead(t *testing.T) {
	files := map[string]string{
		"etc/containerd/config.toml": withPath, certs + "r.lab/hosts.toml": mirrored, certs + "other.lab/hosts.toml": "server = \"https://other.lab\"\n", certs + "_default/hosts.toml": mirrored,
	}
	s := take(t, tree(t, files), nil)
	if source.Find(s.Files, certs+"other.lab/hosts.toml") != nil {
		t.Error("another registry's file was read")
	}
	if f := source.Find(s.Files, certs+"other.lab"); f == nil || !f.Unread {
		t.Errorf("its directory is seen as %+v", f)
	}
	if source.Find(s.Files, certs+"_default/hosts.toml") == nil {
		t.Error("_default, which may count for it, was not read")
	}
	s = take(t, tree(t, files), func(q *survey.Request) { q.Registry = "" })
	if source.Find(s.Files, certs+"other.lab/hosts.toml") == nil {
		t.Error("without a registry of interest all files are of interest")
	}
}

func TestCertificatesThatAreNamedAreLookedFor(t *testing.T) {
	s := take(t, tree(t, map[string]string{
		"etc/containerd/config.toml": withPath, certs + "r.lab/hosts.toml": mirrored + "ca = [\"/etc/pki/there.pem\", \"/etc/pki/missing.pem\"]\n", "etc/pki/there.pem": "x",
	}), nil)
	if f := source.Find(s.Files, "/etc/pki/there.pem"); f == nil || string(f.Data) != "x" {
		t.Errorf("there.pem: %+v", f)
	}
	if f := source.Find(s.Files, "/etc/pki/missing.pem"); f == nil || f.Problem == "" {
		t.Errorf("missing.pem: %+v", f)
	}
}

func TestFlagsSayWhichFilesCount(t *testing.T) {
	files := map[string]string{
		"etc/containerd/config.toml": withPath, certs + "r.lab/hosts.toml": mirrored,
		"my/c.toml": "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/my/certs\"\n", "my/certs/r.lab/hosts.toml": "server = \"https://mine.lab\"\n",
		"my/registries.yaml": "mirrors:\n  r.lab:\n    endpoint: [\"https://k3s.lab\"]\n",
	}
	for flag, c := range map[string]struct {
		set  func(*survey.Request)
		want string
	}{
		"none":                {func(*survey.Request) {}, "m.lab r.lab"},
		"--containerd-config": {func(q *survey.Request) { q.Config = "/my/c.toml" }, "mine.lab"},
		"--hosts-dir":         {func(q *survey.Request) { q.HostsDir = "/my/certs" }, "mine.lab"},
		"--registries":        {func(q *survey.Request) { q.Runtime, q.Registries = "", "/my/registries.yaml" }, "k3s.lab r.lab"},
	} {
		if got := asked(take(t, tree(t, files), c.set), "r.lab"); got != c.want {
			t.Errorf("%s: asks %q, want %q", flag, got, c.want)
		}
	}
}

func TestAnEmptyTreeIsTheNewestContainerdWithoutConfiguration(t *testing.T) {
	s := take(t, t.TempDir(), func(q *survey.Request) { q.Runtime = "" })
	if s.Runtime == nil || s.Runtime.Target.Runtime != "containerd" || s.Why == "" || asked(s, "r.lab") != "r.lab" {
		t.Errorf("%+v because %q, asks %q", s.Runtime, s.Why, asked(s, "r.lab"))
	}
	if s.Node.Live {
		t.Error("an empty tree has processes")
	}
}

func TestARuntimeThatNobodyKnowsIsAnError(t *testing.T) {
	root, err := node.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if s, err := survey.Take(t.Context(), survey.Request{Root: root, Runtime: "cri-o"}); err == nil {
		s.Close()
		t.Error("no error")
	}
}

// The sandbox image is what config.toml says, with the place where it says so.
func TestTheSandboxImageIsKnown(t *testing.T) {
	s := take(t, tree(t, map[string]string{"etc/containerd/config.toml": "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\n  sandbox_image = \"r.lab/pause:3\"\n"}), nil)
	want := source.Pos{File: "/etc/containerd/config.toml", Line: 3}
	if got := s.Runtime.Sandbox; got.Image != "r.lab/pause:3" || got.From.File != want.File || got.From.Line != want.Line {
		t.Errorf("%+v", got)
	}
}

// Somebody without privileges sees less than the runtime. That is told as his
// own limit, and no pull is said to fail for it.
func TestWhatOneMayNotReadIsToldAsThat(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not looked at: dropping privileges takes root")
	}
	k3s := "/etc/rancher/k3s/registries.yaml"
	for name, c := range map[string]struct{ runtime, file, text string }{
		"hosts.toml":      {"containerd@1.7.35", certs + "r.lab/hosts.toml", mirrored},
		"config.toml":     {"containerd@1.7.35", "/etc/containerd/config.toml", withPath},
		"registries.yaml": {"k3s@1.30.4", k3s, "mirrors:\n  r.lab:\n    endpoint: [\"https://m.lab\"]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{c.file: c.text}
			if name == "hosts.toml" {
				files["/etc/containerd/config.toml"] = withPath
			}
			dir := tree(t, files)
			for p := dir; p != os.TempDir() && p != "/"; p = filepath.Dir(p) {
				if err := os.Chmod(p, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(filepath.Join(dir, c.file), 0); err != nil {
				t.Fatal(err)
			}
			asNobody(t, func() {
				s := take(t, dir, func(q *survey.Request) { q.Runtime = c.runtime })
				f := source.Find(s.Files, c.file)
				if f == nil || f.Problem != "permission denied" {
					t.Errorf("seen as %+v", f)
				}
				for _, x := range s.Reading.Findings {
					if x.Ignores || x.Stops {
						t.Errorf("said to be wrong: %s: %s", x.Code, x.Text)
					}
				}
				if why := s.Reading.Table.Route("r.lab").Fails; why != "" {
					t.Errorf("said to fail: %s", why)
				}
				if len(s.Reading.Findings) == 0 {
					t.Error("nothing is told")
				}
			})
		})
	}
}

// asNobody runs a function on a thread without any privilege.
func asNobody(t *testing.T, work func()) {
	t.Helper()
	const nobody = 65534
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its lost privileges
		for _, call := range []uintptr{unix.SYS_SETRESGID, unix.SYS_SETRESUID} {
			if _, _, errno := unix.RawSyscall(call, nobody, nobody, nobody); errno != 0 {
				done <- errno
				return
			}
		}
		work()
		done <- nil
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

const providerConfig = `apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
- name: ecr-credential-provider
  matchImages: ["*.dkr.ecr.*.amazonaws.com"]
  defaultCacheDuration: 12h
  apiVersion: credentialprovider.kubelet.k8s.io/v1
`

func TestTheKubeletsCredentialProvidersAreLookedAt(t *testing.T) {
	const flags = "KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///run/containerd/containerd.sock --image-credential-provider-config=/etc/cp/config.yaml --image-credential-provider-bin-dir=/opt/cp\"\n"
	for name, c := range map[string]struct {
		files map[string]string
		mode  os.FileMode
		want  string
	}{
		"all there":      {map[string]string{"etc/cp/config.yaml": providerConfig, "opt/cp/ecr-credential-provider": "#!/bin/sh\n"}, 0o755, ""},
		"not executable": {map[string]string{"etc/cp/config.yaml": providerConfig, "opt/cp/ecr-credential-provider": "#!/bin/sh\n"}, 0o644, "may not be executed"},
		"no program":     {map[string]string{"etc/cp/config.yaml": providerConfig, "opt/cp/other": ""}, 0o755, "there is no program"},
		"no directory":   {map[string]string{"etc/cp/config.yaml": providerConfig}, 0, "there is no directory"},
		"no file":        {map[string]string{"opt/cp/ecr-credential-provider": ""}, 0o755, "there is no /etc/cp/config.yaml"},
		"a bad file":     {map[string]string{"etc/cp/config.yaml": strings.Replace(providerConfig, "matchImages", "matchImage", 1), "opt/cp/ecr-credential-provider": ""}, 0o755, "matchImage"},
		"a directory":    {map[string]string{"etc/cp/config.yaml/a.yaml": providerConfig, "opt/cp/ecr-credential-provider": ""}, 0o755, ""},
		"an empty one":   {map[string]string{"etc/cp/config.yaml/a.txt": providerConfig, "opt/cp/ecr-credential-provider": ""}, 0o755, "there is no /etc/cp/config.yaml/config.yaml"},
	} {
		c.files["var/lib/kubelet/kubeadm-flags.env"] = flags
		dir := tree(t, c.files)
		program := filepath.Join(dir, "opt/cp/ecr-credential-provider")
		if _, err := os.Stat(program); err == nil {
			if err := os.Chmod(program, c.mode); err != nil {
				t.Fatal(err)
			}
		}
		s := take(t, dir, nil)
		var said []string
		for _, f := range s.Reading.Findings {
			if f.Code == "auth/credential-provider-failed" {
				said = append(said, f.Text)
			}
		}
		if c.want == "" && len(said) > 0 || c.want != "" && (len(said) != 1 || !strings.Contains(said[0], c.want)) {
			t.Errorf("%s: %q", name, said)
		}
		if c.want == "" && (s.Node.Kubelet == nil || len(s.Node.Kubelet.Providers) != 1) {
			t.Errorf("%s: %+v", name, s.Node.Kubelet)
		}
	}
}

func TestMirrorsOfDockerAreToldWhereTheKubeletUsesAnotherRuntime(t *testing.T) {
	const daemon = `{"registry-mirrors": ["https://m.lab"]}`
	const flags = "KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///run/containerd/containerd.sock\"\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  bool
	}{
		"mirrors for docker alone":     {map[string]string{"etc/docker/daemon.json": daemon, "var/lib/kubelet/kubeadm-flags.env": flags}, true},
		"no kubelet":                   {map[string]string{"etc/docker/daemon.json": daemon}, false},
		"containerd has mirrors, too":  {map[string]string{"etc/docker/daemon.json": daemon, "var/lib/kubelet/kubeadm-flags.env": flags, "etc/containerd/config.toml": withPath, certs + "docker.io/hosts.toml": mirrored}, false},
		"the kubelet uses cri-dockerd": {map[string]string{"etc/docker/daemon.json": daemon, "var/lib/kubelet/kubeadm-flags.env": strings.Replace(flags, "containerd/containerd", "cri-dockerd", 1)}, false},
		"nothing about registries":     {map[string]string{"etc/docker/daemon.json": `{"debug": true}`, "var/lib/kubelet/kubeadm-flags.env": flags}, false},
	} {
		s := take(t, tree(t, c.files), func(q *survey.Request) { q.Registry = "" })
		got := slices.ContainsFunc(s.Reading.Findings, func(f finding.Finding) bool { return f.ID == "DK008" })
		if got != c.want {
			t.Errorf("%s: %v", name, s.Reading.Findings)
		}
	}
}

func TestLoginsBelongToTheProgramThatReadsTheTree(t *testing.T) {
	const logins = `{"auths": {"r.lab": {"auth": "dTpw"}}}`
	for name, c := range map[string]struct {
		files map[string]string
		path  string
		want  []string
	}{
		"CRI-O and Podman":   {map[string]string{"etc/containers/registries.conf": "unqualified-search-registries = [\"r.lab\"]\n", "root/.docker/config.json": logins, "root/.config/containers/auth.json": logins}, "/", []string{"registries-conf"}},
		"a pull secret":      {map[string]string{"root/.docker/config.json": logins}, "/root/.docker/config.json", []string{"pull-secret"}},
		"both in one folder": {map[string]string{"x/registries.conf": "", "x/secret.json": logins}, "/x", []string{"registries-conf", "pull-secret"}},
	} {
		root, err := node.OpenRoot(tree(t, c.files))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { root.Close() })
		parts, err := survey.Named{Root: root, Paths: []string{c.path}, InPlace: true}.Read(t.Context())
		var got []string
		for _, p := range parts {
			got = append(got, p.Dialect.Name)
			if p.Dialect.Name == "registries-conf" && name == "CRI-O and Podman" && len(p.Reading.Table.Hosts) != 1 {
				t.Errorf("the logins are lost: %+v", p.Reading.Table.Hosts)
			}
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v (%v)", name, got, c.want, err)
		}
	}
}
