package hostscheck

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf16"
)

// mutated makes trees of raw text: files that people could have meant, with
// one to three of the mistakes that people and editors make.
func mutated(p pki, n int) []Tree {
	r := dice{rand.New(rand.NewPCG(3, 4)), p}
	samples := texts(p)
	out := make([]Tree, n)
	for i := range out {
		text := pick(r, samples)
		if !r.one(4) {
			text = r.file()
		}
		for range 1 + r.IntN(3) {
			text = pick(r, mistakes)(r, text)
		}
		registry := pick(r, registries)
		out[i] = Tree{
			Name: fmt.Sprintf("mutated %d", i), Roots: []string{"certs.d"}, Images: images(registry),
			Entries: []Entry{{Path: "certs.d/" + directory(registry) + "/hosts.toml", Data: text}},
		}
	}
	return out
}

// mistakes change a text each in one way.
var mistakes = []func(r dice, text string) string{
	func(r dice, s string) string { // a flipped byte
		if s == "" {
			return "\x00"
		}
		b := []byte(s)
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		return string(b)
	},
	func(r dice, s string) string { // a lost byte of punctuation
		return r.drop(s, "[]\"'=.,{}")
	},
	func(r dice, s string) string { // a doubled byte of punctuation
		return r.swap(s, pick(r, strings.Split("[]\"'=.,{}", "")), func(x string) string { return x + x })
	},
	func(r dice, s string) string {
		return r.lines(s, func(l []string, i int) []string { return append(l[:i], l[i+1:]...) })
	},
	func(r dice, s string) string {
		return r.lines(s, func(l []string, i int) []string { return append(l, l[i]) })
	},
	func(r dice, s string) string { // two lines in the other order
		return r.lines(s, func(l []string, i int) []string {
			j := r.IntN(len(l))
			l[i], l[j] = l[j], l[i]
			return l
		})
	},
	func(r dice, s string) string {
		return r.swap(s, `"`, func(string) string { return pick(r, []string{"“", "”", "'", "＂", "‘", "`", `"""`, ""}) })
	},
	func(r dice, s string) string { // all quotes
		return strings.ReplaceAll(s, `"`, pick(r, []string{"'", "“", "”"}))
	},
	func(r dice, s string) string {
		key := pick(r, keys)
		return r.swap(s, key, func(k string) string {
			return pick(r, []string{strings.ToUpper(k), strings.ToUpper(k[:1]) + k[1:], k + "s", strings.ReplaceAll(k, "_", "-"), k[1:]})
		})
	},
	func(r dice, s string) string { return "\xef\xbb\xbf" + s },
	func(r dice, s string) string { return wide(s, r.one(2)) },
	func(r dice, s string) string {
		return strings.ReplaceAll(s, "\n", pick(r, []string{"\r\n", "\r", "\n\n", " \n"}))
	},
	func(r dice, s string) string {
		return r.swap(s, " ", func(string) string { return pick(r, []string{"\u00a0", "\t", "\u3000", "\x00", "\v"}) })
	},
	func(r dice, s string) string {
		return r.swap(s, "=", func(string) string { return pick(r, []string{":", "：", "==", " "}) })
	},
	func(r dice, s string) string { return r.line(s, "[host.\""+pick(r, urls)+"\"]") },
	func(r dice, s string) string { return r.line(s, pick(r, values(r.pki))) },
	func(r dice, s string) string { return r.line(s, "server = \""+pick(r, urls)+"\"") },
	func(r dice, s string) string {
		return r.line(s, pick(r, []string{"[host]", "[[host]]", "[header]", "[host.x.y]", "x", "]", "[", "# [", "host = {}", "[\"host\".\"https://n.example\"]", "\"host\".\"https://n.example\" = {}"}))
	},
	func(r dice, s string) string { // a table written inline
		form := pick(r, []string{"host.%q = {}\n", "host = { %q = { capabilities = [\"pull\"] } }\n", "[host]\n%q = {}\n", "host.%q.skip_verify = true\n"})
		return fmt.Sprintf(form, pick(r, urls)) + s
	},
	func(r dice, s string) string {
		return r.swap(s, "\"", func(string) string { return pick(r, []string{`\x41"`, `\u00e9"`, `\e"`, `\"`, "\t\""}) })
	},
	func(r dice, s string) string { // cut off
		if s == "" {
			return s
		}
		return s[:r.IntN(len(s))]
	},
	func(r dice, s string) string {
		return r.swap(s, "https://", func(string) string {
			return pick(r, []string{"http://", "HTTPS://", "https:/", "", "https//", "ftp://", " https://", "https:// "})
		})
	},
}

var keys = []string{"capabilities", "skip_verify", "server", "host", "ca", "client", "header", "override_path", "dial_timeout"}

// swap replaces one random occurrence of a text.
func (r dice) swap(s, old string, with func(string) string) string {
	n := strings.Count(s, old)
	if n == 0 || old == "" {
		return s
	}
	at := 0
	for range r.IntN(n) {
		at += strings.Index(s[at:], old) + len(old)
	}
	at += strings.Index(s[at:], old)
	return s[:at] + with(old) + s[at+len(old):]
}

func (r dice) drop(s, any string) string {
	var at []int
	for i := range len(s) {
		if strings.IndexByte(any, s[i]) >= 0 {
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return s
	}
	i := pick(r, at)
	return s[:i] + s[i+1:]
}

func (r dice) lines(s string, change func(lines []string, i int) []string) string {
	l := strings.Split(s, "\n")
	return strings.Join(change(l, r.IntN(len(l))), "\n")
}

// line puts a line somewhere.
func (r dice) line(s, line string) string {
	return r.lines(s, func(l []string, i int) []string {
		return append(l[:i:i], append([]string{line}, l[i:]...)...)
	})
}

// wide is the text in UTF-16 with its mark.
func wide(s string, big bool) string {
	var out bytes.Buffer
	for _, u := range append([]uint16{0xfeff}, utf16.Encode([]rune(s))...) {
		if big {
			out.Write([]byte{byte(u >> 8), byte(u)})
		} else {
			out.Write([]byte{byte(u), byte(u >> 8)})
		}
	}
	return out.String()
}
