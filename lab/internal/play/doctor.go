package play

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/lab/internal/containerd"
	"github.com/towpath-dev/towpath/lab/internal/node"
)

// patience is how long one call of towpath may take. Its own limit is 20 s.
const patience = 60 * time.Second

// diagnose calls doctor, and has it heal the node and undo that where the
// scenario asks for it.
func (s *stage) diagnose(ctx context.Context, result *Result) error {
	args := append([]string{"doctor", "-o", "json"}, s.variant.Spec.Doctor.Args...)
	run, err := s.towpath(ctx, append(args, s.image)...)
	result.Doctor = &run
	if err != nil || !s.job.Fix || s.variant.Spec.Fix == "" {
		return err
	}
	result.Fix = &Fix{}
	return s.heal(ctx, args[:len(args):len(args)], result.Fix)
}

// heal lets doctor change the node, looks again, and rolls the changes back.
func (s *stage) heal(ctx context.Context, args []string, fix *Fix) error {
	before, err := files()
	if err != nil {
		return err
	}
	agree := []string{"--yes"}
	if s.variant.Spec.Fix == "restart" {
		agree = append(agree, "--allow-restart")
	}
	heal := slices.Concat(args, []string{"--fix"}, agree)
	if fix.Run, err = s.towpath(ctx, append(heal, s.image)...); err != nil {
		return err
	}
	after, err := files()
	if err != nil {
		return err
	}
	fix.Changed = different(before, after)
	if fix.Again, err = s.towpath(ctx, append(args, s.image)...); err != nil {
		return err
	}
	if fix.Pull, err = s.pull(ctx, s.image); err != nil {
		return err
	}
	if fix.Rollback, err = s.towpath(ctx, append([]string{"rollback", "-o", "json"}, agree...)...); err != nil {
		return err
	}
	undone, err := files()
	fix.Left = different(before, undone)
	return err
}

// towpath runs one command as root on the node, from a shell without a terminal.
func (s *stage) towpath(ctx context.Context, args ...string) (Run, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, Towpath, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir = &stdout, &stderr, "/root"
	env := s.variant.Spec.Doctor.Env
	if s.runtime.gen == containerd.Podman {
		env = s.runtime.spec.Env // the same shell calls podman
	}
	cmd.Env = node.Environment(env)
	cmd.WaitDelay = time.Second
	started := time.Now()
	err := cmd.Run()
	run := Run{Args: args, Exit: cmd.ProcessState.ExitCode(), Stderr: stderr.String(), Took: time.Since(started)}
	if json.Valid(stdout.Bytes()) {
		run.Out = stdout.Bytes()
	} else {
		run.Raw = stdout.String()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil // what a status means is for others to judge
	}
	return run, err
}

// trees are where a node keeps its configuration: what a fix may change and
// rollback must restore.
var trees = strings.Fields("/etc /usr/local /root /var/lib/rancher")

// volatile are parts of trees that a runtime changes by itself.
var volatile = strings.Fields("/etc/cni /var/lib/rancher/k3s/agent/containerd /var/lib/rancher/rke2/agent/containerd")

// files returns all configuration of the node, by path: mode and content.
func files() (map[string]string, error) {
	out := map[string]string{}
	for _, tree := range trees {
		if _, err := os.Stat(tree); err != nil {
			continue
		}
		if err := readTree(tree, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}
