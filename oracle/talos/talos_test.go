package talos

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/siderolabs/talos/pkg/machinery/config"
	coreconfig "github.com/siderolabs/talos/pkg/machinery/config/config"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"
	"github.com/siderolabs/talos/pkg/machinery/config/validation"

	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/dialect/talos"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// each is how many generated and how many mutated files are compared.
const each = 1200

func TestMachineConfigurationsAreReadAsTalosReadsThem(t *testing.T) {
	sound := generated()
	texts := slices.Concat(fixed, sound[:each], dialecttest.Mutate(slices.Concat(sound, fixed), swaps, 1, each))
	counts := map[string]int{}
	bad := 0
	for i, text := range texts {
		if diff := compare(text, counts); diff != "" {
			if bad++; bad < 20 {
				t.Errorf("input %d: %s\n%s", i, diff, text)
			}
		}
	}
	t.Logf("%d inputs: %v, %d differ", len(texts), counts, bad)
	if counts["refused"] < 200 || counts["mirrors"] < 1000 || counts["auths"] < 200 || counts["tlses"] < 200 {
		t.Error("too few inputs of some sort")
	}
}

// generated are files that Towpath writes for random tables, in both forms.
func generated() []string {
	shape := dialecttest.Shape{PEM: true, TLS: true, Auth: true, Wildcard: true, Odd: 10}
	var out []string
	for i, table := range dialecttest.Tables(route.Target{}, shape, 9, 4*each) {
		if i%2 == 0 {
			table.Target.Version = route.MustVersion("1.11.5")
		}
		files := talos.Render(table, nil)
		if len(files) == 0 {
			continue
		}
		out = append(out, string(files[0].Data))
	}
	return out
}

const mirrorHead = "apiVersion: v1alpha1\nkind: RegistryMirrorConfig\nname: docker.io\n"

var fixed = []string{
	mirrorHead, mirrorHead + "endpoints: []\n", mirrorHead + "endpoints:\n  - url: m.example\n", mirrorHead + "endpoints:\n  - url: https://m.example/v2/\n    overridePath: true\nskipFallback: true\n",
	mirrorHead + "endpoints:\n  - url: ftp://m.example\n", mirrorHead + "endpoints:\n  - {}\n", mirrorHead + "endpoints:\n  - https://m.example\n", mirrorHead + "endpoint:\n  - url: https://m.example\n",
	mirrorHead + "skipFallback: yes\n", mirrorHead + "skipFallback: \"true\"\n", mirrorHead + "---\n" + mirrorHead, mirrorHead + "endpoints: &a\n  - url: https://m.example\n---\napiVersion: v1alpha1\nkind: RegistryMirrorConfig\nname: ghcr.io\n",
	"apiVersion: v1alpha1\nkind: RegistryMirrorConfig\n", "apiVersion: v1\nkind: RegistryMirrorConfig\nname: a\n", "kind: RegistryMirrorConfig\nname: a\n", "apiVersion: v1alpha1\nname: a\n", "apiVersion: v1alpha1\nkind: RegistryMirrorsConfig\nname: a\n",
	"apiVersion: v1alpha1\nkind: RegistryAuthConfig\nname: a\nusername: u\npassword: 123456\n", "apiVersion: v1alpha1\nkind: RegistryAuthConfig\nname: a\nusername: u\nidentityToken: t\n", "apiVersion: v1alpha1\nkind: RegistryAuthConfig\nname: a\nauth: dTpw\nusername: u\n",
	"apiVersion: v1alpha1\nkind: RegistryTLSConfig\nname: a\nca: /etc/ca.pem\n", "apiVersion: v1alpha1\nkind: RegistryTLSConfig\nname: a\nclientIdentity: {}\n", "apiVersion: v1alpha1\nkind: RegistryTLSConfig\nname: \"*\"\ninsecureSkipVerify: true\n",
	"machine:\n  registries:\n    mirrors:\n      docker.io:\n", "machine:\n  registries:\n    config:\n      a:\n", "machine:\n  registries:\n", "machine:\n", "machine:\n  registry: {}\n", "machine: {registries: {mirrors: {a: {endpoints: [b, http://c]}}}}\n",
	"machine:\n  registries:\n    mirrors:\n      docker.io:\n        endpoints: [https://a]\n---\n" + mirrorHead, "machine:\n  registries:\n    config:\n      a:\n        tls:\n          ca: \"!!\"\n", "machine:\n  registries:\n    config:\n      a:\n        tls:\n          ca: aGk=\n          clientIdentity: {crt: aGk=, key: aGk=}\n",
	"machine:\n  registries:\n    config:\n      a:\n        auth: {username: u, password: p, auth: dTpw, identityToken: t}\n", "machine: {}\n---\nmachine: {}\n", "---\n", "null\n", "[]\n", "text\n", "{}\n", "---\n---\n" + mirrorHead, "version: v1alpha1\ndebug: false\npersist: true\nmachine:\n  type: worker\n",
	"machine:\n  registries: &r\n    mirrors: {a: {endpoints: []}}\ncluster: {}\n", "machine:\n  registries:\n    mirrors:\n      a: &x {endpoints: [https://b]}\n      c: *x\n      d:\n        <<: *x\n", "machine:\n  registries:\n    mirrors:\n      a: {endpoints: [~, 1]}\n",
}

// swaps are what people write instead.
var swaps = [][2]string{
	{"endpoints", "endpoint"}, {"overridePath", "override_path"}, {"skipFallback", "skipfallback"}, {"true", "1"}, {"url: https://", "url: "}, {"url: http", "url: ftp"}, {"- https://", "- "}, {"mirrors", "mirror"},
	{"config:", "configs:"}, {"clientIdentity", "client"}, {"cert:", "crt:"}, {"crt:", "cert:"}, {"BEGIN CERTIFICATE", "BEGIN TRUSTED"}, {"BEGIN PRIVATE", "BEGIN EC PRIVATE"}, {"MIIB", "MIIC"}, {"LS0t", "LS0"},
	{"v1alpha1", "v1beta1"}, {"RegistryMirrorConfig", "RegistryAuthConfig"}, {"RegistryTLSConfig", "RegistryTlsConfig"}, {"apiVersion: v1alpha1\n", ""}, {"username: ", "auth: "}, {"identityToken", "identity_token"},
	{"name: ", "name: x"}, {"kind: ", "Kind: "}, {"ca: |", "ca: >"}, {"ca: |", "ca: /etc/ca.pem #"}, {"password: ", "password: !!int "}, {"insecureSkipVerify: true", "insecureSkipVerify:"}, {"---\n", "...\n"},
}

type mode struct{}

func (mode) String() string        { return "metal" }
func (mode) RequiresInstall() bool { return false }
func (mode) InContainer() bool     { return false }

// load reads a text as Talos does: configurations that talosctl refuses are
// those that cannot be loaded and those of which a registry document is invalid.
func load(text string) (provider config.Provider, err error) {
	provider, err = configloader.NewFromBytes([]byte(text))
	if err != nil {
		return nil, err
	}
	for _, doc := range provider.Documents() {
		if v, ok := doc.(coreconfig.Validator); ok && strings.HasPrefix(doc.Kind(), "Registry") {
			if _, err := v.Validate(mode{}, validation.WithLocal()); err != nil {
				return nil, err
			}
		}
	}
	if old := provider.RawV1Alpha1(); old != nil && old.MachineConfig != nil {
		//lint:ignore SA1019 the old form is what is compared
		for name, m := range old.MachineConfig.MachineRegistries.RegistryMirrors {
			if m == nil {
				return nil, fmt.Errorf("registries.mirrors[%q] is null", name)
			}
		}
		//lint:ignore SA1019 the old form is what is compared
		for name, c := range old.MachineConfig.MachineRegistries.RegistryConfig {
			if c == nil {
				return nil, fmt.Errorf("registries.config[%q] is null", name)
			}
		}
	}
	return provider, nil
}

// compare says in what the two readings of a file differ.
func compare(text string, counts map[string]int) string {
	theirs, err := load(text)
	if errors.Is(err, configloader.ErrNoConfig) {
		return "" // nothing is in it
	}
	if err != nil && strings.Contains(err.Error(), "not registered") && !strings.Contains(err.Error(), "\"Registry") {
		counts["other kinds"]++ // Towpath leaves alone what it does not know, since Talos gets new ones
		return ""
	}
	ours := talos.Parse([]source.File{{Path: "/machine.yaml", Data: []byte(text)}}, route.Target{})
	refused := slices.ContainsFunc(ours.Findings, func(f finding.Finding) bool { return strings.Contains(f.Text, "refuses the configuration") })
	if err != nil || refused {
		counts["refused"]++
		if (err != nil) != refused {
			return fmt.Sprintf("Talos says %v, Towpath refuses it: %v", err, refused)
		}
		return ""
	}
	if slices.ContainsFunc(ours.Table.Routes, func(r route.Route) bool { return r.Fails != "" }) {
		counts["failing"]++ // certificates under machine.registries, at which containerd stops
		return ""
	}
	return agree(theirs, ours.Table, counts)
}
