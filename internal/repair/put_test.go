package repair

import (
	"errors"
	"testing"

	"github.com/towpath-dev/towpath/internal/effective"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

func containerdWith(hostsDir string, files ...source.File) Node {
	in := effective.Input{
		Runtime: snapshot.Runtime{Target: route.Target{Runtime: "containerd", Version: route.MustVersion("2.0.0")}, Config: "/etc/containerd/config.toml"},
		Files:   files, HostsDir: hostsDir,
	}
	return Node{Input: in, Files: files}
}

func TestPutKeepsTheModeAndTheLinkOfAFile(t *testing.T) {
	have := source.File{Path: "/c/ghcr.io/hosts.toml", Link: "../shared.toml", Mode: 0o640, UID: 7, Data: []byte("old\n")}
	stays := source.File{Path: "/c/quay.io/hosts.toml", Mode: 0o644, Data: []byte("server = \"https://quay.io\"\n")}
	want := source.File{Path: "ghcr.io/hosts.toml", Mode: 0o600, UID: 1000, Data: []byte("new\n")}
	p, err := Put(containerdWith("/c", have, stays), []source.File{want}, nil)
	if err != nil || len(p.Changes) != 1 || !p.Live() {
		t.Fatalf("%v, %+v", err, p)
	}
	c := p.Changes[0]
	if !c.Through() || c.After.Mode != 0o640 || c.After.UID != 7 || string(c.After.Data) != "new\n" {
		t.Errorf("%+v", c.After)
	}
}

func TestPutMakesContainerdReadHostsTomlFilesFirst(t *testing.T) {
	main := source.File{Path: "/etc/containerd/config.toml", Mode: 0o644, Data: []byte("version = 3\n")}
	want := source.File{Path: "ghcr.io/hosts.toml", Mode: 0o644, Data: []byte("server = \"https://ghcr.io\"\n")}
	p, err := Put(containerdWith("", main), []source.File{want}, nil)
	if err != nil || len(p.Changes) != 2 || p.Live() {
		t.Fatalf("%v, %+v", err, p)
	}
	if p.Changes[0].Path() != main.Path || p.Changes[1].Path() != "/etc/containerd/certs.d/ghcr.io/hosts.toml" {
		t.Errorf("%s, then %s", p.Changes[0].Path(), p.Changes[1].Path())
	}
}

func TestPutRefusesHostsTomlFilesThatNobodyWouldRead(t *testing.T) {
	main := source.File{Path: "/etc/containerd/config.toml", Mode: 0o644, Data: []byte("version = \n")}
	want := source.File{Path: "ghcr.io/hosts.toml", Data: []byte("server = \"https://ghcr.io\"\n")}
	if p, err := Put(containerdWith("", main), []source.File{want}, nil); !errors.Is(err, ErrNoHosts) {
		t.Errorf("%v, %+v", err, p)
	}
}
