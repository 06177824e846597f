package containerd

import (
	"regexp"
	"strings"

	"github.com/distribution/reference"

	"github.com/towpath-dev/towpath/internal/route"
)

// fallback is the directory for registries that have none of their own.
const fallback = "_default"

// Candidates lists the names of the directories that a containerd looks for
// under each root when an image names a registry, in order. The first that
// exists decides, whatever is in it.
// Source: containerd core/remotes/docker/config/config_unix.go.
func Candidates(registry string, t route.Target) []string {
	var out []string
	if colon := strings.LastIndexByte(registry, ':'); colon > 0 {
		out = append(out, registry[:colon]+"_"+registry[colon+1:]+"_")
	}
	out = append(out, registry)
	if hasFallback(t) {
		out = append(out, fallback)
	}
	return out
}

func hasFallback(t route.Target) bool { return t.Containerd.Since("1.6.17", "1.7.0") }

// RegistryOf is the registry for which a directory is looked up: route.Any for
// _default; ok is false for a name that no image reference leads to.
func RegistryOf(name string, t route.Target) (registry string, ok bool) {
	if name == fallback {
		return route.Any, hasFallback(t)
	}
	registry = name
	if body, port := strings.CutSuffix(name, "_"); port {
		if i := strings.LastIndexByte(body, '_'); i > 0 {
			registry = body[:i] + ":" + body[i+1:]
		}
	}
	return registry, isRegistry(registry)
}

var domain = regexp.MustCompile("^(?:" + reference.DomainRegexp.String() + ")$")

// isRegistry reports whether the first part of an image reference can be this
// text and be taken for a registry: it has a dot, a port or an upper-case
// letter, or is localhost. Docker Hub's other name is replaced before.
func isRegistry(text string) bool {
	return domain.MatchString(text) && text != "index.docker.io" &&
		(strings.ContainsAny(text, ".:") || text == "localhost" || strings.ToLower(text) != text)
}
