// Package all is the list of dialects.
package all

import (
	"slices"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/bottlerocket"
	"github.com/towpath-dev/towpath/internal/dialect/buildkit"
	"github.com/towpath-dev/towpath/internal/dialect/commands"
	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/dialect/credentialprovider"
	"github.com/towpath-dev/towpath/internal/dialect/daemon"
	"github.com/towpath-dev/towpath/internal/dialect/docker"
	"github.com/towpath-dev/towpath/internal/dialect/k0s"
	"github.com/towpath-dev/towpath/internal/dialect/k3s"
	"github.com/towpath-dev/towpath/internal/dialect/kind"
	"github.com/towpath-dev/towpath/internal/dialect/microk8s"
	"github.com/towpath-dev/towpath/internal/dialect/pullsecret"
	"github.com/towpath-dev/towpath/internal/dialect/registriesconf"
	"github.com/towpath-dev/towpath/internal/dialect/runbook"
	"github.com/towpath-dev/towpath/internal/dialect/talos"
	"github.com/towpath-dev/towpath/internal/dialect/towpath"
	"github.com/towpath-dev/towpath/internal/finding"
)

// Dialects are all that can be read.
var Dialects = []dialect.Dialect{
	containerd.Dialect, daemon.Dialect, k3s.K3s, k3s.RKE2,
	k0s.Dialect, microk8s.Dialect, kind.Dialect, talos.Dialect, bottlerocket.Dialect, buildkit.Dialect,
	registriesconf.Dialect, docker.Dialect, towpath.Dialect, pullsecret.Dialect, credentialprovider.Dialect, runbook.Dialect,
}

// Spoken are those that are written only: command lines.
var Spoken = []dialect.Dialect{commands.Nerdctl, commands.Ctr}

// Writable are all that a conversion can write.
func Writable() []dialect.Dialect {
	return slices.DeleteFunc(slices.Concat(Dialects, Spoken), func(d dialect.Dialect) bool { return d.Render == nil })
}

// Target returns a dialect by what is typed after --to. One that is read only is
// known as well: its Render is nil.
func Target(name string) (dialect.Dialect, bool) {
	if i := slices.IndexFunc(Spoken, func(d dialect.Dialect) bool { return d.Name == name }); i >= 0 {
		return Spoken[i], true
	}
	return Named(name)
}

// Targets are what may be typed after --to.
func Targets() []string {
	var out []string
	for _, d := range Writable() {
		out = append(out, d.Name)
	}
	return out
}

// Named returns a dialect by what is typed after --from.
func Named(name string) (dialect.Dialect, bool) {
	i := slices.IndexFunc(Dialects, func(d dialect.Dialect) bool { return d.Name == name })
	if i < 0 {
		return dialect.Dialect{}, false
	}
	return Dialects[i], true
}

// Names are what may be typed after --from.
func Names() []string {
	var out []string
	for _, d := range Dialects {
		out = append(out, d.Name)
	}
	return out
}

// Kinds are all findings that reading any of them may make.
func Kinds() []finding.Kind {
	var out []finding.Kind
	for _, d := range Dialects {
		for _, k := range d.Kinds {
			if !slices.ContainsFunc(out, func(x finding.Kind) bool { return x.Code == k.Code && x.ID == k.ID }) {
				out = append(out, k)
			}
		}
	}
	return out
}
