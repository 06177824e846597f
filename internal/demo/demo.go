// Package demo plays five pulls that fail, each on a node and a network of its
// own: what a user sees, what doctor proves, the fix, the proof, the way back.
// Its only seams are the dialer and the root of the node: everything else is
// what every command does. It touches nothing of the machine but a temporary
// directory and ports of 127.0.0.1, and asks no container runtime.
package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// Outcome is what became of a scene.
type Outcome struct {
	Scene Scene
	Acts  []Played
	Took  time.Duration
	Err   error // why it did not end green; nil: it did
}

// Played is what became of an act. What the act did not come to is zero.
type Played struct {
	Sees   string // what the runtime says
	Before Look
	Plan   plan.Plan // empty: a person mended it
	Cured  []finding.Finding
	Entry  string // of the journal
	After  Look
	Back   string // entry of the journal that took it back
	Files  int    // compared with those before the fix, byte for byte
}

// Look is a snapshot of the scene's node and what doctor makes of it.
type Look struct {
	Snapshot  *snapshot.Snapshot // nil: nobody looked
	Diagnosis diagnosis.Diagnosis
}

// Play plays scenes one after the other and tells what became of each. An error
// means that the play could not go on; scenes that fail are told as the others
// are. Nothing of it is left afterwards.
func Play(ctx context.Context, scenes []Scene, tell func(Outcome)) (err error) {
	dir, err := workshop()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, s := range scenes {
		start := time.Now()
		acts, err := play(ctx, s, filepath.Join(dir, s.Name))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		tell(Outcome{Scene: s, Acts: acts, Took: time.Since(start), Err: err})
	}
	return nil
}

// workshop makes a directory to work in: where temporary files go on this
// machine, or where they could go if that is no place for them.
func workshop() (string, error) {
	var first error
	for _, base := range []string{os.TempDir(), "/tmp", "/var/tmp", "/dev/shm", "."} {
		dir, err := os.MkdirTemp(base, "towpath-demo-")
		if err == nil {
			return filepath.Abs(dir)
		}
		if first == nil {
			first = err
		}
	}
	return "", fmt.Errorf("make a directory for the demo: %w", first)
}
