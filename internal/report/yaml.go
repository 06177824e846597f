package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
)

// writeYAML writes a JSON object as YAML. JSON is YAML: reading it back as nodes
// keeps the order of the keys. The items of its lists go one by one, so that ten
// thousand findings do not become one tree.
func writeYAML(w io.Writer, document []byte) error {
	out := bufio.NewWriter(w)
	in := json.NewDecoder(bytes.NewReader(document))
	if first, err := in.Token(); err != nil || first != json.Delim('{') {
		if err := yamlOf(out, document, ""); err != nil {
			return err
		}
		return flush(out)
	}
	for in.More() {
		key, err := in.Token()
		if err != nil {
			return fmt.Errorf("encode the result: %w", err)
		}
		name, err := json.Marshal(key)
		if err == nil {
			err = member(out, in, string(name))
		}
		if err != nil {
			return fmt.Errorf("encode the result: %w", err)
		}
	}
	return flush(out)
}

func flush(out *bufio.Writer) error {
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// member writes one key of the object with its value.
func member(out *bufio.Writer, in *json.Decoder, name string) error {
	var value json.RawMessage
	if err := in.Decode(&value); err != nil {
		return err
	}
	if value[0] != '[' || string(value) == "[]" {
		return yamlOf(out, []byte("{"+name+": "+string(value)+"}"), "")
	}
	var head bytes.Buffer
	if err := yamlOf(&head, []byte("{"+name+": []}"), ""); err != nil {
		return err
	}
	fmt.Fprintln(out, strings.TrimSuffix(head.String(), " []\n"))
	items := json.NewDecoder(bytes.NewReader(value))
	if _, err := items.Token(); err != nil {
		return err
	}
	for items.More() {
		var item json.RawMessage
		if err := items.Decode(&item); err != nil {
			return err
		}
		if err := yamlOf(out, []byte("["+string(item)+"]"), "  "); err != nil {
			return err
		}
	}
	return nil
}

// yamlOf writes JSON in the usual style of YAML, each line behind an indent.
func yamlOf(w io.Writer, text []byte, indent string) error {
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return err
	}
	block(&node)
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&node); err != nil {
		return err
	}
	for line := range strings.Lines(inert(b.String())) {
		if line != "\n" {
			line = indent + line
		}
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
	}
	return nil
}

// block turns the flow style and the quotes of JSON into the usual style of
// YAML; the encoder quotes again what would be read as something else.
func block(n *yaml.Node) {
	n.Style &^= yaml.FlowStyle
	if strings.IndexFunc(n.Value, acts) < 0 {
		n.Style &^= yaml.DoubleQuotedStyle // escapes need quotes
	}
	for _, c := range n.Content {
		block(c)
	}
}
