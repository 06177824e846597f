// Package source holds files, the places in them and edits to them, as values.
// It never touches a disk: reading is the work of package node, writing of package apply.
package source

import (
	"bytes"
	"fmt"
	"io/fs"
	"time"
	"unicode/utf8"
)

var newline = []byte("\n")

// Pos is a place in a file. Line and Column count from 1 and Column counts
// characters; a zero Line means the file as a whole, the zero Pos means nowhere.
type Pos struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// String is "file:line:column", as compilers print it.
func (p Pos) String() string {
	switch {
	case p.File == "":
		return "-"
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// IsZero reports whether the position says nothing.
func (p Pos) IsZero() bool { return p == Pos{} }

// Kind tells what stands at a path.
type Kind uint8

// What a path can be. Dangling is a symbolic link whose target does not exist:
// most runtimes treat it as absent, people do not.
const (
	Regular Kind = iota
	Directory
	Dangling
	Special
)

// File is one path of a node, as it was seen.
type File struct {
	Path    string            `json:"path"`             // as the runtime names it, inside the root
	Kind    Kind              `json:"kind,omitempty"`   //
	Data    []byte            `json:"data,omitempty"`   // nil unless Regular and read
	Mode    fs.FileMode       `json:"mode,omitempty"`   // permission bits
	UID     int               `json:"uid,omitempty"`    //
	GID     int               `json:"gid,omitempty"`    //
	ModTime time.Time         `json:"modTime,omitzero"` //
	Link    string            `json:"link,omitempty"`   // target, when the path itself is a symbolic link
	Xattrs  map[string][]byte `json:"xattrs,omitempty"`
	Unread  bool              `json:"unread,omitempty"`  // it exists, nobody looked inside
	Problem string            `json:"problem,omitempty"` // why it could not be read
}

// Find returns the file at a path, or nil.
func Find(files []File, path string) *File {
	for i := range files {
		if files[i].Path == path {
			return &files[i]
		}
	}
	return nil
}

// Places are the positions of files in a list by their paths, the first of each.
type Places map[string]int

// PlacesOf is for those who look for many files of a list. It holds as long as
// no file of the list goes or moves.
func PlacesOf(files []File) Places {
	out := make(Places, len(files))
	for i := range files {
		if _, known := out[files[i].Path]; !known {
			out[files[i].Path] = i
		}
	}
	return out
}

// Find is Find for the list that the places are of.
func (p Places) Find(files []File, path string) *File {
	if i, ok := p[path]; ok {
		return &files[i]
	}
	return nil
}

// PosAt converts a byte offset in data to a position in the named file.
// Offsets beyond the end give the end.
func PosAt(file string, data []byte, offset int) Pos {
	offset = min(max(offset, 0), len(data))
	head := data[:offset]
	start := bytes.LastIndexByte(head, '\n') + 1
	return Pos{
		File:   file,
		Line:   bytes.Count(head, newline) + 1,
		Column: utf8.RuneCount(head[start:]) + 1,
	}
}

// Offset converts a position to a byte offset in data; past the end of its
// line it gives the end of that line, past the last line the end of data.
func Offset(data []byte, p Pos) int {
	rest, at := data, 0
	for line := 1; line < p.Line; line++ {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			return len(data)
		}
		rest, at = rest[i+1:], at+i+1
	}
	for col := 1; col < p.Column && len(rest) > 0 && rest[0] != '\n'; col++ {
		_, n := utf8.DecodeRune(rest)
		rest, at = rest[n:], at+n
	}
	return at
}

// Line returns the text of a line, counted from 1, without its line end.
func Line(data []byte, n int) string {
	if n < 1 {
		return ""
	}
	for ; n > 1; n-- {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			return ""
		}
		data = data[i+1:]
	}
	line, _, _ := bytes.Cut(data, newline)
	return string(bytes.TrimSuffix(line, []byte("\r")))
}
