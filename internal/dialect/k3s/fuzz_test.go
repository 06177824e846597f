package k3s

import (
	"testing"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Whatever the file says: reading does not panic, every edit applies, what is
// rendered is checked without a parser only where one would accept it, and
// writing the routes back is a fixed point.
func FuzzRead(f *testing.F) {
	for _, dir := range []string{"lint", "rendered"} {
		t := &testing.T{}
		for _, s := range stories(t, dir) {
			if file := source.Find(s.files, K3s.Paths[0]); file != nil {
				f.Add(file.Data, uint8(0))
				f.Add(file.Data, uint8(1))
			}
		}
	}
	versions := []string{"", "1.21.14", "1.29.2", "1.29.3", "1.30.4", "1.32.2", "1.36.1"}
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		target := route.Target{Runtime: nameK3s}
		if v := versions[int(which)%len(versions)]; v != "" {
			target.Version = route.MustVersion(v)
		}
		files := []source.File{{Path: K3s.Paths[0], Data: data, Mode: 0o600}}
		reading := Read(files, target, Options{})
		for _, found := range reading.Findings {
			if found.Fix == nil {
				continue
			}
			for _, e := range found.Fix.Edits {
				if e.Op == source.Replace && e.File != K3s.Paths[0] {
					t.Fatalf("%s edits %q", found.ID, e.File)
				}
			}
			if _, err := source.Apply(data, found.Fix.Edits); err != nil {
				t.Fatalf("%s: %v", found.ID, err)
			}
		}
		checked(t, files, target)
		once := K3s.Render(reading.Table, files)
		if twice := K3s.Render(reading.Table, once); find(twice) != find(once) {
			t.Fatalf("rendered once\n%s\ntwice\n%s", find(once), find(twice))
		}
	})
}

func checked(t *testing.T, files []source.File, target route.Target) {
	r := newReader(files, Fill(target), Options{})
	r.read()
	if r.doc == nil {
		return
	}
	if why := r.refusedToml(r.registryToml()); why != r.config {
		t.Fatalf("config.toml: %q, not %q", why, r.config)
	}
	for _, f := range r.hosts {
		if why := r.refusedToml(r.hostsToml(f)); why != f.invalid {
			t.Fatalf("%s: %q, not %q", f.dir, why, f.invalid)
		}
	}
}
