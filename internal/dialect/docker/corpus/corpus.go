// Package corpus makes daemon.json files for tests: generated ones that people
// could have written, and mutated ones with the mistakes that people and editors
// make. The module under oracle/ gives them to dockerd's own code, and the tests
// of the dialect look for what must hold for all of them.
package corpus

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf16"

	"github.com/towpath-dev/towpath/internal/route"
)

// Dice throws files: the same for the same seed.
type Dice struct{ *rand.Rand }

// New returns dice.
func New(seed uint64) Dice { return Dice{rand.New(rand.NewPCG(seed, 13))} }

func pick[T any](r Dice, from []T) T { return from[r.IntN(len(from))] }

func (r Dice) one(in int) bool { return r.IntN(in) == 0 }

// Registries are those whose endpoints are compared: names that need no lookup
// to be told from a range of addresses do not occur among the ranges.
var Registries = []string{
	"docker.io", "ghcr.io", "r.example", "r.example:5000", "192.0.2.7", "192.0.2.7:5000", "198.51.100.3:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000",
	"[fd00::1]:5000", "10.1.2.3",
}

var mirrors = []string{
	"https://m.example", "https://m.example/", "http://m.example:5000", "https://m.example/hub", "https://m.example/a/b/", "https://192.0.2.7:5000", "HTTPS://m2.example",
	"https://r.example:5000", "http://127.0.0.1:5001", "https://[fd00::2]:5000/x", "m.example:5000", "https://u:p@m.example", "ftp://m.example", "https://m.example?x=1", "https://m.example#x",
	"https://", "://m.example", "https://m.example/%7euser", "https://m ex", "m.example",
}

var insecure = []string{
	"r.example", "r.example:5000", "192.0.2.0/24", "192.0.2.7:5000", "192.0.2.9/24", "fd00::/16", "http://r.example:5000", "HTTPS://r.example", "docker.io", "m.example", "m.example:5000",
	"ftp://r.example", "r.example/path", "-r.example", "r.example:99999", "[fd00::1]:5000", "fd00::1", "r.example:", "", "10.0.0.0/8", "0.0.0.0/33", "R.Example", "r_example", "index.docker.io", "[::2]",
}

var foreign = []string{
	`"log-driver": "json-file"`, `"log-opts": {"max-size": "10m"}`, `"debug": true`, `"storage-driver": "overlay2"`, `"max-concurrent-downloads": 10`, `"live-restore": true`,
	`"features": {"buildkit": true}`, `"exec-opts": ["native.cgroupdriver=systemd"]`, `"hosts": ["unix:///var/run/docker.sock"]`, `"dns": ["192.0.2.53"]`, `"data-root": "/data"`, `"labels": ["a=b"]`,
	`"proxies": {"http-proxy": "http://p:1", "no-proxy": "x"}`, `"http-proxy": "http://p:1"`, `"registry-mirror": ["https://x.example"]`, `"insecure-registry": ["x"]`, `"nonsense": 1`,
	`"registry_mirrors": []`, `"other": {}`, `"other": {"debug": false}`, `"other": {"x": 1}`, `"log-level": "loud"`, `"log-level": "WARN"`, `"max-download-attempts": -1`, `"debug": "true"`, `"mtu": 1.5`,
	`"log-opts": {"max-file": 3}`, `"builder": {"gc": {"enabled": true}}`, `"bip": "192.0.2.1/24"`, `"ipv6": false`, `"default-runtime": "runc"`, `"iptables": false`, `"storage-opts": "x"`,
	`"default-address-pools": [{"base": "10.10.0.0/16", "size": 24}]`, `"api-cors-header": "*"`, `"deprecated-key-path": "/x"`, `"experimental": null`, `"tls": true`, `"group": "docker"`,
	`"allow-nondistributable-artifacts": ["x"]`, `"Registry-Mirrors": ["https://m.example"]`, `"resolv-conf": "/x"`, `"userland-proxy": false`, `"metrics-addr": "127.0.0.1:1"`, `"log-format": "json"`,
}

// File is a daemon.json that could be meant.
func (r Dice) File() string {
	var members []string
	list := func(key string, from []string, good int) {
		if r.one(4) {
			return
		}
		var items []string
		for range r.IntN(4) {
			text := from[r.IntN(good)]
			if r.one(12) {
				text = pick(r, from)
			}
			b, _ := json.Marshal(text)
			items = append(items, string(b))
		}
		members = append(members, fmt.Sprintf("%q: [%s]", key, strings.Join(items, ", ")))
	}
	list("registry-mirrors", mirrors, 10)
	list("insecure-registries", insecure, 11)
	for range r.IntN(4) {
		if r.one(6) {
			members = append(members, pick(r, foreign))
		} else {
			members = append(members, foreign[r.IntN(13)])
		}
	}
	r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	nl := pick(r, []string{"\n  ", " ", "\r\n\t"})
	return "{" + nl + strings.Join(members, ","+nl) + "\n}\n"
}

// Mutated is a file with one to three mistakes.
func (r Dice) Mutated() string {
	text := r.File()
	if r.one(20) {
		text = pick(r, []string{"", " ", "null", "[]", "{}", "\u00a0{}\u00a0", "1", `"x"`, "{} {}"})
	}
	for range 1 + r.IntN(3) {
		text = pick(r, mistakes)(r, text)
	}
	return text
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
		return r.at(s, pick(r, strings.Split("[]\"{}:,", "")), func(string) string { return "" })
	},
	func(r Dice, s string) string {
		return r.at(s, pick(r, strings.Split("[]\"{}:,", "")), func(x string) string { return x + x })
	},
	func(r Dice, s string) string {
		return r.lines(s, func(l []string, i int) []string { return append(l[:i], l[i+1:]...) })
	},
	func(r Dice, s string) string {
		return r.lines(s, func(l []string, i int) []string { return append(l, l[i]) })
	},
	func(r Dice, s string) string {
		return r.at(s, `"`, func(string) string { return pick(r, []string{"“", "”", "'"}) })
	},
	func(r Dice, s string) string { return "\xef\xbb\xbf" + s },
	func(r Dice, s string) string { return wide(s, r.one(2)) },
	func(r Dice, s string) string {
		return r.at(s, "\n", func(string) string { return pick(r, []string{"// c\n", "# c\n", ",\n", "\r\n", "\u00a0\n"}) })
	},
	func(r Dice, s string) string {
		return r.at(s, "{", func(string) string { return "{" + pick(r, foreign) + "," })
	},
	func(r Dice, s string) string {
		return r.at(s, "registr", func(string) string { return pick(r, []string{"Registr", "regstr", "registr "}) })
	},
	func(r Dice, s string) string {
		return r.at(s, "https://", func(string) string { return pick(r, []string{"http://", "", "https:/", "https://x@", " https://"}) })
	},
	func(r Dice, s string) string {
		return r.at(s, "[", func(string) string { return pick(r, []string{"[1,", "[null,", "[[],", "[\"\","}) })
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
func (r Dice) Table() route.Table {
	t := route.Table{Target: route.Target{Runtime: "docker"}}
	if r.one(4) {
		return t
	}
	hub := route.Route{Match: "docker.io", Upstream: &route.Endpoint{Role: route.Upstream, Serves: all}}
	for range r.IntN(4) {
		e := route.Endpoint{Scheme: pick(r, []string{"https", "https", "http"}), Host: pick(r, []string{"m.example", "m2.example:5000", "192.0.2.7:5000", "r.example:5000"}), Path: pick(r, []string{"/v2", "/v2", "/hub/v2"}), Serves: route.Pull | route.Resolve}
		if e.Scheme == "https" && r.one(5) {
			e.TLS = route.TLS{SkipVerify: true, Set: true}
		}
		if r.one(15) {
			e.Serves = route.Pull
		}
		hub.Mirrors = append(hub.Mirrors, e)
	}
	t.Routes = append(t.Routes, hub)
	for _, name := range []string{"r.example:5000", "r.example", "192.0.2.0/24", "ghcr.io", "10.1.2.3"} {
		if !r.one(3) {
			continue
		}
		e := route.Endpoint{Scheme: "https", Host: name, Path: "/v2", Role: route.Upstream, Serves: all}
		if strings.Contains(name, "/") {
			e.Host = ""
		}
		if strings.Contains(name, "/") || r.one(2) {
			e.PlainFallback, e.TLS = true, route.TLS{SkipVerify: true, Set: true}
		}
		t.Routes = append(t.Routes, route.Route{Match: name, Upstream: &e})
	}
	return t
}

const all = route.Pull | route.Resolve | route.Push | route.Referrers
