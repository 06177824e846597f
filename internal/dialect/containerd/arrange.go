package containerd

import (
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// block is a table of a file with the comment right above it.
type block struct {
	host string // key of the host that it belongs to; empty: of none
	text string
}

// blocks cuts a file into what stands above the first table and the tables.
// Tables of one host that stand together are one block.
func (h *hostsFile) blocks() (top string, out []block) {
	at, host := 0, ""
	cut := func(end int) {
		text := string(h.data[at:end])
		if n := len(out); n > 0 && host != "" && out[n-1].host == host {
			out[n-1].text += text
		} else {
			out = append(out, block{host, text})
		}
		at = end
	}
	first := true
	for _, e := range h.doc.Entries {
		if e.Kind == tomldoc.Value {
			continue
		}
		start := h.commentAbove(e.Start)
		if first {
			top, at, first = string(h.data[:start]), start, false
		} else {
			cut(start)
		}
		host = ""
		if e.Kind == tomldoc.Header && len(e.Path) > 1 && e.Path[0] == "host" {
			host = e.Path[1]
		}
	}
	if first {
		return string(h.data), nil
	}
	cut(len(h.data))
	return top, out
}

// commentAbove is the start of the comment that stands right above a line, or
// of the line.
func (h *hostsFile) commentAbove(at int) int {
	start, _ := h.lineAround(at, at)
	for start > 0 {
		above, _ := h.lineAround(start-1, start-1)
		if !strings.HasPrefix(strings.TrimSpace(string(h.data[above:start])), "#") {
			break
		}
		start = above
	}
	return start
}

// arrange puts the tables of hosts into the wanted order: those that are there
// keep their text, others are written, and what is not wanted goes. Tables that
// are none of our business stay between them.
func (h *hostsFile) arrange(w wanted) []byte {
	top, all := h.blocks()
	want := h.texts(w, all)
	var out []string
	for i, b := range all {
		switch {
		case b.host == "":
			out = append(out, b.text)
		case len(want) > 0 && !laterHost(all[i+1:]):
			out = append(out, want...)
			want = nil
		case len(want) > 0:
			out = append(out, want[0])
			want = want[1:]
		}
	}
	out = append(out, want...)
	if len(w.mirrors) == 0 && needsHostTable(h.target) && h.entry("host") == nil {
		out = append(out, "[host]"+h.newline())
	}
	return []byte(h.join(top, out))
}

func laterHost(rest []block) bool {
	return slices.ContainsFunc(rest, func(b block) bool { return b.host != "" })
}

// texts lists the tables of the wanted hosts in order: the text that is there
// for those that are.
func (h *hostsFile) texts(w wanted, all []block) []string {
	out := make([]string, len(w.mirrors))
	taken := map[string]bool{}
	for i, m := range w.mirrors {
		have := slices.IndexFunc(h.entries, func(e entry) bool {
			return e.table != nil && !taken[e.url] && alike(h.target, e.endpoint, m)
		})
		if have < 0 {
			continue
		}
		url := h.entries[have].url
		taken[url] = true
		j := slices.IndexFunc(all, func(b block) bool { return b.host == url })
		out[i] = all[j].text
	}
	for i, m := range w.mirrors {
		if out[i] == "" && expressible(h.target, m) {
			out[i] = strings.ReplaceAll(hostTable(h.target, m, taken), "\n", h.newline())
		}
	}
	return out
}

// join puts the parts of a file together, each on a line of its own.
func (h *hostsFile) join(top string, parts []string) string {
	var out strings.Builder
	out.WriteString(top)
	for _, p := range parts {
		if s := out.String(); s != "" && !strings.HasSuffix(s, "\n") {
			out.WriteString(h.newline())
		}
		out.WriteString(p)
	}
	return out.String()
}
