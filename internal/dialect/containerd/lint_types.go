package containerd

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// types explains a value that the parser could not put where it belongs.
func (h *hostsFile) types() []finding.Finding {
	e := h.entryAt(h.problem.At)
	if e == nil {
		return nil
	}
	if len(e.Path) == 2 && e.Path[0] == "host" && e.Kind == tomldoc.Value {
		return []finding.Finding{h.found(wrongType, "host", e.At, finding.Args{"key": e.Path[1]})}
	}
	switch key := e.Path[len(e.Path)-1]; key {
	case "capabilities":
		return []finding.Finding{h.capabilityList(e)}
	case "server", "override_path", "skip_verify", "header", "host":
		return []finding.Finding{h.wrongType(e, key)}
	}
	return nil
}

func (h *hostsFile) capabilityList(e *tomldoc.Entry) finding.Finding {
	if word, ok := h.value(e).(string); ok {
		want := "[" + h.doc.Text(e.Value) + "]"
		if _, known := capability(word); known {
			return h.cured(h.found(capabilityType, "fix", e.At, finding.Args{"want": want}), []source.Edit{h.edit(e.Value.Start, e.Value.End, want)})
		}
	}
	return h.found(capabilityType, "", e.At, nil)
}

// wrongType never proposes to turn verification off, which a quoted "true"
// behind skip_verify did not do either.
func (h *hostsFile) wrongType(e *tomldoc.Entry, key string) finding.Finding {
	args := finding.Args{"key": key, "why": h.shown().reason(h.problem.Text, h.problem.At.Line)}
	want, _ := h.value(e).(string)
	if key != "skip_verify" && key != "override_path" || want != "true" && want != "false" || key == "skip_verify" && want == "true" {
		return h.found(wrongType, "", e.At, args)
	}
	args["want"] = want
	return h.cured(h.found(wrongType, "fix", e.At, args), []source.Edit{h.edit(e.Value.Start, e.Value.End, want)})
}

// value is what an expression says, decoded by itself.
func (h *hostsFile) value(e *tomldoc.Entry) any {
	m, bad := tomldoc.Decode(tomldoc.V2, h.path, []byte("v = "+h.doc.Text(e.Value)))
	if bad != nil {
		return nil
	}
	return m["v"]
}

// fault explains why containerd refused a file that it could decode.
func (h *hostsFile) fault(f fault) finding.Finding {
	at, e := h.at(f.path...), h.entry(f.path...)
	switch f.kind {
	case badURL:
		return h.badURL(f, at, e)
	case badCapability:
		return h.badCapability(f, at, e)
	case badCA, badClient, badPair:
		return h.found(pairLength, "", at, finding.Args{"why": f.text})
	case badHeader:
		if h.asHeader(e) {
			f := h.behindHeader(e)
			f.Severity = finding.Error
			return f
		}
		return h.badHeader(f, at, e)
	case badTimeout:
		return h.badTimeout(at, e)
	}
	return h.found(wrongType, "", at, finding.Args{"key": f.path[len(f.path)-1], "why": f.text})
}

func (h *hostsFile) badURL(f fault, at source.Pos, e *tomldoc.Entry) finding.Finding {
	written := f.path[len(f.path)-1]
	if len(f.path) == 1 {
		written = h.content.server
	}
	args := finding.Args{"url": display(written), "why": f.text}
	want := tidy(written)
	if want == written || e == nil {
		return h.found(unusableURL, "", at, args)
	}
	args["want"] = display(want)
	return h.cured(h.found(unusableURL, "fix", at, args), h.respell(written, want))
}

// display is a URL as it may be shown.
func display(u string) string {
	return fmt.Sprintf("%q", userinfo.ReplaceAllString(u, "//"+masked+"@"))
}

func (h *hostsFile) badCapability(f fault, at source.Pos, e *tomldoc.Entry) finding.Finding {
	word := strings.TrimPrefix(f.text, "unknown capability ")
	args := finding.Args{"word": fmt.Sprintf("%q", word)}
	if e == nil {
		return h.found(unknownCapability, "", at, args)
	}
	list, _ := h.value(e).([]any)
	words, _ := texts(list)
	if _, known := capability(word); known {
		words = slices.DeleteFunc(words, func(w string) bool { return w == word })
		return h.cured(h.found(unknownCapability, "old", at, args), []source.Edit{h.edit(e.Value.Start, e.Value.End, tomlList(words))})
	}
	want := nearest(word, []string{"pull", "resolve", "push", "referrers"})
	if want == "" {
		return h.found(unknownCapability, "", at, args)
	}
	args["want"] = fmt.Sprintf("%q", want)
	for i := range words {
		if words[i] == word {
			words[i] = want
		}
	}
	return h.cured(h.found(unknownCapability, "fix", at, args), []source.Edit{h.edit(e.Value.Start, e.Value.End, tomlList(words))})
}

func (h *hostsFile) badHeader(f fault, at source.Pos, e *tomldoc.Entry) finding.Finding {
	args := finding.Args{"key": f.path[len(f.path)-1]}
	if e == nil {
		return h.found(headerType, "", at, args)
	}
	switch h.value(e).(type) {
	case int64, float64, bool:
		return h.cured(h.found(headerType, "fix", at, args), []source.Edit{h.edit(e.Value.Start, e.Value.End, `"`+h.doc.Text(e.Value)+`"`)})
	}
	return h.found(headerType, "", at, args)
}

var number = regexp.MustCompile(`^[0-9]+$`)

func (h *hostsFile) badTimeout(at source.Pos, e *tomldoc.Entry) finding.Finding {
	if e == nil {
		return h.found(timeoutUnit, "", at, nil)
	}
	digits := strings.Trim(h.doc.Text(e.Value), `"'`)
	if !number.MatchString(digits) {
		return h.found(timeoutUnit, "", at, nil)
	}
	want := `"` + digits + `s"`
	return h.cured(h.found(timeoutUnit, "fix", at, finding.Args{"want": want}), []source.Edit{h.edit(e.Value.Start, e.Value.End, want)})
}

// tomlString quotes a text so that both parsers read it back.
func tomlString(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&out, `\u%04X`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}

func tomlList(items []string) string {
	var out []string
	for _, i := range items {
		out = append(out, tomlString(i))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// nearest is the word of a list that a typing error away would give; empty: none.
func nearest(word string, from []string) string {
	best, distance := "", 3
	for _, w := range from {
		if d := changes(strings.ToLower(word), w); d < distance && d < len(w)/2+1 {
			best, distance = w, d
		}
	}
	return best
}

// changes is the number of letters to add, drop or replace between two words.
func changes(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0]++
		for j := range len(b) {
			next := min(row[j]+1, row[j+1]+1)
			if a[i] == b[j] {
				next = min(next, before)
			} else {
				next = min(next, before+1)
			}
			before, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
