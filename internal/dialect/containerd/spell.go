package containerd

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
)

// line is a key of a table and its value as TOML; an empty value removes it.
type line struct{ key, value string }

// urlOf spells an endpoint's URL; override says that its path is the root of
// the API and needs override_path.
func urlOf(e route.Endpoint) (text string, override bool) {
	scheme := e.Scheme
	if e.PlainFallback {
		scheme = "http" // and a TLS key, see tlsLines
	}
	text = scheme + "://" + e.Host
	switch {
	case e.Path == "/v2":
		return text, false
	case strings.HasSuffix(e.Path, "/v2"):
		return text + e.Path, false
	}
	return text + e.Path, true
}

// settingLines spells what a table says of an endpoint besides its URL, header
// and rewrites. Every key is there, those that are not needed with no value.
func settingLines(t route.Target, e route.Endpoint, override bool) []line {
	out := []line{{"capabilities", ""}, {"ca", ""}, {"client", ""}, {"skip_verify", ""}, {"override_path", ""}, {"dial_timeout", ""}}
	if serves := e.Serves & t.Everything(); serves != t.Everything() || e.Role == route.Mirror {
		out[0].value = tomlList(words(serves))
	}
	switch len(e.TLS.CA) {
	case 0:
	case 1:
		out[1].value = tomlString(e.TLS.CA[0])
	default:
		out[1].value = tomlList(e.TLS.CA)
	}
	out[2].value = clientValue(e.TLS.Client)
	switch {
	case e.TLS.SkipVerify:
		out[3].value = "true"
	case e.PlainFallback && len(e.TLS.CA)+len(e.TLS.Client) == 0:
		out[3].value = "false" // a TLS key, whatever it says, makes containerd try HTTPS first
	}
	if override {
		out[4].value = "true"
	}
	if hasDialTimeout(t) && (e.DialTimeout != 0 || e.NoDialLimit) {
		out[5].value = tomlString(duration(e.DialTimeout))
	}
	return out
}

func duration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	return d.String()
}

func words(s route.Serves) []string {
	var out []string
	for _, w := range []string{"pull", "resolve", "push", "referrers"} {
		if c, _ := capability(w); s.Has(c) {
			out = append(out, w)
		}
	}
	return out
}

func clientValue(pairs []route.Pair) string {
	if len(pairs) == 0 {
		return ""
	}
	if len(pairs) == 1 && pairs[0].Key == "" {
		return tomlString(pairs[0].Cert)
	}
	var out []string
	for _, p := range pairs {
		if p.Key == "" {
			out = append(out, tomlString(p.Cert))
		} else {
			out = append(out, tomlList([]string{p.Cert, p.Key}))
		}
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// headerLines spells header lines, each key once.
func headerLines(header []route.Header) []line {
	var out []line
	for _, h := range merged(header) {
		var values []string
		for _, v := range h.Values {
			values = append(values, v.Reveal())
		}
		value := tomlList(values)
		if len(values) == 1 {
			value = tomlString(values[0])
		}
		out = append(out, line{h.Key, value})
	}
	return out
}

// merged puts the values of one key together, in the order of the keys.
func merged(header []route.Header) []route.Header {
	var out []route.Header
	for _, h := range header {
		if i := slices.IndexFunc(out, func(o route.Header) bool { return o.Key == h.Key }); i >= 0 {
			out[i].Values = append(slices.Clone(out[i].Values), h.Values...)
			continue
		}
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b route.Header) int { return strings.Compare(a.Key, b.Key) })
	return out
}

func rewriteLines(rewrites []route.Rewrite) []line {
	var out []line
	for _, r := range rewrites {
		out = append(out, line{r.Pattern, tomlString(r.Replacement)})
	}
	return out
}

func tomlKey(key string) string {
	if key != "" && strings.Trim(key, bare) == "" {
		return key
	}
	return tomlString(key)
}

// written is the first line of every file that we create.
const written = "# written by towpath\n"

// fresh spells a whole file.
func fresh(t route.Target, w wanted) string {
	var out strings.Builder
	out.WriteString(written)
	if w.server != "" {
		fmt.Fprintf(&out, "server = %s\n", w.server)
	}
	if w.upstream != nil {
		out.WriteString(tableBody(t, *w.upstream, w.override, nil))
	}
	taken := map[string]bool{}
	for _, m := range w.mirrors {
		if expressible(t, m) {
			out.WriteString("\n" + hostTable(t, m, taken))
		}
	}
	if len(taken) == 0 && needsHostTable(t) {
		out.WriteString("\n[host]\n")
	}
	return out.String()
}

// hostTable spells a mirror. A URL that is taken gets slashes at its end, which
// mean nothing, because a document holds each table once.
func hostTable(t route.Target, e route.Endpoint, taken map[string]bool) string {
	u, override := urlOf(e)
	for taken[u] {
		u += "/"
	}
	taken[u] = true
	path := []string{"host", u}
	return "[" + header(path) + "]\n" + tableBody(t, e, override, path)
}

// tableBody spells what belongs to an endpoint below its URL.
func tableBody(t route.Target, e route.Endpoint, override bool, path []string) string {
	var out strings.Builder
	indent := strings.Repeat("  ", min(len(path), 1))
	for _, l := range settingLines(t, e, override) {
		if l.value != "" {
			out.WriteString(indent + l.key + " = " + l.value + "\n")
		}
	}
	sub := func(name string, lines []line) {
		if len(lines) == 0 {
			return
		}
		out.WriteString(indent + "[" + header(append(path[:len(path):len(path)], name)) + "]\n")
		for _, l := range lines {
			out.WriteString(indent + indent + tomlKey(l.key) + " = " + l.value + "\n")
		}
	}
	sub("header", headerLines(e.Header))
	if t.Fork {
		sub("rewrite", rewriteLines(e.Rewrites))
	}
	return out.String()
}

// header spells the path of a table: host."https://m.example".
func header(path []string) string {
	out := slices.Clone(path)
	for i := range out {
		out[i] = tomlKey(out[i])
	}
	return strings.Join(out, ".")
}
