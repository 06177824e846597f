package apply

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
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

// node is a directory that stands for a node's root.
type node struct {
	*testing.T
	root string
}

func newNode(t *testing.T) node { return node{t, t.TempDir()} }

// newFastNode lies in memory, where syncing costs nothing: for tests that do
// the same thing a thousand times. Whether what is synced is enough is the
// subject of the power cuts.
func newFastNode(t *testing.T) node {
	t.Helper()
	root, err := os.MkdirTemp("/dev/shm", "towpath")
	if err != nil {
		return newNode(t)
	}
	t.Cleanup(func() {
		// Anybody may remove only what is in a directory that they may write.
		_ = filepath.WalkDir(root, func(name string, d fs.DirEntry, _ error) error {
			if d != nil && d.IsDir() {
				_ = os.Chmod(name, 0o700)
			}
			return nil
		})
		os.RemoveAll(root)
	})
	return node{t, root}
}

// note gives a file an extended attribute, where the file system has them.
func (n node) note(name string) {
	n.Helper()
	err := syscall.Setxattr(n.path(name), "user.note", []byte("\x00\xff"), 0)
	if !errors.Is(err, syscall.EOPNOTSUPP) {
		n.must(err)
	}
}

func (n node) site() Site { return Site{Root: n.root, alive: true} }

func (n node) must(err error) {
	n.Helper()
	if err != nil {
		n.Fatal(err)
	}
}

func (n node) path(name string) string { return filepath.Join(n.root, name) }

// write makes a file with a time in the past and the directories above it.
func (n node) write(name, data string, mode fs.FileMode) {
	n.Helper()
	n.must(os.MkdirAll(n.path(path.Dir(name)), 0o755))
	n.must(os.WriteFile(n.path(name), []byte(data), 0o600))
	n.must(os.Chmod(n.path(name), mode))
	then := time.Date(2025, 1, 2, 3, 4, 5, 678901234, time.UTC)
	n.must(os.Chtimes(n.path(name), then, then))
}

func (n node) link(target, name string) {
	n.Helper()
	n.must(os.MkdirAll(n.path(path.Dir(name)), 0o755))
	n.must(os.Symlink(target, n.path(name)))
}

func (n node) read(name string) string {
	n.Helper()
	data, err := os.ReadFile(n.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return "(absent)"
	}
	n.must(err)
	return string(data)
}

// see is a path as a reader of the node would describe it to a plan.
func (n node) see(name string) source.File {
	n.Helper()
	t, err := openTree(n.root, nil)
	n.must(err)
	defer t.close()
	v := newView(t)
	at, err := v.resolve(name, true)
	n.must(err)
	f := source.File{Path: name}
	if target, err := os.Readlink(n.path(name)); err == nil {
		f.Link = target
	}
	st, err := os.Lstat(n.path(at))
	if errors.Is(err, fs.ErrNotExist) && f.Link != "" {
		f.Kind = source.Dangling
		return f
	}
	n.must(err)
	sys := st.Sys().(*syscall.Stat_t)
	f.Mode, f.UID, f.GID, f.ModTime = st.Mode().Perm(), int(sys.Uid), int(sys.Gid), st.ModTime()
	if st.IsDir() {
		f.Kind = source.Directory
		return f
	}
	f.Data, err = os.ReadFile(n.path(at))
	n.must(err)
	return f
}

// edit is a change of one file's content.
func (n node) edit(name, data string) plan.Change {
	n.Helper()
	before := n.see(name)
	after := before
	after.Data = []byte(data)
	return plan.Change{Before: &before, After: &after}
}

func (n node) remove(name string) plan.Change {
	n.Helper()
	before := n.see(name)
	return plan.Change{Before: &before}
}

func (n node) rename(name, to string) plan.Change {
	n.Helper()
	before := n.see(name)
	after := before
	after.Path = to
	return plan.Change{Before: &before, After: &after, Moved: true}
}

func made(name, data string) plan.Change {
	return plan.Change{After: &source.File{Path: name, Data: []byte(data)}}
}

func linked(name, target string) plan.Change {
	return plan.Change{After: &source.File{Path: name, Kind: source.Dangling, Link: target}}
}

func of(reason string, changes ...plan.Change) plan.Plan {
	return plan.Plan{Reason: reason, Changes: changes}
}

// snapshot describes every path but those of the journal: all that a rollback
// promises to bring back.
func (n node) snapshot() map[string]string {
	n.Helper()
	t, err := openTree(n.root, nil)
	n.must(err)
	defer t.close()
	out := map[string]string{}
	first := map[identity]string{}
	n.must(filepath.WalkDir(n.root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		in := strings.TrimPrefix(name, n.root)
		if in == defaultState {
			return fs.SkipDir
		}
		if in != "" && !slices.Contains([]string{"/var", "/var/lib"}, in) {
			out[in] = n.describeIn(t, in)
			if o, err := t.look(in); err == nil && o.Shape == file && o.links > 1 && !strings.Contains(in, "/.towpath-") {
				if first[o.inode] == "" {
					first[o.inode] = in // of several names the first, for the last may be a spare one of a run
				} else {
					out[in] += " = " + first[o.inode]
				}
			}
		}
		return nil
	}))
	return out
}

func (n node) describe(name string) string {
	n.Helper()
	t, err := openTree(n.root, nil)
	n.must(err)
	defer t.close()
	return n.describeIn(t, name)
}

func (n node) describeIn(t *tree, name string) string {
	n.Helper()
	o, err := t.look(name)
	n.must(err)
	var attrs []string
	for _, k := range slices.Sorted(maps.Keys(o.Xattrs)) {
		attrs = append(attrs, fmt.Sprintf("%s=%x", k, o.Xattrs[k]))
	}
	when := ""
	if o.Shape == file {
		when = o.Time.Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("%s %04o %d:%d %s %q %x %s", o.Shape, o.Mode, o.UID, o.GID, when, o.Target, sha256.Sum256(o.Data), attrs)
}

// same compares two snapshots and names the first difference.
func same(want, got map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			return fmt.Sprintf("%s\n got  %s\n want %s", name, got[name], want[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok {
			return fmt.Sprintf("%s should not be there: %s", name, got[name])
		}
	}
	return ""
}

// timeless is a snapshot without times, to compare trees of two runs.
func timeless(s map[string]string) map[string]string {
	out := map[string]string{}
	for name, text := range s {
		fields := strings.Split(text, " ")
		if fields[0] == string(file) {
			fields[3] = ""
		}
		out[name] = strings.Join(fields, " ")
	}
	return out
}

// states lists the journal: "0001 done, 0002 undone".
func (n node) states() string {
	n.Helper()
	all, err := History(n.site())
	n.must(err)
	var out []string
	for _, e := range all {
		out = append(out, e.ID+" "+string(e.State))
	}
	return strings.Join(out, ", ")
}

func (n node) expect(snapshot map[string]string) {
	n.Helper()
	if diff := same(snapshot, n.snapshot()); diff != "" {
		n.Errorf("the tree differs: %s", diff)
	}
}
