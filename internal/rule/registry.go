package rule

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// answeredWith are the hops that ended with one of the statuses at their own host.
func answeredWith(s *snapshot.Snapshot, hit func(int) bool) []fault {
	var out []fault
	for _, x := range faults(s, snapshot.Manifest, snapshot.Status) {
		if hit(x.try.Status()) && !byProxy(x.hop) {
			out = append(out, x)
		}
	}
	return out
}

// bodyEvidence adds the status and the beginning of the body.
func bodyEvidence(f finding.Finding, x fault) finding.Finding {
	saw := x.why.Text
	if r := x.try.Final().Response; r != nil {
		saw = r.Line
		if r.Head != "" {
			saw += fmt.Sprintf(": %.160s", strings.Join(strings.Fields(r.Head), " "))
		}
	}
	return f.Saw(saw, x.try.Final().URL, curlCommand(x.try.Final()))
}

var imageNotFound = finding.Kind{
	Code: "registry/image-not-found", ID: "REG-01",
	Title:    "The registry says that the tag, digest or repository does not exist",
	Severity: finding.Error,
	Text:     "{host} has no {what}",
	Variants: map[string]finding.Variant{
		"tags":   {Text: "{host} has no {what}; its repository has the tags {tags}"},
		"typo":   {Text: "{host} has no {what}; did you mean {guess}"},
		"mirror": {Text: "mirror {host} has no {what}; the next host is asked"},
	},
	Doc: "The server that answered is the right one and says that it does not have this image. A tag is misspelled, was deleted or has moved to another repository (bitnami to bitnamilegacy, k8s.gcr.io to registry.k8s.io), " +
		"or a mirror does not have what the registry has. With several hosts the error of a pull names only one of them.",
}

func findImageNotFound(s *snapshot.Snapshot) []finding.Finding {
	return each(answeredWith(s, func(st int) bool { return st == 404 }), func(x fault) finding.Finding {
		what := fmt.Sprintf("tag %s in repository %s", s.Ref.Tag, s.Ref.Repository)
		body := ""
		if r := x.try.Final().Response; r != nil {
			body = r.Head
		}
		if s.Ref.Digest != "" {
			what = "manifest " + s.Ref.Digest
		} else if strings.Contains(body, "NAME_UNKNOWN") {
			what = "repository " + s.Ref.Repository
		}
		args, variant := finding.Args{"host": x.host, "what": what}, ""
		var tags []string
		if x.hop.Manifest != nil {
			tags = x.hop.Manifest.Tags
		}
		t := first(x.hop.Tried(snapshot.SimilarName))
		switch guess := nearest(s.Ref.Tag, tags); {
		case t != nil && t.Attempt.OK():
			variant, args["guess"] = "typo", t.Detail
		case guess != "":
			variant, args["guess"] = "typo", s.Ref.Repository+":"+guess
		case len(tags) > 0:
			variant, args["tags"] = "tags", strings.Join(tags[:min(len(tags), 8)], ", ")
		case x.hop.Mirror:
			variant = "mirror"
		}
		return bodyEvidence(imageNotFound.Vary(variant, x.host, args), x)
	})
}

var rateLimited = finding.Kind{
	Code: "registry/rate-limited", ID: "REG-02",
	Title:    "The registry's rate limit is used up (429)",
	Severity: finding.Error,
	Text:     "{host} answers 429: the pull limit of {whose} is used up{limit}",
	Doc: "The limit belongs to the account, or without credentials to the public address, which all nodes behind one gateway share. containerd repeats a 429 at once and ignores Retry-After. " +
		"\"unauthenticated\" in the registry's message proves that no credentials were sent. Pull with credentials, or through a cache or mirror.",
}

func findRateLimited(s *snapshot.Snapshot) []finding.Finding {
	limited := append(answeredWith(s, func(st int) bool { return st == 429 }),
		tokenFaults(s, func(a *snapshot.Attempt) bool { return a.Status() == 429 })...)
	return each(limited, func(x fault) finding.Finding {
		whose, limit := "this node's public address", ""
		if !anonymous(x.hop) {
			whose = "the account from " + x.hop.Auth.Source
		}
		f := finding.Finding{}
		header := x.try.Final().Response.Header
		for _, key := range []string{"Ratelimit-Limit", "Ratelimit-Remaining", "Docker-Ratelimit-Source", "Retry-After"} {
			for _, v := range header[key] {
				f = f.Saw(key+": "+v, x.host, curlCommand(x.try))
				if key == "Retry-After" {
					limit = ", try again after " + v
				}
			}
		}
		g := bodyEvidence(rateLimited.New(x.host, finding.Args{"host": x.host, "whose": whose, "limit": limit}), x)
		g.Evidence = append(g.Evidence, f.Evidence...)
		return g
	})
}

var serverError = finding.Kind{
	Code: "registry/server-error", ID: "REG-03",
	Title:    "The registry fails with 5xx or is in maintenance",
	Severity: finding.Error,
	Text:     "{host} answers {line}",
	Doc:      "The registry, or the proxy in front of it, has a fault of its own or is in maintenance. Wait for it, or have a mirror asked first.",
}

func findServerError(s *snapshot.Snapshot) []finding.Finding {
	return each(answeredWith(s, func(st int) bool { return st >= 500 }), func(x fault) finding.Finding {
		return bodyEvidence(serverError.New(x.host, finding.Args{"host": x.host, "line": x.try.Final().Response.Line}), x)
	})
}

var htmlManifest = finding.Kind{
	Code: "registry/html-instead-of-manifest", ID: "REG-04",
	Title:    "An HTML page with status 200 comes instead of the manifest",
	Severity: finding.Error,
	Text:     "{url} answers 200 with an HTML page{title} instead of the manifest; the runtime takes it for the image and asks no other host",
	Doc: "The request reached a web page: a mirror's path without `/v2` (missing `override_path`), `server = \"https://docker.io\"` (the web site) as fall-back, the interface of a proxy, a single sign-on or a captive portal. " +
		"Because the status is 200 the runtime accepts it, fails with \"unexpected media type text/html\" and does not fall back. Correct the endpoint; the image is not to blame.",
}

func findHTMLManifest(s *snapshot.Snapshot) []finding.Finding {
	var pages []fault
	for _, x := range faults(s, snapshot.Manifest, snapshot.BadReply) {
		if r := x.try.Final().Response; r != nil && strings.Contains(r.Type, "html") {
			pages = append(pages, x)
		}
	}
	return each(pages, func(x fault) finding.Finding {
		title := ""
		if t := pageTitle(x.try.Final().Response.Head); t != "" {
			title = fmt.Sprintf(" (%q)", t)
		}
		return bodyEvidence(htmlManifest.New(x.host, finding.Args{"url": x.try.Final().URL, "title": title}), x)
	})
}

var title = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</`)

// pageTitle is the text of the title element at the beginning of a page.
func pageTitle(page string) string {
	if m := title.FindStringSubmatch(page); m != nil {
		return strings.TrimSpace(m[1])
	}
	return ""
}

var wrongType = finding.Kind{
	Code: "registry/wrong-content-type", ID: "REG-05",
	Title:    "The manifest comes with a wrong content type",
	Severity: finding.Error,
	Text:     "{url} sends the manifest as {type}; the runtime goes by that type and cannot use it",
	Doc:      "A static file server or a broken proxy sends the right bytes with the wrong Content-Type. The runtime believes the header. Correct the mirror.",
}

func findWrongType(s *snapshot.Snapshot) []finding.Finding {
	var odd []fault
	for _, x := range faults(s, snapshot.Manifest, snapshot.BadReply) {
		if r := x.try.Final().Response; r != nil && !strings.Contains(r.Type, "html") {
			odd = append(odd, x)
		}
	}
	return each(odd, func(x fault) finding.Finding {
		r := x.try.Final().Response
		return bodyEvidence(wrongType.New(x.host, finding.Args{"url": x.try.Final().URL, "type": r.Type}), x)
	})
}

var blobMissing = finding.Kind{
	Code: "registry/blob-missing", ID: "REG-08",
	Title:    "The manifest exists but a layer or the config is missing",
	Severity: finding.Error,
	Text:     "{host} has the manifest of {repository} and not its {what} {digest}",
	Doc: "The registry collected the blob as garbage, an image was copied in part, or a peer-to-peer mirror has only some of it. " +
		"The message names the media type of what is missing, which has been misread as \"schema 1 is unsupported\". Push the image again, or purge it from the cache.",
}

func findBlobMissing(s *snapshot.Snapshot) []finding.Finding {
	return blobStatus(s, blobMissing, func(st int) bool { return st == 404 })
}

var blobForbidden = finding.Kind{
	Code: "registry/blob-forbidden", ID: "REG-09",
	Title:    "A layer download is refused (403)",
	Severity: finding.Error,
	Text:     "{host} serves the manifest of {repository} and refuses its {what} {digest}",
	Doc:      "A signed download address has expired (is the clock right?), the content network blocks this country or address, or a firewall does. The redirects of the download are shown as evidence.",
}

func findBlobForbidden(s *snapshot.Snapshot) []finding.Finding {
	return blobStatus(s, blobForbidden, func(st int) bool { return st == 401 || st == 403 })
}

// blobStatus finds hops whose config or a layer got a status.
func blobStatus(s *snapshot.Snapshot, k finding.Kind, hit func(int) bool) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		if h.Failure == nil || h.Failure.Stage != snapshot.Blob || h.Manifest == nil {
			continue
		}
		for _, b := range blobs(h.Manifest) {
			if b.Attempt == nil || b.Attempt.Fault() == nil || !hit(b.Attempt.Status()) {
				continue
			}
			what := "layer"
			if h.Manifest.Config != nil && b.Digest == h.Manifest.Config.Digest {
				what = "config"
			}
			f := k.New(h.Host, finding.Args{"host": h.Host, "repository": s.Ref.Repository, "what": what, "digest": b.Digest})
			f = bodyEvidence(f, fault{h, b.Attempt, *b.Attempt.Fault(), h.Host})
			out = append(out, at(f, h, snapshot.Blob))
			break
		}
	}
	return out
}

// blobs are the config and the layers of an image.
func blobs(c *snapshot.Content) []snapshot.BlobLook {
	if c.Config == nil {
		return c.Layers
	}
	return append([]snapshot.BlobLook{*c.Config}, c.Layers...)
}

var redirectBlocked = finding.Kind{
	Code: "network/redirect-target-blocked", ID: "NET-12",
	Title:    "The registry answers, but the host it redirects blobs to is blocked",
	Severity: finding.Error,
	Text:     "{host} is reachable and sends its clients to {target}, which is not: {why}",
	Doc: "Many registries keep only manifests themselves and redirect downloads to a content network or object store. An allow-list that names the registry alone lets the pull begin and then hang or fail. " +
		"\"The registry is reachable, so the network is fine\" is the wrong conclusion. Allow the hosts that the evidence names, or use a mirror: most operators publish no stable list.",
}

func findRedirectBlocked(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		step := h.Failed()
		if step == nil || step.Stage == snapshot.Token || step.Attempt.Failure != nil {
			continue
		}
		next := step.Attempt.Next
		for next != nil && next.Failure == nil {
			next = next.Next
		}
		if next == nil || next.Response != nil {
			continue
		}
		target := hostOfURL(next.URL)
		f := redirectBlocked.New(h.Host, finding.Args{"host": h.Host, "target": target, "why": next.Failure.Text})
		f = f.Saw(outcomeLine(&step.Attempt), step.Attempt.URL, curlCommand(&step.Attempt)).
			Saw(next.Failure.Text, next.URL, curlCommand(next))
		out = append(out, at(f, h, step.Stage))
	}
	return out
}

func outcomeLine(a *snapshot.Attempt) string {
	if a.Response == nil {
		return outcome(a)
	}
	line := a.Response.Line
	for _, l := range a.Response.Header["Location"] {
		line += ", Location: " + l
	}
	return line
}

func hostOfURL(u string) string {
	_, rest, _ := strings.Cut(u, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

var redirectLoop = finding.Kind{
	Code: "network/redirect-loop", ID: "NET-14",
	Title:    "HTTP redirects go round in a circle",
	Severity: finding.Error,
	Text:     "{host} redirects in a circle: {why}",
	Doc:      "A load balancer and the registry disagree about http and https (X-Forwarded-Proto), and each sends the client to the other. Correct the reverse proxy.",
}

func findRedirectLoop(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		step := h.Failed()
		if step == nil || step.Attempt.Fault().Cause != snapshot.RedirectLoop {
			continue
		}
		f := redirectLoop.New(h.Host, finding.Args{"host": h.Host, "why": step.Attempt.Fault().Text})
		for a := &step.Attempt; a != nil && len(f.Evidence) < 3; a = a.Next {
			f = f.Saw(outcomeLine(a), a.URL, curlCommand(a))
		}
		out = append(out, at(f, h, step.Stage))
	}
	return out
}
