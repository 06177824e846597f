package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// Puller is a runtime that can be told to pull.
type Puller interface {
	Pull(ctx context.Context, ref string, auth route.Auth, progress func(time.Duration)) (id string, err error)
	Image(ctx context.Context, ref string) (*Image, error) // nil: it lacks it
	Images(ctx context.Context) ([]string, error)
	Close() error
}

// ErrNoDoor tells that a runtime has nothing by which it can be asked.
var ErrNoDoor = errors.New("it has no socket to pull through")

// Open returns the way in which a runtime is told to pull: CRI, Docker's own API
// where nothing serves CRI for it, the program itself for Podman, which has no
// daemon. Socket is where the runtime's can be reached from here. The caller
// closes it.
func Open(rt snapshot.Runtime, socket string) (Puller, error) {
	switch {
	case rt.Target.Runtime == "podman":
		return podman{rt.Exe}, nil
	case socket == "":
		return nil, fmt.Errorf("%s: %w", rt.Target.Runtime, ErrNoDoor)
	case byAPI(rt):
		return DialDocker(socket), nil
	}
	return Dial(socket)
}

// byAPI reports whether a runtime is asked by Docker's API.
func byAPI(rt snapshot.Runtime) bool { return rt.Target.Runtime == "docker" && rt.Socket == "" }

// Ask is Look for any runtime.
func Ask(ctx context.Context, rt snapshot.Runtime, socket string) (snapshot.CRI, string) {
	if !byAPI(rt) {
		return Look(ctx, socket)
	}
	ctx, cancel := context.WithTimeout(ctx, lookWait)
	defer cancel()
	return lookDocker(ctx, socket)
}

// podman is the program, which pulls by itself.
type podman struct{ exe string }

// Close has nothing to end.
func (p podman) Close() error { return nil }

// Pull pulls as podman does, with its own credentials unless some are given.
func (p podman) Pull(ctx context.Context, ref string, auth route.Auth, progress func(time.Duration)) (string, error) {
	args := []string{"pull", "--quiet"}
	if !auth.IsZero() {
		file, remove, err := authFile(ref, auth)
		if err != nil {
			return "", err
		}
		defer remove()
		args = append(args, "--authfile", file)
	}
	ctx, cancel := context.WithTimeout(ctx, pullWait)
	defer cancel()
	stop := tick(progress)
	defer stop()
	out, err := p.run(ctx, append(args, ref)...)
	return strings.TrimSpace(out), err
}

// authFile writes credentials for one pull, for root alone to read, as the
// command line is for all to see.
func authFile(ref string, auth route.Auth) (name string, remove func(), err error) {
	parsed, err := route.ParseRef(ref)
	if err != nil {
		return "", nil, err
	}
	f, err := os.CreateTemp("", "towpath-auth-*.json")
	if err != nil {
		return "", nil, fmt.Errorf("write credentials: %w", err)
	}
	remove = func() { os.Remove(f.Name()) }
	_, err = f.WriteString(dockerConfig(parsed.Registry, auth))
	if err = errors.Join(err, f.Close()); err != nil {
		remove()
		return "", nil, fmt.Errorf("write credentials: %w", err)
	}
	return f.Name(), remove, nil
}

// Image returns what podman has under a reference; nil when it lacks it.
func (p podman) Image(ctx context.Context, ref string) (*Image, error) {
	ctx, cancel := context.WithTimeout(ctx, callWait)
	defer cancel()
	if _, err := p.run(ctx, "image", "exists", ref); err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
			return nil, nil
		}
		return nil, err
	}
	out, err := p.run(ctx, "image", "inspect", "--format", "{{.ID}} {{join .RepoDigests \" \"}}", ref)
	words := strings.Fields(out)
	if err != nil || len(words) == 0 {
		return nil, err
	}
	return &Image{ID: words[0], Digests: words[1:]}, nil
}

// Images lists the names of podman's images.
func (p podman) Images(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callWait)
	defer cancel()
	out, err := p.run(ctx, "images", "--format", "{{.Repository}}:{{.Tag}}")
	return strings.Fields(out), err
}

func (p podman) run(ctx context.Context, args ...string) (string, error) {
	exe := p.exe
	if exe == "" {
		exe = "podman"
	}
	var out, said limited
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &said, time.Second
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("podman %s: %w: %s", args[0], err, strings.TrimSpace(said.String()))
	}
	return out.String(), nil
}

// limited keeps the beginning of what a program prints, 64 KiB of it.
type limited struct{ strings.Builder }

// Write takes everything and keeps what there is room for.
func (l *limited) Write(p []byte) (int, error) {
	l.Builder.Write(p[:min(len(p), max(0, 64<<10-l.Len()))])
	return len(p), nil
}
