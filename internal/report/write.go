package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"go.yaml.in/yaml/v4"
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
	enc.SetIndent("", "  ")
	if err := enc.Encode(document); err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	if f == YAML {
		// JSON is YAML: reading it back as nodes keeps the order of the keys.
		var node yaml.Node
		if err := yaml.Unmarshal(b.Bytes(), &node); err != nil {
			return fmt.Errorf("encode the result: %w", err)
		}
		block(&node)
		b.Reset()
		out := yaml.NewEncoder(&b)
		out.SetIndent(2)
		if err := out.Encode(&node); err != nil {
			return fmt.Errorf("encode the result: %w", err)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// block turns the flow style and the quotes of JSON into the usual style of
// YAML; the encoder quotes again what would be read as something else.
func block(n *yaml.Node) {
	n.Style &^= yaml.FlowStyle | yaml.DoubleQuotedStyle
	for _, c := range n.Content {
		block(c)
	}
}
