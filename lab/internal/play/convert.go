package play

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/lab/internal/containerd"
)

// converted is where the result of a conversion lies before it is put in place.
const converted = "/lab/converted"

// convert asks what the source leads to, says it in the dialect of this node's
// runtime, and puts that where the runtime reads it. Files that a fresh node has
// there are replaced.
func (s *stage) convert(ctx context.Context) error {
	c := s.variant.Spec.Convert
	if c.From == "" || !s.job.Doctor {
		return nil
	}
	args := []string{"convert", "--from", c.From, "--out", converted}
	if c.Runtime != "" {
		run, err := s.towpath(ctx, slices.Concat([]string{"explain", "-o", "json", "--runtime", c.Runtime}, c.Explain, []string{s.image})...)
		if s.result.Source = &run; err != nil {
			return err
		}
		args = append(args, "--from-runtime", c.Runtime)
	}
	dialect, runtime := spoken(s.runtime.gen)
	args = append(args, "--to", dialect, "--runtime", runtime)
	if c.Loss[string(s.runtime.gen)] != "" {
		args = append(args, "--allow-loss")
	}
	run, err := s.towpath(ctx, append(args, c.Paths...)...)
	if s.result.Change = &run; err != nil || run.Exit != 0 {
		return err
	}
	return install(converted)
}

// install copies a tree to where its paths say, over what is there.
func install(dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		to := strings.TrimPrefix(name, dir)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	})
}

// spoken is the dialect that a runtime reads, and the runtime as towpath names it.
func spoken(g containerd.Generation) (dialect, runtime string) {
	switch g {
	case containerd.Docker:
		return "docker", "docker@" + g.Version()
	case containerd.Podman:
		return "registries-conf", "podman@" + g.Version()
	}
	return "containerd", "containerd@" + g.Version()
}
