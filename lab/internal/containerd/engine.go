package containerd

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// Engines that are no containerd. A scenario plays on them only where it names
// them; each has one release, that of Debian.
const (
	Docker Generation = "docker"
	Podman Generation = "podman"
)

// Engines lists them.
var Engines = []Generation{Docker, Podman}

// Engine reports whether a generation is no containerd.
func (g Generation) Engine() bool { return slices.Contains(Engines, g) }

// engines are what the packages docker.io and podman bring.
var engines = map[Generation]facts{
	Docker: {version: "20.10.24", path: "/usr/sbin/dockerd"},
	Podman: {version: "4.3.1", path: "/usr/bin/podman"},
}

// units are by what else one sees that the packages are installed.
var units = map[Generation][]string{
	Docker: {"/usr/bin/docker", "/lib/systemd/system/docker.service", "/lib/systemd/system/docker.socket"},
	Podman: {},
}

// others are the files of the engines that a node of this generation lacks,
// though the machine that the lab runs on may have them. Docker brings its
// containerd, so that it stays there.
func (g Generation) others() []string {
	var out []string
	for _, e := range Engines {
		if e != g {
			out = append(append(out, engines[e].path), units[e]...)
		}
	}
	if g == Podman {
		out = append(out, Debian...)
	}
	return out
}

// Installed returns the path of an engine; an error says why it cannot be used.
func (g Generation) installed(ctx context.Context) (string, error) {
	f := engines[g]
	out, err := exec.CommandContext(ctx, f.path, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("run %s: %w", f.path, err)
	}
	if !strings.Contains(string(out), f.version) {
		return "", fmt.Errorf("%s is no %s: %s", f.path, f.version, out)
	}
	return f.path, nil
}
