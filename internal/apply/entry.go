package apply

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/towpath-dev/towpath/internal/plan"
)

// schema names the form of a saved entry. Another number means that this
// version cannot know what the entry says.
const (
	schemaName = "towpath/journal/"
	schema     = schemaName + "v1"
)

// entry is one run in the journal: everything that is needed to undo it. Once
// written it never changes; how far the run got is in its progress file.
type entry struct {
	ID      string         `json:"id"`
	Time    time.Time      `json:"time"`
	Reason  string         `json:"reason"`
	Undoes  string         `json:"undoes,omitempty"` // the entry that this one takes back
	Root    string         `json:"root,omitempty"`   // whose paths these are, when the journal lies elsewhere
	Token   string         `json:"token"`            // in the names of files beside those that change
	Owner   string         `json:"owner,omitempty"`  // of the plan
	Command []plan.Command `json:"command,omitempty"`
	Restart []plan.Restart `json:"restart,omitempty"`
	Steps   []step         `json:"steps"`
}

// count is how many steps, or commands, marks of a verb number.
func (e *entry) count(v verb) int {
	if v == running || v == unrunning {
		return len(e.Command)
	}
	return len(e.Steps)
}

// paths lists what the entry changes, without the directories that only had to
// be there.
func (e *entry) paths() []string {
	var out []string
	for _, s := range e.Steps {
		if s.Extra {
			continue
		}
		out = append(out, s.Path)
		if s.To != "" {
			out = append(out, s.To)
		}
	}
	return out
}

// reversed is the steps that take the entry back.
func (e *entry) reversed() []step {
	var out []step
	for i := len(e.Steps) - 1; i >= 0; i-- {
		s := e.Steps[i]
		s.Old, s.New = s.New, s.Old
		if s.To != "" {
			s.Path, s.To = s.To, s.Path
		}
		out = append(out, s)
	}
	return out
}

// sealed is an entry on disk. The checksum covers the bytes of Entry: a wrong
// byte in it must not end up in somebody's configuration.
type sealed struct {
	Schema string          `json:"schema"`
	SHA256 string          `json:"sha256"`
	Entry  json.RawMessage `json:"entry"`
}

func (e *entry) encode() ([]byte, error) {
	for _, s := range e.Steps {
		if err := s.sayable(); err != nil {
			return nil, err
		}
	}
	body, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	return json.Marshal(sealed{Schema: schema, SHA256: hex.EncodeToString(sum[:]), Entry: body})
}

// sayable refuses what JSON would quietly alter.
func (s step) sayable() error {
	text := []string{s.Path, s.To}
	for _, o := range []*object{s.Old, s.New} {
		if o == nil {
			continue
		}
		text = append(text, o.Target, o.Twin)
		for name := range o.Xattrs {
			text = append(text, name)
		}
	}
	for _, t := range text {
		if !utf8.ValidString(t) {
			return fmt.Errorf("%q: only names in UTF-8 can be kept in the journal", t)
		}
	}
	return nil
}

func decodeEntry(data []byte) (*entry, error) {
	var s sealed
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("it is damaged or cut off: %w", err)
	}
	switch {
	case s.Schema != schema && strings.HasPrefix(s.Schema, schemaName):
		return nil, fmt.Errorf("it has the form %s, and this version knows %s", s.Schema, schema)
	case s.Schema != schema:
		return nil, errors.New("it is no journal entry")
	}
	if sum := sha256.Sum256(s.Entry); hex.EncodeToString(sum[:]) != s.SHA256 {
		return nil, errors.New("it is damaged: the checksum differs")
	}
	var e entry
	d := json.NewDecoder(bytes.NewReader(s.Entry))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	if err := e.sensible(); err != nil {
		return nil, err
	}
	return &e, nil
}

// sensible refuses what Towpath would not have written. A root may be a tree
// that somebody else packed: no journal in it may lead out of it.
func (e *entry) sensible() error {
	if strings.Trim(e.Token, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return fmt.Errorf("it is damaged: the token %q", e.Token)
	}
	for _, s := range e.Steps {
		for _, p := range []string{s.Path, s.To} {
			if p != "" && (!path.IsAbs(p) || path.Clean(p) != p) {
				return fmt.Errorf("it is damaged: the path %q", p)
			}
		}
		if s.Path == "" || s.Path == "/" || s.Old == nil && s.New == nil || s.To != "" && s.Old == nil {
			return fmt.Errorf("it is damaged: a step without a meaning, %q", s.Path)
		}
		for _, o := range []*object{s.Old, s.New} {
			if o != nil && o.Shape != file && o.Shape != directory && o.Shape != link {
				return fmt.Errorf("it is damaged: %s is a %q", s.Path, o.Shape)
			}
		}
	}
	return nil
}
