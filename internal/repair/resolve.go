package repair

import (
	"bytes"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/source"
)

// Resolve spells out the fixes that findings leave as wishes: the edits that
// each takes on this node, whether it counts at once, and what to run after it.
// A fix that a file asks a restart for is spelled out where the files made of
// that file can be edited as well, so that it counts at once.
func Resolve(n Node, findings []finding.Finding) []finding.Finding {
	out := make([]finding.Finding, len(findings))
	for i, f := range findings {
		out[i] = f
		wish := f.Fix != nil && f.Fix.Intent != nil && len(f.Fix.Edits) == 0
		late := f.Fix != nil && len(f.Fix.Edits) > 0 && !f.Fix.Live && n.Input.Runtime.Owner != nil
		if !wish && !late {
			continue
		}
		f.Role = finding.Primary
		p, _ := Cure(n, []finding.Finding{f})
		if p.Empty() || late && !p.Live() {
			continue
		}
		fix := *f.Fix
		fix.Edits, fix.Live = edits(p), p.Live()
		if late {
			fix.Run = nil
		}
		for _, r := range p.Restart {
			fix.Run = append(fix.Run, "systemctl restart "+r.Unit)
		}
		out[i].Fix = &fix
	}
	return out
}

// edits are the changes of a plan as a person would make them.
func edits(p plan.Plan) []source.Edit {
	var out []source.Edit
	for _, c := range p.Changes {
		switch {
		case c.Moved:
			out = append(out, source.Edit{Op: source.Rename, File: c.Before.Path, To: c.After.Path})
		case c.After == nil:
			out = append(out, source.Edit{Op: source.Remove, File: c.Before.Path})
		case c.Before == nil:
			out = append(out, source.Edit{Op: source.Create, File: c.After.Path, New: string(c.After.Data), Mode: c.After.Mode})
		default:
			out = append(out, difference(*c.Before, *c.After))
		}
	}
	return out
}

// difference is the one replacement that turns a file into another.
func difference(a, b source.File) source.Edit {
	start := 0
	for start < min(len(a.Data), len(b.Data)) && a.Data[start] == b.Data[start] {
		start++
	}
	x, y := a.Data[start:], b.Data[start:]
	end := 0
	for end < min(len(x), len(y)) && x[len(x)-1-end] == y[len(y)-1-end] {
		end++
	}
	return source.Edit{File: a.Path, Start: start, End: len(a.Data) - end, New: string(bytes.Clone(y[:len(y)-end]))}
}
