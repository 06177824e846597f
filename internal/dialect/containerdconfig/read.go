package containerdconfig

import (
	"fmt"
	"slices"

	v1 "github.com/pelletier/go-toml"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Read makes of the files what the target would when it is started with main as
// its -c; main may be empty for DefaultPath. Files that main does not lead to
// are of no account, except that an import pattern finds whatever is among
// them. A main file that is not there means built-in defaults if it is
// DefaultPath, else a daemon that does not start.
func Read(files []source.File, main string, t route.Target) Config {
	if main == "" {
		main = DefaultPath
	}
	l := &loading{Config: &Config{Target: t, Main: main, files: files}, owners: map[string]*layer{}}
	l.defaults()
	if l.load(); len(l.Fatal) == 0 {
		l.mergeDropIns()
	}
	l.Version.Value = l.version()
	if len(l.Fatal) == 0 {
		l.validate()
	}
	if len(l.Fatal) == 0 {
		l.plugins()
	}
	l.describe()
	return *l.Config
}

// loading follows containerd from its main file through every import.
type loading struct {
	*Config
	main   daemon             // the merged top of all files
	tables map[string]any     // 2.x: the merged plugin tables
	trees  map[string]v1.Tree // 1.x: the same
	owners map[string]*layer  // 1.x: the file that each plugin table comes from
	cri    *cri1              // 1.x, once decoded
	newer  *cri17             // 1.7
	images *images2           // 2.x
}

type pendingFile struct {
	path string
	at   source.Pos // the import list; zero for the main file
}

// load reads files breadth first and merges each as it comes.
// Source: LoadConfig of services/server/config and cmd/containerd/server/config.
func (l *loading) load() {
	if openable(l.files, l.Main) == nil && l.Main == DefaultPath {
		return
	}
	pending := []pendingFile{{path: l.Main}}
	loaded := map[string]bool{}
	for len(pending) > 0 && len(l.Fatal) == 0 {
		next := pending[0]
		pending = pending[1:]
		if loaded[next.path] {
			continue
		}
		loaded[next.path] = true
		ly := l.open(next)
		if ly == nil {
			continue
		}
		l.keep(ly, next.at)
		if l.merge(ly); len(l.Fatal) == 0 {
			pending = append(pending, l.imports(ly)...)
		}
	}
}

func (l *loading) keep(ly *layer, at source.Pos) {
	l.layers = append(l.layers, ly)
	l.Loads = append(l.Loads, Load{Path: ly.file.Path, At: at, Version: ly.daemon.Version, Plugins: ly.pluginIDs()})
}

// openable looks a path up as opening it would: a link to nothing is not there.
func openable(files []source.File, path string) *source.File {
	f := source.Find(files, path)
	if f == nil || f.Kind == source.Dangling {
		return nil
	}
	return f
}

// open reads one file. It gives nil when containerd would refuse it, which
// ends the loading, or when nobody could look inside, which does not.
func (l *loading) open(p pendingFile) *layer {
	at := p.at
	if at.IsZero() {
		at = source.Pos{File: p.path}
	}
	f := openable(l.files, p.path)
	switch {
	case f == nil && l.generated(p.path):
		return nil
	case f == nil:
		l.fail(Missing, at, "open %s: no such file or directory", p.path)
		return nil
	case f.Kind == source.Directory:
		l.fail(Missing, at, "read %s: is a directory", p.path)
		return nil
	case f.Unread || f.Problem != "" || f.Kind == source.Special:
		l.Unseen = append(l.Unseen, Failure{Cause: Unreadable, Text: f.Problem, At: source.Pos{File: p.path}})
		return nil
	}
	ly, failed := readLayer(*f, l.Target)
	switch {
	case failed == nil:
		return ly
	case failed.Cause == Unreadable:
		l.Unseen = append(l.Unseen, *failed)
	default:
		l.Fatal = append(l.Fatal, *failed)
	}
	return nil
}

func (l *loading) fail(cause Cause, at source.Pos, format string, args ...any) {
	l.Fatal = append(l.Fatal, Failure{Cause: cause, Text: fmt.Sprintf(format, args...), At: at})
}

func (l *loading) imports(ly *layer) []pendingFile {
	var out []pendingFile
	for _, in := range importsOf(ly.file.Path, ly.daemon.Imports, ly.doc, l.Target) {
		if !in.Glob {
			out = append(out, pendingFile{in.Path, in.At})
			continue
		}
		paths, err := expand(in.Path, l.files)
		if err != nil {
			l.fail(BadSetting, in.At, "%v", err)
		}
		for _, p := range paths {
			out = append(out, pendingFile{p, in.At})
		}
	}
	return out
}

// merge adds a file to what was read before.
func (l *loading) merge(ly *layer) {
	if l.old() {
		l.mergeDaemon(ly.daemon)
		for id, tree := range ly.trees {
			l.trees[id], l.owners[id] = tree, ly
		}
		return
	}
	version, tables := ly.daemon.Version, clone(ly.plugins)
	if l.Target.Containerd.Since("2.3.0") {
		if !l.sameVersion(ly) {
			return
		}
		if version < l.main.Version {
			ly.migrated = true
			tables, version = l.migrate(tables, &ly.daemon, l.main.Version)
		}
	} else if version == 0 || version == 1 {
		tables, version = rename(tables), l.main.Version
		ly.daemon.DisabledPlugins = renameAll(ly.daemon.DisabledPlugins)
		ly.daemon.RequiredPlugins = renameAll(ly.daemon.RequiredPlugins)
	}
	top := ly.daemon
	top.Version = version
	l.mergeDaemon(top)
	deepMerge(l.tables, tables)
}

// sameVersion is the check that 2.3.0 to 2.3.4 make: no import may have a
// higher version than the first file that has one.
func (l *loading) sameVersion(ly *layer) bool {
	if l.Target.Containerd.Since("2.3.5") {
		return true
	}
	root := 0
	for _, before := range l.layers {
		if root = before.daemon.Version; root != 0 {
			break
		}
	}
	if v := ly.daemon.Version; v > root {
		l.fail(DropInVersion, ly.at("version"), "drop-in config version %d higher than root config version %d", v, root)
		return false
	}
	return true
}

// mergeDaemon overrides what is not empty and adds to lists; 2.x adds only what
// is not in them yet. Source: mergeConfig.
func (l *loading) mergeDaemon(d daemon) {
	m := &l.main
	m.Version = override(m.Version, d.Version)
	m.Root = override(m.Root, d.Root)
	m.State = override(m.State, d.State)
	m.GRPC.Address = override(m.GRPC.Address, d.GRPC.Address)
	m.Debug.Format = override(m.Debug.Format, d.Debug.Format)
	m.DisabledPlugins = l.addTo(m.DisabledPlugins, d.DisabledPlugins)
	m.RequiredPlugins = l.addTo(m.RequiredPlugins, d.RequiredPlugins)
	for k, v := range d.Timeouts {
		m.Timeouts[k] = v
	}
}

func override[T comparable](have, want T) T {
	var zero T
	if want == zero {
		return have
	}
	return want
}

func (l *loading) addTo(have, more []string) []string {
	for _, s := range more {
		if l.old() || !slices.Contains(have, s) {
			have = append(have, s)
		}
	}
	return have
}

// defaults is the configuration before any file. Source: defaultConfig of
// cmd/containerd/command.
func (l *loading) defaults() {
	l.tables, l.trees = map[string]any{}, map[string]v1.Tree{}
	l.main = daemon{Version: 1, Root: "/var/lib/containerd", State: "/run/containerd", Timeouts: map[string]string{}}
	if !l.old() {
		l.main.Version = maxVersion(l.Target)
	}
}
