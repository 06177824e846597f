package node

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// Want is what the user said about the runtime to look at. Empty: nothing.
type Want struct {
	Runtime string // --runtime: "containerd", "k3s@1.31"
	Config  string // --containerd-config
}

// Usage tells that the user has to choose, or chose what cannot be.
type Usage struct{ text string }

func (u *Usage) Error() string { return u.text }

// ParseRuntime reads the value of --runtime: NAME or NAME@VERSION.
func ParseRuntime(text string) (route.Target, error) {
	name, version, given := strings.Cut(text, "@")
	if !slices.Contains(Names(), name) {
		return route.Target{}, &Usage{fmt.Sprintf("runtime %q is none of %s", name, strings.Join(Names(), ", "))}
	}
	t := route.Target{Runtime: name, Fork: name == "k3s" || name == "rke2"}
	if !given {
		return t, nil
	}
	v, err := route.ParseVersion(version)
	if err != nil || version == "" {
		return route.Target{}, &Usage{fmt.Sprintf("runtime %q: the version is not of the form 1.2 or 1.2.3", text)}
	}
	t.Version, t.Containerd = v, v
	switch name {
	case "containerd":
	case "crio", "docker", "podman":
		t.Containerd = route.Version{} // there is none inside that pulls
	default:
		t.Containerd = bundled(name, v)
	}
	return t, nil
}

// Choose returns the runtime that counts on a node and why it does; nil when
// the node has none and none was named. Of several it is what the user named,
// else what the kubelet uses, else what crictl is set up for. An error is a
// *Usage that names them all.
func Choose(r *Root, n *snapshot.Node, w Want) (*snapshot.Runtime, string, error) {
	c := chooser{root: r, kubelet: n.Kubelet, all: n.Runtimes}
	if w.Runtime == "" && w.Config == "" {
		return c.unnamed()
	}
	t := route.Target{Runtime: "containerd"}
	if w.Runtime != "" {
		var err error
		if t, err = ParseRuntime(w.Runtime); err != nil {
			return nil, "", err
		}
	}
	return c.named(t, w)
}

// chooser picks one of several runtimes.
type chooser struct {
	root    *Root
	kubelet *snapshot.Kubelet
	all     []snapshot.Runtime
}

// near narrows a list to the first group that has members: what runs next to us
// and pulls, what is installed here and could serve a kubelet, what runs in other
// network namespaces, Docker that does not run and Podman. Docker on the host of
// other nodes is one of them.
func near(all []snapshot.Runtime) []snapshot.Runtime {
	here := func(rt snapshot.Runtime) bool { return !rt.Apart && alive(rt) && !backs(rt, all) }
	dockerAlone := !slices.ContainsFunc(all, func(rt snapshot.Runtime) bool { return here(rt) && serves(rt) })
	for _, member := range []func(snapshot.Runtime) bool{
		func(rt snapshot.Runtime) bool {
			return here(rt) || dockerAlone && rt.Apart && serves(rt) && some(all, here)
		},
		func(rt snapshot.Runtime) bool { return !rt.Apart && serves(rt) },
		serves,
		func(rt snapshot.Runtime) bool { return !rt.Apart },
	} {
		if out := slices.DeleteFunc(slices.Clone(all), func(rt snapshot.Runtime) bool { return !member(rt) }); len(out) > 0 {
			return out
		}
	}
	return all
}

func some(all []snapshot.Runtime, is func(snapshot.Runtime) bool) bool {
	return slices.ContainsFunc(all, is)
}

// serves reports whether a runtime may be that of a kubelet by itself.
func serves(rt snapshot.Runtime) bool {
	return rt.Target.Runtime != "docker" && rt.Target.Runtime != "podman"
}

// backs reports whether a containerd is only there for a Docker that runs beside
// it: dockerd was told to use it, or it has no CRI plugin.
func backs(rt snapshot.Runtime, all []snapshot.Runtime) bool {
	return rt.Target.Runtime == "containerd" && some(all, func(d snapshot.Runtime) bool {
		if d.Target.Runtime != "docker" || d.Apart || !alive(d) {
			return false
		}
		at := values(d.Args, "containerd")
		return rt.CRI.Unlisted || len(at) > 0 && socketOf(at[len(at)-1]) == socketOf(rt.Socket)
	})
}

func alive(rt snapshot.Runtime) bool {
	return rt.PID != 0 || rt.CRI.Answers || rt.Owner != nil && rt.Owner.PID != 0
}

// named finds the runtime that flags name.
func (c chooser) named(t route.Target, w Want) (*snapshot.Runtime, string, error) {
	why := "named by --runtime " + w.Runtime
	if w.Runtime == "" {
		why = "named by --containerd-config " + w.Config
	}
	found := slices.DeleteFunc(slices.Clone(c.all), func(rt snapshot.Runtime) bool {
		return w.Runtime != "" && rt.Target.Runtime != t.Runtime || w.Config != "" && path.Clean(rt.Config) != path.Clean(w.Config)
	})
	if same := slices.DeleteFunc(slices.Clone(found), func(rt snapshot.Runtime) bool { return !fits(t, rt.Target) }); len(same) > 0 {
		found = same
	}
	if len(found) == 0 {
		return given(c.root, t, w), why + ", not found on this node", nil
	}
	c.all = found
	rt, _, err := c.unnamed()
	if err != nil {
		return nil, "", err
	}
	if !fits(t, rt.Target) {
		if rt.Target.Version.Known() {
			why += ", though what was found is " + rt.Target.Version.Text
		}
		rt.Target = t
	}
	return rt, why, nil
}

// fits reports whether what was found is of the series that was asked for.
func fits(want, have route.Target) bool {
	if !want.Version.Known() {
		return true
	}
	w, h := want.Version, have.Version
	exact := strings.Count(strings.SplitN(w.Text, "+", 2)[0], ".") >= 2
	return h.Known() && w.Major == h.Major && (w.Minor == h.Minor || !strings.Contains(w.Text, ".")) && (!exact || w.Patch == h.Patch)
}

// given is a runtime of which nothing is known but its name: the conventional
// places stand in for the rest.
func given(r *Root, t route.Target, w Want) *snapshot.Runtime {
	prog := programNamed(t.Runtime)
	rt := &snapshot.Runtime{
		Target: t, Given: true, Root: r.Name(), Socket: prog.socket, Data: prog.data,
		Config: w.Config, Found: "named, not found",
	}
	if t.Runtime == "docker" {
		rt.API = dockerAPI
	}
	if w.Config == "" && r.Exists(prog.config) {
		rt.Config = prog.config
	}
	return rt
}

// unnamed decides without a word from the user.
func (c chooser) unnamed() (*snapshot.Runtime, string, error) {
	note := ""
	if k := c.kubelet; k != nil && k.Endpoint != "" {
		if rt := serving(c.all, k.Endpoint); rt != nil {
			return rt, "the kubelet uses " + k.Endpoint, nil
		}
		note = ", though the kubelet uses " + k.Endpoint
	}
	from := near(c.all)
	switch len(from) {
	case 0:
		return nil, "no container runtime was found" + note, nil
	case 1:
		return &from[0], "the only one: " + from[0].Found + note, nil
	}
	if endpoint := c.crictl(); endpoint != "" {
		if rt := serving(from, endpoint); rt != nil {
			return rt, "/etc/crictl.yaml names " + endpoint, nil
		}
	}
	return nil, "", c.several(from)
}

// serving returns the runtime behind an endpoint: the nearest, for runtimes in
// different file systems may have the same path. Behind cri-dockerd and the
// dockershim of old kubelets is Docker, wherever their sockets are. Nil: none.
func serving(all []snapshot.Runtime, endpoint string) *snapshot.Runtime {
	at := socketOf(endpoint)
	shim := path.Base(at) == "cri-dockerd.sock" || path.Base(at) == "dockershim.sock"
	same := slices.DeleteFunc(slices.Clone(all), func(rt snapshot.Runtime) bool {
		if shim && rt.Target.Runtime == "docker" {
			return rt.Apart
		}
		return rt.Apart || rt.Socket == "" || socketOf(rt.Socket) != at
	})
	if same = near(same); len(same) == 0 {
		return nil
	}
	return &same[0]
}

func (c chooser) crictl() string {
	f, ok := c.root.ReadFile("/etc/crictl.yaml")
	if !ok {
		return ""
	}
	var runtime, image string
	for _, s := range scalars(f) {
		switch s.key {
		case "runtime-endpoint":
			runtime = s.text
		case "image-endpoint":
			image = s.text
		}
	}
	return cmp.Or(image, runtime)
}

// several is the error that lists what there is to choose from.
func (c chooser) several(from []snapshot.Runtime) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d container runtimes and no kubelet that says which counts; choose one:", len(from))
	for _, rt := range from {
		fmt.Fprintf(&b, "\n  %s: %s", c.flag(rt, from), name(rt))
	}
	return &Usage{b.String()}
}

func name(rt snapshot.Runtime) string {
	text := rt.Target.Runtime
	if rt.Target.Version.Known() {
		text += " " + rt.Target.Version.Text
	}
	if rt.PID != 0 {
		text += fmt.Sprintf(" (process %d)", rt.PID)
	}
	if rt.Door() != "" {
		text += ", socket " + rt.Door()
	}
	if rt.Apart {
		text += ", in another network namespace"
	}
	return text
}

// flag is the shortest way to name one of several runtimes.
func (c chooser) flag(rt snapshot.Runtime, from []snapshot.Runtime) string {
	twins := slices.DeleteFunc(slices.Clone(from), func(other snapshot.Runtime) bool {
		return other.Target.Runtime != rt.Target.Runtime
	})
	switch {
	case len(twins) == 1 && slices.Contains(Names(), rt.Target.Runtime):
		return "--runtime " + rt.Target.Runtime
	case rt.Root != c.root.Name():
		return "--root " + rt.Root
	case rt.Config != "":
		return "--containerd-config " + rt.Config
	}
	return "(no flag)"
}
