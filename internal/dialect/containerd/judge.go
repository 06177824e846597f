package containerd

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// judge reports everything about the directory of a route.
func (r *reader) judge(h *hostsFile) {
	r.beside(h)
	for _, f := range h.explain() {
		r.add(f)
	}
	if h.verdict == unknown && h.problem != nil && !h.problem.Unread {
		r.unreadable(h.path, h.match, h.problem.Text)
	}
	if h.verdict == used {
		if h.doc != nil {
			for _, f := range slices.Concat(h.unknown(), h.versions(), h.tables()) {
				r.add(f)
			}
		}
		for _, f := range h.endpoints() {
			r.add(f)
		}
		r.later(h)
		r.readable(h)
	}
}

// later reports what this version accepts and the next will not.
func (r *reader) later(h *hostsFile) {
	if grammar(h.target) == tomldoc.V1 && strings.HasPrefix(string(h.data), string(bom)) {
		f := h.marked("later", []source.Edit{h.edit(0, len(bom), "")})
		f.Severity, f.Ignores = finding.Info, false
		r.add(f)
	}
}

// certified inspects the certificate files of a route in the order in which
// containerd reads them; it stops at the first that it cannot use.
func (r *reader) certified(h *hostsFile, out *route.Route) {
	all := out.Mirrors
	if out.Upstream != nil {
		all = append(all[:len(all):len(all)], *out.Upstream)
	}
	for i, e := range all {
		bad := r.inspect.inspect(e.TLS)
		if bad == nil {
			continue
		}
		if bad.sure {
			out.Fails = fmt.Sprintf("%s cannot be used: %s", bad.file, bad.why)
		}
		r.add(about(r.flawed(h, i, bad), e))
		return
	}
}

// flawed words a certificate file that cannot be used.
func (r *reader) flawed(h *hostsFile, i int, bad *flaw) finding.Finding {
	kind, key, variant := unusableCA, "ca", ""
	if bad.client {
		kind, key = unusableClient, "client"
	}
	if !bad.sure {
		variant = "unsure"
	}
	args := finding.Args{"path": bad.file, "why": bad.why}
	if h.verdict != used || i >= len(h.entries) {
		return sureOf(r.inTree(kind, variant, spot{bad.file, h.match}, args), bad)
	}
	e := h.entries[i]
	if f := r.relative(h, e, bad); f != nil {
		return *f
	}
	at, x := h.setting(e, key)
	if bad.client {
		if f := h.pairForm(e, at, x, bad); f != nil {
			return *f
		}
	}
	f := h.found(kind, variant, at, args)
	return sureOf(f.Saw(bad.why, bad.file, "ls -l "+quote(bad.file)), bad)
}

func sureOf(f finding.Finding, bad *flaw) finding.Finding {
	if !bad.sure {
		f.Severity = finding.Info
		return f.Sure(finding.Possible)
	}
	return f
}

// pairForm recognises the two wrong ways to write a pair; nil: it is neither.
func (h *hostsFile) pairForm(e entry, at source.Pos, x *tomldoc.Entry, bad *flaw) *finding.Finding {
	list, ok := e.settings.Client.([]any)
	if !ok || x == nil {
		return nil
	}
	replace := func(want string) []source.Edit { return h.curing(h.edit(x.Value.Start, x.Value.End, want)) }
	if files, flat := texts(list); flat && len(files) == 2 && strings.HasSuffix(files[1], "key") {
		want := "[" + tomlList(files) + "]"
		f := with(h.found(flatPair, "", at, finding.Args{"cert": path.Base(files[0]), "key": path.Base(files[1]), "want": want}), replace(want))
		return &f
	}
	for i, one := range list {
		pair, _ := one.([]any)
		files, ok := texts(pair)
		if !ok || len(files) != 2 || files[1] != "" || bad.file != h.absolute("") {
			continue
		}
		single := append(slices.Clone(list[:i]), any(files[0]))
		want := tomlValue(append(single, list[i+1:]...))
		f := with(h.found(emptyKey, "", at, finding.Args{"want": want}), replace(want))
		return &f
	}
	return nil
}

// tomlValue writes the strings and lists of strings that client can hold.
func tomlValue(v any) string {
	switch v := v.(type) {
	case string:
		return tomlString(v)
	case []any:
		var out []string
		for _, item := range v {
			out = append(out, tomlValue(item))
		}
		return "[" + strings.Join(out, ", ") + "]"
	}
	return ""
}
