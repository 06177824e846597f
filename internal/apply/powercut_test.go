package apply

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// disk models what a power cut leaves of a directory tree. It sees the system
// calls of a run and knows which of them a sync has made durable; of the others
// any may have reached the disk or not. Data of a file that was never synced may
// be missing although its name is there.
type disk struct {
	root  *inode
	names []change // since the start
	base  string   // what the outside calls the root
}

type inode struct {
	shape  shape
	inside map[string]*inode // of a directory: as the process sees it
	first  map[string]*inode // ... as it was at the start
	live   content           // as the process sees it
	kept   *content          // as last synced; nil: never
}

type content struct {
	data     []byte
	target   string
	mode     uint32
	uid, gid int
	time     time.Time
	xattrs   map[string][]byte
}

// change is one atomic change of names.
type change struct {
	from, to    *inode // directories; nil: nothing comes from there, or goes there
	name, under string
	what        *inode
	durable     bool
}

// scan reads a tree that counts as durable.
func scan(n node) *disk {
	n.Helper()
	t, err := openTree(n.root, nil)
	n.must(err)
	defer t.close()
	var read func(name string) *inode
	read = func(name string) *inode {
		o, err := t.look(name)
		n.must(err)
		i := &inode{shape: o.Shape, live: content{o.Data, o.Target, o.Mode, o.UID, o.GID, o.Time, o.Xattrs}}
		kept := i.live
		i.kept = &kept
		if i.shape == directory {
			i.inside = map[string]*inode{}
			names, err := t.list(name)
			n.must(err)
			for _, inside := range names {
				i.inside[inside] = read(path.Join(name, inside))
			}
			i.first = maps.Clone(i.inside)
		}
		return i
	}
	return &disk{root: read("/"), base: n.root}
}

// find is the inode at a path, its directory and its name there.
func (d *disk) find(name string) (at, dir *inode, base string) {
	at = d.root
	for part := range strings.SplitSeq(strings.Trim(strings.TrimPrefix(name, d.base), "/"), "/") {
		if part == "" || part == "." {
			continue
		}
		dir, base = at, part
		if at == nil {
			return nil, nil, ""
		}
		at = at.inside[part]
	}
	return at, dir, base
}

// see applies one system call.
func (d *disk) see(c call) {
	at, dir, base := d.find(c.Path)
	switch c.Op {
	case "create", "mkdir", "symlink":
		if at == nil {
			d.rename(change{to: dir, under: base, what: born(c)})
		}
	case "link":
		_, to, name := d.find(c.To)
		d.rename(change{to: to, under: name, what: at})
	case "rename":
		_, to, name := d.find(c.To)
		d.rename(change{from: dir, name: base, to: to, under: name, what: at})
	case "unlink", "rmdir":
		d.rename(change{from: dir, name: base, what: at})
	case "sync":
		d.sync(at)
	case "write":
		end := int(c.Offset) + len(c.Data)
		if len(at.live.data) < end {
			at.live.data = append(slices.Clone(at.live.data), make([]byte, end-len(at.live.data))...)
		}
		at.live.data = slices.Concat(at.live.data[:c.Offset], c.Data, at.live.data[end:])
	case "truncate":
		at.live.data = nil
	default:
		at.live.attribute(c)
	}
}

func (c *content) attribute(call call) {
	c.xattrs = maps.Clone(c.xattrs)
	switch call.Op {
	case "chmod":
		c.mode = call.Mode
	case "chown":
		c.uid, c.gid = call.UID, call.GID
	case "touch":
		c.time = call.Time
	case "setxattr":
		c.xattrs[call.Attr] = call.Data
	case "removexattr":
		delete(c.xattrs, call.Attr)
	default:
		panic("unknown call " + call.Op)
	}
}

func born(c call) *inode {
	i := &inode{shape: file, live: content{mode: c.Mode, uid: os.Geteuid(), gid: os.Getegid(), xattrs: map[string][]byte{}}}
	switch c.Op {
	case "mkdir":
		i.shape, i.inside = directory, map[string]*inode{}
	case "symlink":
		i.shape, i.live.target = link, string(c.Data)
		kept := i.live
		i.kept = &kept
	}
	return i
}

func (d *disk) rename(c change) {
	c.apply(func(i *inode) map[string]*inode { return i.inside })
	d.names = append(d.names, c)
}

// apply carries a change of names out in one version of the directories.
func (c change) apply(in func(*inode) map[string]*inode) {
	if c.from != nil && in(c.from)[c.name] == c.what {
		delete(in(c.from), c.name)
	}
	if c.to != nil {
		in(c.to)[c.under] = c.what
	}
}

func (d *disk) sync(i *inode) {
	kept := i.live
	i.kept = &kept
	for k, c := range d.names {
		if i.shape == directory && (c.from == i || c.to == i) {
			d.names[k].durable = true
		}
	}
}

// luck decides what reached the disk although nobody asked for it.
type luck struct {
	name string
	rng  *rand.Rand
	keep float64 // of the names
	data float64 // of the contents
}

func lucks() []luck {
	out := []luck{
		{"nothing but what was synced", nil, 0, 0},
		{"all names, no data", nil, 1, 0},
		{"everything", nil, 1, 1},
	}
	for seed := range uint64(2) {
		out = append(out, luck{fmt.Sprintf("luck %d", seed), rand.New(rand.NewPCG(seed, 7)), 0.5, 0.5})
	}
	return out
}

func (l luck) yes(p float64) bool { return p == 1 || p > 0 && l.rng.Float64() < p }

// cut writes what a power cut leaves into an empty directory.
func (d *disk) cut(l luck, n node) {
	n.Helper()
	inside := map[*inode]map[string]*inode{}
	version := func(i *inode) map[string]*inode {
		if inside[i] == nil {
			inside[i] = map[string]*inode{}
			maps.Copy(inside[i], i.first)
		}
		return inside[i]
	}
	for _, c := range d.names {
		if c.durable || l.yes(l.keep) {
			c.apply(version)
		}
	}
	written := map[*inode]string{}
	var write func(i *inode, name string)
	write = func(i *inode, name string) {
		if first, again := written[i]; again {
			n.must(os.Link(n.path(first), n.path(name)))
			return
		}
		written[i] = name
		i.write(n, name, l)
		for k, sub := range version(i) {
			write(sub, path.Join(name, k))
		}
		n.must(i.finish(n.path(name), l))
	}
	for k, sub := range version(d.root) {
		write(sub, "/"+k)
	}
}

// survives is what is left of the content.
func (i *inode) survives(l luck) content {
	switch {
	case l.yes(l.data):
		return i.live
	case i.kept == nil:
		empty := i.live
		empty.data = nil
		return empty
	}
	kept := *i.kept
	if l.rng != nil && len(kept.data) == len(i.live.data) && !bytes.Equal(kept.data, i.live.data) {
		// A sector is whole, but who knows: part of the last write.
		from := 0
		for kept.data[from] == i.live.data[from] {
			from++
		}
		at := from + l.rng.IntN(lineSize-2)
		kept.data = slices.Concat(i.live.data[:min(at, len(kept.data))], kept.data[min(at, len(kept.data)):])
	}
	return kept
}

func (i *inode) write(n node, name string, l luck) {
	n.Helper()
	switch i.shape {
	case directory:
		n.must(os.Mkdir(n.path(name), 0o700))
	case link:
		n.must(os.Symlink(i.live.target, n.path(name)))
	default:
		c := i.survives(l)
		n.must(os.WriteFile(n.path(name), c.data, 0o600))
	}
}

func (i *inode) finish(name string, l luck) error {
	c := i.live
	if i.kept != nil {
		c = *i.kept
	}
	if os.Geteuid() == 0 {
		if err := os.Lchown(name, c.uid, c.gid); err != nil {
			return err
		}
	}
	if i.shape == link {
		return nil
	}
	for attr, value := range c.xattrs {
		if err := syscall.Setxattr(name, attr, value, 0); err != nil {
			return err
		}
	}
	if err := syscall.Chmod(name, c.mode); err != nil {
		return err
	}
	if c.time.IsZero() {
		return nil
	}
	return os.Chtimes(name, c.time, c.time)
}

func TestAPowerCutAnywhereLeavesWhatTheNextRunPutsRight(t *testing.T) {
	for _, s := range stories() {
		if s.name == "kinds" {
			continue // what its tools write, no journal of calls tells
		}
		t.Run(s.name+" "+s.act, func(t *testing.T) {
			t.Parallel()
			c := s.course(t)
			n := newFastNode(t)
			p := s.ready(n)
			start := n.snapshot()
			d := scan(n)
			calls := 0
			look := func() {
				for _, l := range lucks() {
					c.start = start
					s.afterCut(t, c, d, l, calls)
				}
			}
			site := n.site()
			site.before = func(next call) error {
				look()
				d.see(next)
				calls++
				return nil
			}
			n.must(play(s.act, site, p))
			look()
		})
	}
}

// afterCut brings the power back and checks that all is well.
func (s story) afterCut(t *testing.T, c course, d *disk, l luck, calls int) {
	t.Helper()
	n := newFastNode(t)
	defer os.RemoveAll(n.root)
	d.cut(l, n)
	c.whole(n)
	entries := n.states()
	if calls == c.calls && s.act != failing && !s.acknowledged(entries) {
		t.Errorf("it was acknowledged and is lost: %q", entries)
	}
	n.repair()
	c.settled(n, s.acknowledged(entries))
	if t.Failed() {
		t.Fatalf("power cut before call %d of %d, %s on disk: %q", calls+1, c.calls, l.name, entries)
	}
}
