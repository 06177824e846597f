package rule

import (
	"regexp"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var addressBlocked = finding.Kind{
	Code: "network/source-ip-blocked", ID: "NET-15",
	Title:    "The registry or CDN refuses this node's public address",
	Severity: finding.Error,
	Text:     "{host} refuses this node whatever it asks for: its API's root is answered {status} without a word about credentials",
	Variants: map[string]finding.Variant{
		"said": {Text: "{host} refuses this node's address or country: {words}"},
	},
	Doc: "The registry or the network in front of it answers 403 (or 451) to the public address that this node has to the outside: a mirror for one university's or provider's network alone, a blocked country, a list of abusive addresses. " +
		"It looks like a problem of credentials and is none. Pull from another network, or through a mirror or proxy whose address is accepted.",
	Symptoms: []string{"auth/insufficient-scope", "auth/no-credentials-sent"},
}

// bySource are the words in which servers say that it is the address. Words about
// the resource itself, as "access to the resource is denied", are not among them.
var bySource = regexp.MustCompile(`(?i)[^.<>{}"\n]{0,60}(?:` +
	`(?:your|client|source) ?ip\b|\bip(?:v[46])? address(?:es)?\b[^.<>"]{0,40}(?:block|denied|not allowed|forbidden|banned|rejected)|` +
	`\b(?:blocked|denied|banned|not allowed|not available|unavailable|forbidden)\b[^.<>"]{0,40}\b(?:country|region|location|ip|address|network)\b|` +
	`\b[a-z]{2,12}net-only\b|\bgeo-?(?:block|restrict)|\bembargo|\bsanction)[^.<>{}"\n]{0,60}`)

func findAddressBlocked(s *snapshot.Snapshot) []finding.Finding {
	var mine []fault
	for _, x := range answeredWith(s, snapshot.Manifest, func(st int) bool { return st == 403 || st == 451 }) {
		if anonymous(x.hop) && (x.hop.Auth == nil || !x.hop.Auth.Got) && (words(x) != "" || closed(x.hop)) {
			mine = append(mine, x)
		}
	}
	return each(mine, func(x fault) finding.Finding {
		args := finding.Args{"host": x.host, "status": x.try.Status()}
		if w := words(x); w != "" {
			args["words"] = w
			return bodyEvidence(addressBlocked.Vary("said", x.host, args), x).Sure(finding.Likely)
		}
		f := bodyEvidence(addressBlocked.New(x.host, args), x).Sure(finding.Likely)
		return f.Saw(outcome(x.hop.Ping), x.hop.Ping.URL, curlCommand(x.hop.Ping))
	})
}

// words are what a refusal says of the address; empty: nothing.
func words(x fault) string {
	if r := x.try.Final().Response; r == nil || len(r.Header["Www-Authenticate"]) > 0 {
		return ""
	}
	m := bySource.FindString(x.body())
	if ping := x.hop.Ping.Final(); m == "" && ping != nil && ping.Response != nil && len(ping.Response.Header["Www-Authenticate"]) == 0 {
		m = bySource.FindString(ping.Response.Head)
	}
	return strings.Join(strings.Fields(m), " ")
}

// closed reports whether a host answers even its API's root with a refusal that
// asks for no credentials.
func closed(h *snapshot.Hop) bool {
	a := h.Ping.Final()
	return a != nil && a.Response != nil && (a.Response.Status == 403 || a.Response.Status == 451) && len(a.Response.Header["Www-Authenticate"]) == 0
}
