package rule

import (
	"regexp"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

var searchCapture = finding.Kind{
	Code: "dns/search-domain-capture", ID: "DNS-10",
	Title:    "A search domain with a wildcard record captures the name",
	Severity: finding.Error,
	Text:     "{name} was looked up as {asked}, which exists ({addrs}): the search domain {domain} captures it, and {symptom} there",
	Fix:      "take {domain} out of the search list of {file}, or remove its wildcard record",
	Variants: map[string]finding.Variant{
		"ndots": {
			Text: "{name} was looked up as {asked}, which exists ({addrs}): with ndots:{ndots} the search domain {domain} comes first and captures it, and {symptom} there",
			Fix:  "lower ndots in {file} to 1, or remove the wildcard record of {domain}",
		},
	},
	Doc: "A name with fewer dots than `ndots` is tried below each search domain first; with a wildcard record `*.corp.example` that always answers. A name that does not exist is tried there as well. " +
		"The runtime then sees a certificate of your own domain for a public registry, or nothing listens. A query with a dot at the end (`dig ghcr.io.`) shows the name itself. " +
		"`ndots:5` belongs in pods, not in the resolv.conf of a node.",
	Symptoms: append([]string{"dns/poisoned-answer", "dns/sinkholed", "dns/name-not-found"}, behindName...),
}

func findSearchCapture(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		x, ok := failing(h)
		if !ok || x.try.Lookup == nil || x.try.Lookup.Hosts != nil || len(x.try.Lookup.Addrs) == 0 {
			continue
		}
		a, t := below(x.try.Lookup), h.Cured(snapshot.WithoutSearch)
		if a == nil || t == nil && !isPublic(x.name()) {
			continue // a short name of the company is meant to be completed
		}
		f := captured(s, x, a)
		if t != nil {
			f = f.Saw(outcome(&t.Attempt), "request to "+t.Detail+" at "+addr(&t.Attempt), curlCommand(&t.Attempt))
		} else {
			f = f.Sure(finding.Likely)
		}
		out = append(out, at(f, h, snapshot.Resolve))
	}
	return out
}

// below is the answer that was given for a name in a search domain; nil: none was.
func below(l *snapshot.Lookup) *snapshot.Answer {
	for i := range l.Answers {
		a := &l.Answers[i]
		if a.Server.Node && len(a.Addrs) > 0 && strings.HasPrefix(strings.ToLower(a.Name), strings.ToLower(strings.TrimSuffix(l.Name, "."))+".") && strings.Trim(a.Name[len(strings.TrimSuffix(l.Name, ".")):], ".") != "" {
			return a
		}
	}
	return nil
}

var (
	ndots     = regexp.MustCompile(`(?m)^(options[^#;\n]*[ \t]ndots:)(\d+)`)
	generated = regexp.MustCompile(`(?im)^[#;].*\b(?:generated|managed|do not edit)\b`)
)

// oneDot is the edit that lowers ndots; none where a program writes the file
// and would undo it.
func oneDot(s *snapshot.Snapshot) []source.Edit {
	f := source.Find(s.Files, s.Node.Resolv.File)
	if f == nil || f.Link != "" || generated.Match(f.Data) {
		return nil
	}
	var out []source.Edit
	for _, m := range ndots.FindAllSubmatchIndex(f.Data, -1) {
		out = append(out, source.Edit{File: f.Path, Start: m[4], End: m[5], New: "1"})
	}
	return out
}

func captured(s *snapshot.Snapshot, x fault, a *snapshot.Answer) finding.Finding {
	name := strings.TrimSuffix(x.name(), ".")
	args := finding.Args{
		"name": name, "asked": strings.TrimSuffix(a.Name, "."), "addrs": addrs(a.Addrs), "symptom": symptom(&x.why),
		"domain": strings.Trim(a.Name[min(len(name), len(a.Name)):], "."), "file": "resolv.conf", "ndots": 1,
	}
	variant := ""
	if s.Node != nil {
		args["file"], args["ndots"] = s.Node.Resolv.File, s.Node.Resolv.Ndots
		if strings.Count(name, ".") < s.Node.Resolv.Ndots {
			variant = "ndots"
		}
	}
	f := searchCapture.Vary(variant, x.host, args)
	if variant == "ndots" {
		f.Fix.Edits, f.Fix.Live = oneDot(s), true
	}
	return f.Saw(a.Name+" has address "+addrs(a.Addrs), "name server "+a.Server.Addr, digCommand(a.Server.Addr, a.Name)).
		Saw(x.why.Text, x.host, digCommand(a.Server.Addr, name+"."))
}
