package apply

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// journal is the state directory: the lock, and in journal/ two files for each
// run, NNNN.json and NNNN.log.
type journal struct {
	tree *tree
	dir  string
}

func (j *journal) entries() string { return path.Join(j.dir, "journal") }

// shown is the name of a journal file for people.
func (j *journal) shown(name string) string { return j.tree.name + path.Join(j.entries(), name) }

// make creates the directories, closed to everybody else.
func (j *journal) make() error {
	if err := j.mkdirs(j.dir); err != nil {
		return err
	}
	if err := j.mkdirs(j.entries()); err != nil {
		return err
	}
	d, err := j.tree.open(j.entries())
	if err != nil {
		return err
	}
	defer d.close()
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return &fs.PathError{Op: "stat", Path: j.shown(""), Err: err}
	}
	if int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d: a journal holds secrets, so its directory has to be one's own", j.shown(""), st.Uid)
	}
	if st.Mode&0o077 != 0 {
		return d.chmod(d.fd, ".", 0o700)
	}
	return nil
}

func (j *journal) mkdirs(name string) error {
	if name == "/" {
		return nil
	}
	d, err := j.tree.open(path.Dir(name))
	if errors.Is(err, unix.ENOENT) {
		if err := j.mkdirs(path.Dir(name)); err != nil {
			return err
		}
		d, err = j.tree.open(path.Dir(name))
	}
	if err != nil {
		return err
	}
	defer d.close()
	if st, err := d.stat(path.Base(name)); err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return nil
	}
	mode := uint32(0o755)
	if name == j.dir || name == j.entries() {
		mode = 0o700
	}
	if err := d.mkdir(path.Base(name), mode); err != nil {
		return err
	}
	return d.sync()
}

// record is an entry of the journal as far as it could be read.
type record struct {
	*entry
	progress
	id      string
	problem error // why it could not be read: entry is nil or progress is empty
}

// ids lists the entries, the oldest first.
func (j *journal) ids() ([]string, error) {
	names, err := j.tree.list(j.entries())
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range names {
		id, ok := strings.CutSuffix(name, ".json")
		if ok && number(id) > 0 {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(number(a), number(b)) })
	return out, nil
}

// scan reads the journal, the oldest entry first.
func (j *journal) scan() ([]*record, error) {
	ids, err := j.ids()
	var out []*record
	for _, id := range ids {
		r := j.begin(id)
		r.problem = errors.Join(r.problem, j.readEntry(r))
		out = append(out, r)
	}
	return out, err
}

// unsettled reads the entries of runs that did not come to an end, the newest
// first.
func (j *journal) unsettled() ([]*record, error) {
	ids, err := j.ids()
	var out []*record
	for _, id := range slices.Backward(ids) {
		r := j.begin(id)
		if s := r.state(); s == Done || s == RolledBack {
			continue
		}
		r.problem = errors.Join(r.problem, j.readEntry(r))
		out = append(out, r)
	}
	return out, err
}

// number is an entry's number; 0 if the text is none.
func number(id string) uint64 {
	n, _ := strconv.ParseUint(id, 10, 32)
	return n
}

// begin reads how far an entry got. What is wrong with it stands in the record:
// others may be whole.
func (j *journal) begin(id string) *record {
	r := &record{id: id, progress: progress{tree: j.tree, path: path.Join(j.entries(), id+".log")}}
	data, err := j.load(id + ".log")
	if err == nil {
		r.marks, err = parseProgress(data)
	}
	r.problem = j.broken(id+".log", err)
	return r
}

func (j *journal) readEntry(r *record) error {
	data, err := j.load(r.id + ".json")
	if err == nil {
		r.entry, err = decodeEntry(data)
	}
	if err == nil && r.ID != r.id {
		r.entry, err = nil, fmt.Errorf("it says that it is entry %s", r.ID)
	}
	for _, m := range r.marks {
		if err == nil && m.step >= max(r.count(m.verb), 1) {
			r.entry, err = nil, errors.New("it does not belong to its .log file")
		}
	}
	return j.broken(r.id+".json", err)
}

func (j *journal) load(name string) ([]byte, error) {
	o, err := j.tree.look(path.Join(j.entries(), name))
	switch {
	case err != nil:
		return nil, err
	case o == nil:
		return nil, errors.New("it is missing")
	case o.Shape != file:
		return nil, fmt.Errorf("it is a %s", o.Shape)
	}
	return o.Data, nil
}

func (j *journal) broken(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %s: %w", ErrJournal, j.shown(name), err)
}

// add writes a new entry: first the progress file, then the entry that makes it
// count. After that everything needed to undo the run is on disk.
func (j *journal) add(e *entry) (*record, error) {
	ids, err := j.ids()
	if err != nil {
		return nil, err
	}
	e.ID = "0001"
	if n := len(ids); n > 0 {
		e.ID = fmt.Sprintf("%04d", number(ids[n-1])+1)
	}
	data, err := e.encode()
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("larger than %d MiB", maxFile>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("write the journal: %w", err)
	}
	d, err := j.tree.open(j.entries())
	if err != nil {
		return nil, err
	}
	defer d.close()
	for _, f := range []struct {
		name string
		data []byte
	}{{e.ID + ".log", blankProgress(len(e.Steps) + len(e.Command))}, {e.ID + ".json", data}} {
		if err := d.put(f.name, private(f.data)); err != nil {
			return nil, fmt.Errorf("write the journal: %w", err)
		}
	}
	return &record{entry: e, id: e.ID, progress: progress{tree: j.tree, path: path.Join(j.entries(), e.ID+".log")}}, nil
}

// private is a file of our own that nobody else can read.
func private(data []byte) *object {
	return &object{Shape: file, Data: data, Mode: 0o600, UID: os.Geteuid(), GID: os.Getegid()}
}
