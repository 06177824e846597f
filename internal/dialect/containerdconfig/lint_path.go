package containerdconfig

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

// directories judges where hosts.toml files are looked for, and what lies about.
func (l *lint) directories() {
	l.imports()
	l.instances()
	if len(l.Fatal) > 0 {
		return
	}
	l.transferPath()
	if l.ConfigPath.Value == "" {
		l.pathUnset()
		return
	}
	if l.ListBug() {
		l.listBug()
		return
	}
	for _, p := range l.List() {
		if p != "" && !path.IsAbs(p) && !l.ConfigPath.At.IsZero() {
			l.relative(p)
		}
	}
	if len(l.List()) == 1 {
		l.pathWrong(l.Roots("/")[0])
	}
}

func (l *lint) relative(p string) {
	list := l.List()
	for i := range list {
		if list[i] == p {
			list[i] = path.Join("/", p)
		}
	}
	want := strings.Join(list, ":")
	l.say(relativePath, "", l.ConfigPath.At, finding.Args{"path": l.ConfigPath.Value, "want": want})
	l.cure(l.SetConfigPath(want))
}

func (l *lint) listBug() {
	var used []string
	for _, p := range l.List() {
		if l.holdsHosts(p) {
			used = append(used, p)
		}
	}
	args := finding.Args{"path": l.ConfigPath.Value, "dirs": strings.Join(used, " and ")}
	at, byDefault := l.ConfigPath.At, l.ConfigPath.At.IsZero()
	if byDefault {
		at = source.Pos{File: l.Main}
	}
	switch {
	case len(used) > 1:
		l.say(listBug, "both", at, args)
		l.unread(used...)
		l.cure(l.SetLocalPull())
		return
	case len(used) == 0 && byDefault:
		return
	case len(used) == 0:
		args["dirs"], args["dir"] = strings.Join(l.List(), " and "), l.List()[0]
		l.say(listBug, "empty", at, args)
		l.found[len(l.found)-1].Severity = finding.Warning
	case byDefault:
		args["dir"] = used[0]
		l.say(listBug, "default", at, args)
	default:
		args["dir"] = used[0]
		l.say(listBug, "", at, args)
	}
	l.unread(used...)
	l.cure(l.SetConfigPath(fmt.Sprint(args["dir"])))
}

func (l *lint) pathWrong(root string) {
	f := source.Find(l.files, root)
	args := finding.Args{"path": l.ConfigPath.Value, "want": ""}
	switch {
	case f != nil && f.Kind == source.Regular:
		variant := "hand"
		dir := path.Dir(root)
		if path.Base(root) == "hosts.toml" {
			dir, variant = path.Dir(dir), "file"
		}
		args["want"] = dir
		l.say(pathWrong, variant, l.ConfigPath.At, args)
		l.found[len(l.found)-1].Ignores, l.found[len(l.found)-1].Stops = false, true
		if variant == "file" {
			l.cure(l.SetConfigPath(dir))
		}
	case l.absent(root) || f != nil && f.Kind == source.Dangling:
		if l.Target.Runtime == "k0s" && l.holdsHosts(k0sCerts) {
			return // told as a matter of k0s
		}
		if l.holdsHosts(StandardDir) {
			args["want"] = StandardDir
			l.say(pathWrong, "other", l.ConfigPath.At, args)
			l.unread(StandardDir)
			l.cure(l.SetConfigPath(StandardDir))
			return
		}
		l.say(pathWrong, "", l.ConfigPath.At, args)
	}
}

func (l *lint) pathUnset() {
	if slices.Contains([]string{"k3s", "rke2", "k0s"}, l.Target.Runtime) || !l.holdsHosts(StandardDir) {
		return // those keep their files elsewhere
	}
	at := source.Pos{File: l.Main}
	if s, ok := l.find("registry"); ok {
		at = s.at()
	}
	if len(l.Mirrors) > 0 {
		l.say(pathUnset, "mirrors", at, finding.Args{"dir": StandardDir})
		l.migrates()
		l.unread(StandardDir)
		return
	}
	l.say(pathUnset, "", at, finding.Args{"dir": StandardDir})
	l.unread(StandardDir)
	l.cure(l.SetConfigPath(StandardDir))
}

func (l *lint) transferPath() {
	for _, ly := range l.layers {
		v, ok := ly.value("plugins", transferV1, "config_path")
		dir, _ := v.(string)
		if !ok || dir == "" || dir == l.ConfigPath.Value {
			continue
		}
		want := "config_path of the CRI plugin, which is " + strconv.Quote(l.ConfigPath.Value)
		args := finding.Args{"want": want, "path": dir}
		if !l.ConfigPath.At.IsZero() || len(l.Mirrors) > 0 {
			l.say(transferPath, "hand", ly.at("plugins", transferV1, "config_path"), args)
			continue
		}
		l.say(transferPath, "", ly.at("plugins", transferV1, "config_path"), args)
		l.cure(l.SetConfigPath(dir))
	}
}
