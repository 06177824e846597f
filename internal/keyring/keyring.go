// Package keyring picks the credentials for an image as the kubelet does: by
// host, label for label with wildcards, by port and by the beginning of the
// path. It decodes what pull secrets and Docker's config.json hold. It reads no
// files, and asks no registry whether credentials are right.
package keyring

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Hub is the key under which credentials of Docker Hub are found when no other
// key matches: "https://index.docker.io/v1/" means it, too.
const Hub = "index.docker.io"

// Login is one entry: a key with what to log in with.
type Login struct {
	Key      string // as it was typed: "https://index.docker.io/v1/", "*.corp.example:5000/team"
	User     string
	Password route.Secret
	Source   string     // for people: the file, or the secret
	From     source.Pos // of the key
}

// Ring holds entries in the order in which they are tried.
// Source: kubernetes pkg/credentialprovider/keyring.go (BasicDockerKeyring).
type Ring struct {
	keys   []string // normalised, sorted backwards: the longer of two with one beginning comes first
	logins map[string][]Login
}

// Add takes an entry in; false: its key is none and is ignored.
func (r *Ring) Add(l Login) bool {
	key, ok := Normalise(l.Key)
	if !ok {
		return false
	}
	if r.logins == nil {
		r.logins = map[string][]Login{}
	}
	if _, known := r.logins[key]; !known {
		at, _ := slices.BinarySearchFunc(r.keys, key, func(a, b string) int { return strings.Compare(b, a) })
		r.keys = slices.Insert(r.keys, at, key)
	}
	r.logins[key] = append(r.logins[key], l)
	return true
}

// Keys are the keys as they are compared, in the order in which they are tried.
func (r *Ring) Keys() []string { return r.keys }

// Of are the entries of a key as Keys gives it.
func (r *Ring) Of(key string) []Login { return r.logins[key] }

// Lookup returns the entries for a repository with its registry,
// "docker.io/library/nginx", in the order in which they are tried: each makes a
// pull of its own until one succeeds. None: the pull is anonymous.
func (r *Ring) Lookup(image string) []Login {
	var out []Login
	for _, key := range r.keys {
		if Matches(key, image) {
			out = append(out, r.logins[key]...)
		}
	}
	if len(out) == 0 && isHub(image) {
		return r.logins[Hub]
	}
	return out
}

// isHub reports an image that the kubelet takes for one of Docker Hub: a first
// part without a dot or a port counts as a user's name there.
func isHub(image string) bool {
	host, _, deeper := strings.Cut(image, "/")
	switch {
	case host == "":
		return false
	case !deeper, host == "docker.io", host == Hub:
		return true
	}
	return !strings.ContainsAny(host, ".:")
}

// Normalise is a key without its scheme and without a leading /v1 or /v2 of its
// path, if a slash follows; false: it cannot be parsed and is ignored.
func Normalise(key string) (string, bool) {
	if !strings.HasPrefix(key, "https://") && !strings.HasPrefix(key, "http://") {
		key = "https://" + key
	}
	u, err := url.Parse(key)
	if err != nil {
		return "", false
	}
	p := u.Path
	if strings.HasPrefix(p, "/v1/") || strings.HasPrefix(p, "/v2/") {
		p = p[3:]
	}
	if p == "/" {
		p = ""
	}
	return u.Host + p, true
}

// Valid reports whether a pattern can be parsed at all; matchImages of a
// credential provider have to.
func Valid(pattern string) bool {
	_, err := url.Parse("https://" + pattern)
	return err == nil
}

// Matches reports whether a pattern without a scheme is for an image: the same
// number of labels, each a glob of its own; the same port, or none on both
// sides; and the path is how the image's begins.
func Matches(pattern, image string) bool {
	p, err := url.Parse("https://" + pattern)
	if err != nil {
		return false
	}
	i, err := url.Parse("https://" + image)
	if err != nil || !strings.HasPrefix(i.Path, p.Path) {
		return false
	}
	host, port := split(p.Host)
	want, wantPort := split(i.Host)
	globs, labels := strings.Split(host, "."), strings.Split(want, ".")
	if port != wantPort || len(globs) != len(labels) {
		return false
	}
	for k, glob := range globs {
		if ok, err := path.Match(glob, labels[k]); err != nil || !ok {
			return false
		}
	}
	return true
}

// split parts a host from its port as net.SplitHostPort does; what that refuses
// is a host as a whole.
func split(hostport string) (host, port string) {
	colon := strings.LastIndexByte(hostport, ':')
	if colon < 0 {
		return hostport, ""
	}
	host, port = hostport[:colon], hostport[colon+1:]
	from, to := 0, 0 // where brackets may no longer stand
	if strings.HasPrefix(hostport, "[") {
		end := strings.IndexByte(hostport, ']')
		if end < 0 || end+1 != colon {
			return hostport, ""
		}
		host, from, to = hostport[1:end], 1, end+1
	} else if strings.Contains(host, ":") {
		return hostport, ""
	}
	if strings.Contains(hostport[from:], "[") || strings.Contains(hostport[to:], "]") {
		return hostport, ""
	}
	return host, port
}
