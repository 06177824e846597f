package effective_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/effective"
	"github.com/towpath-dev/towpath/internal/finding"
)

// numbered is the first finding of a number: that of the whole, not of a dialect.
func numbered(r effective.Reading, id string) *finding.Finding {
	i := slices.IndexFunc(r.Findings, func(f finding.Finding) bool { return f.ID == id })
	if i < 0 {
		return nil
	}
	return &r.Findings[i]
}

// Ports make registries different: what stands for the same host with another
// port is told, as a warning, unless there is something for the registry itself.
func TestSettingsForTheSameHostWithAnotherPort(t *testing.T) {
	for name, c := range map[string]struct {
		id string
		in func(registry string) effective.Input
	}{
		"a directory": {"CFG-06", func(registry string) effective.Input {
			return input("containerd", "1.7.35", config, withPath, certs+"/"+registry+"/hosts.toml", mirrored)
		}},
		"a table": {"config/wrong-registry-name", func(registry string) effective.Input {
			return input("containerd", "1.6.20", config, strings.ReplaceAll(old, "r.lab", registry))
		}},
		"a key of registries.yaml": {"CFG-11", func(registry string) effective.Input {
			return input("k3s", "1.30.4", yaml, strings.ReplaceAll(written, "  r.lab:", "  \""+registry+"\":"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, other := range []string{"r.lab", "r.lab:443", "R.lab:80"} {
				if other == "R.lab:80" && name == "a directory" {
					continue // the dialect tells of capitals by itself
				}
				in := c.in(other)
				in.Registry = "r.lab:5000"
				f := numbered(effective.Read(in), c.id)
				if f == nil || f.Severity != finding.Warning || !f.Ignores || f.Registry != in.Registry || f.Confidence != finding.Likely || len(f.Evidence) == 0 || f.Fix == nil || len(f.Fix.Edits) > 0 {
					t.Errorf("%s: %+v", other, f)
				}
			}
			for _, registry := range []string{"r.lab", "q.lab:5000", "sub.r.lab:5000", ""} {
				in := c.in("r.lab")
				in.Registry = registry
				if f := numbered(effective.Read(in), c.id); f != nil {
					t.Errorf("for %q: %s", registry, f.Text)
				}
			}
		})
	}
}

func TestSettingsForTheRegistryItselfSilenceTheNeighbours(t *testing.T) {
	in := input("containerd", "1.7.35", config, withPath, certs+"/r.lab/hosts.toml", mirrored, certs+"/r.lab_5000_/hosts.toml", mirrored)
	in.Registry = "r.lab:5000"
	if f := numbered(effective.Read(in), "CFG-06"); f != nil {
		t.Error(f.Text)
	}
}

// The line of a neighbour may go on to a password: the name alone is shown.
func TestANeighbourIsShownByItsNameAlone(t *testing.T) {
	in := input("k3s", "1.30.4", yaml, "configs: {\"r.lab\": {auth: {username: u, password: hunter2}}}\n")
	in.Registry = "r.lab:5000"
	f := numbered(effective.Read(in), "CFG-11")
	if f == nil || f.Evidence[0].Saw != "r.lab" {
		t.Errorf("%+v", f)
	}
}
