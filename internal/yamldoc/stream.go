package yamldoc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	v4 "go.yaml.in/yaml/v4"

	"github.com/towpath-dev/towpath/internal/source"
)

// Stream returns every document of a file, as go.yaml.in/yaml/v4 reads one
// after the other. One that is broken makes all of them unreadable, as for the
// programs that read with a decoder. The documents share their Data.
func Stream(file string, data []byte) ([]*Doc, *Problem) {
	if len(data) > MaxSize {
		return nil, tooLarge(file, len(data))
	}
	first := &Doc{File: file, Data: data}
	first.Data, first.Wide = narrow(data)
	first.index()
	var out []*Doc
	dec := v4.NewDecoder(bytes.NewReader(first.Data))
	for {
		var root v4.Node
		err := next(dec, &root)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, problemOf(file, err)
		}
		d := *first
		d.build(&root)
		out = append(out, &d)
	}
}

// next turns a crash of the parser into an error.
func next(dec *v4.Decoder, into *v4.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the parser crashes: %v", r)
		}
	}()
	return dec.Decode(into)
}

// Decode fills a value with the document, as go.yaml.in/yaml/v4 does: a key
// that stands twice is refused, one that is not known is not. The Problem's
// Text is that library's own; it may quote values of the file.
func (d *Doc) Decode(into any) (bad *Problem) {
	if d.raw == nil {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			bad = &Problem{At: source.Pos{File: d.File}, Text: fmt.Sprintf("the parser crashes: %v", r)}
		}
	}()
	if err := d.raw.Decode(into); err != nil {
		return problemOf(d.File, err)
	}
	return nil
}

// problemOf finds the line in an error of go.yaml.in/yaml/v4.
func problemOf(file string, err error) *Problem {
	p := &Problem{At: source.Pos{File: file}, Text: strings.TrimPrefix(err.Error(), "yaml: ")}
	if _, typed := errors.AsType[*v4.LoadErrors](err); typed {
		p.Sort = WrongType
	}
	if m := anyLine.FindStringSubmatch(p.Text); m != nil {
		p.At.Line, _ = strconv.Atoi(m[1])
	}
	return p
}

var anyLine = regexp.MustCompile(`\bline (\d+): `)
