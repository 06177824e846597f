package rule

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/keyring"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// rejected are the hops of a pull whose registry or token server said no, to
// whoever asked.
func rejected(s *snapshot.Snapshot) []fault {
	return append(refused(s), tokenFaults(s, tokenRefused)...)
}

// unnamed are those that were asked without credentials.
func unnamed(s *snapshot.Snapshot) []fault {
	return slices.DeleteFunc(rejected(s), func(x fault) bool {
		return !anonymous(x.hop) || byHeader(x.try) || x.hop.Auth == nil || x.hop.Auth.Scheme == "" || x.hop.Auth.Withheld != ""
	})
}

var cloudToken = finding.Kind{
	Code: "auth/cloud-token-expired", ID: "AUTH-07",
	Title:    "A short-lived ECR, GAR or ACR token has expired",
	Severity: finding.Error,
	Text:     "the password for {host} from {source} is a token of {cloud} that ended {ago} ago, at {expires}",
	Doc: "The passwords that the command lines of clouds print for their registries live for 12 hours (ECR), one hour (Artifact Registry) or three (ACR). Written into a secret or a file of the node they work until then. " +
		"When a token ends stands in it; Towpath reads that, and tells it only if the registry also refused. Use the cloud's credential provider for the kubelet, a program that renews the secret, or a long-lived key.",
	Symptoms: []string{"auth/token-credentials-rejected", "auth/basic-credentials-rejected", "auth/insufficient-scope", "auth/stale-credentials-public-image"},
}

func findCloudToken(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, x := range rejected(s) {
		i := slices.IndexFunc(s.Tokens, func(t snapshot.CloudToken) bool {
			return t.Host == x.hop.Host && x.hop.Auth != nil && t.Source == x.hop.Auth.Source && !t.Expires.IsZero() && t.Expires.Before(s.Taken)
		})
		if i < 0 {
			continue
		}
		t := s.Tokens[i]
		f := cloudToken.New(x.hop.Host, finding.Args{
			"host": t.Host, "source": t.Source, "cloud": t.Cloud, "expires": t.Expires.Format(time.RFC3339), "ago": s.Taken.Sub(t.Expires).Round(time.Minute),
		}).In(t.From)
		f = authEvidence(f, x).Saw("the token says that it ends at "+t.Expires.Format(time.RFC3339), t.Source, "date -u")
		out = append(out, at(f, x.hop, snapshot.Token))
	}
	return out
}

var providerUnused = finding.Kind{
	Code: "auth/credential-provider-failed", ID: "AUTH-08",
	Title:    "A kubelet credential provider plugin fails",
	Severity: finding.Warning,
	Text:     "{host} is a registry of {cloud} and wants credentials, and no credential provider of the kubelet is for {image}",
	Doc: "The kubelet runs a program for credentials where its matchImages match the image; here it runs none. Towpath runs none either: what a program that is there answers is told by the kubelet's log alone " +
		"(`journalctl -u kubelet | grep credential`: \"Failed getting credential from external registry credential provider\"). " +
		"Configurations that the kubelet does not start with, and programs that are missing, are found by reading them.",
	Symptoms: []string{"auth/no-credentials-sent", "auth/insufficient-scope"},
}

// clouds are the registries for which there are credential providers, by the
// pattern that their documentation gives for matchImages.
var clouds = []struct{ pattern, name string }{
	{"*.dkr.ecr.*.amazonaws.com", "ECR"}, {"*.dkr.ecr.*.amazonaws.com.cn", "ECR"}, {"*.dkr.ecr-fips.*.amazonaws.com", "ECR"},
	{"gcr.io", "Artifact Registry"}, {"*.gcr.io", "Artifact Registry"}, {"*.pkg.dev", "Artifact Registry"}, {"*.azurecr.io", "ACR"}, {"*.azurecr.cn", "ACR"},
}

func findProviderUnused(s *snapshot.Snapshot) []finding.Finding {
	if s.Node == nil || s.Node.Kubelet == nil || len(s.Node.Kubelet.Providers) == 0 {
		return nil
	}
	image := s.Ref.Registry + "/" + s.Ref.Repository
	for _, p := range s.Node.Kubelet.Providers {
		if slices.ContainsFunc(p.Images, func(pattern string) bool { return keyring.Matches(pattern, image) }) {
			return nil
		}
	}
	var out []finding.Finding
	for _, x := range unnamed(s) {
		for _, c := range clouds {
			if x.hop.Mirror || !keyring.Matches(c.pattern, image) {
				continue
			}
			f := providerUnused.New(x.hop.Host, finding.Args{"host": x.hop.Host, "cloud": c.name, "image": image}).In(s.Node.Kubelet.Providers[0].From)
			f = authEvidence(f, x)
			for _, p := range s.Node.Kubelet.Providers {
				f = f.Saw(p.Name+" is for "+strings.Join(p.Images, ", "), p.From.String(), "grep -A9 matchImages "+quote(p.From.File))
			}
			out = append(out, at(f, x.hop, snapshot.Token))
			break
		}
	}
	return out
}

var headerLeaks = finding.Kind{
	Code: "auth/header-leaks-to-blob-store", ID: "AUTH-13",
	Title:    "The Authorization header is sent on to the blob store, which refuses it",
	Severity: finding.Error,
	Text:     "{host} redirects downloads to {target}, and the Authorization header that goes along is refused there: {line}",
	Variants: map[string]finding.Variant{
		"would": {Text: "{host} redirects downloads to a signed address at {target}; the Authorization header of {file} goes along within one domain, and most stores refuse such a request"},
	},
	Doc: "The address that the registry gives for a download is signed; a second login in the request is refused by S3 and its likes (400, \"Only one auth mechanism allowed\"). " +
		"Go, and with it containerd, takes the Authorization header along where the redirect stays on the host or goes to a host below it. A header that hosts.toml writes out is sent the same way. " +
		"Let the registry serve its blobs itself (distribution: `storage: redirect: disable: true`), give the store a name in another domain, or use a pull secret instead of the header.",
	Symptoms: []string{"registry/blob-forbidden", "registry/blob-missing"},
}

func findHeaderLeaks(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		if h.Manifest == nil {
			continue
		}
		for _, b := range blobs(h.Manifest) {
			if f, ok := leak(h, b.Attempt); ok {
				out = append(out, at(f, h, snapshot.Blob))
				break
			}
		}
	}
	return out
}

// leak looks at one download that was redirected.
func leak(h *snapshot.Hop, a *snapshot.Attempt) (finding.Finding, bool) {
	if a == nil || a.Next == nil {
		return finding.Finding{}, false
	}
	end := a.Final()
	args := finding.Args{"host": h.Host, "target": hostOfURL(end.URL), "line": outcome(end), "file": h.From.File}
	switch {
	case end.Sent["Authorization"] != nil && end.Response != nil && end.Response.Status == 400 && secondLogin(end.Response.Head):
		f := headerLeaks.New(h.Host, args)
		return f.Saw(outcomeLine(a), a.URL, curlCommand(a)).Saw(fmt.Sprintf("%.160s", end.Response.Head), end.URL, curlCommand(end)), true
	case strings.Contains(end.Withheld, "Authorization") && written(a) && signed(end.URL) && h.From.File != "":
		f := headerLeaks.Vary("would", h.Host, args).Sure(finding.Possible)
		f.Severity = finding.Warning
		return f.Saw(outcomeLine(a), a.URL, curlCommand(a)).Saw(end.Withheld, end.URL, curlCommand(end)), true
	}
	return finding.Finding{}, false
}

// secondLogin: what stores say to a signed request with an Authorization header.
func secondLogin(body string) bool {
	return slices.ContainsFunc([]string{"Only one auth mechanism", "Unsupported Authorization Type", "multiple authentication"}, func(t string) bool { return strings.Contains(body, t) })
}

// written reports a header that a file writes out: what a login makes is shown
// with its scheme.
func written(a *snapshot.Attempt) bool {
	return slices.ContainsFunc(a.Sent["Authorization"], func(v string) bool { return !strings.Contains(v, " ") })
}

func signed(url string) bool {
	_, query, _ := strings.Cut(strings.ToLower(url), "?")
	return strings.Contains(query, "x-amz-signature=") || strings.Contains(query, "x-goog-signature=") || strings.Contains(query, "&sig=") || strings.HasPrefix(query, "sig=")
}

var twoSecrets = finding.Kind{
	Code: "auth/two-secrets-one-host", ID: "AUTH-14",
	Title:    "Two secrets exist for one host and a tool takes only the first",
	Severity: finding.Warning,
	Text:     "{host} refuses the first of {count} entries for it, {first}, and takes {second}: the kubelet tries them all, other tools only one",
	Doc: "The kubelet tries every entry that matches an image, the longest key first, each with a pull of its own. Operators, scanners and command lines mostly take the first that they find. " +
		"A wrong entry also costs a failed login at every pull, which locks some accounts. Remove the entry that is refused.",
	Symptoms: []string{"auth/basic-credentials-rejected", "auth/token-credentials-rejected"},
}

func findTwoSecrets(s *snapshot.Snapshot) []finding.Finding {
	served := slices.IndexFunc(s.Entries, func(e snapshot.Entry) bool { return e.Tried && e.Refused == "" })
	if served <= 0 || s.Entries[0].Refused == "" {
		return nil
	}
	first, second := s.Entries[0], s.Entries[served]
	f := twoSecrets.New(s.Ref.Registry, finding.Args{"host": s.Ref.Registry, "count": len(s.Entries), "first": place(first), "second": place(second)}).In(first.From)
	f.Stage = string(snapshot.Token)
	return []finding.Finding{f.Saw(first.Refused, place(first), "towpath doctor --creds FILE "+quote(s.Image))}
}

func place(e snapshot.Entry) string {
	if e.From.Line == 0 {
		return e.Key + " in " + e.Source
	}
	return fmt.Sprintf("%s in line %d", e.Key, e.From.Line)
}

var otherLogin = finding.Kind{
	Code: "auth/login-in-other-tool", ID: "AUTH-16",
	Title:    "Somebody logged in with docker or nerdctl, which the kubelet does not use",
	Severity: finding.Error,
	Text:     "{host} wants credentials and gets none: {program} is logged in to it by {file}, which neither {runtime} nor the kubelet reads",
	Variants: map[string]finding.Variant{
		"helper": {Text: "{host} wants credentials and gets none: {program} is logged in to it by {file} with a password in {helper}, which neither {runtime} nor the kubelet reads"},
	},
	Doc: "`docker login`, `nerdctl login` and `podman login` write for themselves. containerd reads none of their files, and the kubelet only those in its own directory and in /.docker. " +
		"Make a pull secret of the login: `kubectl create secret docker-registry`, or `kubectl create secret generic regcred --type=kubernetes.io/dockerconfigjson --from-file=.dockerconfigjson=config.json` if the file holds the password itself. " +
		"Towpath has not tried whether that login works.",
	Symptoms: []string{"auth/no-credentials-sent", "auth/insufficient-scope"},
}

func findOtherLogin(s *snapshot.Snapshot) []finding.Finding {
	if s.Runtime == nil || s.Runtime.Target.Engine() != route.Containerd || len(s.Entries) > 0 {
		return nil
	}
	var out []finding.Finding
	for _, x := range unnamed(s) {
		i := slices.IndexFunc(s.Logins, func(l snapshot.Login) bool { return l.Host == x.hop.Host })
		if i < 0 {
			continue
		}
		l, variant := s.Logins[i], ""
		if l.Helper != "" {
			variant = "helper"
		}
		f := otherLogin.Vary(variant, x.hop.Host, finding.Args{"host": x.hop.Host, "program": l.Program, "file": l.From.File, "helper": l.Helper, "runtime": runtimeName(s)})
		f = authEvidence(f.In(l.From).Sure(finding.Likely), x).Saw("an entry for "+l.Host, l.From.File, "jq '.auths | keys' "+quote(l.From.File))
		out = append(out, at(f, x.hop, snapshot.Token))
	}
	return out
}

var sandboxLogin = finding.Kind{
	Code: "auth/sandbox-image-credentials", ID: "AUTH-18",
	Title:    "The sandbox (pause) image needs credentials",
	Severity: finding.Error,
	Text:     "the sandbox image {image} is missing and {host} gives it to nobody without credentials; {runtime} has none for it, and pull secrets never come along",
	Variants: map[string]finding.Variant{
		"wrong": {Text: "the sandbox image {image} is missing and {host} refuses the credentials from {source}; pull secrets never come along"},
	},
	Doc: "The runtime pulls the sandbox image on its own behalf: the kubelet sends no pull secret with it. Until it is there no pod starts, and they stay in ContainerCreating. " +
		"Give the runtime credentials for the registry (K3s: registries.yaml; containerd: `registry.configs`, or a header in hosts.toml), put the image where nobody has to log in, or load it: `ctr -n k8s.io images pull --user …`, and pin it.",
	Symptoms: []string{"node/sandbox-image-unavailable"},
}

func findSandboxLogin(s *snapshot.Snapshot) []finding.Finding {
	if s.Sandbox == nil || s.Runtime == nil || s.Sandbox.Serving() >= 0 {
		return nil
	}
	own := *s
	own.Pull = s.Sandbox
	for _, x := range rejected(&own) {
		if x.hop.Mirror || x.hop.Auth == nil || x.hop.Auth.Scheme == "" || x.hop.Auth.Withheld != "" {
			continue
		}
		args := finding.Args{"image": s.Sandbox.Image, "host": x.hop.Host, "runtime": runtimeName(s), "source": x.hop.Auth.Source}
		variant := ""
		if !anonymous(x.hop) {
			variant = "wrong"
		}
		f := authEvidence(sandboxLogin.Vary(variant, "node", args), x).In(s.Runtime.Sandbox.From)
		f.Stage = "node"
		return []finding.Finding{f}
	}
	return nil
}
