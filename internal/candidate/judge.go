package candidate

import (
	"cmp"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// Judge is what is wrong with the hosts of a comparison.
func Judge(c Comparison) []finding.Finding {
	var out []finding.Finding
	for _, t := range c.Upstream.Tags {
		if t.Digest == "" {
			args := finding.Args{"registry": c.Upstream.Host, "image": t.Image, "why": cmp.Or(textOf(t.Failure), textOf(c.Upstream.Failure), "no answer")}
			out = append(out, seen(unanswered.New(c.Upstream.Host, args), c.Upstream, t.Image))
		}
	}
	for _, m := range c.Mirrors {
		out = append(out, m.findings(c.Upstream)...)
	}
	return out
}

func (m Measure) findings(own Measure) []finding.Finding {
	var out []finding.Finding
	if m.Unfit != "" && m.Unfit != WrongTag {
		f := unfit.New(m.Host, finding.Args{"mirror": m.Host, "why": cannot(m)})
		out = append(out, seen(f, m, ""))
	}
	for i, t := range m.Tags {
		args := finding.Args{"mirror": m.Host, "image": t.Image, "got": brief(t.Digest), "want": brief(own.Tags[i].Digest), "age": Age(t.Behind), "why": textOf(t.Failure)}
		switch {
		case t.State == Wrong:
			out = append(out, both(otherImage.New(m.Host, args), m, own, i))
		case t.State == Stale:
			out = append(out, both(stale.New(m.Host, args), m, own, i))
		case t.State == Repacked:
			out = append(out, seen(incomplete.Vary("index", m.Host, args), m, t.Image))
		case t.State == Missing:
			out = append(out, seen(incomplete.New(m.Host, args), m, t.Image))
		case t.State == Failed && m.Unfit == "":
			out = append(out, seen(incomplete.Vary("told", m.Host, args), m, t.Image))
		}
	}
	variant, told := map[Ranges]string{Ignored: "", Refused: "refused", Spoiled: "wrong"}[m.Ranges]
	if told && m.Unfit == "" {
		out = append(out, seen(noRanges.Vary(variant, m.Host, finding.Args{"mirror": m.Host}), m, ""))
	}
	return out
}

// both shows what a mirror and the registry itself have under a tag.
func both(f finding.Finding, m, own Measure, tag int) finding.Finding {
	f.Endpoint, f.Stage = m.Endpoint, "manifest"
	for _, x := range []Measure{m, own} {
		t := x.Tags[tag]
		saw := t.Digest
		if !t.Created.IsZero() {
			saw += ", created " + t.Created.UTC().Format(time.RFC3339)
		}
		f = f.Saw(saw, x.Endpoint, "towpath doctor "+t.Image)
	}
	return f
}

// seen adds where that was seen.
func seen(f finding.Finding, m Measure, image string) finding.Finding {
	f.Endpoint, f.Stage = m.Endpoint, "manifest"
	command := "curl -sSI " + strings.TrimSuffix(m.Endpoint, "/") + "/"
	if image != "" {
		command = "towpath doctor " + image
	}
	return f.Saw(cmp.Or(textOf(m.Failure), f.Text), m.Endpoint, command)
}

func textOf(f *snapshot.Failure) string {
	if f == nil {
		return ""
	}
	return f.Text
}

func brief(digest string) string { return digest[:min(len(digest), 19)] }
