package repair_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/dialect/k3s"
	"github.com/towpath-dev/towpath/internal/effective"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/unit"
)

const (
	registry = "r.lab:5000"
	mirror   = "https://m.lab/v2"
	itself   = "https://r.lab:5000/v2"
	hosts    = "/etc/containerd/certs.d/r.lab:5000/hosts.toml"
	yaml     = "/etc/rancher/k3s/registries.yaml"
)

// corp is a CA certificate, as far as reading a configuration looks at it.
var corp = authority()

func authority() []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	ca := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Corp"}, NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, &ca, &ca, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// nodes are the ways in which a node may be set up, each with a comment in every
// file and another registry that no repair of r.lab:5000 may touch.
func nodes() map[string]repair.Node {
	withPath := "# keep 1\nversion = 2\n[" + cri + "]\n  config_path = \"/etc/containerd/certs.d\" # keep 2\n"
	other := []string{"/etc/containerd/certs.d/other.lab/hosts.toml", "server = \"https://other.lab\"\n[host.\"https://o.lab\"] # keep 9\n"}
	mirrored := "# keep 3\nserver = \"https://r.lab:5000\" # keep 4\n\n[host.\"https://m.lab\"]   # keep 5\n  capabilities = ['pull', 'resolve']\n  # keep 6\n" +
		"[host.\"https://n.lab\"]\n"
	out := map[string]repair.Node{
		"no files":    node("containerd", "2.1.0"),
		"config_path": node("containerd", "1.7.35", append(other, config, withPath)...),
		"hosts.toml":  node("containerd", "2.1.0", append(other, config, withPath, hosts, mirrored)...),
		"hosts.toml, CRLF": node("containerd", "1.7.35", append(other, config, withPath, hosts,
			strings.ReplaceAll(mirrored, "\n", "\r\n"))...),
		"a server alone": node("containerd", "1.7.35", append(other, config, withPath, hosts, "# keep 3\nserver = \"https://r.lab:5000\"")...),
		"old mirrors": node("containerd", "1.6.20", config, "# keep 1\nversion = 2\n["+cri+".mirrors.\"r.lab:5000\"]\n"+
			"  endpoint = [\"https://m.lab\", \"https://r.lab:5000\"]\n["+cri+".mirrors.\"other.lab\"]\n  endpoint = [\"https://o.lab\"]\n[debug] # keep 2\n"),
		"registries.yaml": node("k3s", "1.30.4", yaml, "# keep 1\nmirrors: # keep 2\n  r.lab:5000: # keep 5\n    endpoint:\n      - https://m.lab\n  other.lab:\n    endpoint: [\"https://o.lab\"]\n"),
	}
	made := out["registries.yaml"]
	out["registries.yaml with what K3s made of it"] = generated(made)
	for name, n := range out {
		n.Input.Files = append(n.Input.Files, source.File{Path: "/etc/pki/corp.pem", Data: corp, Mode: 0o644})
		n.Files = n.Input.Files
		n.Service, n.Proxy = service(n.Input.Runtime.Target.Runtime), route.NewSecret
		n.Files = append(n.Files, n.Service.Parts...)
		out[name] = n
	}
	return out
}

// generated is a node after K3s has started.
func generated(n repair.Node) repair.Node {
	files := k3s.Rendered(n.Files, n.Input.Runtime.Target, k3s.Options{})
	n.Files = slices.Clone(n.Files)
	n.Files = append(n.Files, source.File{Path: path.Dir(files[0].Path) + "/certs.d", Kind: source.Directory})
	for _, f := range files {
		n.Files = append(n.Files, source.File{Path: path.Dir(f.Path), Kind: source.Directory}, f)
	}
	n.Input.Files, n.Input.Runtime.Config = n.Files, files[0].Path
	return n
}

func service(runtime string) unit.Service {
	name := runtime + ".service"
	s := unit.Service{Name: name, Parts: []source.File{{
		Path: "/etc/systemd/system/" + name, Mode: 0o644,
		Data: []byte("# keep 7\n[Service]\nEnvironment=NO_PROXY=10.0.0.0/8 GODEBUG=http2debug=0\n# keep 8\nExecStart=/usr/bin/x\n"),
	}}}
	if runtime == "k3s" {
		s.Prefix = "CONTAINERD_"
	}
	return s
}

// wishes are intents, by what they are for. Live ones do nothing but to files
// that are read at each pull.
var wishes = map[string]finding.Intent{
	"a CA for the mirror":         {Do: finding.AddCA, Registry: registry, Endpoint: mirror, Value: "/etc/pki/corp.pem"},
	"a CA for the registry":       {Do: finding.AddCA, Registry: registry, Endpoint: itself, Value: "/etc/pki/corp.pem"},
	"plain HTTP at the mirror":    {Do: finding.UseScheme, Registry: registry, Endpoint: mirror, Value: "http"},
	"plain HTTP at the registry":  {Do: finding.UseScheme, Registry: registry, Endpoint: itself, Value: "http"},
	"the mirror gone":             {Do: finding.RemoveMirror, Registry: registry, Endpoint: mirror},
	"a limit for the mirror":      {Do: finding.LimitDial, Registry: registry, Endpoint: mirror, Value: "2s"},
	"another path at the mirror":  {Do: finding.UsePath, Registry: registry, Endpoint: mirror, Value: "https://m.lab/v2/hub"},
	"around the proxy":            {Do: finding.BypassProxy, Registry: registry, Endpoint: mirror, Value: "m.lab"},
	"through a proxy":             {Do: finding.UseProxy, Registry: registry, Endpoint: itself, Value: "http://u:p@proxy.lab:3128"},
	"a small hello":               {Do: finding.ClassicHello, Registry: registry, Endpoint: itself},
	"the old mirrors moved":       {Do: finding.MigrateMirrors},
	"a CA for an unknown host":    {Do: finding.AddCA, Registry: registry, Endpoint: "https://x.lab/v2", Value: "/ca.pem"},
	"an unknown mirror gone":      {Do: finding.RemoveMirror, Registry: registry, Endpoint: "https://x.lab/v2"},
	"a limit that is none":        {Do: finding.LimitDial, Registry: registry, Endpoint: mirror, Value: "soon"},
	"a path that is no URL":       {Do: finding.UsePath, Registry: registry, Endpoint: mirror, Value: "https://m.lab/%zz"},
	"something that nobody knows": {Do: "fly", Registry: registry, Endpoint: mirror},
}

// impossible are the wishes that cannot be granted anywhere.
var impossible = []string{"a CA for an unknown host", "an unknown mirror gone", "a limit that is none", "a path that is no URL", "something that nobody knows"}

func wanting(w finding.Intent) []finding.Finding {
	return []finding.Finding{{Code: "x/wish", Role: finding.Primary, Severity: finding.Error, Fix: &finding.Fix{Text: "t", Intent: &w}}}
}

// carriedOut is the node after a plan, as a new survey would find it.
func carriedOut(t *testing.T, n repair.Node, p plan.Plan) repair.Node {
	t.Helper()
	if err := p.Validate(); err != nil {
		t.Errorf("the plan is none: %v", err)
	}
	n.Files = p.After(n.Files)
	for i := range n.Files { // a survey finds directories as well
		if dir := path.Dir(n.Files[i].Path); source.Find(n.Files, dir) == nil {
			n.Files = append(n.Files, source.File{Path: dir, Kind: source.Directory})
		}
	}
	n.Input.Files = n.Files
	n.Service.Parts = slices.Clone(n.Service.Parts)
	for i, f := range n.Service.Parts {
		n.Service.Parts[i] = *source.Find(n.Files, f.Path)
	}
	for _, f := range n.Files {
		if strings.HasPrefix(f.Path, "/etc/systemd/system/") && strings.HasSuffix(f.Path, ".conf") && source.Find(n.Service.Parts, f.Path) == nil {
			n.Service.Parts = append(n.Service.Parts, f)
		}
		if strings.HasPrefix(f.Path, "/etc/systemd/system/") && strings.HasSuffix(f.Path, ".env") {
			n.Service.Env = append(n.Service.Env, f)
		}
	}
	n.Input.Runtime.Env = map[string]string{} // and the runtime was restarted
	for _, v := range n.Service.Variables() {
		key := strings.TrimPrefix(v.Key, n.Service.Prefix)
		n.Input.Runtime.Env[key] = v.Value
	}
	return n
}

// granted carries out every wish on every node and holds the outcome to a law.
func granted(t *testing.T, law func(t *testing.T, wish finding.Intent, before, after repair.Node, p plan.Plan)) {
	t.Helper()
	all := nodes()
	for _, where := range slices.Sorted(maps.Keys(all)) {
		for _, what := range slices.Sorted(maps.Keys(wishes)) {
			t.Run(where+"/"+what, func(t *testing.T) {
				n := nodes()[where]
				p, cured := repair.Cure(n, wanting(wishes[what]))
				if p.Empty() != (len(cured) == 0) {
					t.Errorf("it cures %d by\n%s", len(cured), p.Unified())
				}
				if !p.Empty() {
					law(t, wishes[what], n, carriedOut(t, n, p), p)
				}
			})
		}
	}
}

func endpoints(n repair.Node, registry string) []route.Endpoint {
	all := effective.Read(n.Input).Table.Endpoints(registry)
	for i := range all {
		all[i].From, all[i].Auth.From = source.Pos{}, source.Pos{}
		all[i].TLS.Set = false
		all[i].Serves &= route.Pull | route.Resolve // nodes do not push
		if len(all[i].Header) == 0 {
			all[i].Header = nil
		}
	}
	return all
}

func names(all []route.Endpoint) []string {
	var out []string
	for _, e := range all {
		out = append(out, fmt.Sprint(e, e.TLS.CA, e.DialTimeout))
	}
	return out
}

// What stands on the line that names a host goes with the name, if that changes.
func TestWhatOthersWroteSurvives(t *testing.T) {
	granted(t, func(t *testing.T, w finding.Intent, before, after repair.Node, _ plan.Plan) {
		renamed := w.Do == finding.RemoveMirror || w.Do == finding.UseScheme || w.Do == finding.UsePath
		for i := range 10 {
			mark := fmt.Sprintf("# keep %d", i)
			if count(before, mark) != count(after, mark) && !(renamed && i == 5) && !(w.Do == finding.RemoveMirror && i == 6) {
				t.Errorf("%q is gone", mark)
			}
		}
	})
}

func count(n repair.Node, text string) int {
	all := 0
	for _, f := range n.Files {
		all += strings.Count(string(f.Data), text)
	}
	return all
}

func TestOtherRegistriesStayAsTheyAre(t *testing.T) {
	granted(t, func(t *testing.T, _ finding.Intent, before, after repair.Node, _ plan.Plan) {
		for _, r := range []string{"other.lab", "docker.io", "r.lab"} {
			if a, b := endpoints(before, r), endpoints(after, r); !reflect.DeepEqual(a, b) {
				t.Errorf("%s was\n%#v and is\n%#v", r, a, b)
			}
		}
	})
}

func TestTheWishIsGranted(t *testing.T) {
	granted(t, func(t *testing.T, w finding.Intent, before, after repair.Node, _ plan.Plan) {
		was, is := endpoints(before, registry), endpoints(after, registry)
		at := slices.IndexFunc(was, func(e route.Endpoint) bool { return e.String() == w.Endpoint })
		env := func(key string) string { v, _ := after.Service.Lookup(key); return v.Value }
		ok := true
		switch w.Do {
		case finding.AddCA:
			ok = len(is) == len(was) && slices.Contains(is[at].TLS.CA, w.Value)
		case finding.UseScheme:
			ok = len(is) == len(was) && is[at].Scheme == w.Value && strings.TrimSuffix(is[at].Host, ":443") == was[at].Host
		case finding.RemoveMirror:
			ok = len(is) == len(was)-1 && !slices.Contains(names(is), names(was)[at])
		case finding.LimitDial:
			ok = len(is) == len(was) && is[at].DialTimeout.String() == w.Value
		case finding.UsePath:
			ok = len(is) == len(was) && is[at].String() == w.Value
		case finding.BypassProxy:
			ok = env("NO_PROXY") == "10.0.0.0/8,"+w.Value
		case finding.UseProxy:
			ok = env("HTTPS_PROXY") == w.Value
		case finding.ClassicHello:
			ok = strings.Contains(env("GODEBUG"), "http2debug=0,tlsmlkem=0")
		case finding.MigrateMirrors:
			ok = slices.Equal(names(is), names(was)) && len(effective.Read(after.Input).Config.Mirrors) == 0
		}
		if !ok {
			t.Errorf("%v became %v; NO_PROXY=%q HTTPS_PROXY=%q GODEBUG=%q", names(was), names(is), env("NO_PROXY"), env("HTTPS_PROXY"), env("GODEBUG"))
		}
	})
}

func TestARepairMakesNoNewErrors(t *testing.T) {
	granted(t, func(t *testing.T, _ finding.Intent, before, after repair.Node, _ plan.Plan) {
		old := errors(before)
		for _, f := range errors(after) {
			if !slices.ContainsFunc(old, func(g finding.Finding) bool { return g.Code == f.Code }) {
				t.Errorf("%s at %s: %s", f.Code, f.At, f.Text)
			}
		}
	})
}

func TestASecondRepairIsEmpty(t *testing.T) {
	granted(t, func(t *testing.T, w finding.Intent, _, after repair.Node, _ plan.Plan) {
		if p, _ := repair.Cure(after, wanting(w)); !p.Empty() {
			t.Errorf("it wants once more\n%s", p.Unified())
		}
	})
}

func TestVerificationIsNeverSwitchedOff(t *testing.T) {
	granted(t, func(t *testing.T, _ finding.Intent, before, after repair.Node, _ plan.Plan) {
		for _, off := range []string{"skip_verify", "insecure_skip_verify"} {
			if count(after, off+" = true")+count(after, off+": true") > count(before, off+" = true")+count(before, off+": true") {
				t.Errorf("it writes %s", off)
			}
		}
		for _, e := range endpoints(after, registry) {
			if e.TLS.SkipVerify {
				t.Errorf("%s is not verified", e)
			}
		}
	})
}

func TestWhatCannotBeGrantedIsRefused(t *testing.T) {
	for where, n := range nodes() {
		for _, what := range impossible {
			if p, cured := repair.Cure(n, wanting(wishes[what])); !p.Empty() || len(cured) != 0 {
				t.Errorf("%s, %s: cured %d by\n%s", where, what, len(cured), p.Unified())
			}
		}
	}
}

// What cannot be read is not rewritten.
func TestABrokenFileIsLeftAlone(t *testing.T) {
	for name, n := range map[string]repair.Node{
		"hosts.toml":      node("containerd", "1.7.35", config, "version = 2\n["+cri+"]\nconfig_path = \"/etc/containerd/certs.d\"\n", hosts, "server = \"https://r.lab:5000\n"),
		"config.toml":     node("containerd", "1.7.35", config, "version = 2\n[plugins\n"),
		"registries.yaml": node("k3s", "1.30.4", yaml, "mirrors:\n\t- [\n"),
	} {
		for what, w := range wishes {
			if p, cured := repair.Cure(n, wanting(w)); !p.Empty() || len(cured) != 0 {
				t.Errorf("%s, %s: %s", name, what, p.Unified())
			}
		}
	}
}

// Two wishes for one file or one variable are both granted.
func TestTwoWishesDoNotSpoilEachOther(t *testing.T) {
	for where := range nodes() {
		n := nodes()[where]
		second := wishes["around the proxy"]
		second.Value = "n.lab"
		p, cured := repair.Cure(n, slices.Concat(wanting(wishes["around the proxy"]), wanting(second), wanting(wishes["a small hello"]), wanting(wishes["through a proxy"])))
		after := carriedOut(t, n, p)
		no, _ := after.Service.Lookup("NO_PROXY")
		hello, _ := after.Service.Lookup("GODEBUG")
		proxy, _ := after.Service.Lookup("HTTPS_PROXY")
		if len(cured) != 4 || no.Value != "10.0.0.0/8,m.lab,n.lab" || !strings.HasSuffix(hello.Value, "tlssecpmlkem=0") || proxy.Value == "" {
			t.Errorf("%s: cured %d: NO_PROXY=%q GODEBUG=%q HTTPS_PROXY=%q\n%s", where, len(cured), no.Value, hello.Value, proxy.Value, p.Unified())
		}
	}
}

// The unit says it already and the process was started before: a restart is all
// that is missing.
func TestAVariableThatIsSetButNotLoadedTakesARestartAlone(t *testing.T) {
	n := nodes()["hosts.toml"]
	w := finding.Intent{Do: finding.BypassProxy, Registry: registry, Endpoint: mirror, Value: "10.0.0.0/8"}
	if p, cured := repair.Cure(n, wanting(w)); len(cured) != 1 || len(p.Changes) != 0 || len(p.Restart) != 1 {
		t.Errorf("cured %d by %+v", len(cured), p)
	}
	n.Input.Runtime.Env = map[string]string{"NO_PROXY": "10.0.0.0/8"}
	if p, cured := repair.Cure(n, wanting(w)); len(cured) != 0 || !p.Empty() {
		t.Errorf("the process has it: cured %d by %+v", len(cured), p)
	}
}
