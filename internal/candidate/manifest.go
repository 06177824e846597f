package candidate

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// maxConfig is the most bytes of a configuration.
const maxConfig = 1 << 20

// manifest is the part of a manifest or of an index that matters here.
type manifest struct {
	Config    descriptor   `json:"config"`
	Layers    []descriptor `json:"layers"`
	Manifests []descriptor `json:"manifests"`
}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
	Platform  struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
		Variant      string `json:"variant"`
	} `json:"platform"`
}

var digestForm = regexp.MustCompile(`^(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$`)

func (d descriptor) valid() bool { return digestForm.MatchString(d.Digest) && d.Size >= 0 }

// parse reads a manifest or an index; false: it is neither.
func parse(data []byte) (manifest, bool) {
	var m manifest
	if json.Unmarshal(data, &m) != nil {
		return m, false
	}
	return m, len(m.Manifests) > 0 || m.Config.valid()
}

// of is the entry for a platform, else the first.
func (m manifest) of(platform string) descriptor {
	for _, d := range m.Manifests {
		name := d.Platform.OS + "/" + d.Platform.Architecture
		if name == platform || strings.TrimSuffix(name+"/"+d.Platform.Variant, "/") == platform {
			return d
		}
	}
	return m.Manifests[0]
}

// createdIn is when a configuration says that its image was made. Years without
// meaning, as reproducible builds write them, are none.
func createdIn(config []byte) time.Time {
	var doc struct {
		Created time.Time `json:"created"`
	}
	if json.Unmarshal(config, &doc) != nil || doc.Created.Year() <= 1980 {
		return time.Time{}
	}
	return doc.Created
}
