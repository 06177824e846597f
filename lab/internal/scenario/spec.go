package scenario

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/towpath-dev/towpath/internal/world"
	"github.com/towpath-dev/towpath/lab/internal/containerd"
	"go.yaml.in/yaml/v4"
)

// Spec is scenario.yaml: everything about a node and its world that is not a file.
type Spec struct {
	Image   string                  `yaml:"image"`   // what is pulled
	On      []containerd.Generation `yaml:"on"`      // generations and engines that it plays on; none: all containerds
	Spared  map[string]string       `yaml:"spared"`  // generation: why it does not have this fault, so must be healthy
	World   World                   `yaml:",inline"` //
	Runtime Runtime                 `yaml:"runtime"` //
	Sysctl  map[string]string       `yaml:"sysctl"`  // of the node's network, net/ipv4/…, set once the runtime is up
	Modes   map[string]string       `yaml:"modes"`   // of files of the node, in octal; else 0644
	Links   map[string]string       `yaml:"links"`   // symbolic links of the node: where they lead
	Earlier string                  `yaml:"earlier"` // an image that was asked for before the files of later/ were written, with whatever result
	Pull    Pull                    `yaml:"pull"`    //
	Doctor  Doctor                  `yaml:"doctor"`  //
	Convert Convert                 `yaml:"convert"` // a configuration that becomes that of the runtime before it starts
	Expect  Expect                  `yaml:"expect"`  // of a twin it is always Healthy
	Fix     string                  `yaml:"fix"`     // "": not tried; "live" or "restart": doctor --fix must heal it, rollback must undo it
	Without []string                `yaml:"without"` // in twin.yaml: files of the scenario that the twin lacks
}

// World is what there is besides the node. Addresses on loopback and that of
// the node itself are on the node, all others outside, behind its router.
type World struct {
	Names        map[string]Name        `yaml:"names"`        // what the node's name server, 10.20.0.53, knows; none: there is no such server
	Servers      map[string]world.Role  `yaml:"servers"`      // of the company, in the words of internal/world
	Internet     map[string]world.Role  `yaml:"internet"`     // the same, with another authority, which every node trusts
	Distribution []Distribution         `yaml:"distribution"` // Debian's docker-registry
	Certificates map[string]Certificate `yaml:"certificates"` // for files of the node: NAME.crt and NAME.key
	Shift        world.Duration         `yaml:"shift"`        // certificates are dated as if it were so much later
	Issuer       string                 `yaml:"issuer"`       // URL in certificates where the intermediate can be fetched
}

// Name is what the name server says to a name. A plain address stands for a
// reply that holds it.
type Name struct{ world.Reply }

// UnmarshalYAML reads both forms.
func (r *Name) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		r.Addrs = []string{n.Value}
		return nil
	}
	return n.Decode(&r.Reply)
}

// Distribution is a docker-registry that holds images.
type Distribution struct {
	Listen      string        `yaml:"listen"`
	Certificate *Certificate  `yaml:"certificate"` // none: plain HTTP
	Images      []world.Image `yaml:"images"`
}

// Certificate is one to issue.
type Certificate struct {
	Kind  world.Kind `yaml:"kind"`
	Names []string   `yaml:"names"`
}

// Runtime is the container runtime of the node.
type Runtime struct {
	Kind     string            `yaml:"kind"`      // containerd (the default), k3s, rke2
	Env      map[string]string `yaml:"env"`       // of the process
	Systemd  bool              `yaml:"systemd"`   // a real systemd starts it, so its environment comes from its unit
	Args     []string          `yaml:"args"`      // further arguments of containerd
	Pause    string            `yaml:"pause"`     // "absent": the sandbox image was never pulled
	Disk     string            `yaml:"disk"`      // size of the file system under its data, "16m"; empty: plenty
	Inodes   int               `yaml:"inodes"`    // of that file system; 0: plenty
	Leave    string            `yaml:"leave"`     // what is left after it was filled, once the runtime is up: "200k", "5 inodes"
	ReadOnly bool              `yaml:"read-only"` // that file system is remounted read-only once the runtime is up
	Signal   string            `yaml:"signal"`    // sent when it is up: STOP, KILL
	Kubelet  string            `yaml:"kubelet"`   // endpoint of a kubelet on this node; empty: there is no kubelet
	Second   bool              `yaml:"second"`    // another containerd, with /etc/other/config.toml and /run/other/containerd.sock
}

// Pull is how the kubelet would ask.
type Pull struct {
	User     string `yaml:"user"`     // of the pull secret; empty: none
	Password string `yaml:"password"` //
	Sandbox  bool   `yaml:"sandbox"`  // a pod is started instead, for its sandbox image
}

// Convert is how towpath convert is called.
type Convert struct {
	From    string            `yaml:"from"`    // dialect of the source; empty: nothing is converted
	Runtime string            `yaml:"runtime"` // that reads the source: "k3s@1.30"; empty: none that explain knows
	Paths   []string          `yaml:"paths"`   // of the source, on the node
	Explain []string          `yaml:"explain"` // flags by which explain finds the source
	Loss    map[string]string `yaml:"loss"`    // generation: what it cannot say
}

// Doctor is how towpath doctor is called.
type Doctor struct {
	Args []string          `yaml:"args"`
	Env  map[string]string `yaml:"env"` // of its shell
}

// Generations lists those that the scenario plays on.
func (s Spec) Generations() []containerd.Generation {
	if len(s.On) == 0 {
		return containerd.All
	}
	return s.On
}

func readSpec(data []byte) (Spec, error) {
	var s Spec
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&s); err != nil {
		return s, err
	}
	return s, s.check()
}

// readTwin reads the patch over the scenario's own specification.
func readTwin(base, patch []byte) (Spec, error) {
	var under, over map[string]any
	if err := yaml.Unmarshal(base, &under); err != nil {
		return Spec{}, err
	}
	if err := yaml.Unmarshal(patch, &over); err != nil {
		return Spec{}, err
	}
	for _, key := range []string{"expect", "spared", "fix"} {
		if over[key] != nil {
			return Spec{}, fmt.Errorf("%s: a twin is healthy everywhere", key)
		}
		delete(under, key)
	}
	under["expect"] = map[string]any{"pull": Works, "verdict": Healthy.Verdict}
	data, err := yaml.Marshal(merge(under, over))
	if err != nil {
		return Spec{}, err
	}
	return readSpec(data)
}

// merge lays one tree over another as RFC 7396 does: null removes.
func merge(under, over map[string]any) map[string]any {
	for key, value := range over {
		sub, isMap := value.(map[string]any)
		have, wasMap := under[key].(map[string]any)
		switch {
		case value == nil:
			delete(under, key)
		case isMap && wasMap:
			under[key] = merge(have, sub)
		default:
			under[key] = value
		}
	}
	return under
}

func (s Spec) check() error {
	if s.Image == "" {
		return fmt.Errorf("no image")
	}
	if s.Runtime.Systemd && len(s.Runtime.Env) > 0 {
		return fmt.Errorf("runtime.env: with systemd the environment comes from the unit")
	}
	for _, g := range s.On {
		if _, err := containerd.Parse(string(g)); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(s.Generations(), containerd.Generation.Engine) && len(s.Generations()) < 2 {
		return fmt.Errorf("on: want at least two generations of containerd")
	}
	for _, g := range []map[string]Outcome{s.Expect.On} {
		for name := range g {
			if _, err := containerd.Parse(name); err != nil {
				return err
			}
		}
	}
	switch s.Expect.Verdict {
	case "healthy", "degraded", "broken", "unknown":
	default:
		return fmt.Errorf("expect.verdict: %q is none of healthy, degraded, broken, unknown", s.Expect.Verdict)
	}
	switch s.Expect.Pull {
	case Works, Waits:
	case Fails:
		if s.Expect.Text.Regexp == nil && len(s.Expect.Texts) == 0 {
			return fmt.Errorf("expect.text: a pull that fails says something")
		}
	default:
		return fmt.Errorf("expect.pull: %q is none of works, fails, waits", s.Expect.Pull)
	}
	return nil
}
