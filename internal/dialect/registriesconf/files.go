package registriesconf

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// mains are where registries.conf is looked for; the first that exists counts.
// The user's own hides the system's. Source: go.podman.io/storage pkg/configfile.
var mains = []string{home + "/registries.conf", mainFile, vendor + "/registries.conf"}

// dropIns are the directories of drop-ins, the strongest first: of files with
// one name that of the first directory counts.
var dropIns = []string{
	home + "/registries.conf.d", "/etc/containers/registries.rootful.conf.d", mainFile + ".d",
	vendor + "/registries.rootful.conf.d", vendor + "/registries.conf.d",
}

// load decodes the files that count. One that is refused ends every pull.
func (r *reader) load() {
	if r.main = r.pick(); r.main != nil {
		r.decode(*r.main)
	}
	for _, f := range r.drops() {
		r.decode(f)
	}
}

func (r *reader) decode(f source.File) {
	d := decode(f, r.target)
	r.docs = append(r.docs, d)
	if d.problem != nil && !d.unread && !r.dead() {
		r.fails(f.Path+" is refused: "+d.why, d.at)
	}
}

// pick is the main file: of the conventional ones the first that exists, else
// the only file that has no other part.
func (r *reader) pick() *source.File {
	for _, name := range mains {
		if f := source.Find(r.files, name); f != nil && f.Kind != source.Dangling {
			return f
		}
	}
	var other *source.File
	for i := range r.files {
		f := &r.files[i]
		if f.Kind == source.Directory || r.part(f.Path) || !strings.HasSuffix(f.Path, ".conf") {
			continue
		}
		if other != nil {
			return nil
		}
		other = f
	}
	return other
}

// part reports whether a path is one of the conventional ones.
func (r *reader) part(name string) bool {
	return slices.Contains(mains, name) || strings.Contains(name, ".d/") || strings.HasPrefix(name, "/etc/crio/") || strings.HasPrefix(name, "/etc/containers/")
}

// drops are the drop-ins that count, in the order of their names.
func (r *reader) drops() []source.File {
	byName := map[string]source.File{}
	for _, dir := range slices.Backward(r.dropInDirs()) {
		for _, f := range r.files {
			name := path.Base(f.Path)
			if path.Dir(f.Path) == dir && f.Kind != source.Dangling && f.Kind != source.Directory && strings.HasSuffix(name, ".conf") {
				byName[name] = f
			}
		}
	}
	var names []string
	for name := range byName {
		names = append(names, name)
	}
	slices.Sort(names)
	out := make([]source.File, 0, len(names))
	for _, name := range names {
		out = append(out, byName[name])
	}
	return out
}

// dropInDirs are the conventional directories and that beside an unconventional
// main file.
func (r *reader) dropInDirs() []string {
	if r.main != nil && !slices.Contains(mains, r.main.Path) {
		return append([]string{r.main.Path + ".d"}, dropIns...)
	}
	return dropIns
}
