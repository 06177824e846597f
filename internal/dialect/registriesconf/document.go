package registriesconf

import (
	"errors"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// The shape of registries.conf, as containers-image decodes it. Its parser
// matches keys by these names without regard to case and drops what it does not
// know. Source: go.podman.io/image pkg/sysregistriesv2.
type (
	endpointSpec struct {
		Location       string `toml:"location"`
		Insecure       bool   `toml:"insecure"`
		PullFromMirror string `toml:"pull-from-mirror"`
		NamespaceProxy string `toml:"namespace-proxy"`
	}
	registrySpec struct {
		Prefix string `toml:"prefix"`
		endpointSpec
		Mirrors            []endpointSpec `toml:"mirror"`
		Blocked            bool           `toml:"blocked"`
		MirrorByDigestOnly bool           `toml:"mirror-by-digest-only"`
	}
	hostList struct {
		Registries []string `toml:"registries"`
	}
	oldSpec struct {
		Search   hostList `toml:"search"`
		Insecure hostList `toml:"insecure"`
		Block    hostList `toml:"block"`
	}
	fileSpec struct {
		Registries        []registrySpec    `toml:"registry"`
		Search            []string          `toml:"unqualified-search-registries"`
		CredentialHelpers []string          `toml:"credential-helpers"`
		ShortNameMode     string            `toml:"short-name-mode"`
		LayerStoreHelper  string            `toml:"additional-layer-store-auth-helper"`
		Aliases           map[string]string `toml:"aliases"`
		Old               oldSpec           `toml:"registries"`
	}
)

// document is one file: what the runtime makes of it, and where it stands.
type document struct {
	file       source.File
	toml       *tomldoc.Doc // nil: no places are known
	spec       fileSpec
	registries []*registry    // in the order of the file
	unknown    [][]string     // keys that are dropped, by path
	problem    *problem       // why the file is refused; nil: it is not
	more       []*problem     // further reasons
	unread     bool           // we did not read it, the runtime may
	why        string         // the problem in words
	at         source.Pos     // and its place
	tables     []tomlTables   // headers of registries, with those of their mirrors
	byIndex    []*registry    // registries in the order of the file; filled when first asked for
	places     map[string]int // entries by their path, counted from 1; filled when first asked for
	nl         string         // the line end of the file; filled when first asked for
}

// registry is one [[registry]].
type registry struct {
	registrySpec
	doc     *document
	index   int
	at      source.Pos
	mirrors []source.Pos
	hidden  bool // an earlier one of the file has the same prefix
}

// problem is a reason to refuse a file.
type problem struct {
	kind *finding.Kind
	at   source.Pos
	args finding.Args
}

// place is the position of a key of the registry, or of the registry.
func (g *registry) place(key string) source.Pos {
	if e := g.doc.entry(g.index, -1, key); e != nil {
		return e.At
	}
	return g.at
}

func (g *registry) mirrorPlace(j int, key string) source.Pos {
	if e := g.doc.entry(g.index, j, key); e != nil {
		return e.At
	}
	return g.mirrors[j]
}

// decode reads a file as the runtime does.
func decode(f source.File, t route.Target) *document {
	d := &document{file: f, at: source.Pos{File: f.Path}}
	if f.Problem != "" || f.Kind != source.Regular {
		d.refuse(&unreadable, d.at, finding.Args{"why": notRead(f)})
		d.unread = f.Unread || strings.Contains(f.Problem, "permission")
		return d
	}
	if f.Unread {
		d.unread = true
		return d
	}
	if bad := tomldoc.GuardLong(f.Path, f.Data); bad != nil {
		d.refuse(&tooLarge, bad.At, finding.Args{"why": bad.Text})
		d.unread = true
		return d
	}
	d.toml, _ = tomldoc.ParseLong(f.Path, f.Data)
	meta, err := safely(f.Data, &d.spec)
	if err != nil {
		at, why := placeOf(f, err)
		d.refuse(&badSyntax, at, finding.Args{"why": why})
		return d
	}
	for _, k := range meta.Undecoded() {
		d.unknown = append(d.unknown, k)
	}
	d.collect()
	d.check(t)
	return d
}

func notRead(f source.File) string {
	switch {
	case f.Problem != "":
		return f.Problem
	case f.Kind == source.Directory:
		return "it is a directory"
	}
	return "it is no regular file"
}

// safely decodes a document. What the parser does on bytes that nobody thought
// of is an error of the file, never a crash.
func safely(data []byte, into any) (meta toml.MetaData, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the parser crashes: %v", r)
		}
	}()
	return toml.Decode(string(data), into)
}

func placeOf(f source.File, err error) (source.Pos, string) {
	at := source.Pos{File: f.Path}
	e, ok := errors.AsType[toml.ParseError](err)
	if !ok {
		return at, strings.TrimPrefix(err.Error(), "toml: ")
	}
	at.Line = max(1, e.Position.Line)
	why := e.Message
	if why == "" {
		why = e.Error()
	}
	return at, mask(firstLine(why))
}

func firstLine(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	return text
}

// refuse notes a reason to refuse the file; the first one is what the runtime says.
func (d *document) refuse(k *finding.Kind, at source.Pos, args finding.Args) {
	p := &problem{k, at, args}
	if d.problem == nil {
		d.problem, d.at, d.why = p, at, finding.Say(k.Text, args)
		return
	}
	d.more = append(d.more, p)
}

// collect pairs what was decoded with its places.
func (d *document) collect() {
	d.tables = d.headers()
	for i := range d.spec.Registries {
		g := &registry{registrySpec: d.spec.Registries[i], doc: d, index: i, at: source.Pos{File: d.file.Path}}
		placed := len(d.tables) == len(d.spec.Registries)
		if placed {
			g.at = d.tables[i].at
		}
		for j := range g.Mirrors {
			at := g.at
			if placed && len(d.tables[i].mirrors) == len(g.Mirrors) {
				at = d.tables[i].mirrors[j].at
			}
			g.mirrors = append(g.mirrors, at)
		}
		d.registries = append(d.registries, g)
	}
	if len(d.tables) != len(d.spec.Registries) {
		d.tables = nil
	}
}

// tomlTables is the header of a [[registry]] with those of its mirrors.
type tomlTables struct {
	tomlTable
	mirrors []tomlTable
}

// tomlTable is a header and the entries below it.
type tomlTable struct {
	at      source.Pos
	entries []*tomldoc.Entry // the header first
}

func (d *document) headers() []tomlTables {
	if d.toml == nil {
		return nil
	}
	var out []tomlTables
	var in *tomlTable
	for i := range d.toml.Entries {
		e := &d.toml.Entries[i]
		switch {
		case e.Kind == tomldoc.ArrayHeader && is(e.Path, "registry"):
			out = append(out, tomlTables{tomlTable: tomlTable{at: e.At, entries: []*tomldoc.Entry{e}}})
			in = &out[len(out)-1].tomlTable
		case e.Kind == tomldoc.ArrayHeader && is(e.Path, "registry", "mirror") && len(out) > 0:
			r := &out[len(out)-1]
			r.mirrors = append(r.mirrors, tomlTable{at: e.At, entries: []*tomldoc.Entry{e}})
			in = &r.mirrors[len(r.mirrors)-1]
		case e.Kind != tomldoc.Value:
			in = nil
		case in != nil && !e.Inline:
			in.entries = append(in.entries, e)
		}
	}
	return out
}

// is compares a path without regard to case, as the parser matches keys.
func is(path []string, want ...string) bool {
	if len(path) != len(want) {
		return false
	}
	for i := range path {
		if !strings.EqualFold(path[i], want[i]) {
			return false
		}
	}
	return true
}

// entry is a key of a registry, or of one of its mirrors if mirror is not -1.
func (d *document) entry(registry, mirror int, key string) *tomldoc.Entry {
	if registry >= len(d.tables) {
		return nil
	}
	t := d.tables[registry].tomlTable
	if mirror >= 0 {
		if mirror >= len(d.tables[registry].mirrors) {
			return nil
		}
		t = d.tables[registry].mirrors[mirror]
	}
	for _, e := range t.entries {
		if e.Kind == tomldoc.Value && strings.EqualFold(e.Path[len(e.Path)-1], key) {
			return e
		}
	}
	return nil
}
