package containerdconfig

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// k0s judges what only k0s knows: its drop-ins and its managed file.
func (l *lint) k0s() {
	if l.Target.Runtime != "k0s" {
		return
	}
	main := source.Find(l.files, k0sMain)
	for _, f := range l.under(k0sDropIns) {
		if f.Kind == source.Directory || strings.HasPrefix(f.Path, k0sCerts+"/") {
			continue
		}
		l.k0sDropIn(f, main)
	}
	if managed(main) && main != nil {
		l.k0sManaged()
	}
	if len(l.Fatal) == 0 {
		l.k0sCerts()
	}
}

func (l *lint) k0sDropIn(f source.File, main *source.File) {
	at := source.Pos{File: f.Path, Line: 1, Column: 1}
	if path.Dir(f.Path) != k0sDropIns || !strings.HasSuffix(f.Path, ".toml") {
		if strings.Contains(path.Base(f.Path), ".toml") || path.Dir(f.Path) == k0sDropIns {
			l.say(k0sMisplaced, "", at, finding.Args{"path": f.Path})
		}
		return
	}
	if !managed(main) && !l.loaded(f.Path) {
		edits := l.try(l.addImport(k0sDropIns+"/*.toml"), l.imported(f.Path))
		l.say(k0sNotImported, "", at, finding.Args{"path": f.Path, "main": k0sMain, "pattern": k0sDropIns + "/*.toml"})
		l.cure(edits)
		return
	}
	l.k0sVersion(f)
}

// k0sVersion: k0s 1.36 changed from containerd 1.7 to 2, and the drop-ins with it.
func (l *lint) k0sVersion(f source.File) {
	ly, bad := readLayer(f, l.Target)
	if bad != nil {
		return
	}
	args := finding.Args{"version": ly.daemon.Version, "k0s": l.k0sRelease()}
	at := ly.at("version")
	switch {
	case l.old() && ly.daemon.Version >= 3:
		l.say(k0sOld, "", at, args)
	case l.old():
	case ly.daemon.Version != 3 && ly.daemon.Version != 0:
		l.say(k0sNew, "", at, args)
	default:
		if _, ok := ly.plugins[grpcCRI]; ok {
			args["table"] = tableName(grpcCRI)
			l.say(k0sNew, "table", ly.at("plugins", grpcCRI), args)
		}
	}
}

func (l *lint) k0sRelease() string {
	switch {
	case l.Target.Version.Known():
		return l.Target.Version.String()
	case l.old():
		return "until 1.35"
	}
	return "since 1.36"
}

// k0sManaged: k0s itself never writes registry settings, so somebody else did.
func (l *lint) k0sManaged() {
	ly := l.fileOf(k0sMain)
	if ly == nil || ly.raw == nil {
		return
	}
	for _, id := range []string{grpcCRI, criImages} {
		for _, key := range vocabulary["registry"] {
			if v, ok := ly.value("plugins", id, "registry", key); ok && !isEmpty(v) {
				l.say(k0sManaged, "", ly.at("plugins", id, "registry", key), finding.Args{"key": key})
				return
			}
		}
	}
}

// k0sCerts: hosts.toml files that no config_path leads to.
func (l *lint) k0sCerts() {
	dirs := slices.DeleteFunc([]string{k0sCerts, "/etc/k0s/certs.d"}, func(d string) bool { return !l.holdsHosts(d) })
	if len(dirs) == 0 || slices.Contains(l.Roots("/"), dirs[0]) {
		return
	}
	at := l.ConfigPath.At
	if at.IsZero() {
		l.say(k0sUnset, "", source.Pos{File: dirs[0]}, finding.Args{"dir": dirs[0]})
		l.cure([]source.Edit{K0sDropIn(l.Target, dirs[0])})
		return
	}
	if !slices.ContainsFunc(l.Roots("/"), l.holdsHosts) {
		l.say(k0sElsewhere, "", at, finding.Args{"path": l.ConfigPath.Value, "dir": dirs[0]})
		l.unread(dirs[0])
		l.cure(l.SetConfigPath(dirs[0]))
	}
}

// K0sDropIn is a new drop-in that sets config_path for the containerd inside.
func K0sDropIn(t route.Target, dir string) source.Edit {
	version, id := "3", criImages
	if t.Containerd.Before("2.0.0") {
		version, id = "2", grpcCRI
	}
	text := "version = " + version + "\n" + newTable("", []string{"plugins", id, "registry", "config_path"}, `"`+dir+`"`, "\n")
	return source.Edit{Op: source.Create, File: k0sDropIns + "/10-towpath-config-path.toml", New: text}
}
