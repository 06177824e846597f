package registriesconf

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// lint says everything there is to say: may the files be read, which of them
// count, what do they say, and what belongs to them.
func (r *reader) lint() {
	for _, d := range r.docs {
		r.refusals(d)
	}
	r.hiddenFiles()
	for _, d := range r.docs {
		if d.problem == nil {
			r.meaning(d)
		}
	}
	r.lintCerts()
	r.lintLogins()
	r.lintCrio()
	r.lintPolicy()
}

// refusals are the reasons why a file is refused.
func (r *reader) refusals(d *document) {
	if d.problem == nil {
		return
	}
	for _, p := range append([]*problem{d.problem}, d.more...) {
		variant := ""
		if p.kind.ID == badSyntax.ID {
			variant = encoding(d.file.Data, p.at.Line)
		}
		f := r.found(*p.kind, variant, p.at, p.args)
		f.Fix = r.repair(d, p, f.Fix)
		if d.unread {
			f.Severity, f.Confidence, f.Stops = finding.Warning, finding.Possible, false
		}
	}
}

// encoding names what editors do to a file that TOML does not accept.
func encoding(data []byte, line int) string {
	switch {
	case bytes.IndexByte(data, 0) >= 0 && len(data) > 1 && (data[0] == 0xff || data[0] == 0xfe || data[0] == 0 || data[1] == 0):
		return "bom"
	case strings.ContainsAny(source.Line(data, line), "“”„‘’＂"):
		return "quotes"
	}
	return ""
}

// repair adds the edits to the fix of a refusal, where they are certain.
func (r *reader) repair(d *document, p *problem, fix *finding.Fix) *finding.Fix {
	if fix == nil || d.toml == nil && p.kind.ID != badSyntax.ID {
		return fix
	}
	switch p.kind.ID {
	case hasScheme.ID:
		if e := d.at1(p.at); e != nil {
			fix.Edits = []source.Edit{{File: d.file.Path, Start: e.Value.Start, End: e.Value.End, New: quote(unschemed(d.text(e)))}}
		}
	case badSyntax.ID:
		line := source.Line(d.file.Data, p.at.Line)
		if plain := plainQuotes.Replace(line); plain != line {
			start := source.Offset(d.file.Data, source.Pos{Line: p.at.Line, Column: 1})
			fix.Edits = []source.Edit{{File: d.file.Path, Start: start, End: start + len(line), New: plain}}
		}
	case noLocation.ID:
		if p.kind.Title == noLocation.Title {
			at := source.Offset(d.file.Data, p.at)
			fix.Edits = []source.Edit{{File: d.file.Path, Start: at, End: at, New: "location = " + quote(p.args["prefix"].(string)) + "\n"}}
		}
	}
	return fix
}

var plainQuotes = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "＂", `"`, "‘", "'", "’", "'")

// hiddenFiles are those that are there and not read.
func (r *reader) hiddenFiles() {
	for _, name := range mains {
		if f := r.byPath[name]; f != nil && r.main != nil && r.main.Path != name && slices.Contains(mains, r.main.Path) && !strings.HasPrefix(name, vendor) {
			r.found(hiddenMain, "", source.Pos{File: name}, finding.Args{"by": r.main.Path})
		}
	}
	counts := map[string]string{}
	for _, d := range r.docs {
		counts[path.Base(d.file.Path)] = d.file.Path
	}
	for _, dir := range r.dropInDirs() {
		for _, name := range r.children[dir] {
			p := path.Join(dir, name)
			f := r.byPath[p]
			switch {
			case f == nil || f.Kind == source.Directory:
			case !strings.HasSuffix(name, ".conf"):
				r.misnamed(dir, name)
			case counts[name] != p && counts[name] != "":
				r.found(notConf, "hidden", source.Pos{File: p}, finding.Args{"by": counts[name]})
			}
		}
	}
}

// misnamed reports a drop-in that was meant to count: one that package managers
// and editors left is none.
func (r *reader) misnamed(dir, name string) {
	for _, left := range []string{"~", ".bak", ".orig", ".rpmsave", ".rpmnew", ".dpkg-old", ".dpkg-dist", ".dpkg-new", ".swp", ".disabled", "README"} {
		if strings.HasSuffix(name, left) || strings.HasPrefix(name, ".") {
			return
		}
	}
	p := path.Join(dir, name)
	want := strings.TrimSuffix(name, path.Ext(name)) + ".conf"
	f := r.found(notConf, "", source.Pos{File: p}, finding.Args{"want": want})
	if r.byPath[path.Join(dir, want)] == nil {
		f.Fix.Edits = []source.Edit{{Op: source.Rename, File: p, To: path.Join(dir, want)}}
	}
}

// meaning is what an accepted file says without meaning it.
func (r *reader) meaning(d *document) {
	for _, k := range d.unknown {
		r.unknownKey(d, k)
	}
	if n := len(d.spec.Search); n > 1 {
		f := r.found(manySearch, "", d.top("unqualified-search-registries"), finding.Args{"count": n, "hosts": mask(strings.Join(d.spec.Search, ", "))})
		if d.spec.ShortNameMode == "" || d.spec.ShortNameMode == "enforcing" {
			f.Severity = finding.Info
		}
	}
	first := map[string]*registry{}
	for _, g := range d.registries {
		switch by := first[g.Prefix]; {
		case g.hidden && by != nil:
			r.found(duplicatePrefix, "", g.at, finding.Args{"prefix": g.Prefix, "first": by.at.Line})
			continue
		case r.winner(g.Prefix) != g:
			r.found(duplicatePrefix, "file", g.at, finding.Args{"prefix": g.Prefix, "by": r.winner(g.Prefix).file()})
		}
		first[g.Prefix] = g
		r.registry(g)
	}
}

// winner is the registry with a prefix that counts; nil: none does.
func (r *reader) winner(prefix string) *registry {
	i, found := slices.BinarySearchFunc(r.merged, prefix, func(g *registry, prefix string) int { return strings.Compare(g.Prefix, prefix) })
	if !found {
		return nil
	}
	return r.merged[i]
}

// file is where a registry stands; empty for none.
func (g *registry) file() string {
	if g == nil {
		return ""
	}
	return g.doc.file.Path
}

// known are the keys of each table.
var known = []string{
	"prefix", "location", "insecure", "blocked", "mirror", "mirror-by-digest-only", "pull-from-mirror", "namespace-proxy", "registry",
	"unqualified-search-registries", "credential-helpers", "short-name-mode", "additional-layer-store-auth-helper", "aliases",
}

func (r *reader) unknownKey(d *document, key []string) {
	last, at := key[len(key)-1], d.top(key...)
	near := slices.IndexFunc(known, func(k string) bool {
		return squeeze(k) == squeeze(last) || squeeze(k)+"s" == squeeze(last) || squeeze(k) == squeeze(last)+"s"
	})
	if near < 0 {
		r.found(unknownKey, "", at, finding.Args{"key": strings.Join(key, ".")})
		return
	}
	f := r.found(unknownKey, "near", at, finding.Args{"key": strings.Join(key, "."), "want": known[near]})
	if e := d.at1(at); e != nil && len(key) > 0 && d.toml.Text(e.Key) == last {
		f.Fix.Edits = []source.Edit{{File: d.file.Path, Start: e.Key.Start, End: e.Key.End, New: known[near]}}
	}
}

func squeeze(key string) string { return strings.ToLower(separators.Replace(key)) }

var separators = strings.NewReplacer("_", "", "-", "")

// registry is what one [[registry]] does that may surprise.
func (r *reader) registry(g *registry) {
	r.blocked(g)
	r.library(g)
	locations := append([]endpointSpec{}, g.Mirrors...)
	for j, s := range append(locations, g.endpointSpec) {
		at := g.at
		if j < len(g.mirrors) {
			at = g.mirrors[j]
		}
		if s.Insecure && s.Location != "" && !route.IsLocalhost(hostOnly(s.Location)) {
			r.found(unverified, "", at, finding.Args{"location": s.Location})
		}
	}
}

func (r *reader) blocked(g *registry) {
	if !g.Blocked {
		return
	}
	switch {
	case g.Location != "" && g.Location != g.Prefix && !strings.HasPrefix(g.Location, g.Prefix+"/") && !strings.HasPrefix(g.Prefix, "*."):
		f := r.found(blockedAll, "location", g.place("blocked"), finding.Args{"prefix": g.Prefix, "location": g.Location})
		f.Severity = finding.Warning
	case len(g.Mirrors) > 0:
		r.found(blockedAll, "mirrors", g.place("blocked"), finding.Args{"prefix": g.Prefix})
	default:
		r.found(blockedAll, "", g.place("blocked"), finding.Args{"prefix": g.Prefix})
	}
}

// library finds locations that lose, or lack, the library/ of Docker Hub.
func (r *reader) library(g *registry) {
	for j, m := range g.Mirrors {
		if g.Prefix == "docker.io/library" && !strings.HasSuffix(m.Location, "/library") && m.Location != "" {
			r.found(hubLibrary, "", g.mirrorPlace(j, "location"), finding.Args{
				"prefix": g.Prefix, "location": m.Location, "example": m.Location + "/nginx",
			})
		}
		if m.Location == hub && g.Prefix != hub && !strings.HasPrefix(g.Prefix, "*.") {
			r.found(hubLibrary, "short", g.mirrorPlace(j, "location"), finding.Args{"prefix": g.Prefix, "location": hub})
		}
	}
	if g.Location == hub && g.Prefix != hub && g.Prefix != "" && !strings.HasPrefix(g.Prefix, "*.") {
		r.found(hubLibrary, "short", g.place("location"), finding.Args{"prefix": g.Prefix, "location": hub})
	}
}

func hostOnly(location string) string {
	host, _, _ := strings.Cut(location, "/")
	return host
}
