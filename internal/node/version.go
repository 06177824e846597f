package node

import (
	"bytes"
	"cmp"
	"context"
	"debug/buildinfo"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// setContainerd notes the version that a runtime gave of itself.
func setContainerd(rt *snapshot.Runtime, text string) {
	v, err := route.ParseVersion(text)
	if err != nil || text == "" {
		return
	}
	switch rt.Target.Runtime {
	case "crio", "docker", "podman":
		rt.Target.Version = v
		return
	case "containerd":
		rt.Target.Version = v
	}
	rt.Target.Containerd, rt.Target.Fork = v, strings.Contains(text, "-k3s")
}

// version fills in the versions that the socket did not tell: from what Go
// wrote into the program, from the package database, from directory names and,
// on the machine itself and as the last resort, by asking the program.
func (f *finder) version(ctx context.Context, rt *snapshot.Runtime) {
	prog := programNamed(rt.Target.Runtime)
	view, free := f.seen(rt)
	defer free()
	if prog.services != "" {
		f.ownerVersion(ctx, rt, view)
	}
	if prog.name == "microk8s" {
		rt.Target.Version = snapVersion(view)
	}
	for _, look := range []func() string{
		func() string { return builtVersion(f.program(view, rt.PID, rt.Exe), ownModules) },
		func() string { return packaged(view, rt.Exe) },
		func() string { return spoken(ctx, view, rt.PID, rt.Exe) },
	} {
		if rt.Target.Containerd.Known() || prog.pulls != "" && rt.Target.Version.Known() || prog.services != "" && rt.PID == 0 {
			break
		}
		setContainerd(rt, look())
	}
	if prog.pulls == "" && !rt.Target.Containerd.Known() && rt.Target.Version.Known() {
		rt.Target.Containerd, rt.Target.Fork = bundled(prog.name, rt.Target.Version), prog.name == "k3s" || prog.name == "rke2"
	}
}

func (f *finder) ownerVersion(ctx context.Context, rt *snapshot.Runtime, view *Root) {
	prog := programNamed(rt.Target.Runtime)
	installed := executable(view, prog)
	exe, pid := installed, 0
	if rt.Owner != nil {
		exe, pid = cmp.Or(rt.Owner.Exe, exe), rt.Owner.PID
	}
	for _, look := range []func() string{
		func() string { return builtVersion(f.program(view, pid, exe), ownerModules) },
		func() string { return directory(view, prog, rt.Owner) },
		func() string { return spoken(ctx, view, 0, installed) },
		func() string { return spoken(ctx, view, pid, exe) },
	} {
		if v, err := route.ParseVersion(look()); err == nil && v.Text != "" {
			rt.Target.Version = v
			return
		}
	}
}

// bundled is the series of containerd that a release of k3s, RKE2 or k0s brings
// along, for when the containerd itself does not tell. Sources: the component
// tables of the K3s releases, k0s docs/runtime.md, build-scripts of the snap of
// MicroK8s.
func bundled(name string, v route.Version) route.Version {
	series := []struct {
		version string
		since   []string // releases in which it arrived, one per minor version
	}{
		{"2.2", []string{"1.35.0"}}, {"2.1", []string{"1.34.0"}}, {"2.0", []string{"1.31.6", "1.32.2"}},
		{"1.7", []string{"1.24.14", "1.25.10", "1.26.5", "1.27.2"}},
	}
	switch name {
	case "microk8s":
		series = series[3:]
		series[0].since = []string{"1.30.0"}
	case "k0s":
		series = series[2:]
		series[0].version, series[0].since = "2", []string{"1.36.0"}
	}
	for _, s := range series {
		if v.Since(s.since...) {
			return route.MustVersion(s.version)
		}
	}
	return route.MustVersion("1.6")
}

// Modules whose version is that of the program.
var (
	ownModules   = regexp.MustCompile(`^github\.com/((containerd|k3s-io)/containerd|cri-o/cri-o|containers/podman|docker/docker|moby/moby)(/v\d+)?$`)
	ownerModules = regexp.MustCompile(`^github\.com/(k3s-io/k3s|rancher/rke2|k0sproject/k0s)$`)
	linked       = regexp.MustCompile(`-X[= ]'?"?(?:github\.com/(?:containerd|k3s-io)/containerd(?:/v\d+)?/version|github\.com/k3s-io/k3s/pkg/version|github\.com/k0sproject/k0s/pkg/build)\.Version=([^'" ]+)`)
)

// program opens a program. A running one is opened through its process, as the
// file may have been replaced since. Nil: it cannot be had.
func (f *finder) program(view *Root, pid int, exe string) *os.File {
	if pid > 0 {
		fd, err := f.root.openLink(path.Join("/proc", strconv.Itoa(pid)), "exe", unix.O_RDONLY)
		if err == nil {
			return os.NewFile(uintptr(fd), exe)
		}
	}
	if exe == "" {
		return nil
	}
	file, err := view.Open(exe)
	if err != nil {
		return nil
	}
	return file
}

// builtVersion reads the version that the Go linker left in a program, and
// closes it.
func builtVersion(file *os.File, modules *regexp.Regexp) string {
	if file == nil {
		return ""
	}
	defer file.Close()
	info, err := buildinfo.Read(file)
	if err != nil {
		return ""
	}
	for _, s := range info.Settings {
		if m := linked.FindStringSubmatch(s.Value); s.Key == "-ldflags" && m != nil {
			return m[1]
		}
	}
	if modules.MatchString(info.Main.Path) && strings.HasPrefix(info.Main.Version, "v") {
		return info.Main.Version
	}
	return ""
}

// packaged looks a program up in the databases of dpkg and apk. It is asked only
// about the path under which their packages install it.
func packaged(r *Root, exe string) string {
	names := packages[exe]
	if len(names) == 0 {
		return ""
	}
	if data, err := r.slurp("/var/lib/dpkg/status"); err == nil {
		for _, name := range names {
			if v := stanza(data, "Package: "+name, "Version: ", "Status: install ok installed"); v != "" {
				return upstream(v)
			}
		}
	}
	if data, err := r.slurp("/lib/apk/db/installed"); err == nil {
		return upstream(stanza(data, "P:"+names[0], "V:", ""))
	}
	return ""
}

// packages are those that install a program under a path; Alpine has the first.
var packages = map[string][]string{
	"/usr/bin/containerd": {"containerd", "containerd.io"},
	"/usr/bin/dockerd":    {"docker", "docker-ce", "docker-engine"},
	"/usr/sbin/dockerd":   {"docker.io"},
	"/usr/bin/podman":     {"podman"},
	"/usr/bin/crio":       {"cri-o"},
}

// stanza returns a field of the paragraph that has a line equal to head and,
// unless it is empty, one equal to also.
func stanza(data []byte, head, field, also string) string {
	for block := range bytes.SplitSeq(data, []byte("\n\n")) {
		value, isHead, isAlso := "", false, also == ""
		for l := range bytes.Lines(block) {
			text := strings.TrimRight(string(l), "\r\n")
			isHead = isHead || text == head
			isAlso = isAlso || text == also
			if v, ok := strings.CutPrefix(text, field); ok {
				value = v
			}
		}
		if isHead && isAlso {
			return value
		}
	}
	return ""
}

// upstream is a package's version without epoch and revision.
func upstream(v string) string {
	if _, after, ok := strings.Cut(v, ":"); ok {
		v = after
	}
	if i := strings.LastIndexByte(v, '-'); i > 0 {
		v = v[:i]
	}
	return v
}

// directory finds the version in the name of the directory that RKE2 unpacks
// its programs to: "data/v1.31.6-rke2r1-4a81b4b5de1c".
func directory(r *Root, prog *program, o *snapshot.Owner) string {
	if prog.name != "rke2" {
		return ""
	}
	found, _ := r.Glob(path.Join(cmp.Or(o.Option("data-dir"), "/var/lib/rancher/rke2"), "data/v*-rke2*"))
	newest := route.Version{}
	for _, name := range found {
		v, err := route.ParseVersion(path.Base(name))
		if err == nil && (!newest.Known() || newest.Compare(v) < 0) {
			newest = v
		}
	}
	return newest.Text
}

var spoke = regexp.MustCompile(`v?\d+\.\d+\.\d+[^\s,]*`)

// spoken runs a program with --version. It is done only on the machine itself
// and only for a program that runs or that root alone may change.
func spoken(ctx context.Context, r *Root, pid int, exe string) string {
	if r.Name() != "/" || !path.IsAbs(exe) {
		return ""
	}
	file, ok := r.Stat(exe)
	if !ok || file.Problem != "" || pid == 0 && (file.UID != 0 || file.Mode&0o022 != 0) {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	arg := "--version"
	if path.Base(exe) == "k0s" {
		arg = "version"
	}
	cmd := exec.CommandContext(ctx, exe, arg)
	cmd.WaitDelay = 100 * time.Millisecond
	out, err := cmd.Output()
	if err != nil || len(out) > 4096 {
		return ""
	}
	return spoke.FindString(string(out))
}

// snapVersion is the release of MicroK8s that its snap says it is.
func snapVersion(r *Root) route.Version {
	f, ok := r.ReadFile("/snap/microk8s/current/meta/snap.yaml")
	if !ok {
		return route.Version{}
	}
	for _, s := range scalars(f) {
		if v, err := route.ParseVersion(s.text); s.key == "version" && err == nil {
			return v
		}
	}
	return route.Version{}
}
