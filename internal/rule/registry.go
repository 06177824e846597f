package rule

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// answeredWith are the hops whose own host answered one of the statuses in a stage.
func answeredWith(s *snapshot.Snapshot, stage snapshot.Stage, hit func(int) bool) []fault {
	var out []fault
	for _, x := range faults(s, stage, snapshot.Status) {
		if hit(x.try.Status()) && !byProxy(x.hop) {
			out = append(out, x)
		}
	}
	return out
}

// answeredAnywhere are those for the API's root, which engines other than
// containerd ask for, for the manifest and for blobs.
func answeredAnywhere(s *snapshot.Snapshot, hit func(int) bool) []fault {
	return slices.Concat(answeredWith(s, snapshot.API, hit), answeredWith(s, snapshot.Manifest, hit), answeredWith(s, snapshot.Blob, hit))
}

// bodyEvidence adds the status and the beginning of the body.
func bodyEvidence(f finding.Finding, x fault) finding.Finding {
	saw := x.why.Text
	if r := x.try.Final().Response; r != nil {
		saw = r.Line
		if head := x.body(); head != "" {
			saw += fmt.Sprintf(": %.160s", strings.Join(strings.Fields(head), " "))
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
		"listed": {Text: "{host} has no manifest {digest}, which its own index for {what} lists"},
	},
	Doc: "The server that answered is the right one and says that it does not have this image. A tag is misspelled, was deleted or has moved to another repository (bitnami to bitnamilegacy, k8s.gcr.io to registry.k8s.io), " +
		"or a mirror does not have what the registry has. With several hosts the error of a pull names only one of them.",
}

func findImageNotFound(s *snapshot.Snapshot) []finding.Finding {
	missing := slices.DeleteFunc(absent(s, false), func(x fault) bool { return peerMiss(x.hop) })
	return each(missing, func(x fault) finding.Finding {
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
		case s.Ref.Digest == "" && x.hop.Manifest != nil && x.hop.Manifest.Digest != "":
			variant, args["digest"] = "listed", x.hop.Manifest.Expect
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

// absent are the hops that do not have what they were asked for: the image, or
// what they themselves had just said that its tag stands for.
func absent(s *snapshot.Snapshot, promised bool) []fault {
	var out []fault
	for _, x := range answeredWith(s, snapshot.Manifest, func(st int) bool { return st == 404 || st == 410 }) {
		m := x.hop.Manifest
		if promised == (s.Ref.Digest == "" && m != nil && m.Expect != "" && m.Digest == "" && strings.HasSuffix(x.try.URL, "/"+m.Expect)) {
			out = append(out, x)
		}
	}
	return out
}

var headOnly = finding.Kind{
	Code: "registry/head-ok-get-404", ID: "REG-07",
	Title:    "HEAD says the manifest exists, GET says it does not",
	Severity: finding.Error,
	Text:     "{host} says that {tag} is {digest}, and has no manifest of that digest",
	Doc: "The runtime asks with HEAD what a tag stands for and then fetches that digest. A cache that keeps the one and not the other, or that announces another digest than it has, breaks every pull of the tag. " +
		"The message is \"content at … not found\". Purge the tag from the cache, or let the cache sync it again.",
}

func findHeadOnly(s *snapshot.Snapshot) []finding.Finding {
	return each(absent(s, true), func(x fault) finding.Finding {
		f := headOnly.New(x.host, finding.Args{"host": x.host, "tag": s.Ref.Tag, "digest": x.hop.Manifest.Expect})
		for _, step := range x.hop.Steps {
			if step.Stage == snapshot.Manifest && step.Attempt.OK() {
				f = f.Saw(outcome(&step.Attempt)+", Docker-Content-Digest: "+x.hop.Manifest.Expect, step.Attempt.URL, curlCommand(&step.Attempt))
			}
		}
		return bodyEvidence(f, x)
	})
}

var headUnsupported = finding.Kind{
	Code: "registry/head-unsupported", ID: "REG-06",
	Title:    "The registry does not support HEAD",
	Severity: finding.Info,
	Text:     "{host} answers HEAD with {line} and serves the same manifest to GET: the runtime asks twice, other clients may fail",
	Doc: "The API of registries has HEAD beside GET for every manifest. A server or a proxy that refuses it costs containerd one more request, for it asks again with GET. Clients that only want the digest, such as those that watch for new versions of a tag, fail. " +
		"Allow HEAD on the proxy in front of the registry.",
}

func findHeadUnsupported(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		var head, get *snapshot.Attempt
		for i := range h.Steps {
			switch a := h.Steps[i].Attempt.Final(); {
			case h.Steps[i].Stage != snapshot.Manifest:
			case a.Method == "HEAD" && a.Status() == 405: // after any other containerd does not go on
				head = a
			case a.Method == "GET" && head != nil && h.Steps[i].Attempt.OK() && get == nil:
				get = a
			}
		}
		if get == nil || byProxy(h) {
			continue
		}
		f := headUnsupported.New(h.Host, finding.Args{"host": h.Host, "line": head.Response.Line})
		f = f.Saw(head.Response.Line, "HEAD "+head.URL, curlCommand(head)).Saw(outcome(get), "GET "+get.URL, curlCommand(get))
		out = append(out, at(f, h, snapshot.Manifest))
	}
	return out
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
	limited := append(answeredAnywhere(s, func(st int) bool { return st == 429 }), tokenFaults(s, tokenLimited)...)
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
					limit = ", try again after " + wait(v)
				}
			}
		}
		g := bodyEvidence(rateLimited.New(x.host, finding.Args{"host": x.host, "whose": whose, "limit": limit}), x)
		g.Evidence = append(g.Evidence, f.Evidence...)
		return g
	})
}

// wait is a Retry-After for people: seconds, or a date as it is.
func wait(after string) string {
	if _, err := strconv.ParseUint(after, 10, 32); err == nil {
		return after + " s"
	}
	return after
}

var serverError = finding.Kind{
	Code: "registry/server-error", ID: "REG-03",
	Title:    "The registry fails with 5xx or is in maintenance",
	Severity: finding.Error,
	Text:     "{host} answers {line}",
	Doc:      "The registry, or the proxy in front of it, has a fault of its own or is in maintenance. Wait for it, or have a mirror asked first.",
}

func findServerError(s *snapshot.Snapshot) []finding.Finding {
	bad := slices.DeleteFunc(answeredAnywhere(s, func(st int) bool { return st >= 500 }), func(x fault) bool { return peerMiss(x.hop) })
	return each(bad, func(x fault) finding.Finding {
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
		named := ""
		if t := pageTitle(x.try.Final().Response.Head); t != "" {
			named = fmt.Sprintf(" (%.80q)", t)
		}
		return bodyEvidence(htmlManifest.New(x.host, finding.Args{"url": x.try.Final().URL, "title": named}), x)
	})
}

var title = regexp.MustCompile(`(?i)<title[^>]*>([^<]*)`)

// pageTitle is the text of the title element at the beginning of a page.
func pageTitle(page string) string {
	m := title.FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return strings.TrimSpace(m[1])
}

var wrongType = finding.Kind{
	Code: "registry/wrong-content-type", ID: "REG-05",
	Title:    "The manifest comes with a wrong content type",
	Severity: finding.Error,
	Text:     "{url} sends the manifest as {type}; the runtime goes by that type and cannot use it",
	Variants: map[string]finding.Variant{
		"none":    {Text: "{url} sends the manifest without a Content-Type; the runtime goes by that type and cannot use it"},
		"content": {Text: "{url} sends a document of type {type} that is no image manifest: {why}"},
	},
	Doc: "A static file server or a broken proxy sends the right bytes with the wrong Content-Type. The runtime believes the header. Correct the mirror.",
}

func findWrongType(s *snapshot.Snapshot) []finding.Finding {
	var odd []fault
	for _, x := range faults(s, snapshot.Manifest, snapshot.BadReply) {
		if r := x.try.Final().Response; r != nil && !strings.Contains(r.Type, "html") && !isSchema1(r.Type) {
			odd = append(odd, x)
		}
	}
	return each(odd, func(x fault) finding.Finding {
		r := x.try.Final().Response
		variant := ""
		switch {
		case r.Type == "":
			variant = "none"
		case !strings.HasPrefix(x.why.Text, "unexpected media type"):
			variant = "content"
		}
		return bodyEvidence(wrongType.Vary(variant, x.host, finding.Args{"url": x.try.Final().URL, "type": r.Type, "why": x.why.Text}), x)
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
			f = bodyEvidence(f, fault{hop: h, try: b.Attempt, why: *b.Attempt.Fault(), host: h.Host})
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
		if next == nil || next.Response != nil || next.Failure.Cause == snapshot.BadChain {
			continue // it answers, or its certificate tells more
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
