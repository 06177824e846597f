package demo

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// Columns is how wide the text is at most.
const Columns = 80

// Opening prints what is about to be seen.
func Opening(t *report.Terminal) {
	t.Heading("Towpath", "why a node cannot pull an image, and the cure")
	t.Say("Pulls that fail, and what it takes to find out why. The registries, their " +
		"certificates and their faults are real and run inside this process; the nodes are " +
		"directories, gone in the end. No container runtime runs: its words are quoted, " +
		"and nothing is restarted. Nothing else of this machine is touched.")
	t.Gap()
}

// Print prints a scene as a session at its node.
func (o Outcome) Print(t *report.Terminal) {
	t.Gap()
	t.Heading(fmt.Sprintf("%d  %s", o.Scene.Number, o.Scene.Title), strings.Replace(o.Scene.Runtime, "@", " ", 1))
	t.Say(o.Scene.Story)
	t.Gap()
	for i, p := range o.Acts {
		o.act(t, o.Scene.Acts[i], p)
	}
	if o.Err != nil {
		t.Mark(false, fmt.Sprintf("this scene does not end well: %v", o.Err))
		t.Gap()
	}
}

func (o Outcome) act(t *report.Terminal, a Act, p Played) {
	if p.Before.Snapshot == nil {
		return
	}
	t.Command("crictl pull " + o.Scene.Image)
	t.Answer(p.Sees)
	t.Gap()
	if a.Advice != "" {
		t.Say(a.Advice)
		t.Gap()
	}
	t.Command("towpath doctor " + o.Scene.Image)
	p.Before.print(t)
	if a.Hand != "" {
		t.Say(a.Hand)
		t.Gap()
		return
	}
	if p.Plan.Empty() {
		return
	}
	flags := ""
	if len(p.Plan.Restart) > 0 {
		flags = "--allow-restart "
	}
	t.Command("towpath doctor --fix " + flags + o.Scene.Image)
	t.Plan(p.Plan)
	t.Gap()
	p.end(t)
}

// end prints what became of a fix.
func (p Played) end(t *report.Terminal) {
	if p.After.Snapshot != nil {
		p.After.print(t)
	}
	if p.Entry == "" {
		return
	}
	fixed := report.Change{ID: &p.Entry, State: "done"}
	fixed.Proven("a fresh look")
	t.Changed(fixed)
	t.Gap()
	if p.Back == "" {
		return
	}
	t.Command("towpath rollback")
	t.Changed(report.Change{ID: &p.Back, State: "undone"})
	if p.Files > 0 {
		t.Say(fmt.Sprintf("  compared: %d files and directories, byte for byte", p.Files))
	}
	t.Gap()
}

// Closing prints what was seen and what to do next.
func Closing(t *report.Terminal, all []Outcome, took time.Duration) {
	t.Gap()
	t.Heading("In short", fmt.Sprintf("%.1f s", took.Seconds()))
	for _, o := range all {
		for i, a := range o.Scene.Acts {
			if i == 0 {
				t.Mark(o.Err == nil, fmt.Sprintf("%d  %-38s %s", o.Scene.Number, o.Scene.Title, a.Cause))
			} else {
				t.Say(fmt.Sprintf("%43s %s", "", a.Cause))
			}
		}
	}
	t.Gap()
	if slices.ContainsFunc(all, func(o Outcome) bool { return o.Err != nil }) {
		t.Say("Not every pull was mended: this is a fault of Towpath, please report it.")
		return
	}
	t.Say("Each cause was proven, each fix was kept only after a fresh look, and each was " +
		"taken back. Next, on a node where a pull fails:")
	t.Gap()
	t.Command("towpath doctor IMAGE")
}

// print prints a diagnosis as doctor does, without what was said already.
func (l Look) print(t *report.Terminal) {
	s := *l.Snapshot
	pull := *s.Pull
	s.Pull = &pull
	pull.Hops = asked(pull.Hops)
	d := diagnosis.Diagnosis{Verdict: l.Diagnosis.Verdict}
	for _, f := range l.Diagnosis.Findings {
		if f.Severity > finding.Info {
			d.Findings = append(d.Findings, decisive(f, pull.Hops))
		}
	}
	t.Seen(&s, d)
}

var digest = regexp.MustCompile(`(sha256:[0-9a-f]{12})[0-9a-f]{52}`)

// asked are the hosts up to the one that serves the image, which is where the
// runtime stops. Of each the runtime's own requests are left, without times, and
// digests short.
func asked(hops []snapshot.Hop) []snapshot.Hop {
	var out []snapshot.Hop
	for _, h := range hops {
		h.Stages = slices.DeleteFunc(slices.Clone(h.Stages), func(s snapshot.Summary) bool { return s.Stage == snapshot.API })
		for i := range h.Stages {
			h.Stages[i].Took = 0
			h.Stages[i].Saw = digest.ReplaceAllString(h.Stages[i].Saw, "$1")
		}
		out = append(out, h)
		if h.Resolves && h.Failure == nil {
			break
		}
	}
	return out
}

// proofs is how many pieces of evidence are shown: the trials that decide come last.
const proofs = 2

// decisive leaves out evidence that repeats the line quoted above it or the
// failure of a stage, and commands that are too long to read in passing.
func decisive(f finding.Finding, hops []snapshot.Hop) finding.Finding {
	const indent = 13
	var out []finding.Evidence
	for _, e := range f.Evidence {
		if e.Where == f.At.String() || repeats(e.Saw, hops) {
			continue
		}
		if len(e.Command) > Columns-indent {
			e.Command = ""
		}
		out = append(out, e)
	}
	f.Evidence = out[max(0, len(out)-proofs):]
	return f
}

func repeats(saw string, hops []snapshot.Hop) bool {
	for _, h := range hops {
		for _, s := range h.Stages {
			if s.Err != "" && strings.Contains(saw, s.Err) {
				return true
			}
		}
	}
	return false
}
