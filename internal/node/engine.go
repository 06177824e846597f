package node

import (
	"cmp"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// Where the engines that are no containerd keep what decides about them.
const (
	crioConf   = "/etc/crio/crio.conf"
	crioDropIn = "/etc/crio/crio.conf.d"
	dockerAPI  = "/run/docker.sock"
	criDockerd = "/run/cri-dockerd.sock"
)

// engine fills in what Docker, CRI-O or Podman is told by its command line and
// by its own configuration. Args are those behind the program's name.
func (f *finder) engine(rt *snapshot.Runtime, view *Root, args []string) {
	switch rt.Target.Runtime {
	case "docker":
		f.docker(rt, view, args)
	case "crio":
		f.crio(rt, view, args)
	case "podman":
		rt.Config = programNamed("podman").config
	}
}

// absolute makes a path of a command line one that begins at the root, where
// the working directory is known.
func absolute(rt *snapshot.Runtime, name string) string {
	if name == "" || path.IsAbs(name) || rt.Dir == "" {
		return name
	}
	return path.Join(rt.Dir, name)
}

var dockerFlags = map[string]string{
	"config-file": "config-file", "data-root": "data-root", "g": "data-root", "graph": "data-root", "H": "host", "host": "host",
	"containerd": "containerd",
}

// docker reads where dockerd keeps its data and listens. A flag wins over
// daemon.json; both at once keep dockerd from starting. Sources: moby
// daemon/config, cmd/dockerd/options.go.
func (f *finder) docker(rt *snapshot.Runtime, view *Root, args []string) {
	std := programNamed("docker")
	given := scan(args, dockerFlags)
	rt.Config = cmp.Or(absolute(rt, given["config-file"]), std.config)
	var set struct {
		Root  string   `json:"data-root"`
		Graph string   `json:"graph"`
		Hosts []string `json:"hosts"`
	}
	if file, ok := view.ReadFile(rt.Config); ok && file.Kind == source.Regular && json.Unmarshal(file.Data, &set) != nil {
		set.Root, set.Graph, set.Hosts = "", "", nil // it does not start with that
	}
	rt.Data = cmp.Or(absolute(rt, given["data-root"]), set.Root, set.Graph, std.data)
	rt.API = dockerAPI
	for _, host := range append(values(args, "H", "host"), set.Hosts...) {
		if name, ok := strings.CutPrefix(host, "unix://"); ok {
			rt.API = socketOf(name)
			break
		}
	}
	rt.Socket = f.criDockerd()
	rt.Args = dockerArgs(args)
}

// criDockerd is the CRI socket through which a kubelet uses Docker; empty: no
// program serves one here.
func (f *finder) criDockerd() string {
	for _, p := range f.procs {
		if recognise(p) != "cri-dockerd" {
			continue
		}
		at := scan(p.args[1:], map[string]string{"container-runtime-endpoint": "at"})["at"]
		if strings.HasPrefix(at, "fd:") || at == "" {
			return criDockerd
		}
		return socketOf(at)
	}
	for _, unit := range []string{"cri-docker.service", "cri-docker.socket"} {
		if file, ok := fragment(f.root, unit); ok && file.Kind == source.Regular {
			return criDockerd
		}
	}
	return ""
}

// pause is the sandbox image that cri-dockerd was told.
func (f *finder) pause() snapshot.SandboxImage {
	for _, p := range f.procs {
		if recognise(p) == "cri-dockerd" {
			image := scan(p.args[1:], map[string]string{"pod-infra-container-image": "image"})["image"]
			return snapshot.SandboxImage{Image: image, From: source.Pos{File: f.proc.path(p, "cmdline")}}
		}
	}
	return snapshot.SandboxImage{}
}

// values are all that a command line gives to a flag, which may be repeated.
func values(args []string, names ...string) []string {
	var out []string
	for i, word := range args {
		name, value, joined := strings.Cut(strings.TrimLeft(word, "-"), "=")
		switch {
		case !strings.HasPrefix(word, "-") || !slices.Contains(names, name):
		case joined:
			out = append(out, value)
		case i+1 < len(args):
			out = append(out, args[i+1])
		}
	}
	return out
}

// telling are the flags of dockerd whose values matter to pulls.
var telling = strings.Fields("registry-mirror insecure-registry config-file data-root host H containerd feature http-proxy https-proxy no-proxy")

// dockerArgs is a command line of dockerd as it may be kept: the names of all
// flags, the values of those that matter, passwords masked.
func dockerArgs(args []string) []string {
	out := []string{}
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		if !strings.HasPrefix(args[i], "-") {
			continue
		}
		dashes := args[i][:len(args[i])-len(strings.TrimLeft(args[i], "-"))]
		if !joined && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
			i++
			value, joined = args[i], true
		}
		switch {
		case !joined:
			out = append(out, dashes+name)
		case slices.Contains(telling, name):
			out = append(out, dashes+name+"="+mask(value))
		default:
			out = append(out, dashes+name+"=***")
		}
	}
	return out
}

var crioFlags = map[string]string{
	"c": "config", "config": "config", "d": "config-dir", "config-dir": "config-dir", "r": "root", "root": "root",
	"listen": "listen", "pause-image": "pause-image",
}

// crio reads crio.conf and its drop-ins, which count in the order of their
// names, later ones more; flags count most. Source: CRI-O docs/crio.8.md,
// crio.conf.5.md, crio.conf.d.5.md.
func (f *finder) crio(rt *snapshot.Runtime, view *Root, args []string) {
	std := programNamed("crio")
	given := scan(args, crioFlags)
	rt.Config = cmp.Or(absolute(rt, given["config"]), std.config)
	rt.Socket, rt.Data = std.socket, std.data
	more, _ := view.Glob(path.Join(cmp.Or(absolute(rt, given["config-dir"]), crioDropIn), "*"))
	slices.Sort(more)
	for _, name := range append([]string{rt.Config}, more...) {
		file, ok := view.ReadFile(name)
		if !ok || file.Kind != source.Regular {
			continue
		}
		doc, bad := tomldoc.Decode(tomldoc.V1, name, file.Data)
		if bad != nil {
			continue
		}
		table := settingsOf(doc, "crio")
		rt.Data = cmp.Or(table.text("root"), rt.Data)
		rt.Socket = cmp.Or(table.sub("api").text("listen"), rt.Socket)
		if image := table.sub("image").text("pause_image"); image != "" {
			rt.Sandbox = snapshot.SandboxImage{Image: image, From: lineOf(file, "pause_image")}
		}
	}
	rt.Data, rt.Socket = cmp.Or(absolute(rt, given["root"]), rt.Data), socketOf(cmp.Or(absolute(rt, given["listen"]), rt.Socket))
	if image := given["pause-image"]; image != "" {
		rt.Sandbox = snapshot.SandboxImage{Image: image}
	}
	rt.Args = nil // nothing else in it matters to pulls
}

// table is a table of a TOML file; nil: it is not there.
type table map[string]any

func settingsOf(doc map[string]any, key string) table { return table(doc).sub(key) }

func (t table) sub(key string) table {
	sub, _ := t[key].(map[string]any)
	return sub
}

func (t table) text(key string) string {
	text, _ := t[key].(string)
	return text
}

// lineOf is the first line of a file that begins with a key.
func lineOf(f source.File, key string) source.Pos {
	n := 0
	for line := range strings.Lines(string(f.Data)) {
		n++
		if strings.HasPrefix(strings.TrimSpace(line), key) {
			return source.Pos{File: f.Path, Line: n}
		}
	}
	return source.Pos{File: f.Path}
}
