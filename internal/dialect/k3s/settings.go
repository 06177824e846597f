package k3s

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// settings are the flags of the server or agent that decide what becomes of
// registries.yaml, from config.yaml, its drop-ins and the command line.
type settings struct {
	registries string // path of the file
	data       string // data directory
	noDefault  bool   // --disable-default-registry-endpoint
	embedded   bool   // --embedded-registry
	external   string // another runtime than the containerd inside: its flag

	at map[string]source.Pos // where each flag was given
}

// The flags that matter, as they are spelled.
const (
	flagRegistry  = "private-registry"
	flagNoDefault = "disable-default-registry-endpoint"
	flagEmbedded  = "embedded-registry"
	flagEndpoint  = "container-runtime-endpoint"
	flagDocker    = "docker"
	flagData      = "data-dir"
)

// settings reads config.yaml, then its drop-ins in the order of their names,
// then the command line; the last one counts, as for K3s.
func (r *reader) settings() settings {
	s := settings{registries: r.distro.registries(), data: r.data, at: map[string]source.Pos{}}
	for _, o := range r.opts.Set {
		s.put(o.Key, o.Value, o.At)
	}
	if r.opts.Set != nil {
		return s
	}
	for _, f := range r.configFiles() {
		s.fromYAML(f)
	}
	args, at := r.opts.Args, source.Pos{}
	if args == nil {
		args, at = r.unitArgs()
	}
	s.fromArgs(args, at)
	return s
}

func (r *reader) configFiles() []source.File {
	var out []source.File
	dropIns := r.etc + "/config.yaml.d"
	for _, f := range r.files {
		if f.Path == r.etc+"/config.yaml" || path.Dir(f.Path) == dropIns && path.Ext(f.Path) == ".yaml" {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b source.File) int { return strings.Compare(a.Path, b.Path) })
	return out
}

func (s *settings) fromYAML(f source.File) {
	var values map[string]any
	if yamldoc.Decode(f.Path, f.Data, &values) != nil {
		return
	}
	doc, _ := yamldoc.Parse(f.Path, f.Data)
	for key, value := range values {
		at := source.Pos{File: f.Path}
		if doc != nil {
			at = doc.At(key)
		}
		switch v := value.(type) {
		case string:
			s.put(key, v, at)
		case bool:
			s.put(key, map[bool]string{true: "true", false: "false"}[v], at)
		}
	}
}

func (s *settings) put(key, value string, at source.Pos) {
	on := value == "true"
	s.at[key] = at
	switch key {
	case flagRegistry:
		s.registries = value
	case flagData:
		s.data = value
	case flagNoDefault:
		s.noDefault = on
	case flagEmbedded:
		s.embedded = on
	case flagDocker:
		if on {
			s.external = "--" + key
		}
	case flagEndpoint:
		if value != "" {
			s.external = "--" + key
		}
	}
}

func (s *settings) fromArgs(args []string, at source.Pos) {
	for i, arg := range args {
		name, dashed := strings.CutPrefix(arg, "--")
		if !dashed {
			continue
		}
		name, value, given := strings.Cut(name, "=")
		switch name {
		case flagNoDefault, flagEmbedded, flagDocker:
			if !given {
				value = "true"
			}
			s.put(name, value, at)
		case flagRegistry, flagEndpoint, flagData:
			if !given && i+1 < len(args) {
				value = args[i+1]
			}
			s.put(name, value, at)
		}
	}
}

var unitDirs = []string{"/etc/systemd/system/", "/usr/local/lib/systemd/system/", "/usr/lib/systemd/system/"}

// unitArgs takes the arguments from ExecStart of the first unit that is there.
func (r *reader) unitArgs() ([]string, source.Pos) {
	for _, unit := range r.units {
		for _, dir := range unitDirs {
			f := source.Find(r.files, dir+unit+".service")
			if f == nil {
				continue
			}
			text := strings.ReplaceAll(string(f.Data), "\\\n", " ")
			for line := range strings.Lines(text) {
				if cmd, is := strings.CutPrefix(strings.TrimSpace(line), "ExecStart="); is {
					at := strings.Index(string(f.Data), "ExecStart=")
					return words(cmd), source.PosAt(f.Path, f.Data, at)
				}
			}
		}
	}
	return nil, source.Pos{}
}

// words splits a command line at blanks; single and double quotes hold together.
func words(line string) []string {
	var out []string
	var word strings.Builder
	var quote rune
	open := false
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, open = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			if word.Len() > 0 || open {
				out = append(out, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(c)
		}
	}
	if word.Len() > 0 || open {
		out = append(out, word.String())
	}
	return out
}
