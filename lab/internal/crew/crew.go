// Package crew plays cases on machines side by side and collects what they saw.
// It prepares what all machines share: the binaries and the data of a runtime
// that has run before.
package crew

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/towpath-dev/towpath/lab/internal/containerd"
	"github.com/towpath-dev/towpath/lab/internal/judge"
	"github.com/towpath-dev/towpath/lab/internal/node"
	"github.com/towpath-dev/towpath/lab/internal/play"
	"github.com/towpath-dev/towpath/lab/internal/scenario"
)

// limit is how long one machine may live. A pull takes 15 s at most, doctor 20.
const limit = 3 * time.Minute

// Crew has what machines need.
type Crew struct {
	Towpath  string // the binary under test; empty: doctor is not called
	Fix      bool   // doctor has --fix
	Scenario func(path string) ([]byte, error)

	binaries map[containerd.Generation]string
	used     map[containerd.Generation][]byte
}

// Prepare gets the binaries of some generations and lets each pull its sandbox
// image once.
func (c *Crew) Prepare(ctx context.Context, lab string, generations []containerd.Generation, log io.Writer) error {
	c.binaries, c.used = map[containerd.Generation]string{}, map[containerd.Generation][]byte{}
	for _, g := range generations {
		path, err := g.Binary(ctx, lab, log)
		if err != nil {
			return err
		}
		c.binaries[g] = path
	}
	for _, g := range generations {
		if g.Engine() {
			continue // nothing of it has to be there before
		}
		r := c.run(ctx, play.Job{
			Path: "node/used/used", Data: used, Generation: g, Keep: true, Programs: c.programs(g, scenario.Runtime{}),
			Absent: g.Absent(),
		})
		if r.Err != "" || !r.Pull.OK {
			return fmt.Errorf("containerd %s cannot pull its sandbox image: %s%s\n%s", g.Version(), r.Err, r.Pull.Text, r.Logs["containerd"])
		}
		c.used[g] = r.Used
	}
	return nil
}

// Play plays one case on a machine of its own.
func (c *Crew) Play(ctx context.Context, one judge.Case) play.Result {
	data, err := c.Scenario(one.Scenario.Path)
	if err != nil {
		return play.Result{Err: err.Error()}
	}
	job := play.Job{
		Path: one.Scenario.Path, Data: data, Twin: one.Twin, Generation: one.Generation, Used: c.used[one.Generation],
		Doctor: c.Towpath != "", Fix: c.Fix, Absent: one.Generation.Absent(),
		Programs: c.programs(one.Generation, one.Spec().Runtime),
	}
	if play.Inside(one.Spec().Runtime.Kind) != "" {
		job.Absent = containerd.Debian // K3s brings its own
	}
	return c.run(ctx, job)
}

// All plays cases, so many at a time, and hands each result over as it comes.
func (c *Crew) All(ctx context.Context, cases []judge.Case, width int, done func(judge.Case, play.Result)) {
	next := make(chan judge.Case)
	var workers sync.WaitGroup
	var mu sync.Mutex
	for range width {
		workers.Go(func() {
			for one := range next {
				r := c.Play(ctx, one)
				mu.Lock()
				done(one, r)
				mu.Unlock()
			}
		})
	}
	for _, one := range cases {
		if ctx.Err() == nil {
			next <- one
		}
	}
	close(next)
	workers.Wait()
}

// run starts a machine, gives it a job, and reads its result.
func (c *Crew) run(ctx context.Context, job play.Job) play.Result {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	in, err := json.Marshal(job)
	if err != nil {
		return play.Result{Err: err.Error()}
	}
	out, console, err := machine(ctx, in)
	if err != nil {
		return play.Result{Err: err.Error()}
	}
	var r play.Result
	if err := json.Unmarshal(out, &r); err != nil {
		return play.Result{Err: fmt.Sprintf("the machine ended without a result: %v: %s", err, console)}
	}
	if r.Logs == nil {
		r.Logs = map[string]string{}
	}
	r.Logs["console"] = console
	return r
}

// machine runs this program on a new machine. The result comes through a pipe
// of its own, since anything may print to its console. Once it is there, the
// machine goes.
func machine(ctx context.Context, in []byte) (out []byte, console string, err error) {
	group, err := node.NewCgroup()
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, group.Remove()) }()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, "", err
	}
	defer r.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var noise bytes.Buffer
	cmd := node.Machine(ctx, group, "machine")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &noise, &noise
	cmd.ExtraFiles = []*os.File{w}
	cmd.WaitDelay = 5 * time.Second
	ended := make(chan error, 1)
	go func() {
		err := node.Run(cmd, func() { w.Close() })
		ended <- err
	}()
	out, err = io.ReadAll(r)
	stop()
	if failed := <-ended; len(out) == 0 {
		return nil, "", fmt.Errorf("machine: %w: %s", failed, bytes.TrimSpace(noise.Bytes()))
	}
	return out, noise.String(), err
}

// programs are what is bound into a machine: where it comes from, by where it
// goes. Stand-ins are there only where the scenario has the program.
func (c *Crew) programs(g containerd.Generation, r scenario.Runtime) map[string]string {
	self, err := filepath.EvalSymlinks("/proc/self/exe")
	if err != nil {
		self = os.Args[0]
	}
	out := map[string]string{node.Program: self}
	for _, name := range play.Standins(r) {
		out[name] = self
	}
	path := play.Inside(r.Kind)
	if path == "" {
		path = g.Path()
	}
	if path != c.binaries[g] {
		out[path] = c.binaries[g]
	}
	if c.Towpath != "" {
		out[play.Towpath] = c.Towpath
	}
	return out
}
