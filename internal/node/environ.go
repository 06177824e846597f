package node

import (
	"maps"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/unit"
)

// environ is the part of an environment that decides how a Go program pulls.
type environ struct {
	shown  map[string]string       // passwords masked
	reveal map[string]route.Secret // whole values of variables that hold a password
}

// newEnviron picks the variables that matter. Of several assignments of one
// name the first counts, as in Go.
func newEnviron(pairs []string) environ {
	e := environ{shown: map[string]string{}, reveal: map[string]route.Secret{}}
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		if _, ok := e.shown[key]; ok || !matters(key) {
			continue
		}
		e.shown[key] = value
		if masked := mask(value); unit.IsProxy(key) && masked != value {
			e.shown[key], e.reveal[key] = masked, route.NewSecret(value)
		}
	}
	return e
}

func matters(key string) bool {
	switch key {
	case "SSL_CERT_FILE", "SSL_CERT_DIR", "GODEBUG", "PATH":
		return true
	}
	return unit.IsProxy(key)
}

// serviceEnviron is the environment that a unit gives to the containerd of its
// program.
func serviceEnviron(s unit.Service) environ {
	var own, child []string
	for _, v := range s.Variables() {
		name, forChild := strings.CutPrefix(v.Key, s.Prefix)
		if forChild && s.Prefix != "" {
			child = append([]string{name + "=" + v.Value}, child...)
		} else {
			own = append([]string{v.Key + "=" + v.Value}, own...)
		}
	}
	return newEnviron(append(child, own...))
}

// ProxyVariables returns the proxy variables of an environment as os.Environ
// gives it, passwords masked.
func ProxyVariables(env []string) map[string]string {
	out := map[string]string{}
	for key, value := range newEnviron(env).shown {
		if unit.IsProxy(key) {
			out[key] = value
		}
	}
	return out
}

// Environment is a runtime's environment with the values that it really has, as
// far as they are known: a snapshot that was saved has lost the passwords.
func Environment(rt *snapshot.Runtime) map[string]route.Secret {
	out := map[string]route.Secret{}
	for key, value := range rt.Env {
		out[key] = route.NewSecret(value)
	}
	maps.Copy(out, rt.Reveal)
	return out
}

// mask hides the password in the URL of a proxy, with or without a scheme.
func mask(value string) string {
	rest := value
	if i := strings.Index(value, "://"); i >= 0 {
		rest = value[i+3:]
	}
	head := value[:len(value)-len(rest)]
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return value
	}
	user, _, hasPassword := strings.Cut(rest[:at], ":")
	if !hasPassword {
		return value
	}
	return head + user + ":***" + rest[at:]
}

// proxySettings tells where a unit sets the proxy variables that its puller sees.
func proxySettings(s unit.Service) []snapshot.ProxySetting {
	var out []snapshot.ProxySetting
	for _, v := range s.Variables() {
		if unit.IsProxy(strings.TrimPrefix(v.Key, s.Prefix)) {
			out = append(out, snapshot.ProxySetting{At: v.At, Key: v.Key, Value: mask(v.Value)})
		}
	}
	return out
}

// SetVariable gives a runtime a variable that its own configuration sets,
// whatever its environment says.
func SetVariable(rt *snapshot.Runtime, key, value string) {
	e := newEnviron([]string{key + "=" + value})
	if rt.Env == nil {
		rt.Env = map[string]string{}
	}
	if rt.Reveal == nil {
		rt.Reveal = map[string]route.Secret{}
	}
	maps.Copy(rt.Env, e.shown)
	maps.Copy(rt.Reveal, e.reveal)
}
