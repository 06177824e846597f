package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/runtime"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/survey"
)

// openRoot opens the tree that --root names.
func (a *app) openRoot() (*node.Root, error) {
	r, err := node.OpenRoot(a.flags.root)
	if err != nil {
		return nil, exitError{exitUsage, fmt.Errorf("--root %s: %w", a.flags.root, err), "--root DIR, a directory that holds etc"}
	}
	return r, nil
}

// request completes a survey by what the flags say.
func (a *app) request(root *node.Root, q survey.Request) (survey.Request, error) {
	q.Root, q.Runtime, q.Env = root, a.flags.runtime, a.Env
	for _, f := range []struct {
		flag, value, what string
		into              *string
	}{
		{"--containerd-config", a.flags.containerdConfig, "file", &q.Config},
		{"--hosts-dir", a.flags.hostsDir, "directory", &q.HostsDir},
		{"--registries", a.flags.registries, "file", &q.Registries},
	} {
		if f.value == "" {
			continue
		}
		name, err := a.path(f.value)
		if err != nil {
			return q, err
		}
		if !root.Exists(name) {
			return q, usage("", "%s %s: there is no such %s", f.flag, f.value, f.what)
		}
		*f.into = name
	}
	if a.atHome() && !q.Still { // CRI sockets are those of the machine itself
		q.Ask = runtime.Ask
	}
	return q, nil
}

// survey looks at the node that the flags name. The function gives back what
// that holds open. That the user has to choose a runtime is a usage error.
func (a *app) survey(ctx context.Context, q survey.Request) (*survey.Survey, func(), error) {
	root, err := a.openRoot()
	if err != nil {
		return nil, nil, err
	}
	q, err = a.request(root, q)
	if err != nil {
		root.Close()
		return nil, nil, err
	}
	s, err := survey.Take(ctx, q)
	if err != nil {
		root.Close()
		return nil, nil, asUsage(err)
	}
	return s, func() { s.Close(); root.Close() }, nil
}

// path makes a path of the command line one of the node. Without --root
// relative paths begin where the user stands.
func (a *app) path(name string) (string, error) {
	if filepath.IsAbs(name) || !a.atHome() {
		return filepath.Join("/", name), nil
	}
	return absolute(name)
}

// absolute is a path of the machine that towpath runs on.
func absolute(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", name, err)
	}
	return abs, nil
}

// atHome reports whether the node is this machine.
func (a *app) atHome() bool { return filepath.Clean(a.flags.root) == "/" }

// asUsage makes a usage error of what only the user can decide.
func asUsage(err error) error {
	if choose, ok := errors.AsType[*node.Usage](err); ok {
		return exitError{exitUsage, choose, ""}
	}
	return err
}

// resolvers are the name servers that --resolver adds.
func (a *app) resolvers() ([]snapshot.NameServer, error) {
	var out []snapshot.NameServer
	for _, text := range a.flags.resolvers {
		ap, err := netip.ParseAddrPort(text)
		if err != nil {
			ip, ipErr := netip.ParseAddr(strings.Trim(text, "[]"))
			if ipErr != nil {
				return nil, usage("--resolver 192.0.2.53 or 192.0.2.53:53", "--resolver %s: not an address, perhaps with a port", text)
			}
			ap = netip.AddrPortFrom(ip, 53)
		}
		out = append(out, snapshot.NameServer{Addr: net.JoinHostPort(ap.Addr().String(), fmt.Sprint(ap.Port()))})
	}
	return out, nil
}
