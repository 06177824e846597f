package k3s

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// judge collects everything to say about the files, in the order in which a
// person would want to hear it: may the file be read, how is it written, what
// does it say, and does it count on this node.
func (r *reader) judge() {
	r.names()
	if r.file != nil && (r.file.Kind != source.Regular || r.file.Problem != "") {
		r.unread()
	}
	if r.doc != nil {
		r.writing()
		r.meaning()
	}
	r.around()
}

// unread tells that the file cannot be read: by anybody, or by us alone.
func (r *reader) unread() {
	at := source.Pos{File: r.file.Path}
	if strings.Contains(r.file.Problem, "permission denied") || strings.Contains(r.file.Problem, "not permitted") || strings.HasSuffix(r.file.Problem, "not read") {
		f := r.found(unreadable, "us", at, finding.Args{"why": r.file.Problem})
		f.Severity, f.Ignores, f.Confidence = finding.Info, false, finding.Possible
		return
	}
	r.found(unreadable, "", at, finding.Args{"why": r.unreadableFile()})
}

func (r *reader) unreadableFile() string {
	switch {
	case r.file.Problem != "":
		return "cannot be read: " + r.file.Problem
	case r.file.Kind == source.Dangling:
		return "is a link to nothing"
	case r.file.Kind == source.Directory:
		return "is a directory"
	}
	return "is not a regular file"
}

// names finds files that were meant to be registries.yaml.
func (r *reader) names() {
	for _, f := range r.files {
		dir, base, _ := cutLast(f.Path, "/")
		stem, ext, _ := cutLast(base, ".")
		near := stem == "registries" || stem == "registry"
		if !near || ext != "yaml" && ext != "yml" || f.Path == r.set.registries {
			continue
		}
		if dir != r.etc && (dir != "/etc/rancher" || !r.present()) {
			continue
		}
		variant := ""
		there := source.Find(r.files, r.set.registries) != nil
		if there {
			variant = "both"
		}
		k := wrongName.Vary(variant, f.Path, finding.Args{"distro": r.title, "want": r.set.registries})
		k = k.In(source.Pos{File: f.Path}).Saw(f.Path, f.Path, "ls -l "+dir)
		k.Stage = "config"
		added := r.add(k)
		if !there {
			added.Fix.Edits = []source.Edit{{Op: source.Rename, File: f.Path, To: r.set.registries}}
		}
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+len(sep):], true
}

// refused tells why the runtime does not start with the file.
func (r *reader) refused(p *yamldoc.Problem) {
	p = yamldoc.Recognise(r.file.Path, r.file.Data, p)
	if p.Sort == yamldoc.WrongType && r.shapes() {
		return
	}
	kind, variant := badSyntax, string(p.Sort)
	if p.Sort == yamldoc.WrongType {
		kind, variant = wrongType, ""
	}
	f := r.found(kind, variant, p.At, finding.Args{"why": theirMessage(p.Text)})
	r.edit(f, p.Edits...)
}

// theirMessage is a message of the YAML parser as it stands in the agent's log:
// with the names of wharfie's types, without the values that it quotes.
func theirMessage(text string) string {
	text = strings.TrimPrefix(text, "unmarshal errors:\n  ")
	text, _, _ = strings.Cut(text, "\n")
	return typeNames.Replace(maskMessage(text))
}

var typeNames = strings.NewReplacer(
	"k3s.registriesSpec", "registries.Registry", "k3s.mirrorSpec", "registries.Mirror", "k3s.configSpec", "registries.RegistryConfig",
	"k3s.authSpec", "registries.AuthConfig", "k3s.tlsSpec", "registries.TLSConfig",
)

// writing looks at how an accepted file is written.
func (r *reader) writing() {
	if r.yaml == nil || r.yaml.Root == nil {
		return
	}
	if r.yaml.Wide {
		r.found(wideFile, "", source.Pos{File: r.file.Path, Line: 1}, nil)
	}
	r.unreadDocument()
	r.lostCharacters()
	r.typographicQuotes()
	r.repeats()
	r.unknownKeys()
}

// unreadDocument finds a second document that says something about registries.
func (r *reader) unreadDocument() {
	if !r.yaml.Rest {
		return
	}
	rest := r.yaml.Data[r.yaml.Root.End:]
	dashes := bytes.Index(rest, []byte("\n---"))
	if dashes < 0 {
		return
	}
	start := r.yaml.Root.End + dashes + 1
	end := r.yaml.Line(r.yaml.Pos(start).Line + 1).Start
	behind := r.yaml.Data[end:]
	if !bytes.Contains(behind, []byte("mirrors")) && !bytes.Contains(behind, []byte("configs")) {
		return
	}
	f := r.found(secondDocument, "", r.yaml.Pos(start), nil)
	r.edit(f, source.Edit{Start: start, End: end})
}

// lostCharacters finds U+FFFD: once for all comments, and each in a value.
func (r *reader) lostCharacters() {
	left := bytes.Count(r.yaml.Data, []byte(string(utf8.RuneError)))
	if left == 0 {
		return
	}
	first := bytes.Index(r.yaml.Data, []byte(string(utf8.RuneError)))
	eachScalar(r.yaml.Root, nil, func(n *yamldoc.Node, _ []string, _ bool) {
		if count := strings.Count(n.Value, string(utf8.RuneError)); count > 0 {
			left -= count
			f := r.found(mojibake, "value", n.At, nil)
			f.Severity = finding.Warning
		}
	})
	if left > 0 {
		r.found(mojibake, "", r.yaml.Pos(first), finding.Args{"count": left})
	}
}

// eachScalar visits every text of a document, keys included, with the path of
// the mapping that it stands in.
func eachScalar(n *yamldoc.Node, path []string, visit func(n *yamldoc.Node, path []string, key bool)) {
	if n == nil {
		return
	}
	if n.Kind == yamldoc.Scalar {
		visit(n, path, false)
	}
	for _, p := range n.Pairs {
		if p.Key.Kind == yamldoc.Scalar {
			visit(p.Key, path, true)
		}
		eachScalar(p.Value, append(path[:len(path):len(path)], p.Key.Value), visit)
	}
	for _, item := range n.Items {
		eachScalar(item, path, visit)
	}
}

// typographicQuotes finds quotation marks that became part of a text.
func (r *reader) typographicQuotes() {
	eachScalar(r.yaml.Root, nil, func(n *yamldoc.Node, path []string, key bool) {
		plain := strings.Map(func(c rune) rune {
			if _, typographic := yamldoc.SmartQuotes[c]; typographic {
				return -1
			}
			return c
		}, n.Value)
		if plain == n.Value || n.Quoted && slices.Contains(path, "auth") {
			return
		}
		what := "This text"
		switch {
		case key:
			what = "The name " + plain
		case slices.Contains(path, "endpoint"):
			what = "The URL " + mask(plain)
		}
		f := r.found(quotedKey, "", n.At, finding.Args{"what": what})
		r.edit(f, r.yaml.Replace(n, yamldoc.Write(plain)))
	})
}
