package rule

import (
	"fmt"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/mediatype"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var notAnImage = finding.Kind{
	Code: "content/not-an-image", ID: "CNT-04",
	Title:    "The reference is an artifact (a Helm chart, …), not an image",
	Severity: finding.Error,
	Text:     "{image} is {what}, not a container image: {runtime} cannot unpack it",
	Variants: map[string]finding.Variant{
		"pulled": {Text: "{image} is {what}, not a container image: {runtime} pulls it without an error, and no container starts from it"},
	},
	Doc: "Registries hold more than images: Helm charts, signatures, attestations, lists of software, models. The media types of the config and the layers tell which. " +
		"containerd 1.6 ends the pull with \"mismatched image rootfs and manifest layers\", later versions often report success and fail when the container is made. " +
		"Name the image itself; a chart is installed with `helm install oci://…`, a signature or attestation is read with cosign or oras, and a tag that ends in .sig, .att or .sbom belongs to the image whose digest it names.",
}

func findNotAnImage(s *snapshot.Snapshot) []finding.Finding {
	return once(s, func(h *snapshot.Hop) (finding.Finding, bool) {
		m := h.Manifest
		if m == nil || m.Config == nil {
			return finding.Finding{}, false
		}
		what := mediatype.Artifact(m.Config.Type, layerTypes(m))
		if what == "" {
			return finding.Finding{}, false
		}
		f := unpacked(notAnImage, h, finding.Args{"image": s.Ref.String(), "what": what, "runtime": "containerd " + versionText(s)})
		f = f.Saw("config of type "+orNone(m.Config.Type), "manifest "+m.Chosen, manifestCommand(s, h))
		for _, l := range m.Layers[:min(len(m.Layers), 3)] {
			f = f.Saw("layer of type "+orNone(l.Type), "manifest "+m.Chosen, manifestCommand(s, h))
		}
		return f, true
	})
}

// unpacked words a finding by whether the pull fails for it or goes through.
func unpacked(k finding.Kind, h *snapshot.Hop, args finding.Args) finding.Finding {
	if h.Failure != nil && h.Failure.Cause == snapshot.Unpack {
		return k.New(h.Host, args)
	}
	f := k.Vary("pulled", h.Host, args)
	f.Severity = finding.Warning
	return f
}

func layerTypes(m *snapshot.Content) []string {
	var out []string
	for _, l := range m.Layers {
		out = append(out, l.Type)
	}
	return out
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

var unsupportedLayer = finding.Kind{
	Code: "content/unsupported-layer-type", ID: "CNT-07",
	Title:    "The layer's compression or media type is not supported",
	Severity: finding.Error,
	Text:     "layer {digest} has the media type {type}, which {runtime} cannot unpack",
	Variants: map[string]finding.Variant{
		"pulled": {Text: "layer {digest} has the media type {type}, which {runtime} passes over: the pull succeeds, and no container starts from the image"},
	},
	Doc: "The layer was compressed or packed in a way that this version does not know: Docker's own type for zstd needs containerd 2.0, lz4, xz and bzip2 are in none. " +
		"containerd 1.6 says \"no processor for media-type\", 1.7 \"mismatched image rootfs and manifest layers\", and 2.x may say nothing. " +
		"Build or push the image with gzip or the OCI type for zstd (`docker buildx build --output type=image,oci-mediatypes=true,compression=gzip`), or use a newer runtime.",
}

func findUnsupportedLayer(s *snapshot.Snapshot) []finding.Finding {
	return once(s, func(h *snapshot.Hop) (finding.Finding, bool) {
		m := h.Manifest
		if m == nil || m.Config == nil || mediatype.Artifact(m.Config.Type, layerTypes(m)) != "" {
			return finding.Finding{}, false
		}
		for _, l := range m.Layers {
			if mediatype.Unpacks(l.Type, major(s)) || mediatype.Elsewhere(l.Type) {
				continue
			}
			f := unpacked(unsupportedLayer, h, finding.Args{"digest": l.Digest, "type": orNone(l.Type), "runtime": "containerd " + versionText(s)})
			return f.Saw("layer of type "+orNone(l.Type), "manifest "+m.Chosen, manifestCommand(s, h)), true
		}
		return finding.Finding{}, false
	})
}

// major is that of the containerd which pulls; the newest if it is not known.
func major(s *snapshot.Snapshot) int {
	if v := s.Table.Target.Containerd; v.Known() {
		return v.Major
	}
	return 2
}

var brokenLayer = finding.Kind{
	Code: "content/broken-layer", ID: "CNT-06",
	Title:    "A layer is intact as a blob but cannot be unpacked",
	Severity: finding.Error,
	Text:     "layer {digest} arrives as it was pushed and cannot be unpacked: {why}",
	Variants: map[string]finding.Variant{
		"other": {Text: "layer {digest} arrives as it was pushed, and unpacked it is {got}, where the config of the image lists {want}"},
		"count": {Text: "the manifest has {layers} layers and the config of the image lists {listed}"},
	},
	Doc: "The bytes have the digest that the manifest names, so no cache and no download is to blame: the image was pushed broken, by a tool that cut the archive, compressed it twice, or wrote a config that belongs to other layers. " +
		"Every runtime fails on every node. Build the image again, and push it under a new tag, for nodes keep what they have of the old one.",
}

func findBrokenLayer(s *snapshot.Snapshot) []finding.Finding {
	return once(s, func(h *snapshot.Hop) (finding.Finding, bool) {
		m := h.Manifest
		if m == nil || h.Failure == nil || h.Failure.Cause != snapshot.Unpack || m.Config == nil || mediatype.Artifact(m.Config.Type, layerTypes(m)) != "" {
			return finding.Finding{}, false
		}
		for i, l := range m.Layers {
			where, command := h.Endpoint+"/"+s.Ref.Repository+"/blobs/"+l.Digest, ""
			if l.Attempt != nil {
				where = l.Attempt.URL
			}
			command = "curl -sSL " + quote(where) + " | gunzip | tar -tv"
			switch {
			case l.Broken != "":
				f := brokenLayer.New(h.Host, finding.Args{"digest": l.Digest, "why": l.Broken})
				return f.Saw(l.Broken, where, command), true
			case l.Diff != "" && i < len(m.DiffIDs) && l.Diff != m.DiffIDs[i]:
				f := brokenLayer.Vary("other", h.Host, finding.Args{"digest": l.Digest, "got": l.Diff, "want": m.DiffIDs[i]})
				return f.Saw("unpacked it hashes to "+l.Diff, where, "curl -sSL "+quote(where)+" | gunzip | sha256sum"), true
			}
		}
		return miscounted(s, h)
	})
}

// miscounted: every layer can be unpacked, and the config is not about them.
func miscounted(s *snapshot.Snapshot, h *snapshot.Hop) (finding.Finding, bool) {
	m := h.Manifest
	for _, l := range m.Layers {
		if !mediatype.Layer(l.Type, major(s)) {
			return finding.Finding{}, false
		}
	}
	if len(m.Layers) == len(m.DiffIDs) {
		return finding.Finding{}, false
	}
	f := brokenLayer.Vary("count", h.Host, finding.Args{"layers": len(m.Layers), "listed": len(m.DiffIDs)})
	return f.Saw(fmt.Sprintf("%d layers, %d entries of rootfs.diff_ids", len(m.Layers), len(m.DiffIDs)), "manifest "+m.Chosen, manifestCommand(s, h)), true
}
