package node

import (
	"bytes"
	"cmp"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/unit"
)

// ownerFlags are the settings of k3s, RKE2 and k0s that decide about pulls. A
// switch needs no value.
var ownerFlags = map[string]string{
	"private-registry": "private-registry", "data-dir": "data-dir", "d": "data-dir",
	"system-default-registry": "system-default-registry", "pause-image": "pause-image",
	"container-runtime-endpoint": "container-runtime-endpoint", "cri-socket": "cri-socket",
	"config": "config", "c": "config",
}

var ownerSwitches = []string{
	"disable-default-registry-endpoint", "embedded-registry", "docker", "disable-agent", "enable-worker", "single",
}

// workless reports whether an owner was told to run no containers: a server of
// k3s without its agent, a controller of k0s that is no worker too.
func workless(rt *snapshot.Runtime, line []string) bool {
	o := rt.Owner
	controller := rt.Target.Runtime == "k0s" && slices.Contains(line, "controller")
	return o.Option("disable-agent") == "true" || controller && o.Option("enable-worker") != "true" && o.Option("single") != "true"
}

// owner describes the program that runs a containerd: its process, if one is
// known, and what it was started with. It is nil for runtimes without an owner.
func (f *finder) owner(prog *program, p *process, rt *snapshot.Runtime, view *Root) *snapshot.Owner {
	if prog.services == "" {
		return nil
	}
	o := &snapshot.Owner{}
	unitName := rt.Unit
	var args []string
	if p != nil {
		f.proc.detail(p, prog.name) // the same refusals as for its child
		o.PID, o.Exe, o.Started = p.pid, p.exe, p.started
		unitName, args = cmp.Or(rt.Unit, p.unit), p.args
	}
	rt.Unit = unitName
	s := f.service(view, unitName, prog.name)
	o.Options = settings(view, prog, s, args)
	return o
}

// settings merges what an owner was started with. The command line wins over
// the configuration file and that over the environment. k3s and RKE2 hide their
// command line from /proc, so the unit's stands in for it.
func settings(r *Root, prog *program, s unit.Service, args []string) options {
	line, at := s.Command()
	if len(args) > 2 {
		line, at = args, source.Pos{}
	}
	var list options
	if len(line) > 1 {
		list = list.line(line[1:], at)
	}
	if prog.name != "k0s" {
		file := cmp.Or(list.value("config"), path.Join("/etc/rancher", prog.name, "config.yaml"))
		list = list.files(r, file)
	}
	for _, v := range slices.Backward(s.Variables()) {
		if v.Key == strings.ToUpper(prog.name)+"_DATA_DIR" {
			list = list.add(snapshot.Option{Key: "data-dir", Value: v.Value, At: v.At})
		}
	}
	return list
}

// options is a list in which the first of a key counts.
type options []snapshot.Option

func (l options) value(key string) string {
	for _, o := range l {
		if o.Key == key {
			return o.Value
		}
	}
	return ""
}

func (l options) add(o snapshot.Option) options {
	if slices.ContainsFunc(l, func(have snapshot.Option) bool { return have.Key == o.Key }) {
		return l
	}
	return append(l, o)
}

// line adds the flags of a command line, of which the last counts.
func (l options) line(args []string, at source.Pos) options {
	var found []snapshot.Option
	for i, word := range args {
		name, value, joined := strings.Cut(strings.TrimLeft(word, "-"), "=")
		switch {
		case !strings.HasPrefix(word, "-"):
		case slices.Contains(ownerSwitches, name):
			found = append(found, snapshot.Option{Key: name, Value: cmp.Or(value, "true"), At: at})
		case ownerFlags[name] == "":
		case joined:
			found = append(found, snapshot.Option{Key: ownerFlags[name], Value: value, At: at})
		case i+1 < len(args):
			found = append(found, snapshot.Option{Key: ownerFlags[name], Value: args[i+1], At: at})
		}
	}
	for _, o := range slices.Backward(found) {
		l = l.add(o)
	}
	return l
}

// files adds the settings of config.yaml and config.yaml.d, of which the later
// files count more.
func (l options) files(r *Root, file string) options {
	more, _ := r.Glob(file + ".d/*.y*ml")
	for _, name := range slices.Backward(append([]string{file}, more...)) {
		if data, ok := r.ReadFile(name); ok && data.Kind == source.Regular {
			l = l.yaml(data)
		}
	}
	return l
}

// yaml adds the settings of a configuration file; one that is broken sets nothing.
func (l options) yaml(f source.File) options {
	for _, pair := range scalars(f) {
		if ownerFlags[pair.key] == "" && !slices.Contains(ownerSwitches, pair.key) || len(pair.key) == 1 {
			continue
		}
		l = l.add(snapshot.Option{Key: pair.key, Value: pair.text, At: pair.at})
	}
	return l
}

// scalar is a plain value at the top of a YAML mapping.
type scalar struct {
	key, text string
	at        source.Pos
}

// scalars lists the plain values at the top of a YAML file; none when the file
// is broken.
func scalars(f source.File) []scalar {
	var doc yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(f.Data)).Decode(&doc); err != nil || len(doc.Content) == 0 {
		return nil
	}
	var out []scalar
	for i, top := 0, doc.Content[0]; top.Kind == yaml.MappingNode && i+1 < len(top.Content); i += 2 {
		if v := top.Content[i+1]; v.Kind == yaml.ScalarNode {
			at := source.Pos{File: f.Path, Line: v.Line, Column: v.Column}
			out = append(out, scalar{top.Content[i].Value, v.Value, at})
		}
	}
	return out
}
