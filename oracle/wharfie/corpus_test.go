package wharfie

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode/utf16"
)

// The inputs: half of them generated from what registries.yaml can say, half
// those texts after an accident. The seed is fixed.
const inputs = 2400

func corpus() []string {
	r := rand.New(rand.NewPCG(20240115, 7))
	out := slices.Clone(fixed)
	for len(out) < inputs/2 {
		out = append(out, sound(r))
	}
	for len(out) < inputs {
		out = append(out, hurt(r, sound(r)))
	}
	return out
}

var (
	namespaces = []string{"docker.io", "quay.test", "r.test:5000", "r.test", `"*"`, "index.docker.io", "r.test:443", "registry-1.docker.io", `"10.1.2.3:5000"`, "localhost:5000", "plain.test:80"}
	endpoints  = []string{
		"https://a.test", "https://a.test/v2", "https://a.test/v2/", "http://b.test:8080", "https://private.test/v2/hub", "a.test", "private.test:8443",
		"https://quay.test", "https://index.docker.io", "docker.io", "https://registry-1.docker.io/v2", "https://r.test:5000", "http://r.test:5000",
		"https://a.test/x/../y", "https://a.test//z/", "http://10.1.2.3:5000", "localhost:5001", "https://localhost", "https://u:p@c.test", "https://c.test?x=1",
		"http:s//bad.test", "https://", "ftp://d.test", "//e.test", "https://e.test/%7Euser", "http://b.test:80", "HTTPS://A.test", "", "https:/one.test",
	}
	hosts    = []string{"a.test", "private.test", "private.test:8443", "b.test:8080", "quay.test", "docker.io", "index.docker.io", "registry-1.docker.io", `"*"`, "r.test:5000", "c.test", "10.1.2.3:5000", "https://a.test"}
	patterns = [][2]string{{"^library/(.*)", "hub/$1"}, {"^(.*)$", "all/$1"}, {"o", "0"}, {"(.*", "x"}, {"^team/", "UPPER/"}, {`^te\.am`, "x"}, {"^library/", "x/"}}
	images   = []string{"docker.io/library/alpine:1", "quay.test/team/app:2", "r.test:5000/team/app:3", "r.test/library/x@sha256:" + zeros, "10.1.2.3:5000/team/app:4", "plain.test:80/library/y:5", "localhost:5000/library/z:6"}
)

const zeros = "0000000000000000000000000000000000000000000000000000000000000000"

// fixed are the inputs that people write down as examples, and the ones that
// are known to behave in their own way.
var fixed = []string{
	"", "---\n", "# nothing\n", "mirrors:\n", "mirrors:\n  docker.io:\n", "mirrors:\n  docker.io:\n    endpoint: []\n", "null\n", "[]\n", "text\n", "mirrors: []\n",
	"mirrors:\n  \"*\":\n    endpoint: [https://a.test]\n", "configs:\n  \"*\":\n    auth: {username: u, password: p}\n    tls: {insecure_skip_verify: true}\n",
	"configs:\n  a.test:\n    tls:\n      insecure_skip_verify: \"true\"\n", "configs:\n  a.test:\n    tls:\n      insecure_skip_verify: yes\n",
	"mirrors:\n  docker.io:\n    endpoint: https://a.test\n", "mirrors:\n  docker.io: [https://a.test]\n", "mirrors:\n  *:\n    endpoint: [https://a.test]\n",
	"mirrors:\n\tdocker.io:\n", "mirrors:\n  docker.io:\n    endpoint: [https://a.test]\n---\nmirrors: [\n", "\ufeffmirrors:\n  docker.io:\n    endpoint: [https://a.test]\n",
	"mirrors:\n  quay.test: &q\n    endpoint: [https://a.test]\n  r.test: *q\n  docker.io:\n    <<: *q\n    rewrite: {\"^a\": b}\n",
	"mirrors:\n  “docker.io”:\n    endpoint: [https://a.test]\n", "mirrors：\n  docker.io:\n", "configs:\n  a.test:\n    auth:\n      username:admin\n      password: x\n",
	"mirrors:\n  docker.io:\n    endpoint: [https://a.test]\nmirrors:\n  quay.test:\n    endpoint: [https://a.test]\n",
	"mirrors:\n  docker.io:\n    endpoint: [~, 1, true, 0x1F, 1e3]\n", "configs:\n  a.test:\n    auth: {username: 0123, password: 123456}\nmirrors:\n  docker.io:\n    endpoint: [https://a.test]\n",
	"mirrors:\n  docker.io:\n    endpoint:\n    - https://a.test\n    rewrite: [a]\n", "a: &a [*a]\nmirrors: {}\n", "mirrors: {docker.io: {endpoint: [https://a.test]}}",
}

// sound is a file that says something.
func sound(r *rand.Rand) string {
	var b strings.Builder
	sections := []func(){
		func() {
			b.WriteString("mirrors:\n")
			for _, name := range some(r, namespaces, 1+r.IntN(4)) {
				mirror(r, &b, name)
			}
		},
		func() {
			b.WriteString("configs:\n")
			for _, name := range some(r, hosts, 1+r.IntN(4)) {
				config(r, &b, name)
			}
		},
	}
	r.Shuffle(2, func(i, j int) { sections[i], sections[j] = sections[j], sections[i] })
	for _, write := range sections {
		if r.IntN(8) > 0 {
			write()
		}
	}
	return b.String()
}

func some(r *rand.Rand, of []string, n int) []string {
	var out []string
	for _, i := range r.Perm(len(of))[:min(n, len(of))] {
		out = append(out, of[i])
	}
	return out
}

func mirror(r *rand.Rand, b *strings.Builder, name string) {
	fmt.Fprintf(b, "  %s:\n", name)
	list := some(r, endpoints, r.IntN(4))
	switch {
	case len(list) == 0 && r.IntN(2) == 0:
		b.WriteString("    endpoint: []\n")
	case len(list) == 0:
	case r.IntN(3) == 0:
		fmt.Fprintf(b, "    endpoint: [\"%s\"]\n", strings.Join(list, `", "`))
	default:
		b.WriteString("    endpoint:\n")
		for _, e := range list {
			fmt.Fprintf(b, "      - \"%s\" # note\n", e)
		}
		if r.IntN(6) == 0 {
			fmt.Fprintf(b, "      - '%s'\n", list[0])
		}
	}
	if r.IntN(3) == 0 {
		p := patterns[r.IntN(len(patterns))]
		fmt.Fprintf(b, "    rewrite:\n      '%s': \"%s\"\n", p[0], p[1])
	}
}

func config(r *rand.Rand, b *strings.Builder, name string) {
	fmt.Fprintf(b, "  %s:\n", name)
	said := false
	if r.IntN(3) > 0 {
		said = true
		b.WriteString("    auth: " + []string{
			"{username: u, password: p}", "{username: u}", "{auth: dTpw}", "{identity_token: tok}", "{username: u, password: p, identity_token: tok}",
			"{username: u, password: 'p: #x', auth: eDp5}", "{}", "", "{auth: '!!!'}", "{password: p}",
		}[r.IntN(10)] + "\n")
	}
	if r.IntN(2) == 0 {
		said = true
		b.WriteString("    tls: " + []string{
			"{ca_file: private.pem}", "{insecure_skip_verify: true}", "{cert_file: node.pem, key_file: node.key}", "{cert_file: node.pem}",
			"{ca_file: missing.pem}", "{insecure_skip_verify: false}", "{ca_file: private.pem, cert_file: node.pem, key_file: node.key}", "", "{key_file: node.key}",
		}[r.IntN(9)] + "\n")
	}
	if !said {
		b.WriteString("    {}\n")
	}
}

// accidents are what happens to a file between the wish and the disk.
var accidents = []func(*rand.Rand, string) string{
	func(r *rand.Rand, s string) string { return strings.ReplaceAll(s, "  ", "\t") },
	func(r *rand.Rand, s string) string { return strings.Replace(s, "\n    ", "\n\t", 1) },
	func(r *rand.Rand, s string) string { return strings.ReplaceAll(s, `"*"`, "*") },
	func(r *rand.Rand, s string) string { return strings.ReplaceAll(s, "endpoint:", "endpoints:") },
	func(r *rand.Rand, s string) string { return strings.Replace(s, ": ", ":", 1) },
	func(r *rand.Rand, s string) string { return strings.Replace(s, ":", "：", 1) },
	func(r *rand.Rand, s string) string { return strings.ReplaceAll(s, `"`, "“") },
	func(r *rand.Rand, s string) string { return strings.ReplaceAll(s, "true", `"true"`) },
	func(r *rand.Rand, s string) string { return strings.ReplaceAll(s, "true", "on") },
	func(r *rand.Rand, s string) string { return strings.ReplaceAll(s, "identity_token", "identitytoken") },
	func(r *rand.Rand, s string) string { return strings.ReplaceAll(s, "auth: {", "{") },
	func(r *rand.Rand, s string) string { return strings.ReplaceAll(s, "password: p", "password: 0123") },
	func(r *rand.Rand, s string) string { return strings.ReplaceAll(s, "[", "") },
	func(r *rand.Rand, s string) string { return "\ufeff" + s },
	func(r *rand.Rand, s string) string { return "---\n" + s + "---\nmirrors: {x: {}}\n" },
	func(r *rand.Rand, s string) string { return s + sound(r) },
	func(r *rand.Rand, s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
	func(r *rand.Rand, s string) string { return strings.ReplaceAll(s, "\n", "\r") },
	func(r *rand.Rand, s string) string { return s + "auths:\n  a.test: {username: u, password: p}\n" },
	func(r *rand.Rand, s string) string { return strings.ReplaceAll(s, "# note", "# caf\xe9") },
	func(r *rand.Rand, s string) string { return strings.ReplaceAll(s, "# note", "# \u0093\ufffd") },
	func(r *rand.Rand, s string) string { return "cat >> f <<EOF\n" + s + "EOF\n" },
	wide, cutLine, doubleLine, swapLines, cutByte, addByte, indentLine,
}

func hurt(r *rand.Rand, s string) string {
	for range 1 + r.IntN(2) {
		s = accidents[r.IntN(len(accidents))](r, s)
	}
	return s
}

func wide(r *rand.Rand, s string) string {
	out := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

func lines(s string) []string { return strings.SplitAfter(s, "\n") }

func cutLine(r *rand.Rand, s string) string {
	l := lines(s)
	i := r.IntN(len(l))
	return strings.Join(slices.Delete(l, i, i+1), "")
}

func doubleLine(r *rand.Rand, s string) string {
	l := lines(s)
	i := r.IntN(len(l))
	return strings.Join(slices.Insert(l, i, l[i]), "")
}

func swapLines(r *rand.Rand, s string) string {
	l := lines(s)
	i, j := r.IntN(len(l)), r.IntN(len(l))
	l[i], l[j] = l[j], l[i]
	return strings.Join(l, "")
}

func indentLine(r *rand.Rand, s string) string {
	l := lines(s)
	i := r.IntN(len(l))
	l[i] = " " + l[i]
	return strings.Join(l, "")
}

func cutByte(r *rand.Rand, s string) string {
	if s == "" {
		return s
	}
	i := r.IntN(len(s))
	return s[:i] + s[i+1:]
}

func addByte(r *rand.Rand, s string) string {
	const marks = " :-#\"'{}[]*&!|>%@\n\t,?~"
	i, j := r.IntN(len(s)+1), r.IntN(len(marks))
	return s[:i] + marks[j:j+1] + s[i:]
}
