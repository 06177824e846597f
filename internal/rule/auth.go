package rule

import (
	"fmt"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// refused are the hops whose endpoint said no: 401 or 403 to the request for
// the image after everything that could be tried to log in.
func refused(s *snapshot.Snapshot) []fault {
	var out []fault
	for _, x := range faults(s, snapshot.Manifest, snapshot.Status, snapshot.TokenUnusable) {
		if st := x.try.Status(); (st == 401 || st == 403) && !byProxy(x.hop) {
			out = append(out, x)
		}
	}
	return out
}

// tokenFaults are the hops that failed at the token server of their challenge.
func tokenFaults(s *snapshot.Snapshot, hit func(*snapshot.Attempt) bool) []fault {
	var out []fault
	for _, h := range hops(s) {
		step := h.Failed()
		if step != nil && step.Stage == snapshot.Token && h.Auth != nil && step.Attempt.Fault() != nil && hit(&step.Attempt) {
			out = append(out, fault{hop: h, try: &step.Attempt, why: *step.Attempt.Fault(), host: h.Host})
		}
	}
	return out
}

// tokenRefused reports whether the token server itself said no.
func tokenRefused(a *snapshot.Attempt) bool {
	return a.Fault().Cause == snapshot.TokenDenied || a.Status() == 401 || a.Status() == 403
}

func tokenLimited(a *snapshot.Attempt) bool { return a.Status() == 429 }

// authEvidence adds the challenge and the refusal.
func authEvidence(f finding.Finding, x fault) finding.Finding {
	f = f.Saw(x.why.Text, x.try.URL, curlCommand(x.try))
	if x.hop.Auth != nil {
		for _, c := range x.hop.Auth.Challenges {
			f = f.Saw("WWW-Authenticate: "+c, x.hop.Endpoint, "curl -sSi "+quote(x.hop.Endpoint+"/"))
		}
	}
	return f
}

func anonymous(h *snapshot.Hop) bool { return h.Auth == nil || h.Auth.Source == "" || !h.Auth.Sent }

// byHeader reports whether a request carried a login that the configuration
// writes out as a header.
func byHeader(a *snapshot.Attempt) bool { return a.Sent["Authorization"] != nil }

var noCredentials = finding.Kind{
	Code: "auth/no-credentials-sent", ID: "AUTH-01",
	Title:    "The pull was anonymous although the registry wants credentials",
	Severity: finding.Error,
	Text:     "{host} wants credentials ({scheme}) and none are known for it",
	Variants: map[string]finding.Variant{
		"token":    {Text: "the token server {realm} of {host} gives nothing to an anonymous client, and no credentials are known for it"},
		"withheld": {Text: "{host} wants credentials ({scheme}); the runtime would send those at hand and Towpath does not: {why}"},
	},
	Doc: "The pull secret is missing in this namespace or service account, its key is another host, or the node's own credentials are keyed by the mirror's name instead of the endpoint's host (Docker Hub: `registry-1.docker.io` in a node's configuration, `https://index.docker.io/v1/` in a secret). " +
		"`ctr` ignores the runtime's credentials altogether. Pass the pull secret with `--creds` to see whether it helps. The message \"repository does not exist or may require authorization\" says nothing about the repository.",
}

func findNoCredentials(s *snapshot.Snapshot) []finding.Finding {
	var bare []fault
	for _, x := range refused(s) {
		if x.hop.Auth != nil && x.hop.Auth.Scheme == "basic" && anonymous(x.hop) {
			bare = append(bare, x)
		}
	}
	bare = append(bare, tokenFaults(s, func(a *snapshot.Attempt) bool { return tokenRefused(a) })...)
	var out []finding.Finding
	for _, x := range bare {
		if x.hop.Auth.Scheme == "" || !anonymous(x.hop) || byHeader(x.try) {
			continue
		}
		args := finding.Args{"host": x.host, "scheme": strings.ToUpper(x.hop.Auth.Scheme[:1]) + x.hop.Auth.Scheme[1:], "realm": x.hop.Auth.Realm, "why": x.hop.Auth.Withheld}
		variant, sure, severity := "", finding.Certain, noCredentials.Severity
		switch {
		case x.hop.Auth.Withheld != "":
			// Whether they would have been accepted cannot be told from here.
			variant, sure, severity = "withheld", finding.Possible, finding.Warning
		case x.hop.Auth.Scheme == "bearer":
			variant = "token"
		}
		f := authEvidence(noCredentials.Vary(variant, x.host, args), x).Sure(sure)
		f.Severity = severity
		out = append(out, at(f, x.hop, snapshot.Token))
	}
	return out
}

var basicRejected = finding.Kind{
	Code: "auth/basic-credentials-rejected", ID: "AUTH-02",
	Title:    "The registry rejects the user name or password (Basic)",
	Severity: finding.Error,
	Text:     "{host} rejects the user name or password from {source}",
	Doc: "The credentials were sent and the registry answered 401. containerd repeats a wrong pair up to five times per request, which may lock the account. Correct the credentials at their source. " +
		"On containerd 1.6 the message is the same as without credentials; from 1.7 on \"no basic auth credentials\" means that none were sent.",
}

func findBasicRejected(s *snapshot.Snapshot) []finding.Finding {
	var wrong []fault
	for _, x := range refused(s) {
		if x.hop.Auth != nil && x.hop.Auth.Scheme == "basic" && (!anonymous(x.hop) || byHeader(x.try)) && x.try.Status() == 401 {
			wrong = append(wrong, x)
		}
	}
	return each(wrong, func(x fault) finding.Finding {
		source := x.hop.Auth.Source
		if anonymous(x.hop) {
			source = "the header Authorization in " + x.hop.From.File
		}
		return authEvidence(basicRejected.New(x.host, finding.Args{"host": x.host, "source": source}), x)
	})
}

var tokenRejected = finding.Kind{
	Code: "auth/token-credentials-rejected", ID: "AUTH-03",
	Title:    "The token server rejects the credentials (wrong or expired)",
	Severity: finding.Error,
	Text:     "the token server {realm} rejects the credentials from {source}: {line}",
	Doc: "The credentials went to the token server that the registry names, and it refused them: a wrong or expired password, a revoked access token, an account without access. " +
		"\"failed to fetch oauth token\" in containerd's message means that credentials were sent, \"anonymous token\" that none were. Renew the credentials.",
}

func findTokenRejected(s *snapshot.Snapshot) []finding.Finding {
	var wrong []fault
	for _, x := range tokenFaults(s, tokenRefused) {
		if x.hop.Auth != nil && !anonymous(x.hop) {
			wrong = append(wrong, x)
		}
	}
	return each(wrong, func(x fault) finding.Finding {
		f := authEvidence(tokenRejected.New(x.host, finding.Args{"realm": x.hop.Auth.Realm, "source": x.hop.Auth.Source, "line": outcome(x.try)}), x)
		f.Stage = string(snapshot.Token)
		return f
	})
}

var staleCredentials = finding.Kind{
	Code: "auth/stale-credentials-public-image", ID: "AUTH-04",
	Title:    "Expired credentials block an image that is public",
	Severity: finding.Error,
	Text:     "{host} refuses the credentials from {source}, and serves the image to anybody who sends none",
	Doc:      "The image is public. Old credentials are sent although none are needed, and the refusal is read as \"the image became private\". The kubelet makes no anonymous attempt once a secret matches. Delete or renew the credentials.",
	Symptoms: []string{"auth/token-credentials-rejected", "auth/basic-credentials-rejected", "auth/insufficient-scope"},
}

func findStaleCredentials(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		step, t := h.Failed(), first(h.Tried(snapshot.Anonymous))
		if step == nil || anonymous(h) || t == nil || !t.Attempt.OK() {
			continue
		}
		f := staleCredentials.New(h.Host, finding.Args{"host": h.Host, "source": h.Auth.Source})
		f = authEvidence(f, fault{hop: h, try: &step.Attempt, why: *step.Attempt.Fault(), host: h.Host}).Saw(outcome(&t.Attempt), "the same request without credentials", curlCommand(&t.Attempt))
		out = append(out, at(f, h, snapshot.Token))
	}
	return out
}

var insufficientScope = finding.Kind{
	Code: "auth/insufficient-scope", ID: "AUTH-05",
	Title:    "The token does not grant access to this repository (or the repository does not exist)",
	Severity: finding.Error,
	Text:     "{host} grants no access to {repository}{who}: it does not exist, or it is private; logging in to its web page and opening it settles which",
	Variants: map[string]finding.Variant{
		"known": {Text: "{host} grants no access to {repository}{who}; with other credentials the same repository is served"},
	},
	Doc: "The registry does not say whether a repository exists to those who may not see it. Four causes look alike: the repository does not exist, its name is misspelled, it is private and not granted to this account, " +
		"or an access token lacks the scope or the organisation's single sign-on. The token's own list of grants is shown as evidence where it can be read. " +
		"Look the repository up as a logged-in user, or pull with credentials that are known to work.",
}

func findInsufficientScope(s *snapshot.Snapshot) []finding.Finding {
	var denied []fault
	for _, x := range refused(s) {
		basic := x.hop.Auth != nil && x.hop.Auth.Scheme == "basic"
		if !basic || x.try.Status() == 403 {
			denied = append(denied, x)
		}
	}
	return each(denied, func(x fault) finding.Finding {
		who := ""
		if !anonymous(x.hop) {
			who = " with the credentials from " + x.hop.Auth.Source
		} else if x.hop.Auth != nil {
			who = " to an anonymous client (no credentials were sent)"
		}
		f := insufficientScope.New(x.host, finding.Args{"host": x.host, "repository": s.Ref.Repository, "who": who}).Sure(finding.Possible)
		f = authEvidence(f, x)
		if x.hop.Auth != nil && x.hop.Auth.Claims != nil {
			grants := "none"
			if a := x.hop.Auth.Claims.Access; len(a) > 0 {
				grants = strings.Join(a, ", ")
			}
			f = f.Saw("the token grants: "+grants, x.hop.Auth.Realm, curlCommand(x.hop.Auth.Token))
		}
		return f
	})
}

var typoDenied = finding.Kind{
	Code: "auth/typo-looks-like-denied", ID: "AUTH-06",
	Title:    "A misspelled name is answered 401/403 by some registries and 404 by others",
	Severity: finding.Error,
	Text:     "{host} refuses {repository}, which may not exist: {guess} does, and is served",
	Doc: "Docker Hub, ghcr.io and GitLab answer a name that does not exist as they answer a private one: 401 or 403. The message speaks of authorization, and people debug their secrets. " +
		"A similar name that this registry does serve makes a typing error likely. Correct the image reference.",
	Symptoms: []string{"auth/insufficient-scope", "auth/no-credentials-sent", "auth/token-credentials-rejected"},
}

func findTypoDenied(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		step, t := h.Failed(), first(h.Tried(snapshot.SimilarName))
		if step == nil || t == nil || !t.Attempt.OK() {
			continue
		}
		if st := step.Attempt.Status(); st != 401 && st != 403 {
			continue
		}
		f := typoDenied.New(h.Host, finding.Args{"host": h.Host, "repository": s.Ref.Repository, "guess": t.Detail}).Sure(finding.Likely)
		f = authEvidence(f, fault{hop: h, try: &step.Attempt, why: *step.Attempt.Fault(), host: h.Host}).Saw(outcome(&t.Attempt), t.Attempt.URL, curlCommand(&t.Attempt))
		out = append(out, at(f, h, snapshot.Manifest))
	}
	return out
}

var realmUnreachable = finding.Kind{
	Code: "auth/token-realm-unreachable", ID: "AUTH-09",
	Title:    "The token server named by the registry is unreachable or wrong",
	Severity: finding.Error,
	Text:     "{host} sends its clients to the token server {realm}, which cannot be used: {why}",
	Doc: "The registry itself is reachable. Its challenge names a token server whose name does not resolve, which refuses or drops connections, has a bad certificate or is not a token server at all: " +
		"usually Harbor's `external_url` or the headers of a reverse proxy are wrong (`core.harbor.domain`, an internal address, http instead of https). Those who run the registry must correct its external URL.",
	Symptoms: append([]string{"dns/name-not-found", "dns/cluster-internal-name", "network/redirect-loop", "network/redirect-target-blocked", "network/ipv4-only-registry", "tls/no-ip-san", "tls/version-or-cipher-mismatch"}, behindAddress...),
}

func findRealmUnreachable(s *snapshot.Snapshot) []finding.Finding {
	bad := tokenFaults(s, func(a *snapshot.Attempt) bool {
		return !tokenRefused(a) && !tokenLimited(a) && a.Fault().Cause != snapshot.TokenBad
	})
	return each(bad, func(x fault) finding.Finding {
		f := authEvidence(realmUnreachable.New(x.host, finding.Args{"host": x.host, "realm": x.hop.Auth.Realm, "why": x.why.Text}), x)
		if x.try.Lookup != nil {
			f = dnsEvidence(f, x)
		}
		f.Stage = string(snapshot.Token)
		return f
	})
}

var tokenReply = finding.Kind{
	Code: "auth/token-reply-invalid", ID: "AUTH-10",
	Title:    "The token endpoint answers with HTML or without a token",
	Severity: finding.Error,
	Text:     "the token server {realm} of {host} answers {kind}, not a token",
	Doc: "The token URL of the challenge leads to a page (single sign-on, a captive portal, a web interface) or to a JSON document without a token. The URL is wrong, or something in front of it asks people to log in. " +
		"Those who run the registry must correct the realm.",
}

func findTokenReply(s *snapshot.Snapshot) []finding.Finding {
	bad := tokenFaults(s, func(a *snapshot.Attempt) bool { return a.Fault().Cause == snapshot.TokenBad })
	return each(bad, func(x fault) finding.Finding {
		kind := "a document without a token"
		r := x.try.Final().Response
		if r != nil && strings.Contains(r.Type, "html") {
			kind = "an HTML page"
		}
		f := authEvidence(tokenReply.New(x.host, finding.Args{"realm": x.hop.Auth.Realm, "host": x.host, "kind": kind}), x)
		if r != nil {
			f = f.Saw(fmt.Sprintf("%s, %s: %.120s", r.Line, r.Type, r.Head), x.try.URL, curlCommand(x.try))
		}
		f.Stage = string(snapshot.Token)
		return f
	})
}

var unsupportedScheme = finding.Kind{
	Code: "auth/unsupported-scheme", ID: "AUTH-11",
	Title:    "The registry offers no authentication scheme that containerd knows",
	Severity: finding.Error,
	Text:     "{host} answers 401 and offers {schemes}; containerd knows Basic and Bearer only",
	Variants: map[string]finding.Variant{
		"realm": {Text: "{host} answers 401 with a Bearer challenge that names no realm, so nobody can fetch a token for it: {schemes}"},
	},
	Doc:      "The registry, or a proxy in front of it, asks for Negotiate, NTLM or Digest, or sends a 401 without any challenge. containerd then gives up, with credentials or without. Offer Basic or Bearer.",
	Symptoms: []string{"auth/insufficient-scope"},
}

func findUnsupportedScheme(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, x := range faults(s, snapshot.Manifest, snapshot.NoScheme) {
		schemes := "no scheme at all"
		if x.hop.Auth != nil && len(x.hop.Auth.Challenges) > 0 {
			schemes = strings.Join(x.hop.Auth.Challenges, ", ")
		}
		variant := ""
		if x.hop.Auth != nil && x.hop.Auth.Scheme == "bearer" {
			variant = "realm"
		}
		out = append(out, at(authEvidence(unsupportedScheme.Vary(variant, x.host, finding.Args{"host": x.host, "schemes": schemes}), x), x.hop, snapshot.Token))
	}
	return out
}

var secretToMirror = finding.Kind{
	Code: "auth/pull-secret-sent-to-mirror", ID: "AUTH-12",
	Title:    "The pull secret goes to the mirror, and the node's own credentials for the mirror are ignored",
	Severity: finding.Warning,
	Text:     "mirror {host} asks for credentials: containerd would send it the pull secret of {registry} and ignore the node's own credentials for the mirror",
	Doc: "When a pull comes with credentials, containerd gives them to every host of the chain that asks, a mirror run by somebody else included, and does not look at the node's own credentials for that mirror. " +
		"The mirror learns the password and usually refuses it. Let the mirror serve anonymously, give it the same credentials, or put the mirror's credentials into a header of hosts.toml. Towpath itself does not send them.",
	Symptoms: []string{"auth/no-credentials-sent", "auth/basic-credentials-rejected", "auth/token-credentials-rejected", "auth/insufficient-scope"},
}

func findSecretToMirror(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		if !h.Mirror || h.Auth == nil || !h.Auth.Shared {
			continue
		}
		f := secretToMirror.New(h.Host, finding.Args{"host": h.Host, "registry": s.Ref.Registry})
		for _, c := range h.Auth.Challenges {
			f = f.Saw("WWW-Authenticate: "+c, h.Endpoint, "curl -sSi "+quote(h.Endpoint+"/"))
		}
		out = append(out, at(f, h, snapshot.Token))
	}
	return out
}
