package apply

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// verb is what a run is about to do, or has done.
type verb string

const (
	doing      verb = "do"          // a step begins
	running    verb = "run"         // a command begins
	restarting verb = "restart"     // services start to read the new files
	checking   verb = "check"       // the node is looked at
	finished   verb = "done"        // verified; nothing is left to do
	undoing    verb = "undo"        // a step is being undone
	unrunning  verb = "take back"   // a command is being taken back
	returning  verb = "restart old" // services start to read the old files again
	undone     verb = "rolled back" // the old files are in place
)

// mark is one line of the progress of an entry.
type mark struct {
	verb verb
	step int // of those that count: a step, or a command
}

// counted are the marks with a number: of steps, then of commands.
var counted = []verb{doing, undoing, running, unrunning}

func (m mark) String() string {
	if slices.Contains(counted, m.verb) {
		return fmt.Sprintf("%s %d", m.verb, m.step)
	}
	return string(m.verb)
}

// A progress file is made of lines of 32 bytes, blank ones first. A mark takes
// the place of the next blank line: that needs no room on the disk, and a line
// within one sector is either there or not.
const (
	lineSize = 32
	textSize = lineSize - 10 // then a space, eight digits of a checksum, the end of the line
)

var blankLine = append(bytes.Repeat([]byte(" "), lineSize-1), '\n')

func (m mark) line() []byte {
	text := fmt.Sprintf("%-*s", textSize, m)
	return fmt.Appendf(nil, "%s %08x\n", text, crc32.ChecksumIEEE([]byte(text)))
}

// blankProgress has room for every mark of a run with so many steps and commands.
func blankProgress(steps int) []byte { return bytes.Repeat(blankLine, 2*steps+8) }

var (
	errTruncated = errors.New("its end is missing")
	errDamaged   = errors.New("it is damaged")
)

// parseProgress reads the marks. A last line whose end is still blank was cut
// by a power failure; nothing came after it, so it counts as not written.
func parseProgress(data []byte) ([]mark, error) {
	if len(data) == 0 || len(data)%lineSize != 0 {
		return nil, errTruncated
	}
	var marks []mark
	for at := 0; at < len(data); at += lineSize {
		line := data[at : at+lineSize]
		if bytes.Equal(line, blankLine) || torn(line) {
			if blank(data[at+lineSize:]) {
				return marks, nil
			}
			return nil, errDamaged
		}
		m, err := parseMark(line)
		if err != nil {
			return nil, err
		}
		marks = append(marks, m)
	}
	return marks, nil
}

func blank(data []byte) bool { return len(bytes.Trim(data, " \n")) == 0 }

// torn tells a line that a write did not finish: its checksum is not complete.
func torn(line []byte) bool {
	return line[lineSize-2] == ' ' && bytes.HasSuffix(line, []byte("\n"))
}

func parseMark(line []byte) (mark, error) {
	text := string(line[:textSize])
	if string(line) != fmt.Sprintf("%s %08x\n", text, crc32.ChecksumIEEE([]byte(text))) {
		return mark{}, errDamaged
	}
	text = strings.TrimRight(text, " ")
	for _, v := range counted {
		if number, ok := strings.CutPrefix(text, string(v)+" "); ok {
			n, err := strconv.Atoi(number)
			if err != nil || n < 0 {
				return mark{}, errDamaged
			}
			return mark{v, n}, nil
		}
	}
	switch v := verb(text); v {
	case restarting, checking, finished, returning, undone:
		return mark{verb: v}, nil
	}
	return mark{}, fmt.Errorf("%q is no mark that this version knows", text)
}

// progress is the file that says how far an entry got.
type progress struct {
	tree  *tree
	path  string
	marks []mark
}

// add writes a mark and waits until it is on disk. Repeating the last mark
// after a crash writes nothing.
func (p *progress) add(m mark) error {
	if n := len(p.marks); n > 0 && p.marks[n-1] == m {
		return nil
	}
	d, err := p.tree.open(path.Dir(p.path))
	if err != nil {
		return err
	}
	defer d.close()
	base := path.Base(p.path)
	fd, err := openAt(d.fd, base, unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC)
	if err != nil {
		return fmt.Errorf("open %s: %w", p.tree.name+p.path, err)
	}
	defer unix.Close(fd)
	if err := d.write(fd, base, m.line(), int64(len(p.marks)*lineSize)); err != nil {
		return err
	}
	if err := d.syncFile(fd, base); err != nil {
		return err
	}
	p.marks = append(p.marks, m)
	return nil
}

// last is the newest mark; without one nothing has been touched.
func (p *progress) last() (mark, bool) {
	if len(p.marks) == 0 {
		return mark{}, false
	}
	return p.marks[len(p.marks)-1], true
}

// restarted tells whether services may have read the new files.
func (p *progress) restarted() bool {
	for _, m := range p.marks {
		if m.verb == restarting {
			return true
		}
	}
	return false
}

// state is where the entry stands. Undone is not for it to know: a later entry says so.
func (p *progress) state() State {
	m, begun := p.last()
	switch {
	case !begun:
		return Planned
	case m.verb == finished:
		return Done
	case m.verb == undone:
		return RolledBack
	case m.verb == undoing || m.verb == unrunning || m.verb == returning:
		return Undoing
	}
	return Applying
}
