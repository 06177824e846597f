package pull

import (
	"encoding/json"
	"path"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/route"
)

func TestTheBestImageForAPlatformIsChosen(t *testing.T) {
	const listed = "linux/arm/v6 linux/amd64 linux/386 linux/arm/v7 linux/arm64/v8 windows/amd64 linux/amd64/v3 unknown/unknown"
	for want, choice := range map[string]string{
		"linux/amd64": "linux/amd64", "linux/amd64/v2": "linux/amd64", "linux/amd64/v4": "linux/amd64/v3", "linux/x86_64": "linux/amd64",
		"linux/arm64": "linux/arm64/v8", "linux/aarch64/v9": "linux/arm/v7", "linux/arm": "linux/arm/v7", "linux/arm/v6": "linux/arm/v6",
		"linux/arm/v5": "", "linux/armhf": "linux/arm/v7", "linux/i386": "linux/386", "Windows/AMD64": "windows/amd64", "linux/s390x": "",
		"linux/amd64/v99999999999": "linux/amd64/v3",
	} {
		var x document
		for _, text := range strings.Fields(listed) {
			parts := strings.SplitN(text+"/", "/", 3)
			x.manifests = append(x.manifests, descriptor{Digest: text, Platform: &platform{parts[0], parts[1], strings.TrimSuffix(parts[2], "/")}})
		}
		p, err := parsePlatform(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.choose(x)
		if got.Digest != choice || (err == nil) != (choice != "") {
			t.Errorf("%s: %q %v, want %q", want, got.Digest, err, choice)
		}
	}
}

func TestAnEntryWithoutAPlatformIsTheLastResort(t *testing.T) {
	bare, arm := descriptor{Digest: "bare"}, descriptor{Digest: "arm", Platform: &platform{OS: "linux", Arch: "arm64"}}
	x := document{manifests: []descriptor{bare, arm}}
	for want, choice := range map[string]string{"linux/arm64": "arm", "linux/amd64": "bare"} {
		p, _ := parsePlatform(want)
		if got, err := p.choose(x); err != nil || got.Digest != choice {
			t.Errorf("%s: %q %v", want, got.Digest, err)
		}
	}
}

func FuzzPlatform(f *testing.F) {
	for _, seed := range []string{"linux/amd64", "linux/arm/v7", "linux/arm64/8", "a/b/c/d", "/", "linux/arm/v99999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePlatform(text)
		if err != nil {
			return
		}
		if p.normal() != p || len(p.accepts()) > 32 {
			t.Errorf("%q gives %v, which is normally %v", text, p, p.normal())
		}
	})
}

func FuzzDocument(f *testing.F) {
	const d = `"digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000"`
	for _, seed := range []string{
		`{"config":{` + d + `,"size":1},"layers":[]}`, `{"manifests":[{` + d + `,"size":1,"platform":{"os":"linux"}}]}`, `{"fsLayers":[]}`,
		`{"config":{` + d + `},"layers":[{"digest":"sha256:../../x"}]}`, `{"mediaType":1}`, `null`, `[`,
	} {
		f.Add(ociManifest, []byte(seed))
		f.Add(dockerList, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, mediaType string, data []byte) {
		doc, err := read(descriptor{MediaType: mediaType, Digest: "sha256:x"}, data)
		if err != nil {
			return
		}
		all := append(doc.manifests, doc.layers...)
		if doc.config != nil {
			all = append(all, *doc.config)
		}
		for _, d := range all {
			if d.Size < 0 || path.Clean(d.path()) != d.path() || strings.Count(d.path(), "/") != 1 || strings.Contains(blobName(d), "/") {
				t.Errorf("%+v", d)
			}
		}
		if (doc.config == nil) == isManifest(mediaType) {
			t.Errorf("%s became %+v", mediaType, doc)
		}
	})
}

// FuzzIndex adds an image to whatever a layout says: what was there stays, and
// doing it twice changes nothing.
func FuzzIndex(f *testing.F) {
	for _, seed := range []string{
		`{"schemaVersion":2,"manifests":[]}`, `{"schemaVersion":2,"manifests":[{"digest":"x","annotations":{"org.opencontainers.image.ref.name":"1"}}],"x":[1.0]}`,
		`{"schemaVersion":2,"manifests":null}`, `{"schemaVersion":2,"manifests":[null]}`, `{"schemaVersion":1}`, `[]`,
	} {
		f.Add([]byte(seed))
	}
	img := &image{ref: route.Ref{Registry: "r.example", Repository: "a", Tag: "1"}, manifest: document{descriptor: descriptor{MediaType: ociManifest, Digest: "sha256:0"}}}
	f.Fuzz(func(t *testing.T, data []byte) {
		x := newIndex()
		if json.Unmarshal(data, x) != nil {
			return
		}
		before := len(x.manifests)
		x.add(img)
		once, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		again := newIndex()
		if err := json.Unmarshal(once, again); err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		again.add(img)
		twice, _ := json.Marshal(again)
		if string(once) != string(twice) || len(x.manifests) > before+1 {
			t.Errorf("%s\nbecame\n%s\nand then\n%s", data, once, twice)
		}
	})
}

func FuzzContentRange(f *testing.F) {
	for _, seed := range []string{"bytes 100-199/200", "bytes 0-0/*", "bytes */200", "bytes -1-2/3", "", "bytes 99999999999999999999-1/2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		from, size, ok := contentRange([]string{line})
		if ok && (from < 0 || size < -1) {
			t.Errorf("%q: %d of %d", line, from, size)
		}
	})
}
