package machine

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/unit"
)

const incomplete = "proxy/no-proxy-incomplete"

var uncovered = finding.Kind{
	Code: incomplete, ID: "PX006", Severity: finding.Warning,
	Title: "NO_PROXY misses an internal host of the configuration",
	Text:  "{service} asks {host} through the proxy {proxy}: NO_PROXY ({noproxy}) misses it, and it looks like an internal host",
	Fix:   "add {name} to NO_PROXY",
	Variants: map[string]finding.Variant{
		"cluster": {Text: "NO_PROXY of {service} has neither .svc nor the cluster's domain: what this service asks inside the cluster goes through the proxy"},
	},
	Doc: "A private registry or a mirror on the local network is asked through the proxy unless NO_PROXY names it. NO_PROXY is read by Go's rules: `example.com` covers the name and its subdomains, `.example.com` only the subdomains. " +
		"On a node of a cluster the list should also have the networks of pods, services and nodes, `.svc` and `.cluster.local`; K3s adds its own networks by itself.",
}

var network = finding.Kind{
	Code: incomplete, ID: "PX007", Severity: finding.Warning,
	Title: "A network in NO_PROXY does not count for a host that is written by name",
	Text:  "{host} has the address {address} by the hosts file, which is in {item} of NO_PROXY; {service} asks for it by name and so through the proxy",
	Fix:   "add {name} to NO_PROXY",
	Variants: map[string]finding.Variant{
		"maybe": {Text: "NO_PROXY of {service} has only networks and addresses; {host} is asked by name, and through the proxy even if its address is in one of them"},
	},
	Doc: "Go compares a network such as `10.0.0.0/8` with hosts that are written as addresses. It resolves no name for it. Add the names.",
}

var badItem = finding.Kind{
	Code: incomplete, ID: "PX008", Severity: finding.Warning, Ignores: true,
	Title: "An item of NO_PROXY is of a form that Go does not know",
	Text:  "{item} in NO_PROXY of {service} covers nothing: {why}",
	Fix:   "write {right}",
	Variants: map[string]finding.Variant{
		"unknown": {Text: "{item} in NO_PROXY of {service} covers nothing: {why}"},
		"cut":     {Text: "systemd drops {item} from NO_PROXY of {service}: a blank ends the variable", Fix: "put the variable in quotes"},
	},
	Doc: "NO_PROXY is a list with commas. An item is `*` (no proxy at all), an address, a network `10.0.0.0/8`, a name with its subdomains `example.com`, the subdomains alone `.example.com` or `*.example.com`, each with or without `:port`. " +
		"Schemes, paths, semicolons, stars in the middle and `10.*` match nothing and raise no error.",
}

var dotted = finding.Kind{
	Code: incomplete, ID: "PX009", Severity: finding.Warning,
	Title: "A NO_PROXY item with a dot in front does not cover the name itself",
	Text:  "{item} in NO_PROXY of {service} covers the subdomains of {host} and not {host}, which is asked through the proxy",
	Fix:   "write {host}, which covers both",
	Doc:   "`.example.com` (and `*.example.com`) stands for names below example.com. `example.com` stands for itself and all names below it.",
}

// fault is why Go does not understand an item, and what was meant; empty: it does.
func fault(item string) (why, right string) {
	if scheme, rest, ok := strings.Cut(item, "://"); ok && scheme != "" {
		host, _, _ := strings.Cut(rest, "/")
		return "it has a scheme", host
	}
	if _, err := netip.ParsePrefix(item); err == nil || item == "*" {
		return "", ""
	}
	switch body := strings.TrimPrefix(item, "*."); {
	case strings.ContainsAny(item, "; \t"):
		return "items are separated by commas", strings.Join(strings.FieldsFunc(item, func(r rune) bool { return strings.ContainsRune("; \t,", r) }), ",")
	case strings.Contains(item, "/"):
		if host, _, _ := strings.Cut(item, "/"); strings.Trim(host, "0123456789.") != "" {
			return "it has a path", host
		}
		return "it is no network in CIDR form", ""
	case strings.Contains(body, "*"):
		return "a star counts only as the whole item or in front of a dot", starred(item)
	case strings.Contains(item, "-") && strings.Trim(item, "0123456789.-") == "":
		return "Go knows no ranges of addresses", ""
	}
	return "", ""
}

// starred is what "10.*" or "*example.com" was meant to be; empty: who knows.
func starred(item string) string {
	octets := strings.Split(item, ".")
	n := 0
	for n < len(octets) && octets[n] != "" && strings.Trim(octets[n], "0123456789") == "" {
		n++
	}
	stars := slices.IndexFunc(octets[n:], func(o string) bool { return o != "*" }) < 0
	if n > 0 && n < 4 && stars && len(octets) <= 4 {
		p, err := netip.ParsePrefix(strings.Join(append(octets[:n:n], []string{"0", "0", "0"}[:4-n]...), ".") + "/" + []string{"", "8", "16", "24"}[n])
		if err == nil {
			return p.String()
		}
	}
	if rest, ok := strings.CutPrefix(item, "*"); ok && !strings.Contains(rest, "*") && strings.Contains(rest, ".") {
		return rest
	}
	return ""
}

// noProxyItems tells of items that cover nothing.
func (l *lint) noProxyItems(s unit.Service, v unit.Variable) {
	all := strings.Split(v.Value, ",")
	fixed := slices.Clone(all)
	var told []*finding.Finding
	for i, item := range all {
		item = strings.TrimSpace(item)
		why, right := fault(item)
		if why == "" {
			continue
		}
		variant := ""
		if fixed[i] = right; right == "" {
			variant, fixed[i] = "unknown", item
		}
		told = append(told, l.say(badItem, variant, v.At, finding.Args{"item": item, "service": s.Name, "why": why, "right": right}))
	}
	for _, f := range told {
		do(f, restart(s.Name, v.Form == unit.UnitFile), replace(v, strings.Join(fixed, ",")))
	}
	if v.Form == unit.UnitFile {
		l.cutOff(s, v)
	}
	l.cluster(s, v)
}

// cutOff tells of the words behind an unquoted NO_PROXY, which were meant to be its items.
func (l *lint) cutOff(s unit.Service, v unit.Variable) {
	f := source.Find(s.Parts, v.At.File)
	if f == nil {
		return
	}
	var words []string
	end, first := 0, unit.Item{}
	for _, i := range unit.Items(*f, s.Name) {
		switch {
		case i.Span.Start < v.Span.Start || i.At.Line != v.At.Line:
		case i.Span.Start == v.Span.Start:
			_, value, _ := strings.Cut(i.Text, "=")
			words, end = append(words, value), i.Span.End
		case i.Assigns || strings.Contains(i.Text, "="):
			words = words[:len(words):len(words)]
			if first.Text != "" {
				l.quoteAll(s, v, first, strings.Join(words, ""), end)
			}
			return
		case len(words) > 0:
			if first.Text == "" {
				first = i
			}
			words, end = append(words, i.Text), i.Span.End
		}
	}
	if first.Text != "" {
		l.quoteAll(s, v, first, strings.Join(words, ""), end)
	}
}

func (l *lint) quoteAll(s unit.Service, v unit.Variable, lost unit.Item, value string, end int) {
	f := l.say(badItem, "cut", lost.At, finding.Args{"item": lost.Text, "service": s.Name})
	do(f, restart(s.Name, true), source.Edit{File: v.At.File, Start: v.Span.Start, End: end, New: unit.Quoted(v.Key, value)})
}

// noProxyHosts tells of hosts of the configuration that go through the proxy and
// were surely not meant to.
func (l *lint) noProxyHosts(s unit.Service) {
	if s.Name != l.Service.Name || s.Name == "" || !hasProxy(s) {
		return
	}
	get := func(key string) unit.Variable { v, _ := s.Lookup(key); return v }
	no := get("NO_PROXY")
	through := (&httpproxy.Config{HTTPProxy: get("HTTP_PROXY").Value, HTTPSProxy: get("HTTPS_PROXY").Value, NoProxy: no.Value}).ProxyFunc()
	told := map[string]bool{}
	for _, e := range l.Endpoints {
		u, err := url.Parse(e.Ping())
		if err != nil || told[u.Hostname()] {
			continue
		}
		proxy, err := through(u)
		if err != nil || proxy == nil {
			continue
		}
		told[u.Hostname()] = true
		l.proxied(s, no, e, u.Hostname(), masked(proxy.Redacted()))
	}
}

// cluster tells of a service of a cluster whose NO_PROXY leaves the cluster out.
// K3s adds its own networks; Docker and buildkit need no cluster.
func (l *lint) cluster(s unit.Service, v unit.Variable) {
	alone := slices.Contains([]string{"k3s", "k3s-agent", "docker", "buildkit"}, strings.TrimSuffix(s.Name, ".service"))
	if alone || v.Value == "" || v.Value == "*" || strings.Contains(v.Value, ".svc") || strings.Contains(v.Value, "cluster.local") {
		return
	}
	l.say(uncovered, "cluster", v.At, finding.Args{"service": s.Name}).Severity = finding.Info
}

// proxied judges one host that is asked through the proxy.
func (l *lint) proxied(s unit.Service, no unit.Variable, e route.Endpoint, name, proxy string) {
	at := no.At
	if at.IsZero() {
		v, _ := s.Lookup("HTTPS_PROXY")
		if at = v.At; at.IsZero() {
			v, _ = s.Lookup("HTTP_PROXY")
			at = v.At
		}
	}
	args := finding.Args{"service": s.Name, "host": e.Host, "name": name, "proxy": proxy, "noproxy": orUnset(no.Value)}
	value := name
	if no.Value != "" {
		value = no.Value + "," + name
	}
	add := s.Set("NO_PROXY", value)
	switch item, address := l.inNetwork(no.Value, name); {
	case slices.ContainsFunc(items(no.Value), func(i string) bool { return strings.TrimPrefix(i, "*") == "."+name }):
		args["item"], args["host"] = "."+name, name
		do(l.say(dotted, "", at, args), restart(s.Name, add.Reload), s.Set("NO_PROXY", withoutDot(no.Value, name)).Edits...)
	case item != "":
		args["item"], args["address"] = item, address
		do(l.say(network, "", at, args), restart(s.Name, add.Reload), add.Edits...)
	case internal(name):
		do(l.say(uncovered, "", at, args), restart(s.Name, add.Reload), add.Edits...)
	case no.Value != "" && e.Role == route.Mirror && onlyAddresses(no.Value):
		l.say(network, "maybe", at, args).Severity = finding.Info
	}
}

func orUnset(value string) string {
	if value == "" {
		return "not set"
	}
	return value
}

func items(list string) []string {
	var out []string
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// withoutDot is a list in which a name stands for itself as well.
func withoutDot(list, name string) string {
	all := items(list)
	for i, item := range all {
		if strings.TrimPrefix(item, "*") == "."+name {
			all[i] = name
		}
	}
	return strings.Join(all, ",")
}

// inNetwork is the network of a list in which the hosts file puts a name.
func (l *lint) inNetwork(list, name string) (item, address string) {
	for _, h := range l.Hosts {
		ip, err := netip.ParseAddr(h.Addr)
		if err != nil || !slices.Contains(h.Names, name) {
			continue
		}
		for _, item := range items(list) {
			if p, err := netip.ParsePrefix(item); err == nil && p.Contains(ip) || item == h.Addr {
				return item, h.Addr
			}
		}
	}
	return "", ""
}

// internal reports whether a host can be no public one: a private address, or a
// name that no public one ends in (RFC 6762, RFC 6761, ICANN's .internal).
func internal(name string) bool {
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.IsPrivate() || ip.IsLinkLocalUnicast()
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	return slices.Contains([]string{"svc", "local", "internal", "lan", "intranet", "corp", "home", "localdomain"}, last) || !strings.Contains(name, ".")
}

// onlyAddresses reports whether a list names networks and no names but those of
// the machine itself and of the cluster.
func onlyAddresses(list string) bool {
	networks := 0
	for _, item := range items(list) {
		_, err := netip.ParsePrefix(item)
		switch {
		case err == nil:
			networks++
		case item == "localhost" || strings.Contains(item, "svc") || strings.Contains(item, "cluster.local"):
		default:
			if _, err := netip.ParseAddr(item); err != nil {
				return false
			}
		}
	}
	return networks > 0
}
