package pull

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/towpath-dev/towpath/internal/route"
)

// Annotations by which images are found in a layout. Source: image-spec
// annotations.md, containerd core/images/annotations.go.
const (
	imageName = "io.containerd.image.name"          // the normalised reference
	refName   = "org.opencontainers.image.ref.name" // what skopeo and others ask for
)

// index is the index.json of a layout. What other programs wrote into it stays.
type index struct {
	fields    map[string]json.RawMessage // all but manifests
	manifests []entry
}

// entry is one image of a layout: what is known of it, and how it was written.
type entry struct {
	Digest      string            `json:"digest"`
	Annotations map[string]string `json:"annotations"`
	raw         json.RawMessage
}

func newIndex() *index {
	return &index{fields: map[string]json.RawMessage{
		"schemaVersion": json.RawMessage("2"),
		"mediaType":     json.RawMessage(`"` + ociIndex + `"`),
	}}
}

// UnmarshalJSON reads an index.json.
func (x *index) UnmarshalJSON(data []byte) error {
	x.fields, x.manifests = nil, nil
	if err := json.Unmarshal(data, &x.fields); err != nil {
		return err
	}
	if string(x.fields["schemaVersion"]) != "2" {
		return fmt.Errorf("schemaVersion is %.20q, not 2", x.fields["schemaVersion"])
	}
	var list []json.RawMessage
	if raw, ok := x.fields["manifests"]; ok {
		if err := json.Unmarshal(raw, &list); err != nil {
			return fmt.Errorf("manifests: %w", err)
		}
	}
	for _, raw := range list {
		e := entry{raw: raw}
		if err := json.Unmarshal(raw, &e); err != nil {
			return fmt.Errorf("manifests: %w", err)
		}
		x.manifests = append(x.manifests, e)
	}
	return nil
}

// MarshalJSON writes an index.json.
func (x *index) MarshalJSON() ([]byte, error) {
	list := []json.RawMessage{}
	for _, e := range x.manifests {
		list = append(list, e.raw)
	}
	out := map[string]any{}
	for key, value := range x.fields {
		out[key] = value
	}
	out["manifests"] = list
	return json.Marshal(out)
}

// add names an image, in place of what had its name before.
func (x *index) add(img *image) {
	annotations := map[string]string{imageName: img.ref.String()}
	x.manifests = slices.DeleteFunc(x.manifests, func(e entry) bool {
		named, ok := e.Annotations[imageName]
		return named == img.ref.String() || !ok && e.Digest == img.manifest.Digest && e.Annotations[refName] == img.ref.Tag
	})
	if name := x.free(img.ref); name != "" {
		annotations[refName] = name
	}
	e := entry{Digest: img.manifest.Digest, Annotations: annotations}
	e.raw = encode(struct {
		MediaType   string            `json:"mediaType"`
		Digest      string            `json:"digest"`
		Size        int64             `json:"size"`
		Annotations map[string]string `json:"annotations"`
		Platform    *platform         `json:"platform,omitempty"`
	}{img.manifest.MediaType, img.manifest.Digest, img.manifest.Size, annotations, img.runsOn()})
	x.manifests = append(x.manifests, e)
}

// free is the short name of an image in the layout: its tag, or all of the
// reference when another image has that. An image without a tag has none.
func (x *index) free(ref route.Ref) string {
	taken := slices.ContainsFunc(x.manifests, func(e entry) bool { return e.Annotations[refName] == ref.Tag })
	if ref.Tag != "" && taken {
		return ref.String()
	}
	return ref.Tag
}

// runsOn is the platform for an index; nil: the image names none.
func (img *image) runsOn() *platform {
	if img.platform.OS == "" {
		return nil
	}
	return &img.platform
}

// encode cannot fail: everything it gets is made of strings and numbers.
func encode(document any) json.RawMessage {
	data, _ := json.Marshal(document)
	return data
}
