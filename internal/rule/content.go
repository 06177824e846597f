package rule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/platform"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var schema1 = finding.Kind{
	Code: "content/schema-1-manifest", ID: "CNT-03",
	Title:    "The image has an old schema 1 manifest",
	Severity: finding.Error,
	Text:     "{host} has the image only with a manifest of schema 1, which containerd {version} no longer supports",
	Doc: "Docker wrote manifests of schema 1 until 2016. containerd 2.1 and later refuse them: \"schema 1 image manifests are no longer supported\". " +
		"Pull the image with a current Docker or skopeo and push it again, or ask its owners for a newer tag.",
}

func findSchema1(s *snapshot.Snapshot) []finding.Finding {
	var old []fault
	for _, x := range faults(s, snapshot.Manifest, snapshot.BadReply) {
		if r := x.try.Final().Response; r != nil && isSchema1(r.Type) {
			old = append(old, x)
		}
	}
	return each(old, func(x fault) finding.Finding {
		f := schema1.New(x.host, finding.Args{"host": x.host, "version": s.Table.Target.Containerd.String()})
		return f.Saw("Content-Type: "+x.try.Final().Response.Type, x.try.Final().URL, curlCommand(x.try.Final()))
	})
}

func isSchema1(mediaType string) bool {
	return strings.HasPrefix(mediaType, "application/vnd.docker.distribution.manifest.v1+")
}

var noMatchingPlatform = finding.Kind{
	Code: "content/no-matching-platform", ID: "CNT-01",
	Title:    "The image has no variant for this node's platform",
	Severity: finding.Error,
	Text:     "the image has no variant for {platform}; it has {platforms}",
	Variants: map[string]finding.Variant{
		"none": {Text: "the image's index is empty: it has no variant for {platform} nor for any other"},
	},
	Doc: "The image exists and was found. Its index lists platforms, and this node's is not among them. The runtime says \"no match for platform in manifest: not found\", which does not mean that the image is missing. " +
		"Use an image that is built for this platform, or schedule the pod on another node.",
}

func findNoMatchingPlatform(s *snapshot.Snapshot) []finding.Finding {
	return once(s, func(h *snapshot.Hop) (finding.Finding, bool) {
		if h.Failure == nil || h.Failure.Cause != snapshot.NoPlatform || h.Manifest == nil {
			return finding.Finding{}, false
		}
		variant := ""
		if len(h.Manifest.Platforms) == 0 {
			variant = "none"
		}
		f := noMatchingPlatform.Vary(variant, h.Host, finding.Args{"platform": s.Pull.Platform, "platforms": strings.Join(h.Manifest.Platforms, ", ")})
		return f.Saw("platforms: "+strings.Join(h.Manifest.Platforms, ", "), "index "+h.Manifest.Digest, manifestCommand(s, h)), true
	})
}

var wrongArchitecture = finding.Kind{
	Code: "content/wrong-architecture", ID: "CNT-02",
	Title:    "A single-platform image for another architecture is pulled without an error",
	Severity: finding.Warning,
	Text:     "the image is built for {image} and this node is {platform}: the pull succeeds and the container fails with \"exec format error\"",
	Doc:      "The reference leads to a single manifest, not to an index, so no runtime compares platforms: the pull succeeds everywhere and the container cannot start. Use an image for this platform.",
}

func findWrongArchitecture(s *snapshot.Snapshot) []finding.Finding {
	return once(s, func(h *snapshot.Hop) (finding.Finding, bool) {
		m := h.Manifest
		if m == nil || m.Config == nil || m.Image == "" || len(m.Platforms) > 0 || runs(s.Pull.Platform, m.Image) {
			return finding.Finding{}, false
		}
		f := wrongArchitecture.New(h.Host, finding.Args{"image": m.Image, "platform": s.Pull.Platform})
		return f.Saw("the config names the platform "+m.Image, "config "+m.Config.Digest, manifestCommand(s, h)).
			Saw(s.Pull.Platform, "this node", "uname -sm"), true
	})
}

// runs reports whether a node can run an image; variants of one architecture do
// often enough.
func runs(node, image string) bool {
	n, i := platform.Parse(node), platform.Parse(image)
	return i.Arch == "" || n.OS == i.OS && n.Arch == i.Arch || n.Rank(i) >= 0
}

// manifestCommand fetches the manifest by hand.
func manifestCommand(s *snapshot.Snapshot, h *snapshot.Hop) string {
	return fmt.Sprintf("curl -sSL -H 'Accept: application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json' %s",
		quote(h.Endpoint+"/"+s.Ref.Repository+"/manifests/"+s.Ref.Object()))
}

// once looks at the hops in order and tells the first: what an image is does
// not depend on who serves it.
func once(s *snapshot.Snapshot, look func(*snapshot.Hop) (finding.Finding, bool)) []finding.Finding {
	for _, h := range hops(s) {
		if f, ok := look(h); ok {
			return []finding.Finding{at(f, h, snapshot.Manifest)}
		}
	}
	return nil
}

var digestMismatch = finding.Kind{
	Code: "content/digest-mismatch", ID: "CNT-05",
	Title:    "The bytes do not match the digest or the size",
	Severity: finding.Error,
	Text:     "{host} serves wrong bytes for {what} {digest}: they hash to {got}; the runtime fails and asks no other host",
	Variants: map[string]finding.Variant{
		"header": {Text: "{host} announces digest {digest} for a manifest whose bytes hash to {got}; the runtime fails and asks no other host"},
	},
	Doc: "The server answered 200 and the bytes are not what their name says: a corrupt cache, a proxy that rewrites downloads, a mirror that rebuilt an index. containerd notices at the end of the download, fails the pull and does not try another host; " +
		"on retry it may resume on top of the bad bytes. Purge the object from the cache, or take the mirror out.",
	Symptoms: []string{"network/download-truncated"},
}

func findDigestMismatch(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		if h.Failure == nil || h.Failure.Cause != snapshot.WrongDigest {
			continue
		}
		if f, ok := mismatch(h); ok {
			out = append(out, at(f, h, h.Failure.Stage))
		}
	}
	return out
}

func mismatch(h *snapshot.Hop) (finding.Finding, bool) {
	if h.Manifest != nil && h.Failure.Stage == snapshot.Blob {
		for _, b := range blobs(h.Manifest) {
			if b.Attempt == nil || b.Hashed == "" || b.Hashed == b.Digest {
				continue
			}
			f := digestMismatch.New(h.Host, finding.Args{"host": h.Host, "what": "blob", "digest": b.Digest, "got": b.Hashed})
			return f.Saw("the bytes hash to "+b.Hashed, b.Attempt.URL, "curl -sSL "+quote(b.Attempt.URL)+" | sha256sum"), true
		}
	}
	step := h.Failed()
	if step == nil {
		return finding.Finding{}, false
	}
	a := step.Attempt.Final()
	want, got := "", ""
	if h.Manifest != nil {
		want = h.Manifest.Expect
	}
	if a.Response != nil {
		got = a.Response.Digest
	}
	f := digestMismatch.Vary("header", h.Host, finding.Args{"host": h.Host, "digest": want, "got": got})
	return f.Saw(step.Attempt.Fault().Text, a.URL, "curl -sSL "+quote(a.URL)+" | sha256sum"), true
}

var truncated = finding.Kind{
	Code: "network/download-truncated", ID: "NET-11",
	Title:    "A blob arrives shorter than announced",
	Severity: finding.Error,
	Text:     "{host} ends the download of {what} early: {why}",
	Doc:      "A proxy or virus scanner with a size limit, a load balancer's idle timeout or an expired cache entry cuts downloads. Look at the middle box between the node and the registry.",
}

func findTruncated(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		if h.Failure == nil || h.Failure.Cause != snapshot.Truncated {
			continue
		}
		url := h.Endpoint
		if step := h.Failed(); step != nil {
			url = step.Attempt.Final().URL
		}
		f := truncated.New(h.Host, finding.Args{"host": h.Host, "what": url, "why": h.Failure.Text})
		out = append(out, at(f.Saw(h.Failure.Text, url, "curl -sSL -o /dev/null -w '%{size_download}\\n' "+quote(url)), h, h.Failure.Stage))
	}
	return out
}

var stalled = finding.Kind{
	Code: "network/download-stalled", ID: "NET-10",
	Title:    "A layer download stops making progress",
	Severity: finding.Error,
	Text:     "{host} begins to send {what} and then nothing more: {why}",
	Doc: "The answer began and its bytes stopped: a stalled content network, a proxy that wants the whole object before it sends any, a dead connection that nobody closed. " +
		"The runtime waits until the progress timeout cancels the pull, and the event says \"context canceled\". Look at what is between the node and that host.",
}

func findStalled(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		x, ok := failing(h)
		if !ok || x.why.Cause != snapshot.Stalled {
			continue
		}
		f := stalled.New(x.host, finding.Args{"host": x.host, "what": x.try.URL, "why": x.why.Text})
		out = append(out, at(f.Saw(x.why.Text, x.try.URL, "curl -sS --max-time 20 -o /dev/null -w '%{size_download}\\n' "+quote(x.try.URL)), h, h.Failure.Stage))
	}
	return out
}

var wrongEndpoint = finding.Kind{
	Code: "config/wrong-endpoint-url", ID: "CFG-07",
	Title:    "Scheme, port or path of the endpoint is wrong",
	Severity: finding.Error,
	Text:     "{url} is not where {host} keeps its API: at {right} the image is served",
	Fix:      "point the endpoint to {right}",
	Doc: "An endpoint without a scheme means https. A path without `/v2` gets `/v2` appended unless `override_path = true` stands beside it; Harbor, Artifactory and Nexus want `/v2/<project>` with override_path. " +
		"The runtime asks exactly the URL that the evidence shows.",
	Symptoms: []string{"registry/image-not-found", "registry/html-instead-of-manifest", "registry/server-error", "auth/insufficient-scope", "network/connection-refused"},
}

func findWrongEndpoint(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		step := h.Failed()
		if step == nil || h.From.IsZero() {
			continue
		}
		i := slices.IndexFunc(h.Trials, func(t snapshot.Trial) bool { return t.Change == snapshot.OtherPath && t.Attempt.OK() })
		if i < 0 {
			continue
		}
		t := h.Trials[i]
		f := wrongEndpoint.New(h.Host, finding.Args{"url": h.Endpoint, "host": name(h), "right": t.Detail}).In(h.From)
		f.Fix.Intent = &finding.Intent{Do: finding.UsePath, Registry: s.Ref.Registry, Endpoint: h.Endpoint, Value: t.Detail}
		f = bodyEvidence(f, fault{hop: h, try: &step.Attempt, why: *step.Attempt.Fault(), host: h.Host}).Saw(outcome(&t.Attempt), t.Attempt.URL, curlCommand(&t.Attempt))
		out = append(out, at(f, h, snapshot.Manifest))
	}
	return out
}
