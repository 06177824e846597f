package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// errNoJSON says no more: errors of the decoder quote what they stumble over.
var errNoJSON = errors.New("it is not the JSON of a docker configuration")

// secretData takes the document out of a Kubernetes secret; nil when the file is
// no secret.
func secretData(data []byte) ([]byte, error) {
	if len(data) > 4<<20 {
		return nil, errors.New("it is larger than 4 MiB")
	}
	var c dockerConfig
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] != '{' {
		var doc map[string]any
		if yaml.Unmarshal(data, &doc) != nil {
			return nil, errors.New("it is neither JSON nor YAML") // the error would quote it
		}
		asJSON, err := json.Marshal(doc)
		if err != nil {
			return nil, errors.New("it cannot be read as JSON")
		}
		data = asJSON
	}
	if json.Unmarshal(data, &c) != nil {
		return nil, errNoJSON
	}
	const key = ".dockerconfigjson"
	if text, ok := c.StringData[key]; ok {
		return []byte(text), nil
	}
	encoded, ok := c.Data[key]
	if !ok {
		if c.Data != nil {
			return nil, errors.New("the secret has no " + key)
		}
		return data, nil
	}
	out, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	if err != nil {
		return nil, fmt.Errorf("the %s of the secret is no base64", key)
	}
	return out, nil
}
