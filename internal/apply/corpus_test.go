package apply

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/source"
)

// A hand is somebody who changes a tree with ordinary tools, at random, and
// writes down each change. Apply has to come to the same tree by the notes.
type hand struct {
	node
	rng   *rand.Rand
	count int
	notes []plan.Change
}

func (h *hand) name() string {
	h.count++
	return fmt.Sprintf("n%d", h.count)
}

func (h *hand) data() []byte {
	data := make([]byte, h.rng.IntN(3000))
	for i := range data {
		data[i] = byte(h.rng.Uint32())
	}
	return data
}

// grow makes a random tree. The same seed makes the same one.
func (h *hand) grow() {
	h.Helper()
	dirs := []string{"/etc"}
	h.must(os.Mkdir(h.path("/etc"), 0o755))
	for range 3 + h.rng.IntN(20) {
		name := path.Join(dirs[h.rng.IntN(len(dirs))], h.name())
		switch h.rng.IntN(6) {
		case 5:
			if files := h.all(isFile); len(files) > 0 {
				h.must(os.Link(h.path(files[h.rng.IntN(len(files))]), h.path(name)))
			}
		case 0:
			h.must(os.Mkdir(h.path(name), 0o755))
			h.must(os.Chmod(h.path(name), fs.FileMode(0o700|h.rng.IntN(0o100))))
			dirs = append(dirs, name)
		case 1:
			h.must(os.Symlink([]string{"../nowhere", "/etc", "n1", "./n2", dirs[0]}[h.rng.IntN(5)], h.path(name)))
		default:
			h.must(os.WriteFile(h.path(name), h.data(), 0o600))
			h.attributes(name)
		}
	}
}

func (h *hand) attributes(name string) {
	h.Helper()
	if os.Geteuid() == 0 && h.rng.IntN(3) == 0 {
		h.must(os.Chown(h.path(name), h.rng.IntN(2000), h.rng.IntN(2000)))
	}
	h.must(os.Chmod(h.path(name), fs.FileMode(h.rng.IntN(0o1000))|0o600))
	if h.rng.IntN(3) == 0 {
		h.note(name)
	}
	when := time.Unix(int64(h.rng.IntN(1<<30)), int64(h.rng.IntN(1e9)))
	h.must(os.Chtimes(h.path(name), when, when))
}

// all lists the paths of one kind below /etc.
func (h *hand) all(want func(fs.FileMode) bool) []string {
	h.Helper()
	var out []string
	h.must(filepath.WalkDir(h.path("/etc"), func(name string, d fs.DirEntry, err error) error {
		if in := strings.TrimPrefix(name, h.root); err == nil && in != "/etc" && want(d.Type()) {
			out = append(out, in)
		}
		return err
	}))
	return out
}

func (h *hand) pick(want func(fs.FileMode) bool) string {
	h.Helper()
	all := h.all(want)
	if len(all) == 0 {
		return ""
	}
	return all[h.rng.IntN(len(all))]
}

func isFile(m fs.FileMode) bool { return m.IsRegular() }
func isLink(m fs.FileMode) bool { return m&fs.ModeSymlink != 0 }
func isDir(m fs.FileMode) bool  { return m.IsDir() }
func isAny(fs.FileMode) bool    { return true }

// at sees a path without following it: what links lead to is not the subject here.
func (h *hand) at(name string) *source.File {
	h.Helper()
	st, err := os.Lstat(h.path(name))
	if err != nil {
		return nil
	}
	if isLink(st.Mode()) {
		target, err := os.Readlink(h.path(name))
		h.must(err)
		return &source.File{Path: name, Kind: source.Dangling, Link: target}
	}
	f := h.see(name)
	return &f
}

// change does one thing and notes it.
func (h *hand) change() {
	h.Helper()
	name, to := "", ""
	switch h.rng.IntN(8) {
	case 0, 1:
		name = h.pick(isFile)
	case 2:
		name = h.pick(isLink)
	case 3:
		name = path.Join("/etc", h.name())
	case 4:
		name = path.Join("/etc", h.name(), h.name(), h.name())
	case 5:
		name = path.Join("/etc", h.name())
		to = h.pick(isAny)
		name, to = to, name
	case 6:
		name = h.pick(isAny)
		dir := h.pick(isDir)
		if dir == "" || strings.HasPrefix(dir+"/", name+"/") {
			return
		}
		to = path.Join(dir, h.name())
	case 7:
		name = h.pick(isDir)
		if inside, err := os.ReadDir(h.path(name)); name == "" || err != nil || len(inside) > 0 {
			return
		}
	}
	if name == "" {
		return
	}
	c := plan.Change{Before: h.at(name), Moved: to != ""}
	h.act(name, to, c.Before)
	if c.After = h.at(name); c.Moved {
		c.After = h.at(to)
	}
	if c.Before != nil || c.After != nil {
		h.notes = append(h.notes, c)
	}
}

// part makes one of several names of a file a file of its own, as whoever
// replaces it does.
func (h *hand) part(name string) {
	h.Helper()
	st, err := os.Lstat(h.path(name))
	if err != nil || !st.Mode().IsRegular() || st.Sys().(*syscall.Stat_t).Nlink < 2 {
		return
	}
	h.must(os.Rename(h.path(name), h.path(name+".old")))
	cmd := exec.Command("cp", "-a", h.path(name+".old"), h.path(name))
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.Fatalf("%v: %s", err, out)
	}
	h.must(os.Remove(h.path(name + ".old")))
}

func (h *hand) act(name, to string, before *source.File) {
	h.Helper()
	switch {
	case to != "":
		h.must(os.Rename(h.path(name), h.path(to)))
	case before != nil && (before.Kind == source.Directory || h.rng.IntN(3) == 0):
		h.must(os.Remove(h.path(name)))
	case h.rng.IntN(3) == 0 && (before == nil || before.Link != ""):
		_ = os.Remove(h.path(name))
		h.must(os.MkdirAll(h.path(path.Dir(name)), 0o755))
		h.must(os.Symlink("target/"+h.name(), h.path(name)))
	default:
		if before != nil && before.Link != "" {
			h.must(os.Remove(h.path(name)))
		}
		h.part(name)
		if before != nil && before.Link == "" {
			h.must(os.Chmod(h.path(name), before.Mode|0o200))
		}
		h.must(os.MkdirAll(h.path(path.Dir(name)), 0o755))
		h.must(os.WriteFile(h.path(name), h.data(), 0o600))
		if h.rng.IntN(2) == 0 {
			h.must(os.Chmod(h.path(name), fs.FileMode(h.rng.IntN(0o1000))|0o600))
		}
	}
}

func TestThreeHundredTreesChangeAndComeBack(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o022))
	changes := 0
	for seed := range uint64(300) {
		mine := &hand{node: newFastNode(t), rng: rand.New(rand.NewPCG(seed, 1))}
		mine.grow()
		theirs := &hand{node: newFastNode(t), rng: rand.New(rand.NewPCG(seed, 1))}
		theirs.grow()
		for range 1 + theirs.rng.IntN(12) {
			theirs.change()
		}
		changes += len(theirs.notes)
		before := mine.snapshot()
		p := of(fmt.Sprint("seed ", seed), slices.Clone(theirs.notes)...)
		if _, err := Run(t.Context(), mine.site(), p, Hooks{}); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, p.Unified())
		}
		if diff := same(timeless(theirs.snapshot()), timeless(mine.snapshot())); diff != "" {
			t.Fatalf("seed %d: by hand it is otherwise: %s\n%s", seed, diff, p.Unified())
		}
		if _, err := Rollback(t.Context(), mine.site(), "", Hooks{}); err != nil && len(p.Changes) > 0 && mine.states() != "" {
			t.Fatalf("seed %d: %v\n%s", seed, err, p.Unified())
		}
		if diff := same(before, mine.snapshot()); diff != "" {
			t.Fatalf("seed %d: it does not come back: %s\n%s", seed, diff, p.Unified())
		}
		os.RemoveAll(mine.root)
		os.RemoveAll(theirs.root)
	}
	if changes < 1000 {
		t.Errorf("only %d changes", changes)
	}
	t.Log(changes, "changes")
}
