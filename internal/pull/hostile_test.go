package pull_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/pull"
	"github.com/towpath-dev/towpath/internal/world"
)

// TestHostileDocumentsAreRefused has registries that serve what no builder makes.
func TestHostileDocumentsAreRefused(t *testing.T) {
	type doc = map[string]any
	zeros := "sha256:" + strings.Repeat("0", 64)
	layer := func(digest string, size any) doc { return doc{"mediaType": ociLayer, "digest": digest, "size": size} }
	nested := func(s *shelf) doc {
		d := s.put(ociManifest, []byte("{}"))
		for range 10 {
			data, _ := json.Marshal(doc{"schemaVersion": 2, "mediaType": ociIndex, "manifests": []doc{d}})
			d = s.put(ociIndex, data)
		}
		return doc{"schemaVersion": 2, "mediaType": ociIndex, "manifests": []doc{d}}
	}
	for title, c := range map[string]struct {
		make func(s *shelf) (mediaType string, document any)
		want string
	}{
		"a path for a digest": {func(s *shelf) (string, any) {
			return ociManifest, s.plain(layer("sha256:../../../../etc/cron.d/x", 10))
		}, "is no digest"},
		"an absolute path":     {func(s *shelf) (string, any) { return ociManifest, s.plain(layer("/etc/passwd", 10)) }, "is no digest"},
		"an unknown algorithm": {func(s *shelf) (string, any) { return ociManifest, s.plain(layer("md5:"+zeros[7:], 10)) }, "is no digest"},
		"capitals in a digest": {func(s *shelf) (string, any) {
			return ociManifest, s.plain(layer("sha256:"+strings.Repeat("A", 64), 10))
		}, "is no digest"},
		"a negative size":          {func(s *shelf) (string, any) { return ociManifest, s.plain(layer(zeros, -1)) }, "declares a size of -1"},
		"a size that is no number": {func(s *shelf) (string, any) { return ociManifest, s.plain(layer(zeros, "10")) }, "layers"},
		"a size without bounds": {func(s *shelf) (string, any) {
			return ociManifest, s.plain(layer(zeros, uint64(1)<<62), layer(zeros, 1))
		}, "declares more than"},
		"one layer of two sizes": {func(s *shelf) (string, any) { return ociManifest, s.plain(layer(zeros, 1), layer(zeros, 2)) }, "is declared with 1 bytes and with 2"},
		"too many layers":        {func(s *shelf) (string, any) { return ociManifest, s.plain(make([]doc, 5000)...) }, "there are 5000"},
		"a huge configuration": {func(s *shelf) (string, any) {
			m := s.plain()
			m["config"].(doc)["size"] = 1 << 40
			return ociManifest, m
		}, "configuration declares"},
		"a huge manifest": {func(s *shelf) (string, any) { return ociManifest, []byte(`{"x":"` + strings.Repeat("x", 5<<20) + `"}`) }, "larger than 4194304 bytes"},
		"deep nesting": {func(s *shelf) (string, any) {
			return ociManifest, []byte(strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20))
		}, "is no JSON"},
		"indexes inside of indexes":  {func(s *shelf) (string, any) { return ociIndex, nested(s) }, "deep inside of indexes"},
		"an index of nothing":        {func(s *shelf) (string, any) { return ociIndex, doc{"schemaVersion": 2, "manifests": []doc{}} }, "has no image for linux/amd64, only for none"},
		"an index of null":           {func(s *shelf) (string, any) { return ociIndex, []byte(`{"manifests":null}`) }, "has no image for"},
		"both an index and an image": {func(s *shelf) (string, any) { m := s.plain(); m["manifests"] = []doc{}; return ociManifest, m }, "both layers and manifests"},
		"another type inside":        {func(s *shelf) (string, any) { m := s.plain(); m["mediaType"] = ociIndex; return ociManifest, m }, "calls itself"},
		"no type at all":             {func(s *shelf) (string, any) { m := s.plain(); delete(m, "mediaType"); return "application/json", m }, "unexpected media type"},
		"the old schema":             {func(s *shelf) (string, any) { m := s.plain(); m["fsLayers"] = []doc{}; return ociManifest, m }, "schema 1"},
		"no configuration":           {func(s *shelf) (string, any) { return ociManifest, doc{"layers": []doc{}} }, "lacks config or layers"},
		"a list":                     {func(s *shelf) (string, any) { return ociManifest, []byte("[]") }, "is no manifest"},
		"null":                       {func(s *shelf) (string, any) { return ociManifest, []byte("null") }, "lacks config"},
		"an entry of another kind": {func(s *shelf) (string, any) {
			return ociIndex, doc{"manifests": []doc{layer(zeros, 10)}}
		}, "which is no image's"},
		"an entry of another size": {func(s *shelf) (string, any) {
			data, _ := json.Marshal(s.plain())
			d := s.put(ociManifest, data)
			d["size"] = 1
			return ociIndex, doc{"manifests": []doc{d}}
		}, "and the index says 1"},
		"a configuration that is no JSON": {func(s *shelf) (string, any) {
			return ociManifest, doc{"config": s.put(ociConfig, []byte("x")), "layers": []doc{}}
		}, "is no JSON"},
	} {
		t.Run(title, func(t *testing.T) {
			s := newShelf()
			s.tag(c.make(s))
			w := play(t, map[string]world.Role{home: serves(home, s)})
			dir := filepath.Join(t.TempDir(), "layout")
			fails(t, request(w, layoutIn(dir)), c.want)
			if _, err := os.Stat(filepath.Join(dir, "index.json")); err == nil {
				t.Error("there is an index")
			}
			outside, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), "*"))
			if len(outside) > 1 {
				t.Errorf("something was written outside: %v", outside)
			}
		})
	}
}

func TestAnArtifactFitsIntoALayoutAlone(t *testing.T) {
	chart := app
	chart.Form = world.Artifact
	w := play(t, map[string]world.Role{home: holds(home, chart)})
	dir := t.TempDir()
	if r := self(t, request(w, layoutIn(filepath.Join(dir, "layout")))); r.Platform != "" {
		t.Errorf("%+v", r)
	}
	checked(t, filepath.Join(dir, "layout"))
	q := request(w, pull.Output{Format: pull.DockerArchive, Path: filepath.Join(dir, "chart.tar")})
	fails(t, q, "is no container image but")
}
