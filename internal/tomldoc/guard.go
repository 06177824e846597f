package tomldoc

import (
	"fmt"
	"math"

	"github.com/towpath-dev/towpath/internal/source"
)

// Bounds of what is read. Both libraries recurse without a limit, and compare
// each table with all before it, v2 also each key with those of its table: a
// hostile file of some megabytes would cost them hours. maxCompared allows 30,000
// tables, and as many keys in one of them.
const (
	MaxBytes    = 8 << 20
	maxDepth    = 500 // of arrays, inline tables and dotted keys
	maxCompared = 500_000_000
)

// maxLongBytes is for parsers whose cost grows with the length of a document
// alone: Parse, and the library that containers-image uses.
const maxLongBytes = 16 << 20

// Guard refuses a document that is too large, too deep or too long in one table
// to be decoded; nil: it is not.
func Guard(file string, data []byte) *Problem { return within(file, data, MaxBytes, maxCompared) }

// GuardLong is Guard for parsers whose cost grows with the length alone.
func GuardLong(file string, data []byte) *Problem {
	return within(file, data, maxLongBytes, math.MaxInt)
}

func within(file string, data []byte, bytes, compared int) *Problem {
	if len(data) > bytes {
		return &Problem{At: source.Pos{File: file}, Text: fmt.Sprintf("%d bytes, more than the %d that are read", len(data), bytes), Unread: true}
	}
	g := guard{most: compared}
	for at := 0; at < len(data); at++ {
		if text := g.step(data, &at); text != "" {
			return &Problem{At: source.PosAt(file, data, at), Text: text, Unread: true}
		}
	}
	return nil
}

// guard counts without parsing: strings and comments are stepped over line by
// line, which errs towards refusing.
type guard struct {
	depth, dots, lineEnd int
	tables, keys         int // keys: of the table
	compared, most       int
}

func (g *guard) step(data []byte, at *int) string {
	if *at >= g.lineEnd {
		g.lineEnd = lineEnd(data, *at)
	}
	switch data[*at] {
	case '\n':
		g.dots = 0
	case '#':
		*at = g.lineEnd - 1
	case '"', '\'':
		*at = min(skipString(data[:g.lineEnd], *at), g.lineEnd) - 1
	case '.':
		g.dots++
	case '=':
		g.compared += g.keys
		g.keys++
	case '[':
		if g.depth == 0 {
			g.compared += g.tables
			g.tables, g.keys = g.tables+1, 0
		}
		g.depth++
	case '{':
		g.depth++
	case ']', '}':
		g.depth = max(0, g.depth-1)
	}
	switch {
	case g.depth > maxDepth || g.dots > maxDepth:
		return fmt.Sprintf("nested more than %d deep, which is not read", maxDepth)
	case g.compared > g.most:
		return fmt.Sprintf("%d tables and %d keys in the last one, more than are read", g.tables, g.keys)
	}
	return ""
}

func lineEnd(data []byte, at int) int {
	for at < len(data) && data[at] != '\n' {
		at++
	}
	return at
}

// Try runs a decoder of one of the two libraries on a document and says what it
// found wrong. A crash of the library is a Problem too: the runtime that reads
// the file with it crashes as well.
func Try(g Grammar, file string, data []byte, decode func() error) (bad *Problem) {
	if bad := Guard(file, data); bad != nil {
		return bad
	}
	defer func() {
		if r := recover(); r != nil {
			bad = &Problem{At: source.Pos{File: file}, Text: fmt.Sprintf("the parser crashes: %v", r), Crash: true}
		}
	}()
	err := decode()
	switch {
	case err == nil:
		return nil
	case g == V1:
		return problemV1(file, err)
	}
	return problemV2(file, err)
}
