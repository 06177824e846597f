// Package corpus makes files of registries.conf for tests: generated ones that
// people could have written, and mutated ones with the mistakes that people and
// editors make. The module under oracle/ gives them to containers-image, and the
// tests of the dialect look for what must hold for all of them.
package corpus

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf16"

	"github.com/towpath-dev/towpath/internal/route"
)

// Dice throws files: the same for the same seed.
type Dice struct{ *rand.Rand }

// New returns dice.
func New(seed uint64) Dice { return Dice{rand.New(rand.NewPCG(seed, 11))} }

func pick[T any](r Dice, from []T) T { return from[r.IntN(len(from))] }

func (r Dice) one(in int) bool { return r.IntN(in) == 0 }

// Images are references that between them match every prefix that is thrown.
var Images = []string{
	"nginx", "docker.io/team/app:1.2", "docker.io/library/busybox@" + Digest, "ghcr.io/o/a:1", "ghcr.io/o/b/c@" + Digest,
	"r.example/team/app:1", "r.example:5000/team/app:1", "a.r.example/x:2", "b.a.r.example:444/x/y@" + Digest, "localhost:5000/x:1",
	"[fd00::1]:5000/x:1", "other.example/team/sub/app:3", "r.examples/team/app:1", "r.example/team:9",
}

// Digest is one that every reference uses.
const Digest = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"

var prefixes = []string{
	"docker.io", "docker.io/library", "docker.io/team", "ghcr.io", "ghcr.io/o", "ghcr.io/o/b/c", "r.example", "r.example:5000", "r.example/team", "r.example/team/app",
	"*.r.example", "*.a.r.example", "*.example", "localhost:5000", "[fd00::1]:5000", "other.example/team/sub", "a.r.example", "docker.io/library/nginx",
}

var locations = []string{
	"m.example", "m.example:5000", "cache.lab/hub", "cache.lab:80/a/b/c", "docker.io", "docker.io/library", "registry-1.docker.io/library", "r.example", "r.example:5000/x", "ghcr.io/o/mirror",
	"localhost:5001", "10.0.0.7:5000", "[fd00::2]:5000/p", "mirror", "UPPER.example/X", "a.r.example/deep",
}

// File is one whole registries.conf that could be meant, most of them accepted.
func (r Dice) File() string {
	var b strings.Builder
	if r.one(3) {
		fmt.Fprintf(&b, "unqualified-search-registries = [%s]\n", pick(r, []string{`"docker.io"`, `"r.example:5000", 'quay.io'`, "", `"docker.io/"`}))
	}
	if r.one(6) {
		fmt.Fprintf(&b, "short-name-mode = %q\n", pick(r, []string{"enforcing", "permissive", "disabled", "strict"}))
	}
	if r.one(8) {
		b.WriteString("credential-helpers = [\"containers-auth.json\"]\n")
	}
	for range r.IntN(5) {
		r.registry(&b)
	}
	if r.one(6) {
		fmt.Fprintf(&b, "[aliases]\n%q = %q\n", pick(r, []string{"nginx", "team/app", "r.example/x", "x:1"}), pick(r, []string{"docker.io/library/nginx", "", "r.example/x:1", "nginx"}))
	}
	return b.String()
}

func (r Dice) registry(b *strings.Builder) {
	b.WriteString(pick(r, []string{"\n", "", "# a registry\n"}) + "[[registry]]\n")
	prefix := pick(r, prefixes)
	switch {
	case r.one(3):
		fmt.Fprintf(b, "location = %q\n", prefix)
	case strings.HasPrefix(prefix, "*.") && r.one(2):
		fmt.Fprintf(b, "prefix = %q\n", prefix)
	default:
		fmt.Fprintf(b, "prefix = %q\nlocation = %q\n", prefix, pick(r, locations)+pick(r, []string{"", "", "", "/", "//"}))
	}
	for _, key := range []string{"insecure", "blocked", "mirror-by-digest-only"} {
		if r.one(5) {
			fmt.Fprintf(b, "%s = %s\n", key, pick(r, []string{"true", "true", "false"}))
		}
	}
	for range r.IntN(4) {
		fmt.Fprintf(b, "[[registry.mirror]]\nlocation = %q\n", pick(r, locations))
		if r.one(3) {
			b.WriteString("insecure = true\n")
		}
		if r.one(4) {
			fmt.Fprintf(b, "pull-from-mirror = %q\n", pick(r, []string{"all", "digest-only", "tag-only", "tag-only", "digest-only", "none"}))
		}
		if r.one(8) {
			fmt.Fprintf(b, "namespace-proxy = %q\n", pick(r, []string{"docker.io", "a b"}))
		}
	}
}

// Mutated is a file with one to three mistakes.
func (r Dice) Mutated() string {
	text := r.File()
	if r.one(5) {
		text = pick(r, old)
	}
	for range 1 + r.IntN(3) {
		text = pick(r, mistakes)(r, text)
	}
	return text
}

var old = []string{
	"[registries.search]\nregistries = ['docker.io', 'quay.io']\n[registries.insecure]\nregistries = ['r.example:5000']\n[registries.block]\nregistries = []\n",
	"[registries.search]\nregistries = []\n",
	"[registries]\n",
	"[registries.search]\n",
	"[[registry]]\nlocation = \"r.example\"\nmirror = [{ location = \"m.example\", insecure = true }]\n",
	"registry = [{ location = \"r.example\", mirror = [{location = \"m.example\"}] }]\n",
	"",
}

var mistakes = []func(r Dice, s string) string{
	func(r Dice, s string) string {
		if s == "" {
			return "\x00"
		}
		b := []byte(s)
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		return string(b)
	},
	func(r Dice, s string) string {
		return r.at(s, pick(r, strings.Split("[]\"'=.,", "")), func(string) string { return "" })
	},
	func(r Dice, s string) string {
		return r.at(s, pick(r, strings.Split("[]\"=,", "")), func(x string) string { return x + x })
	},
	func(r Dice, s string) string {
		return r.lines(s, func(l []string, i int) []string { return append(l[:i], l[i+1:]...) })
	},
	func(r Dice, s string) string {
		return r.lines(s, func(l []string, i int) []string { return append(l, l[i]) })
	},
	func(r Dice, s string) string {
		return r.lines(s, func(l []string, i int) []string {
			j := r.IntN(len(l))
			l[i], l[j] = l[j], l[i]
			return l
		})
	},
	func(r Dice, s string) string {
		return r.at(s, `"`, func(string) string { return pick(r, []string{"“", "”", "'", "`", `"""`, ""}) })
	},
	func(r Dice, s string) string { return "\xef\xbb\xbf" + s },
	func(r Dice, s string) string {
		return strings.ReplaceAll(s, "\n", pick(r, []string{"\r\n", "\r", "\n\n", " \n"}))
	},
	func(r Dice, s string) string { return wide(s, r.one(2)) },
	func(r Dice, s string) string {
		key := pick(r, []string{"location", "prefix", "insecure", "blocked", "mirror-by-digest-only", "registry", "mirror", "pull-from-mirror"})
		return r.at(s, key, func(k string) string {
			return pick(r, []string{strings.ToUpper(k), strings.ToUpper(k[:1]) + k[1:], k + "s", strings.ReplaceAll(k, "-", "_"), k[1:]})
		})
	},
	func(r Dice, s string) string {
		return r.at(s, "location = \"", func(x string) string { return x + pick(r, []string{"http://", "https://", "HTTPS://", "/", " ", "*."}) })
	},
	func(r Dice, s string) string {
		return r.at(s, "prefix = \"", func(x string) string { return x + pick(r, []string{"http://", "*.", "*", "/", "https://"}) })
	},
	func(r Dice, s string) string {
		return r.at(s, "true", func(string) string { return pick(r, []string{"false", "\"true\"", "1", "True", "yes"}) })
	},
	func(r Dice, s string) string { return r.line(s, "[[registry]]") },
	func(r Dice, s string) string { return r.line(s, "[[registry.mirror]]") },
	func(r Dice, s string) string { return r.line(s, "[registry]") },
	func(r Dice, s string) string {
		return r.line(s, pick(r, []string{"insecure = true", "blocked = true", "pull-from-mirror = \"all\"", "x = 1", "[registries.block]\nregistries = [\"b.example\"]", "location = \"r.example\"", "mirror = [{ location = \"x.example\" }]"}))
	},
	func(r Dice, s string) string {
		return r.at(s, "\"", func(string) string { return pick(r, []string{`\x41"`, `\u00e9"`, `\e"`, `\"`, "\t\""}) })
	},
	func(r Dice, s string) string {
		if s == "" {
			return s
		}
		return s[:r.IntN(len(s))]
	},
}

// at replaces one random occurrence of a text.
func (r Dice) at(s, old string, with func(string) string) string {
	n := strings.Count(s, old)
	if n == 0 {
		return s
	}
	at := 0
	for range r.IntN(n) {
		at += strings.Index(s[at:], old) + len(old)
	}
	at += strings.Index(s[at:], old)
	return s[:at] + with(old) + s[at+len(old):]
}

func (r Dice) lines(s string, change func(lines []string, i int) []string) string {
	l := strings.Split(s, "\n")
	return strings.Join(change(l, r.IntN(len(l))), "\n")
}

func (r Dice) line(s, line string) string {
	return r.lines(s, func(l []string, i int) []string { return append(l[:i:i], append([]string{line}, l[i:]...)...) })
}

// wide is the text in UTF-16 with its mark.
func wide(s string, big bool) string {
	var out []byte
	for _, u := range append([]uint16{0xfeff}, utf16.Encode([]rune(s))...) {
		if big {
			out = append(out, byte(u>>8), byte(u))
		} else {
			out = append(out, byte(u), byte(u>>8))
		}
	}
	return string(out)
}

// Table is a random table in the model; some of it cannot be said.
func (r Dice) Table(t route.Target) route.Table {
	out := route.Table{Target: t}
	left := append([]string{}, prefixes...)
	for range 1 + r.IntN(4) {
		i := r.IntN(len(left))
		out.Routes = append(out.Routes, r.route(left[i]))
		left = append(left[:i:i], left[i+1:]...)
	}
	insecure := map[string]bool{}
	for i := range out.Routes {
		u := out.Routes[i].Upstream
		if was, seen := insecure[u.Location()]; seen {
			u.PlainFallback, u.TLS = was, route.TLS{SkipVerify: was, Set: was}
		}
		insecure[u.Location()] = u.PlainFallback
	}
	if r.one(3) {
		out.Hosts = append(out.Hosts, route.Host{Name: pick(r, []string{"m.example", "cache.lab/hub", "registry-1.docker.io", "r.example:5000"}), Auth: route.Auth{User: "u", Password: route.NewSecret("p:w")}})
	}
	return out
}

func (r Dice) route(match string) route.Route {
	out := route.Route{Match: match, Blocked: false}
	for range r.IntN(4) {
		e := r.endpoint(pick(r, locations[:12]))
		e.Role = route.Mirror
		e.Serves = pick(r, []route.Serves{route.Pull | route.Resolve, route.Pull | route.Resolve, route.Pull, route.Pull | route.Resolve | route.TagsOnly})
		out.Mirrors = append(out.Mirrors, e)
	}
	if r.one(12) && len(out.Mirrors) > 0 {
		out.Mirrors[0].Header = []route.Header{{Key: "X", Values: []route.Secret{route.NewSecret("y")}}}
	}
	at := match
	if strings.HasPrefix(match, "*.") || r.one(3) {
		at = pick(r, locations[:12])
	}
	e := r.endpoint(at)
	e.Role, e.Serves = route.Upstream, route.Pull|route.Resolve|route.Push|route.Referrers
	if strings.HasPrefix(match, "*.") && r.one(2) {
		e.Host, e.Path = "", "/v2"
	}
	out.Upstream = &e
	return out
}

func (r Dice) endpoint(location string) route.Endpoint {
	host, rest, nested := strings.Cut(location, "/")
	e := route.Endpoint{Scheme: "https", Host: host, Path: "/v2"}
	if host == "docker.io" {
		e.Host, e.Alias = "registry-1.docker.io", "docker.io"
	}
	if nested {
		e.Path += "/" + rest
	}
	if r.one(4) {
		e.PlainFallback, e.TLS = true, route.TLS{SkipVerify: true, Set: true}
	}
	if r.one(12) {
		e.Scheme = "http"
	}
	return e
}
