package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Format is how a result is written.
type Format string

// The formats of -o.
const (
	Text Format = "text"
	JSON Format = "json"
	YAML Format = "yaml"
)

// Write writes one document, in JSON or YAML with the same keys in the same order.
func Write(w io.Writer, f Format, document any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if f != YAML {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(document); err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	if f == YAML {
		return writeYAML(w, []byte(inert(b.String())))
	}
	if _, err := io.WriteString(w, inert(b.String())); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// inert escapes what the encoders write as it is and a terminal may act on: DEL,
// the control characters behind ASCII, marks that turn the direction of writing.
// They stand in quoted strings alone.
func inert(document string) string {
	if strings.IndexFunc(document, acts) < 0 {
		return document
	}
	var b strings.Builder
	for _, r := range document {
		if acts(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func acts(r rune) bool { return r != '\n' && r != '\t' && shown(r) != r }
