package plan

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"unicode"

	"github.com/towpath-dev/towpath/internal/source"
)

const (
	nowhere    = "/dev/null"
	shownBytes = 1 << 20 // of one file; more is no longer read by people
)

// Unified is the plan as people read it: a unified diff with the headers that
// git uses, where a directory has the mode 040000. Credentials are masked,
// control characters are escaped, and a line of which only the masked part
// changes still appears. It is for reading: patch cannot use it.
func (p Plan) Unified() string {
	var b strings.Builder
	for _, c := range p.Changes {
		c.unified(&b)
	}
	return b.String()
}

func (c Change) unified(b *strings.Builder) {
	from, to := nowhere, nowhere
	if c.Before != nil {
		from = c.Before.Path
	}
	if c.After != nil {
		to = c.After.Path
	}
	fmt.Fprintf(b, "diff %s %s\n", visible(from), visible(to))
	switch {
	case c.Before == nil && c.After == nil:
		return
	case c.Before == nil:
		fmt.Fprintf(b, "new file mode %s\n", gitMode(*c.After))
	case c.After == nil:
		fmt.Fprintf(b, "deleted file mode %s\n", gitMode(*c.Before))
	default:
		c.headers(b)
	}
	if c.Moved {
		return
	}
	fmt.Fprint(b, hunks(from, to, text(c.Before, c.Through()), text(c.After, c.Through())))
}

func (c Change) headers(b *strings.Builder) {
	if c.Before.Path != c.After.Path {
		fmt.Fprintf(b, "rename from %s\nrename to %s\n", visible(c.Before.Path), visible(c.After.Path))
	}
	before, after := *c.Before, *c.After
	if c.Through() {
		before.Link, after.Link = "", ""
	}
	if after.Mode == 0 {
		after.Mode = before.Mode
	}
	if m, n := gitMode(before), gitMode(after); m != n {
		fmt.Fprintf(b, "old mode %s\nnew mode %s\n", m, n)
	}
	if before.UID != after.UID || before.GID != after.GID {
		fmt.Fprintf(b, "old owner %d:%d\nnew owner %d:%d\n", before.UID, before.GID, after.UID, after.GID)
	}
	if after.Xattrs != nil && !maps.EqualFunc(before.Xattrs, after.Xattrs, bytes.Equal) {
		fmt.Fprintln(b, "new extended attributes")
	}
}

func gitMode(f source.File) string {
	mode := f.Mode.Perm()
	switch {
	case f.Link != "":
		return "120000"
	case f.Kind == source.Directory:
		if mode == 0 {
			mode = 0o755
		}
		return fmt.Sprintf("040%03o", mode)
	case mode == 0:
		mode = 0o644
	}
	return fmt.Sprintf("100%03o", mode)
}

// text is what the diff compares: as in git, the content of a link is its target.
func text(f *source.File, through bool) string {
	switch {
	case f == nil:
		return ""
	case f.Link != "" && !through:
		return f.Link
	case f.Kind == source.Directory:
		return ""
	}
	return string(f.Data)
}

func hunks(from, to, before, after string) string {
	if before == after {
		return ""
	}
	if strings.ContainsRune(before+after, 0) || len(before)+len(after) > shownBytes {
		return fmt.Sprintf("Files %s and %s differ\n", visible(from), visible(to))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", visible(from), visible(to))
	sheet := sides{old: mask(before), new: mask(after)}
	for _, h := range grouped(spans(before, after)) {
		sheet.hunk(&b, h)
	}
	return b.String()
}

// visible escapes what could move the cursor or hide text on a terminal.
func visible(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], string(unicode.ReplacementChar)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\t' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x80:
			b.WriteString(strings.Trim(fmt.Sprintf("%q", r), "'"))
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
