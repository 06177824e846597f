package pullsecret

import (
	"slices"

	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/kubeyaml"
	"github.com/towpath-dev/towpath/internal/source"
)

// user is who names pull secrets: a pod, what makes pods, a service account.
type user struct {
	who, namespace string
	secrets        []string
	images         []string
	at             source.Pos
}

// specs is where a kind of object has the specification of its pods.
var specs = map[string][]any{
	"Pod":         {"spec"},
	"PodTemplate": {"template", "spec"},
	"Deployment":  {"spec", "template", "spec"}, "ReplicaSet": {"spec", "template", "spec"}, "StatefulSet": {"spec", "template", "spec"},
	"DaemonSet": {"spec", "template", "spec"}, "Job": {"spec", "template", "spec"}, "ReplicationController": {"spec", "template", "spec"},
	"CronJob":        {"spec", "jobTemplate", "spec", "template", "spec"},
	"ServiceAccount": {},
}

// user notes an object that names pull secrets.
func (c *Config) user(d *kubeyaml.Doc, o kubeyaml.Object, kind string, at []any) {
	steps, known := specs[kind]
	if !known {
		return
	}
	spec := o
	for _, s := range steps {
		spec, _ = spec[s.(string)].(kubeyaml.Object)
	}
	name, namespace := identity(o)
	where := slices.Concat(at, steps, []any{"imagePullSecrets"})
	u := user{who: kind + " " + evidence.OneLine(name), namespace: namespace, at: d.At(where...)}
	u.secrets = each(spec, "imagePullSecrets", "name")
	for _, list := range []string{"initContainers", "containers", "ephemeralContainers"} {
		u.images = append(u.images, each(spec, list, "image")...)
	}
	if len(u.secrets) > 0 {
		c.users = append(c.users, u)
	}
}

// each is one field of all objects in a list.
func each(o kubeyaml.Object, list, field string) []string {
	var out []string
	items, _ := o[list].([]any)
	for _, item := range items {
		one, _ := item.(kubeyaml.Object)
		if value, ok := one[field].(string); ok && value != "" {
			out = append(out, value)
		}
	}
	return out
}

// named finds a secret for a namespace, and one of that name in another. Where
// one of the two does not say its namespace, they may be the same.
func (c *Config) named(name, namespace string) (near, far *secret) {
	for _, s := range c.secrets {
		switch {
		case s.plain || s.name != name:
		case s.namespace == namespace || s.namespace == "" || namespace == "":
			near = s
		default:
			far = s
		}
	}
	return near, far
}
