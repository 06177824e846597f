package containerdconfig

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// imports looks for drop-ins that no file imports.
func (l *lint) imports() {
	dir := path.Join(path.Dir(l.Main), "conf.d")
	if l.Target.Runtime == "k0s" {
		return // its drop-ins have rules of their own
	}
	pattern := path.Join(dir, "*.toml")
	for _, f := range l.under(dir) {
		if path.Dir(f.Path) != dir || f.Kind != source.Regular || !strings.HasSuffix(f.Path, ".toml") || l.loaded(f.Path) || len(l.Fatal) > 0 {
			continue
		}
		args := finding.Args{"path": f.Path, "main": l.Main, "pattern": pattern}
		at := source.Pos{File: f.Path, Line: 1, Column: 1}
		if ly, entry := l.relativePattern(dir); ly != nil {
			args["pattern"] = entry
			l.say(notImported, "relative", at, args)
			l.cure(l.try(ly.replaceElement("imports", entry, path.Join(path.Dir(ly.file.Path), entry)), l.imported(f.Path)))
			continue
		}
		edits := l.try(l.addImport(pattern), l.imported(f.Path))
		variant := ""
		if edits == nil {
			variant = "hand"
		}
		l.say(notImported, variant, at, args)
		l.cure(edits)
	}
}

func (l *lint) loaded(path string) bool {
	return slices.ContainsFunc(l.Loads, func(f Load) bool { return f.Path == path }) ||
		slices.ContainsFunc(l.Unseen, func(f Failure) bool { return f.At.File == path })
}

func (l *lint) imported(path string) func(Config) bool {
	return func(after Config) bool {
		return slices.ContainsFunc(after.Loads, func(f Load) bool { return f.Path == path })
	}
}

// relativePattern finds an import pattern that older releases look for in the
// wrong place.
func (l *lint) relativePattern(dir string) (*layer, string) {
	for _, ly := range l.layers {
		for _, entry := range ly.daemon.Imports {
			in := importsOf(ly.file.Path, []string{entry}, nil, l.Target)[0]
			if in.Glob && !path.IsAbs(in.Path) && path.Dir(path.Join(path.Dir(ly.file.Path), entry)) == dir {
				return ly, entry
			}
		}
	}
	return nil, ""
}

// addImport adds a pattern to the imports of the main file.
func (c Config) addImport(pattern string) []source.Edit {
	if len(c.layers) == 0 || c.layers[0].doc == nil {
		return nil
	}
	main := c.layers[0]
	literal := strconv.Quote(pattern)
	e := main.entry("imports")
	if e == nil {
		at := 0
		if v := main.entry("version"); v != nil {
			return main.insertLine(v.End, "", "imports = ["+literal+"]")
		}
		return []source.Edit{{File: main.file.Path, Start: at, End: at, New: "imports = [" + literal + "]" + main.eol()}}
	}
	spans := main.doc.Elements(e.Value)
	if len(spans) == 0 {
		return main.replace("["+literal+"]", []string{"imports"})
	}
	end := spans[len(spans)-1].End
	return []source.Edit{{File: main.file.Path, Start: end, End: end, New: ", " + literal}}
}

// replaceElement writes one text of a list anew.
func (l *layer) replaceElement(key, old, now string) []source.Edit {
	e := l.entry(key)
	list, _ := l.raw[key].([]any)
	if e == nil {
		return nil
	}
	spans := l.doc.Elements(e.Value)
	i := slices.IndexFunc(list, func(v any) bool { return v == old })
	if i < 0 || len(spans) != len(list) {
		return nil
	}
	return []source.Edit{{File: l.file.Path, Start: spans[i].Start, End: spans[i].End, New: strconv.Quote(now)}}
}

// instances looks for configurations of another containerd than the target's.
func (l *lint) instances() {
	runtime := l.Target.Runtime
	want := map[string]string{
		"k3s":  "/etc/rancher/k3s/registries.yaml",
		"rke2": "/etc/rancher/rke2/registries.yaml",
		"k0s":  "/etc/k0s/containerd.d",
	}[runtime]
	f := source.Find(l.files, DefaultPath)
	if want == "" || f == nil || l.Main == DefaultPath || f.Kind != source.Regular {
		return
	}
	doc, bad := tomldoc.Parse(f.Path, f.Data)
	if bad != nil {
		return
	}
	i := slices.IndexFunc(doc.Entries, func(e tomldoc.Entry) bool {
		return len(e.Path) > 2 && e.Path[0] == "plugins" && e.Path[2] == "registry" && e.Kind == tomldoc.Value
	})
	if i < 0 {
		return // nothing about registries is lost with it
	}
	k := otherInstance
	if runtime == "k0s" {
		k = otherInstanceK0s
	}
	l.say(k, "", doc.Entries[i].At, finding.Args{"runtime": runtime, "want": want})
	l.found[len(l.found)-1].Confidence = finding.Likely
}
