package k3s

import (
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// shapes finds the values of a wrong type in a document that was refused for
// them, and reports whether it found any.
func (r *reader) shapes() bool {
	if r.yaml == nil || r.yaml.Root == nil {
		return false
	}
	before := len(r.findings)
	root := r.yaml.Root.Follow()
	if root.Kind != yamldoc.Mapping {
		return false
	}
	for _, section := range root.Pairs {
		v := section.Value.Follow()
		if v == nil || v.Kind != yamldoc.Mapping {
			continue
		}
		for _, p := range v.Pairs {
			switch section.Key.Value {
			case "mirrors":
				r.mirrorShape(p)
			case "configs":
				r.configShape(p)
			}
		}
	}
	return len(r.findings) > before
}

func (r *reader) mirrorShape(p yamldoc.Pair) {
	v := p.Value.Follow()
	args := finding.Args{"name": keyOf(p)}
	if v != nil && v.Kind == yamldoc.Sequence {
		f := r.found(wrongList, "list", p.Key.At, args)
		r.edit(f, r.underEndpoint(p)...)
		return
	}
	endpoint := p.Value.Get("endpoint")
	if endpoint == nil {
		return
	}
	list := endpoint.Value.Follow()
	switch {
	case list == nil || list.Kind == yamldoc.Null:
	case list.Kind != yamldoc.Sequence:
		f := r.found(wrongList, "", endpoint.Key.At, args)
		if list.Kind == yamldoc.Scalar && endpoint.Value.Kind == yamldoc.Scalar && !strings.Contains(r.yaml.Text(list), "\n") {
			r.edit(f, r.yaml.Replace(list, "["+yamldoc.Write(list.Value)+"]"))
		}
	default:
		for _, item := range list.Items {
			if i := item.Follow(); i != nil && (i.Kind == yamldoc.Mapping || i.Kind == yamldoc.Sequence) {
				r.found(wrongList, "item", item.At, args)
			}
		}
	}
}

func (r *reader) configShape(p yamldoc.Pair) {
	tls := p.Value.Get("tls")
	if tls == nil {
		return
	}
	skip := tls.Value.Get("insecure_skip_verify")
	if skip == nil {
		return
	}
	v := skip.Value.Follow()
	if v == nil || v.Kind != yamldoc.Scalar || !v.Quoted && isBool(v.Value) {
		return
	}
	f := r.found(quotedBool, "", skip.Key.At, nil)
	if lines, ok := r.yaml.Lines(*skip); ok && len(tls.Value.Follow().Pairs) > 1 {
		r.edit(f, r.yaml.Cut(lines))
	}
}

// isBool reports a text that YAML 1.1 takes for a boolean.
func isBool(text string) bool {
	return slices.Contains([]string{
		"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON",
		"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF",
	}, text)
}

// known are the keys of each level, and the spellings that people use for them.
// An empty key is one that must not be proposed.
var known = map[string]map[string][]string{
	"":        {"mirrors": {"mirror"}, "configs": {"config"}, "auths": nil},
	"mirrors": {"endpoint": {"endpoints", "url", "urls", "mirror", "server"}, "rewrite": {"rewrites"}},
	"configs": {"auth": {"authentication", "credentials"}, "tls": {"ssl"}},
	"auth":    {"username": {"user", "login", "usr"}, "password": {"pass", "passwd", "pwd"}, "auth": nil, "identity_token": {"identitytoken"}},
	"tls": {
		"ca_file": {"ca", "cacert", "cafile", "cabundle"}, "cert_file": {"cert", "certfile", "clientcert"}, "key_file": {"key", "keyfile", "clientkey"},
		"insecure_skip_verify": nil,
	},
}

// skips are the ways in which people ask for no verification. They get the
// advice to trust the registry's CA, never the key that would work.
var skips = []string{"insecure", "skipverify", "insecureskipverify", "insecureskiptlsverify", "skiptlsverify", "tlsverify"}

// level is the name of a mapping's level by its path, and whether its keys are
// fixed names.
func level(path []string) (string, bool) {
	switch {
	case len(path) == 0:
		return "", true
	case len(path) == 2 && (path[0] == "mirrors" || path[0] == "configs"):
		return path[0], true
	case len(path) == 3 && path[0] == "configs" && (path[2] == "auth" || path[2] == "tls"):
		return path[2], true
	}
	return "", false
}

// unknownKeys finds keys that the runtime drops.
func (r *reader) unknownKeys() {
	var walk func(n *yamldoc.Node, path []string)
	walk = func(n *yamldoc.Node, path []string) {
		if n == nil || n.Kind != yamldoc.Mapping || len(path) > 3 {
			return
		}
		name, fixed := level(path)
		for _, p := range n.Pairs {
			key := keyOf(p)
			if _, is := known[name][key]; fixed && !is && p.Key.Tag != "!!merge" {
				r.unknownKey(n, p, path, name)
				continue
			}
			walk(p.Value, append(path[:len(path):len(path)], key))
		}
	}
	walk(r.yaml.Root, nil)
	if p := r.yaml.Root.Get("auths"); p != nil && p.Value.Kind == yamldoc.Mapping {
		r.found(legacyAuths, "", p.Key.At, nil)
	}
}

// unknownKey says what a dropped key should have been, if that can be told.
func (r *reader) unknownKey(parent *yamldoc.Node, p yamldoc.Pair, path []string, name string) {
	key := strings.Join(append(path[:len(path):len(path)], keyOf(p)), ".")
	plain := simplify(keyOf(p))
	args := finding.Args{"key": key}
	if slices.Contains(skips, plain) {
		r.found(unknownKey, "skip", p.Key.At, args)
		return
	}
	if want := spelled(name, plain); want != "" && parent.Get(want) == nil {
		args["want"] = want
		f := r.found(unknownKey, "rename", p.Key.At, args)
		r.edit(f, r.yaml.Replace(p.Key, want))
		return
	}
	if want := r.belongs(name, plain); want != "" {
		args["want"] = want
		f := r.found(unknownKey, "move", p.Key.At, args)
		r.edit(f, r.move(parent, p, path, want)...)
		return
	}
	switch {
	case plain == "token" && name == "auth":
		r.found(unknownKey, "token", p.Key.At, args)
	case name == "" && (strings.HasPrefix(keyOf(p), "x-") || p.Value.Anchor != ""):
	default:
		r.found(strangeKey, "", p.Key.At, args)
	}
}

// simplify makes spellings of one name equal.
func simplify(key string) string {
	return strings.ToLower(noise.Replace(key))
}

var noise = strings.NewReplacer("_", "", "-", "", " ", "", `"`, "", "'", "")

// spelled returns the key of a level that a spelling stands for, or "".
func spelled(name, plain string) string {
	for want, others := range known[name] {
		if want != "insecure_skip_verify" && (simplify(want) == plain || slices.Contains(others, plain)) {
			return want
		}
	}
	return ""
}

// belongs returns the level at which a key would count, or "".
func (r *reader) belongs(name, plain string) string {
	switch name {
	case "configs":
		for _, below := range []string{"auth", "tls"} {
			if spelled(below, plain) != "" {
				return below
			}
		}
	case "auth":
		if plain == "tls" {
			return "configs.HOST"
		}
		if spelled("tls", plain) != "" {
			return "tls"
		}
	case "tls":
		if spelled("auth", plain) != "" {
			return "auth"
		}
	case "mirrors":
		if plain == "auth" || plain == "tls" || plain == "configs" {
			return "configs.HOST"
		}
	}
	return ""
}
