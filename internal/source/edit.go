package source

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// Op is what an Edit does to its file.
type Op string

// The zero Op replaces bytes. Create makes a file that is not there yet,
// Remove takes one away, Rename moves a file or a whole directory.
const (
	Replace Op = ""
	Create  Op = "create"
	Remove  Op = "remove"
	Rename  Op = "rename"
)

// Edit is one change that a person could make in an editor. Every byte that it
// does not name stays as it is.
type Edit struct {
	Op    Op          `json:"op,omitempty"`
	File  string      `json:"file"`
	Start int         `json:"start,omitempty"` // Replace: first byte that goes
	End   int         `json:"end,omitempty"`   // Replace: first byte that stays again
	New   string      `json:"new,omitempty"`   // Replace, Create: the text that comes
	Mode  fs.FileMode `json:"mode,omitempty"`  // Create: permission bits, 0644 if zero
	To    string      `json:"to,omitempty"`    // Rename: where it goes
}

// ErrOverlap tells that two edits want the same bytes.
var ErrOverlap = errors.New("two edits overlap")

// Apply carries out the Replace edits of one file on its bytes. The edits refer
// to the bytes as they were and may come in any order; two insertions at one
// place keep the order in which they are given.
func Apply(data []byte, edits []Edit) ([]byte, error) {
	sorted := slices.Clone(edits)
	slices.SortStableFunc(sorted, func(a, b Edit) int { return a.Start - b.Start })
	out := make([]byte, 0, len(data))
	at := 0
	for _, e := range sorted {
		if e.Op != Replace {
			return nil, fmt.Errorf("edit %s: %q does not replace bytes", e.File, e.Op)
		}
		if e.Start < 0 || e.End < e.Start || e.End > len(data) {
			return nil, fmt.Errorf("edit %s: bytes %d to %d of %d", e.File, e.Start, e.End, len(data))
		}
		if e.Start < at {
			return nil, fmt.Errorf("edit %s at byte %d: %w", e.File, e.Start, ErrOverlap)
		}
		out = append(out, data[at:e.Start]...)
		out = append(out, e.New...)
		at = e.End
	}
	return append(out, data[at:]...), nil
}
