package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// maxSnapshot is the size of a snapshot above which nobody reads it. Bytes.
const maxSnapshot = 256 << 20

const whatFrom = "a file that towpath doctor --save wrote"

// loadSnapshot reads what --save wrote. Any other file is wrong usage.
func loadSnapshot(name string) (*snapshot.Snapshot, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, exitError{exitUsage, fmt.Errorf("--from: %w", err), whatFrom}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSnapshot+1))
	switch {
	case err != nil:
		return nil, exitError{exitUsage, fmt.Errorf("--from: %w", err), whatFrom}
	case len(data) > maxSnapshot:
		return nil, usage(whatFrom, "--from %s: it is larger than %d MiB", name, maxSnapshot>>20)
	}
	s, err := parseSnapshot(data)
	if err != nil {
		return nil, exitError{exitUsage, fmt.Errorf("--from %s: %w", name, err), whatFrom}
	}
	return s, nil
}

// parseSnapshot decodes a snapshot. The form that the file says it has counts
// more than what else is in it: a newer one is told from a broken one.
func parseSnapshot(data []byte) (*snapshot.Snapshot, error) {
	var head struct {
		Schema any `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, notJSON(err, len(data))
	}
	schema, _ := head.Schema.(string)
	family, _, _ := strings.Cut(snapshot.Schema, "/v")
	switch {
	case schema == snapshot.Schema:
	case strings.HasPrefix(schema, family+"/"):
		return nil, fmt.Errorf("another version of towpath wrote it: its form is %s, this one reads %s", schema, snapshot.Schema)
	default:
		return nil, errors.New("it is JSON, but no snapshot")
	}
	var s snapshot.Snapshot
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("the snapshot is damaged: %w", err)
	}
	if s.Image == "" || s.Ref.Registry == "" && readable(s.Image) || s.Node == nil || s.Pull == nil {
		return nil, errors.New("the snapshot is damaged: it lacks the image, the node or the pull")
	}
	numbered(&s)
	return &s, nil
}

func readable(image string) bool {
	_, err := route.ParseRef(image)
	return err == nil
}

// numbered makes numbers of hops what rules rely on: their places in the list.
func numbered(s *snapshot.Snapshot) {
	for _, p := range []*snapshot.Pull{s.Pull, s.Sandbox} {
		for i := 0; p != nil && i < len(p.Hops); i++ {
			p.Hops[i].Index = i
		}
	}
	for i := range s.Config {
		if f := &s.Config[i]; f.Hop < 0 || f.Hop >= len(s.Pull.Hops) {
			f.Hop, f.Endpoint = 0, ""
		}
	}
}

func notJSON(err error, size int) error {
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	switch {
	case size == 0:
		return errors.New("it is empty")
	case ok && syntax.Offset >= int64(size):
		return errors.New("it ends too early: the file is not whole")
	}
	return fmt.Errorf("it is no snapshot: %w", err)
}

// saveSnapshot writes a snapshot so that only its owner reads it, also where
// there is a file of the name with other permissions.
func saveSnapshot(name string, s *snapshot.Snapshot) error {
	data, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return fmt.Errorf("save the snapshot: %w", err)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("save the snapshot: %w", err)
	}
	if err := fill(f, append(data, '\n')); err != nil {
		return fmt.Errorf("save the snapshot to %s: %w", name, err)
	}
	return nil
}

// fill makes data the content of a file and closes it. Permissions come first:
// nobody else is to read any of it. Pipes and terminals have none.
func fill(f *os.File, data []byte) error {
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() {
		err = errors.Join(f.Chmod(0o600), f.Truncate(0))
	}
	if err == nil {
		_, err = f.Write(data)
	}
	return errors.Join(err, f.Close())
}
