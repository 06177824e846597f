package containerdconfig

import (
	"slices"
	"strconv"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

// start says what keeps the daemon, its CRI plugin or all pulls down.
func (l *lint) start() {
	for _, f := range l.Unseen {
		l.say(unseen, "", f.At, finding.Args{"why": override("permission or size", f.Text)})
	}
	quiet := len(l.found)
	defer func() {
		for i := quiet; i < len(l.found); i++ {
			l.found[i].Stops = true
		}
	}()
	for _, f := range l.Fatal {
		l.fatal(f)
	}
	for _, f := range l.CRIDead {
		l.dead(f)
	}
	for _, f := range l.PullFails {
		l.say(badSetting, "pulls", f.At, finding.Args{"why": f.Text})
		l.cure(l.try(l.set(strconv.Quote(fiveMinutes), "image_pull_progress_timeout"), func(c Config) bool { return len(c.PullFails) == 0 }))
	}
}

func (l *lint) fatal(f Failure) {
	switch f.Cause {
	case Missing:
		l.missing(f)
	case Syntax:
		l.syntax(f)
	case WrongType:
		l.wrongType(f)
	case BadVersion:
		if !l.ofK0s() || !strings.HasPrefix(f.At.File, k0sDropIns+"/") { // else told as a matter of k0s
			l.badVersion(f)
		}
	case DropInVersion:
		ly := l.layers[len(l.layers)-1]
		l.say(dropInVersion, "fatal", f.At, finding.Args{"version": ly.daemon.Version, "why": f.Text})
	case BadPluginID:
		l.badID(f)
	case RequiredPlugin:
		l.say(requiredPlugin, "", f.At, finding.Args{"why": f.Text})
	default:
		l.say(badSetting, "", f.At, finding.Args{"why": f.Text})
	}
}

func (l *lint) missing(f Failure) {
	if len(l.layers) == 0 {
		l.say(missingImport, "main", f.At, finding.Args{"path": f.At.File})
		return
	}
	path := strings.TrimSuffix(strings.TrimPrefix(f.Text, "open "), ": no such file or directory")
	variant := ""
	if strings.HasPrefix(f.Text, "read ") {
		variant, path = "directory", strings.TrimSuffix(strings.TrimPrefix(f.Text, "read "), ": is a directory")
	}
	l.say(missingImport, variant, f.At, finding.Args{"path": path})
	for _, ly := range l.layers {
		if ly.file.Path == f.At.File {
			gone := func(entry string) bool { return l.resolves(ly, entry, path) }
			l.cure(l.try(ly.without("imports", gone), func(Config) bool { return true }))
		}
	}
}

func (l *lint) resolves(ly *layer, entry, path string) bool {
	return importsOf(ly.file.Path, []string{entry}, nil, l.Target)[0].Path == path
}

func (l *lint) badVersion(f Failure) {
	highest := maxVersion(l.Target)
	args := finding.Args{"version": l.Version.Value, "max": highest}
	var edits []source.Edit
	for _, ly := range l.layers {
		if ly.daemon.Version > highest {
			edits = append(edits, ly.replace(strconv.Itoa(highest), []string{"version"})...)
		}
	}
	for _, ly := range l.layers {
		if l.old() && len(ly.plugins) > 0 && onlyRegistry(ly, criImages) {
			edits = append(edits, ly.renameTable(criImages, grpcCRI)...)
		}
	}
	edits = l.try(edits, func(after Config) bool { return len(after.Ignored) == 0 })
	variant := ""
	if edits == nil {
		variant = "hand"
	}
	l.say(versionTooNew, variant, f.At, args)
	l.cure(edits)
}

// badID is for short names where full ids belong.
func (l *lint) badID(f Failure) {
	name, _, _ := strings.Cut(strings.TrimPrefix(f.Text[strings.Index(f.Text, `"`):], `"`), `"`)
	args := finding.Args{"id": name, "version": l.Version.Value, "why": f.Text, "full": fullName(name)}
	if strings.Contains(f.Text, "disabled plugin") {
		var edits []source.Edit
		for _, ly := range l.layers {
			edits = append(edits, ly.without("disabled_plugins", func(id string) bool { return id == name })...)
		}
		l.say(shortID, "disabled", f.At, args)
		l.cure(l.try(edits, func(Config) bool { return true }))
		return
	}
	var edits []source.Edit
	for _, ly := range l.layers {
		edits = append(edits, ly.renameTable(name, fullName(name))...)
	}
	edits = l.try(edits, func(Config) bool { return true })
	variant := ""
	if edits == nil {
		variant = "hand"
	}
	l.say(shortID, variant, f.At, args)
	l.cure(edits)
}

func (l *lint) dead(f Failure) {
	args := finding.Args{"why": f.Text, "path": l.ConfigPath.Value, "other": l.ConfigPath.At.File}
	switch f.Cause {
	case DisabledCRI:
		id := strings.Trim(strings.TrimPrefix(f.Text, "disabled_plugins has "), `"`)
		edits := l.EnableCRI()
		variant := ""
		if edits == nil {
			variant = "hand"
		}
		l.say(criDisabled, variant, f.At, finding.Args{"id": id})
		l.cure(edits)
	case MirrorsAndPath:
		l.mirrorsAndPath(f, args)
	case TLSAndPath:
		l.say(tlsAndPath, "", f.At, args)
		l.migrates()
	case BadAuths:
		l.authsKey(f.At, "dead")
	default:
		l.say(badSetting, "cri", f.At, args)
	}
}

func (l *lint) mirrorsAndPath(f Failure, args finding.Args) {
	switch apart := l.ConfigPath.At.File != f.At.File; {
	case l.ConfigPath.At.IsZero():
		l.say(mirrorsByDefault, "", f.At, args)
	case apart && l.Target.Runtime == "k0s":
		l.say(mirrorsApart, "", f.At, args)
	case apart:
		l.say(mirrorsAndPath, "apart", f.At, args)
	default:
		l.say(mirrorsAndPath, "", f.At, args)
	}
	l.migrates()
}

// migrates: what cures the last finding is Migrate, together with hosts.toml
// files that another dialect writes.
func (l *lint) migrates() {
	if f := l.found[len(l.found)-1].Fix; f != nil {
		f.Intent = &finding.Intent{Do: finding.MigrateMirrors}
	}
}

// authsKey offers a scheme for a key of registry.auths that has none.
func (l *lint) authsKey(at source.Pos, variant string) {
	i := slices.IndexFunc(l.Auths, func(h Host) bool { return h.At == at })
	if i < 0 {
		return
	}
	name := l.Auths[i].Name
	var edits []source.Edit
	for _, s := range l.spots("registry", "auths", name) {
		edits = append(edits, s.layer.rename(s.keys, "https://"+name)...)
	}
	edits = l.try(edits, func(after Config) bool {
		return slices.ContainsFunc(after.Hosts, func(h Host) bool { return h.Name == name && h.HasAuth })
	})
	if edits == nil && variant == "dead" {
		variant = "hand"
	}
	l.say(badAuths, variant, at, finding.Args{"name": name})
	l.cure(edits)
}
