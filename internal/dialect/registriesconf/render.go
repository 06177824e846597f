package registriesconf

import (
	"slices"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// written is the first line of every file that we create.
const written = "# written by towpath\n"

// Render returns have with its routes replaced by want. A registry that says
// what is wanted keeps every byte; of others the comments and the unknown keys
// stay. New ones go to the end of the main file. A file that is refused is
// written anew. Certificates and credentials are added to what is there, and
// none is taken away.
func Render(want route.Table, have []source.File) []source.File {
	r := read(have, want.Target)
	d := draft{reader: r, files: slices.Clone(have)}
	d.registries(wishes(want))
	d.certificates(want)
	d.logins(want)
	return d.files
}

// draft is a set of files while a configuration is written into it.
type draft struct {
	*reader
	files []source.File
}

// put stores the content of a file.
func (d *draft) put(path string, data []byte, private bool) {
	for i := range d.files {
		if d.files[i].Path == path {
			d.files[i].Data, d.files[i].Kind = data, source.Regular
			return
		}
	}
	f := source.File{Path: path, Data: data, Mode: 0o644}
	if private {
		f.Mode = 0o600
	}
	d.files = append(d.files, f)
}

// registries writes each wish where it is said now, new ones into the main file.
func (d *draft) registries(want []registrySpec) {
	left := slices.Clone(want)
	main := false
	for _, doc := range d.docs {
		isMain := d.main != nil && doc.file.Path == d.main.Path
		main = main || isMain
		c := d.changes(doc, want)
		if isMain {
			c.add = d.unsaid(left)
		}
		if data, changed := doc.rewrite(c); changed {
			d.put(doc.file.Path, data, false)
		}
	}
	if add := d.unsaid(left); !main && len(add) > 0 {
		path := mainFile
		if d.main != nil {
			path = d.main.Path
		}
		d.put(path, []byte(fresh(add, nil)), false)
	}
}

// unsaid are the wishes that no file has a registry for.
func (d *draft) unsaid(want []registrySpec) []registrySpec {
	said := map[string]bool{}
	for _, g := range d.merged {
		said[g.Prefix] = true
	}
	return slices.DeleteFunc(slices.Clone(want), func(w registrySpec) bool { return said[w.Prefix] })
}

// change is what is to become of one file.
type change struct {
	set  map[int]registrySpec // registries that are to say something else, by index
	drop map[int]bool         // registries that go
	add  []registrySpec       // registries that come
}

func (c change) empty() bool { return len(c.set)+len(c.drop)+len(c.add) == 0 }

func (d *draft) changes(doc *document, want []registrySpec) change {
	c := change{set: map[int]registrySpec{}, drop: map[int]bool{}}
	byPrefix, counts := map[string]int{}, map[*registry]bool{}
	for i, w := range want {
		byPrefix[w.Prefix] = i
	}
	for _, g := range d.merged {
		counts[g] = true
	}
	for _, g := range doc.registries {
		i, wanted := byPrefix[g.Prefix]
		switch {
		case !wanted:
			c.drop[g.index] = true
		case counts[g] && !g.says(want[i]):
			c.set[g.index] = want[i]
		case !counts[g] && !d.agrees(g, want[i]):
			c.drop[g.index] = true
		}
	}
	return c
}

// agrees reports whether a registry that does not count may stay beside a wish:
// in one file two with one location must not differ in what belongs to it.
func (d *draft) agrees(g *registry, w registrySpec) bool {
	return g.key() != w.key() || g.Insecure == w.Insecure && g.Blocked == w.Blocked
}
