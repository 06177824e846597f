package report

import (
	"fmt"
	"io"
	"sync"
)

// Progress shows what is going on, in one line of a terminal that the next line
// replaces and that the result removes.
type Progress struct {
	mu   sync.Mutex
	w    io.Writer
	used bool
}

// NewProgress writes to a terminal.
func NewProgress(w io.Writer) *Progress { return &Progress{w: w} }

// Say replaces the line.
func (p *Progress) Say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used = true
	fmt.Fprintf(p.w, "\r\x1b[K%s", cut(printable(text), 76))
}

// Done removes the line.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
