// Package diagnosis turns what rules found into an answer: which findings are
// causes and which are their symptoms, how much each matters for this pull, in
// which order to tell them, and whether the image can be pulled at all. It is
// pure: the same snapshot gives the same diagnosis.
package diagnosis

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/rule"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// Verdict is the answer to "can this image be pulled?".
type Verdict string

// Healthy: the image is served and nothing is at warning or above. Degraded: it
// is served, and something is. Broken: it is not served. Unknown: cannot be told.
const (
	Healthy  Verdict = "healthy"
	Degraded Verdict = "degraded"
	Broken   Verdict = "broken"
	Unknown  Verdict = "unknown"
)

// Diagnosis is the answer and its reasons, the most important first.
type Diagnosis struct {
	Verdict  Verdict
	Findings []finding.Finding
}

// Judge applies the rules to a snapshot. kinds are those of the findings that
// reading the configuration made.
func Judge(s *snapshot.Snapshot, rules []rule.Rule, kinds []finding.Kind) Diagnosis {
	j := judge{s: s, symptoms: map[string][]string{}}
	for _, r := range rules {
		j.symptoms[r.Code] = r.Symptoms
	}
	for _, k := range kinds {
		j.symptoms[k.Code] = append(j.symptoms[k.Code], k.Symptoms...)
	}
	seen := rule.Run(rules, s)
	slices.SortStableFunc(seen, met) // the order of the rules decides nothing
	all := joined(j.configuration(j.mistakes), seen)
	if j.serving(all) < 0 {
		all = joined(j.configuration(j.oddities), seen)
	}
	all = append(all, j.unexplained(all)...)
	all = j.unrepeated(all)
	j.roles(all)
	all = once(all)
	serving := j.serving(all)
	all = asked(all, j.reached(all))
	j.weigh(all, serving)
	sort(all)
	return Diagnosis{Verdict: j.verdict(all, serving), Findings: told(all)}
}

type judge struct {
	s        *snapshot.Snapshot
	symptoms map[string][]string
}

// standing are the warnings of reading the files that bear on every pull.
var standing = []string{"tls/verification-off", "config/not-loaded"}

// mistakes are what reading the files found that bears on any pull: files that
// were meant to count and do not, certificates that are not verified, mirrors
// that are passed over. Advice on order and safety of files is the business of
// lint.
func (j judge) mistakes(f finding.Finding) bool {
	if nameless(f) {
		return false
	}
	passed := f.Code == "config/resolve-capability-missing" && f.Registry != "" && j.s.Ref.Digest == ""
	return f.Severity == finding.Error || slices.Contains(standing, f.Code) || passed
}

// oddities are also worth telling when the pull fails: something written for
// this registry that has no effect, or not the one that it seems to have.
func (j judge) oddities(f finding.Finding) bool {
	if j.mistakes(f) || nameless(f) {
		return true
	}
	return f.Severity == finding.Warning && f.Registry != "" && (f.Ignores || slices.Contains([]string{
		"config/wrong-directory-name", "config/wrong-endpoint-url", "config/directory-hides-default", "auth/wrong-registry-key", "auth/no-credentials-sent",
	}, f.Code))
}

// configuration is what reading the files found that touches this pull.
func (j judge) configuration(bears func(finding.Finding) bool) []finding.Finding {
	var out []finding.Finding
	for _, f := range j.s.Config {
		if !bears(f) || f.Registry != "" && f.Registry != j.s.Ref.Registry && !j.breaks(f) || stray(f, j.s.Ref.Registry) {
			continue
		}
		if f.Stage == "" {
			f.Stage = "config"
		}
		out = append(out, j.placed(f))
	}
	return out
}

// breaks reports whether a finding says why a host of this pull is not asked.
func (j judge) breaks(f finding.Finding) bool {
	return j.s.Pull != nil && slices.ContainsFunc(j.s.Pull.Hops, func(h snapshot.Hop) bool { return writes(f, &h) })
}

// nameless reports that a finding is about a directory that no image can name.
func nameless(f finding.Finding) bool {
	return f.Code == "config/wrong-directory-name" && f.Registry == "" && f.Fix == nil && path.Base(f.At.File) != "_default"
}

// stray reports that a finding is about a directory that no image can name and
// nothing says was meant for this registry.
func stray(f finding.Finding, registry string) bool {
	if !nameless(f) {
		return false
	}
	name := path.Base(f.At.File)
	core := strings.Trim(strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(name), "http"), "s:"), "*._-:/")
	label, _, _ := strings.Cut(registry, ".")
	return core != "" && !strings.Contains(registry, core) && !strings.Contains(core, label)
}

// placed ties a finding about an endpoint to the hop that it makes; one about an
// endpoint that this pull does not come to is about the file alone.
func (j judge) placed(f finding.Finding) finding.Finding {
	if f.Endpoint == "" {
		return f
	}
	endpoint := f.Endpoint
	f.Endpoint = ""
	if j.s.Pull == nil {
		return f
	}
	for _, h := range j.s.Pull.Hops {
		if h.Endpoint == endpoint && h.From.File == f.At.File {
			f.Endpoint, f.Hop = endpoint, h.Index
			break
		}
	}
	return f
}

// joined puts what reading the files found before what the pull showed. The same
// thing found both ways is told once: with the proof of the pull and the fix of
// the file.
func joined(config, seen []finding.Finding) []finding.Finding {
	seen = slices.Clone(seen)
	config = slices.DeleteFunc(config, func(c finding.Finding) bool {
		i := slices.IndexFunc(seen, func(f finding.Finding) bool { return f.Code == c.Code && f.At.File == c.At.File && c.At.File != "" })
		if i >= 0 && seen[i].Fix == nil {
			seen[i].Fix, seen[i].At, seen[i].ID = c.Fix, c.At, c.ID
		}
		return i >= 0
	})
	return distinct(slices.Concat(config, seen))
}

// told drops what a reader would read twice: the same host may be mirror and
// registry. What is kept is the gravest, for they are sorted.
func told(all []finding.Finding) []finding.Finding {
	type key struct {
		code, subject, endpoint, text string
		role                          finding.Role
	}
	seen := map[key]bool{}
	return slices.DeleteFunc(all, func(f finding.Finding) bool {
		k := key{f.Code, f.Subject, f.Endpoint, f.Text, f.Role}
		again := seen[k] && f.Endpoint != ""
		seen[k] = true
		return again
	})
}

// distinct drops what was found twice.
func distinct(all []finding.Finding) []finding.Finding {
	type key struct{ code, id, subject, endpoint, at string }
	seen := map[key]bool{}
	return slices.DeleteFunc(all, func(f finding.Finding) bool {
		k := key{f.Code, f.ID, f.Subject, f.Endpoint, f.At.String()}
		if seen[k] {
			return true
		}
		seen[k] = true
		return false
	})
}

// once drops what is wrong a second time with an endpoint that stands in the
// chain twice, as mirror and as server: the first of them served, the second is
// not asked.
func once(all []finding.Finding) []finding.Finding {
	type key struct{ code, id, subject, endpoint, because string }
	seen := map[key]int{}
	return slices.DeleteFunc(all, func(f finding.Finding) bool {
		k := key{f.Code, f.ID, f.Subject, f.Endpoint, f.Because}
		hop, told := seen[k]
		if !told {
			seen[k] = f.Hop
		}
		return told && f.Endpoint != "" && f.Hop != hop
	})
}

var unexplained = finding.Kind{
	Code: "network/unexplained", ID: "network/unexplained",
	Title:    "A host of the chain fails in a way that no rule explains",
	Severity: finding.Error,
	Text:     "{host} fails ({stage}): {why}",
	Doc:      "The evidence is what was seen. Towpath knows no cause that it would prove; the command shows the same once more.",
}

// Kinds are the findings that this package makes itself.
var Kinds = []finding.Kind{unexplained}

// unexplained tells the failures that no finding speaks of.
func (j judge) unexplained(all []finding.Finding) []finding.Finding {
	if j.s.Pull == nil {
		return nil
	}
	var out []finding.Finding
	for _, h := range j.s.Pull.Hops {
		if h.Failure == nil || h.Failure.Cause == snapshot.NotNeeded || slices.ContainsFunc(all, func(f finding.Finding) bool {
			return f.Endpoint == h.Endpoint || f.Endpoint == "" && (explains(f, h.Failure) || writes(f, &h))
		}) {
			continue
		}
		f := unexplained.New(h.Host, finding.Args{"host": h.Host, "stage": h.Failure.Stage, "why": h.Failure.Text}).Sure(finding.Possible)
		f.Endpoint, f.Hop, f.Stage, f.At = h.Endpoint, h.Index, string(h.Failure.Stage), h.From
		out = append(out, f.Saw(h.Failure.Text, h.Endpoint, "curl -sSv "+h.Endpoint+"/"))
	}
	return out
}

// writes reports whether a finding is about the line that makes a hop which no
// request can be made to, or tells the very reason.
func writes(f finding.Finding, h *snapshot.Hop) bool {
	return h.Broken != "" && (f.At.Line > 0 && f.At.File == h.From.File && f.At.Line == h.From.Line || f.Severity == finding.Error && strings.Contains(f.Text, h.Broken))
}

// unrepeated drops what is found of an endpoint that the runtime has already asked in
// vain, as where a registry's own table repeats its server: the first one tells.
func (j judge) unrepeated(all []finding.Finding) []finding.Finding {
	again := func(f finding.Finding) bool {
		return slices.ContainsFunc(all, func(g finding.Finding) bool {
			return g.Endpoint == f.Endpoint && g.Hop < f.Hop && j.s.Pull.Hops[g.Hop].Failure != nil
		})
	}
	var out []finding.Finding
	for _, f := range all {
		if f.Endpoint == "" || !again(f) {
			out = append(out, f)
		}
	}
	return out
}

// about reports whether a finding is about one hop.
func about(f finding.Finding, h *snapshot.Hop) bool { return f.Endpoint != "" && f.Hop == h.Index }

// explains reports whether a finding about the whole node accounts for the
// failure of a host: a dead name server does for a name that did not resolve.
func explains(f finding.Finding, why *snapshot.Failure) bool {
	switch why.Stage {
	case snapshot.Resolve:
		return f.Stage == string(snapshot.Resolve)
	case snapshot.Connect:
		return f.Stage == string(snapshot.Connect)
	}
	return f.Stops
}

// roles finds, for each finding, the deepest cause that explains it.
func (j judge) roles(all []finding.Finding) {
	for i := range all {
		if c := j.cause(all, i, nil); c >= 0 {
			all[i].Role, all[i].Because = finding.Secondary, all[c].Code
		}
	}
}

// cause is the index of the finding that explains another and is not explained
// itself; -1: nothing does. The path guards against two that explain each other.
func (j judge) cause(all []finding.Finding, symptom int, path []int) int {
	for c := range all {
		if c == symptom || slices.Contains(path, c) || !j.causes(all[c], all[symptom]) {
			continue
		}
		if deeper := j.cause(all, c, append(path, symptom)); deeper >= 0 {
			return deeper
		}
		return c
	}
	return -1
}

// causes reports whether one finding explains another.
func (j judge) causes(c, f finding.Finding) bool {
	if c.Endpoint != "" && f.Endpoint != "" && c.Hop != f.Hop {
		return false
	}
	if c.Code == "config/resolve-capability-missing" && c.Endpoint != "" && c.Endpoint == f.Endpoint {
		return false // that a mirror is not asked for tags does not break it
	}
	if slices.Contains(j.symptoms[c.Code], f.Code) {
		return true
	}
	if c.Stage == "config" && c.Stops && f.Code == "node/runtime-not-responding" {
		return true // the runtime does not answer because it could not load this
	}
	if c.Stage == "config" && c.Stops && c.Endpoint == "" && slices.Contains(given, f.Code) && j.unwritten(f) {
		return true // nobody knows what the files would say of this host
	}
	if c.Ignores && c.Stage == "config" && c.Endpoint != "" && slices.Contains(given, f.Code) && about(f, &j.s.Pull.Hops[c.Hop]) {
		return true // what is written for this endpoint does not count
	}
	lost := c.Ignores && (c.Severity == finding.Error || c.Registry == j.s.Ref.Registry) || slices.Contains(unheard, c.Code)
	return lost && c.Stage == "config" && !f.Ignores && f.Endpoint != "" && (j.unwritten(f) || j.generated(c, f))
}

// unheard are the findings about files that count and keep others from counting.
var unheard = []string{"config/template-overrides-registries", "config/directory-hides-default"}

// given is what hosts lack when an entry of registries.yaml is lost.
var given = []string{"tls/private-ca-untrusted", "tls/client-certificate-required", "auth/no-credentials-sent"}

// generated reports whether an endpoint stands in a file that K3s or RKE2 made
// of the one that a finding is about, and lacks what could only come from there.
func (j judge) generated(c, f finding.Finding) bool {
	if c.Registry == "" && !strings.Contains(c.Text, f.Subject) || path.Base(c.At.File) != "registries.yaml" || !slices.Contains(given, f.Code) || j.s.Pull == nil {
		return false
	}
	return slices.ContainsFunc(j.s.Pull.Hops, func(h snapshot.Hop) bool {
		return about(f, &h) && strings.Contains(h.From.File, "/agent/etc/containerd/")
	})
}

// unwritten reports whether an endpoint stands in no file: the runtime asks it
// only because what was written for this registry does not count.
func (j judge) unwritten(f finding.Finding) bool {
	return j.s.Pull != nil && slices.ContainsFunc(j.s.Pull.Hops, func(h snapshot.Hop) bool {
		return about(f, &h) && h.From.IsZero() && h.Failure != nil
	})
}

// serving is the index of the host that the runtime gets the image from; -1:
// from none. A finding may say that the runtime fails where our own request
// succeeded.
func (j judge) serving(all []finding.Finding) int {
	if j.s.Pull == nil {
		return -1
	}
	if stopped(all) || j.s.Table.RouteFor(j.s.Ref).Fails != "" {
		return -1
	}
	return j.reached(all)
}

// reached is the index of the host that would serve the image if nothing on the
// node itself kept the runtime from asking; -1: none would.
func (j judge) reached(all []finding.Finding) int {
	if j.s.Pull == nil {
		return -1
	}
	for i, h := range j.s.Pull.Hops {
		switch {
		case h.Failure != nil && h.Failure.Ends:
			return -1
		case h.Resolves && h.Failure == nil && !slices.ContainsFunc(all, func(f finding.Finding) bool { return f.Stops && about(f, &h) }):
			return i
		}
	}
	return -1
}

// stopped reports whether something keeps every pull from working.
func stopped(all []finding.Finding) bool {
	return slices.ContainsFunc(all, func(f finding.Finding) bool { return f.Stops && f.Endpoint == "" })
}

// asked drops findings about hosts that the runtime does not come to, because
// one before them serves the image: an unreachable registry behind a mirror that
// has everything is how air gaps are meant to be.
func asked(all []finding.Finding, serving int) []finding.Finding {
	return slices.DeleteFunc(all, func(f finding.Finding) bool { return serving >= 0 && f.Endpoint != "" && f.Hop > serving })
}

// weigh gives each finding the severity that it has for this pull.
func (j judge) weigh(all []finding.Finding, serving int) {
	for i := range all {
		all[i].Severity = max(all[i].Severity, j.worst(all, all[i]))
	}
	for i := range all {
		f := &all[i]
		mirror := j.s.Pull != nil && slices.ContainsFunc(j.s.Pull.Hops, func(h snapshot.Hop) bool { return h.Mirror && about(*f, &h) })
		switch {
		case f.Severity < finding.Error || f.Ignores && f.Endpoint == "":
		case f.Code == "registry/image-not-found" && mirror && serving < 0:
			f.Severity = finding.Warning // a mirror may lack what the registry has
		case serving < 0 || f.Stops && f.Endpoint == "" || f.Stage == "node" || f.Stage == "config":
		default:
			f.Severity = finding.Warning
		}
	}
}

// worst is the severity of the gravest symptom of a finding: a cause matters as
// much as what comes of it.
func (j judge) worst(all []finding.Finding, c finding.Finding) finding.Severity {
	worst := finding.Info
	for _, f := range all {
		if c.Role != finding.Secondary && f.Role == finding.Secondary && f.Because == c.Code {
			worst = max(worst, f.Severity)
		}
	}
	return worst
}

// hop is where in the chain a finding belongs; -1: to the node as a whole.
func hop(f finding.Finding) int {
	if f.Endpoint == "" {
		return -1
	}
	return f.Hop
}

var stages = []string{"node", "config", string(snapshot.Resolve), string(snapshot.Connect), string(snapshot.TLS), string(snapshot.API),
	string(snapshot.Token), string(snapshot.Manifest), string(snapshot.Blob)}

// Later reports whether one stage of a pull comes after another.
func Later(a, b string) bool { return slices.Index(stages, a) > slices.Index(stages, b) }

// met orders findings as the runtime meets what they are about.
func met(a, b finding.Finding) int {
	return cmp.Or(
		cmp.Compare(hop(a), hop(b)),
		cmp.Compare(slices.Index(stages, a.Stage), slices.Index(stages, b.Stage)),
		cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Subject, b.Subject),
		cmp.Compare(a.Text, b.Text),
	)
}

// sort puts causes first, what breaks the pull before what slows it, and
// within that the order in which the runtime meets them.
func sort(all []finding.Finding) {
	slices.SortStableFunc(all, func(a, b finding.Finding) int {
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			cmp.Compare(hop(a), hop(b)),
			cmp.Compare(slices.Index(stages, a.Stage), slices.Index(stages, b.Stage)),
		)
	})
}

func rank(f finding.Finding) int {
	r := int(finding.Error) - int(f.Severity)
	if f.Role == finding.Secondary {
		r += 10
	}
	return r
}

// verdict sums up.
func (j judge) verdict(all []finding.Finding, serving int) Verdict {
	switch {
	case stopped(all), j.s.Table.RouteFor(j.s.Ref).Fails != "":
		return Broken
	case j.s.Pull == nil || len(j.s.Pull.Hops) == 0:
		return Unknown
	case serving < 0 && j.undecided():
		return Unknown
	case serving < 0:
		return Broken
	case slices.ContainsFunc(all, func(f finding.Finding) bool { return f.Severity >= finding.Warning }):
		return Degraded
	}
	return Healthy
}

// undecided reports whether the only hosts that might serve the image were not
// seen to fail: our own time ran out, somebody stopped us, or credentials were
// kept back that the runtime would send.
func (j judge) undecided() bool {
	return slices.ContainsFunc(j.s.Pull.Hops, func(h snapshot.Hop) bool {
		if h.Failure != nil && h.Failure.Cause == snapshot.Canceled && j.s.Pull.Serving() >= 0 && h.Index > j.s.Pull.Serving() {
			return false // it was silent while the host before it answered
		}
		withheld := h.Auth != nil && h.Auth.Withheld != "" && !h.Auth.Shared // the runtime would have sent them
		return h.Failure != nil && (h.Failure.Cause == snapshot.OutOfTime || h.Failure.Cause == snapshot.Canceled || withheld)
	})
}
