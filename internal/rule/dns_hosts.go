package rule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

var hostsFileOverride = finding.Kind{
	Code: "dns/hosts-file-override", ID: "DNS-09",
	Title:    "A stale line in /etc/hosts overrides DNS",
	Severity: finding.Error,
	Text:     "{at} sends {name} to {pinned}, where {symptom}; DNS says {addrs}, which works",
	Fix:      "remove {name} from {at}",
	Variants: map[string]finding.Variant{
		"elsewhere": {
			Text: "{at} sends {name} to {pinned}, where {symptom}; DNS says {addrs}",
			Fix:  "remove {name} from {at}",
		},
		"first": {
			Text: "{at} sends {name} to {pinned}, where nobody answers: the runtime waits {wait} for it at each connection before it tries {next}",
			Fix:  "remove {name} from {at}",
		},
	},
	Doc: "Go and glibc both prefer the hosts file, while `dig` asks DNS and shows the right address. Such lines come from lists that promise a faster site " +
		"and from provisioning that pinned the address of a server long gone. Remove the line.",
	Symptoms: append([]string{"dns/sinkholed", "dns/localhost-ipv6", "dns/poisoned-answer"}, behindName...),
}

func findHostsFileOverride(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		x, ok := failing(h)
		if !ok || x.try.Lookup == nil || x.try.Lookup.Hosts == nil {
			continue
		}
		line := x.try.Lookup.Hosts
		variant, cured := "", h.Cured(snapshot.WithoutHosts)
		if cured == nil || cured.Attempt.Lookup == nil {
			// Nothing got better: then the line is only to blame when it points
			// to another place than DNS and that place is nothing like a registry.
			tried := h.Tried(snapshot.WithoutHosts)
			if len(tried) == 0 || tried[0].Attempt.Lookup == nil || !tried[0].Attempt.Reached() || slices.Contains(tried[0].Attempt.Lookup.Addrs, line.Addr) {
				continue
			}
			variant, cured = "elsewhere", &tried[0]
		}
		right := cured.Attempt.Lookup.Addrs
		f := hostsFileOverride.Vary(variant, x.host, finding.Args{
			"at": line.At, "name": x.name(), "pinned": line.Addr, "addrs": addrs(right), "symptom": symptom(&x.why),
		}).In(line.At)
		if variant != "" {
			f = f.Sure(finding.Likely)
		}
		text := strings.Join(append([]string{line.Addr}, line.Names...), " ")
		f = f.Saw(text, line.At.String(), "getent ahosts "+quote(x.name())).
			Saw(fmt.Sprintf("%s has address %s", x.name(), addrs(right)), "DNS", "dig +short "+quote(x.name())).
			Saw(x.why.Text, "connection to "+line.Addr, curlCommand(x.try))
		f.Fix.Live = true
		f.Fix.Edits = withoutName(s, x.name(), right)
		out = append(out, at(f, h, snapshot.Resolve))
	}
	for _, d := range deadAddresses(s) {
		if f, ok := deadLine(s, d); ok {
			out = append(out, at(f, d.hop, snapshot.Resolve))
		}
	}
	return out
}

// deadLine is the line of the hosts file that gives a dead address first.
func deadLine(s *snapshot.Snapshot, d deadAddress) (finding.Finding, bool) {
	if d.try.Lookup == nil || d.try.Lookup.Hosts == nil || s.Node == nil {
		return finding.Finding{}, false
	}
	for _, line := range s.Node.Hosts {
		if line.Addr != hostOf(d.addr) || !slices.ContainsFunc(line.Names, func(n string) bool { return sameHost(n, d.name()) }) {
			continue
		}
		f := hostsFileOverride.Vary("first", d.host, finding.Args{
			"at": line.At, "name": d.name(), "pinned": line.Addr, "wait": brief(d.wait), "next": addr(d.try),
		}).In(line.At)
		f.Severity, f.Fix.Live = finding.Warning, true
		f.Fix.Edits = outOfLine(s.Files, &line, d.name())
		return dialEvidence(f, d.fault), true
	}
	return finding.Finding{}, false
}

// withoutName takes a name out of the lines of the hosts file that give it
// another address than the right ones.
func withoutName(s *snapshot.Snapshot, name string, right []string) []source.Edit {
	if s.Node == nil {
		return nil
	}
	var out []source.Edit
	for i := range s.Node.Hosts {
		line := &s.Node.Hosts[i]
		if !slices.Contains(right, line.Addr) && slices.ContainsFunc(line.Names, func(n string) bool { return sameHost(n, name) }) {
			out = append(out, outOfLine(s.Files, line, name)...)
		}
	}
	return out
}

// outOfLine takes a name out of a line of the hosts file, and the line with it
// when it has no other.
func outOfLine(files []source.File, line *snapshot.HostsLine, name string) []source.Edit {
	file := source.Find(files, line.At.File)
	if file == nil {
		return nil
	}
	start := source.Offset(file.Data, source.Pos{Line: line.At.Line, Column: 1})
	fields, _, _ := strings.Cut(source.Line(file.Data, line.At.Line), "#")
	others := slices.DeleteFunc(slices.Clone(line.Names), func(n string) bool { return sameHost(n, name) })
	if len(others) == 0 {
		end := source.Offset(file.Data, source.Pos{Line: line.At.Line + 1, Column: 1})
		return []source.Edit{{File: file.Path, Start: start, End: end}}
	}
	var edits []source.Edit
	for b := 0; b < len(fields); {
		e := b + len(fields[b:]) - len(strings.TrimLeft(fields[b:], " \t\r"))
		end := e + strings.IndexAny(fields[e:]+" ", " \t\r")
		if sameHost(fields[e:end], name) {
			edits = append(edits, source.Edit{File: file.Path, Start: start + b, End: start + end})
		}
		b = end
	}
	return edits
}

// sameHost compares host names as resolvers do: whatever their case, with or
// without the final dot.
func sameHost(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}
