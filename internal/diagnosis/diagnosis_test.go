package diagnosis_test

import (
	"testing"

	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/rule"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

const registry = "reg.example.com"

// unverified is a pull whose only host, written down in a file, has a certificate
// of an unknown authority.
func unverified(t *testing.T, file string, config ...finding.Finding) *snapshot.Snapshot {
	t.Helper()
	ref, err := route.ParseRef(registry + "/team/app:1")
	if err != nil {
		t.Fatal(err)
	}
	why := &snapshot.Failure{Stage: snapshot.TLS, Cause: snapshot.BadChain, Text: "x509: certificate signed by unknown authority"}
	h := snapshot.Hop{Endpoint: "https://" + registry + "/v2", Host: registry, From: source.Pos{File: file, Line: 1}, Resolves: true, Failure: why}
	return &snapshot.Snapshot{Ref: ref, Config: config, Pull: &snapshot.Pull{Hops: []snapshot.Hop{h}}}
}

var untrusted = rule.Rule{
	Kind: finding.Kind{Code: "tls/private-ca-untrusted", Severity: finding.Error, Text: "untrusted"},
	Check: func(s *snapshot.Snapshot) []finding.Finding {
		f := finding.Kind{Code: "tls/private-ca-untrusted", Severity: finding.Error}.New(registry, nil)
		f.Endpoint, f.Stage = s.Pull.Hops[0].Endpoint, string(snapshot.TLS)
		return []finding.Finding{f.Saw("unknown authority", registry, "true")}
	},
}

func TestAnEntryLostInRegistriesYAMLCausesWhatItsHostLacks(t *testing.T) {
	const generated = "/var/lib/rancher/k3s/agent/etc/containerd/certs.d/" + registry + "/hosts.toml"
	lost := finding.Kind{Code: "config/registries-yaml-invalid", Severity: finding.Error, Ignores: true}.
		New("registries.yaml", nil).In(source.Pos{File: "/etc/rancher/k3s/registries.yaml", Line: 6})
	for name, c := range map[string]struct {
		registry, file string
		role           finding.Role
	}{
		"of this registry":                  {registry, generated, finding.Secondary},
		"of several registries":             {"", generated, finding.Primary},
		"but the host is in a file by hand": {registry, "/etc/containerd/certs.d/" + registry + "/hosts.toml", finding.Primary},
	} {
		t.Run(name, func(t *testing.T) {
			lost.Registry = c.registry
			d := diagnosis.Judge(unverified(t, c.file, lost), []rule.Rule{untrusted}, nil)
			if len(d.Findings) != 2 || d.Findings[0].Code != lost.Code || d.Findings[1].Role != c.role {
				t.Errorf("%+v", d.Findings)
			}
		})
	}
}
