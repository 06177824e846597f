// Package written holds what is written for a containerd to what its own code
// makes of it. It is for the tests of the oracles; what it writes lies in a
// temporary directory.
package written

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig/corpus"
	"github.com/towpath-dev/towpath/internal/dialect/daemon"
	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Daemon is a containerd of one version, asked by its own code.
type Daemon struct {
	Target  route.Target
	Highest int // version of configurations that it reads
	Inputs  int

	// Asks are the hosts of each registry, as Hosts spells them, when it is
	// started with a main file; nil: the daemon or its CRI plugin does not start.
	Asks func(main string, registries []string) map[string][]string
}

// Hosts are the distinct hosts of a registry: URL, verification, certificates
// and login.
func Hosts(t route.Table, registry string) []string {
	var out []string
	for _, e := range t.Endpoints(registry) {
		if e.Scheme != "https" || e.PlainFallback {
			e.TLS = route.TLS{}
		}
		line := Host(e.String(), e.TLS.SkipVerify, len(e.TLS.CA) > 0, len(e.TLS.Client) > 0) + " " + login(e.Auth)
		if e.PlainFallback {
			line += Falls
		}
		if !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return out
}

// Falls marks a host that is asked over HTTPS and then over HTTP, whose TLS
// settings are not looked at.
const Falls = " or http"

// Host is one of them without its login, its path as requests have it.
func Host(url string, unverified, ca, client bool) string {
	scheme, rest, _ := strings.Cut(url, "://")
	host, root, _ := strings.Cut(rest, "/")
	return fmt.Sprintf("%s://%s%s unverified=%v ca=%v client=%v", scheme, host, path.Join("/", root), unverified, ca, client)
}

func login(a route.Auth) string {
	if a.User == "" || a.Password.IsZero() {
		return "none"
	}
	return a.User + ":" + a.Password.Reveal()
}

// Check writes random tables over files of the wild and broken ones, and wants
// containerd to ask what we say it does; without a loss that is what the table
// asks.
func (d Daemon) Check(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	shape := dialecttest.Shape{ByHost: true, Wildcard: true, TLS: true, Auth: true, Odd: 12}
	if d.Target.Containerd.Before("2.0.0") {
		shape.Plain = route.PlainCRI
	}
	tables := dialecttest.Tables(d.Target, shape, 77, d.Inputs)
	cases := corpus.Cases(78, d.Inputs, dir, d.Highest)
	kept, same := 0, 0
	for i, table := range tables {
		c := cases[i]
		if i%3 == 0 {
			c.Files = []source.File{{Path: c.Main, Data: []byte("version = 2\n")}}
		}
		files, outside := settle(dir, daemon.Render(table, c.Files))
		if outside {
			continue // a directory that is not ours
		}
		store(t, dir, files)
		read := containerdconfig.Read(files, c.Main, d.Target)
		got := d.Asks(c.Main, dialecttest.Registries)
		if got == nil && read.Dead() || got != nil && read.ListBug() {
			continue
		}
		kept++
		ours := daemon.Table(read, files)
		for _, registry := range dialecttest.Registries {
			want := Hosts(ours, registry)
			if ours.Route(registry).Fails != "" {
				want = []string{"fails"}
			}
			if !slices.Equal(got[registry], want) {
				t.Fatalf("input %d, %s:\ncontainerd asks %q\nwe say        %q\nin%s", i, registry, got[registry], want, dialecttest.Show(files))
			}
		}
		if reached(table, ours) {
			same++
		}
	}
	t.Logf("%d inputs: with %d containerd starts, and %d ask just what was wanted", d.Inputs, kept, same)
	if kept < d.Inputs/3 || same < d.Inputs/8 {
		t.Error("the inputs no longer say enough")
	}
}

// reached reports whether a table without loss came to what it asks.
func reached(want, got route.Table) bool {
	return len(daemon.Dialect.Losses(want)) == 0 && !slices.ContainsFunc(want.Routes, func(r route.Route) bool {
		return r.Match != route.Any && !slices.Equal(Hosts(want, r.Match), Hosts(got, r.Match))
	})
}

// settle moves the fixed paths of the files below a directory.
func settle(dir string, files []source.File) ([]source.File, bool) {
	out := slices.Clone(files)
	for i := range out {
		f := &out[i]
		f.Path = strings.ReplaceAll(f.Path, containerdconfig.StandardDir, dir+"/certs.d")
		f.Data = bytes.ReplaceAll(f.Data, []byte(containerdconfig.StandardDir), []byte(dir+"/certs.d"))
		f.Data = bytes.ReplaceAll(f.Data, []byte("/pki/"), []byte(dir+"/pki/"))
		if !strings.HasPrefix(f.Path, dir+"/") {
			return nil, true
		}
	}
	return out, false
}

func store(t *testing.T, dir string, files []source.File) {
	t.Helper()
	old, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range old {
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
	}
	all := slices.Clone(files)
	for _, f := range dialecttest.Certificates() {
		f.Path = dir + f.Path
		all = append(all, f)
	}
	for _, f := range all {
		if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.Path, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
