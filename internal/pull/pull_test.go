package pull_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/towpath-dev/towpath/internal/pull"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/world"
)

func TestAnImageBecomesALayout(t *testing.T) {
	for _, form := range []world.Form{world.OCI, world.Docker} {
		t.Run(string(form), func(t *testing.T) {
			image := app
			image.Form, image.Platforms = form, []string{"linux/arm/v7", "linux/arm64", "linux/amd64"}
			w := play(t, map[string]world.Role{home: holds(home, image)})
			dir := filepath.Join(t.TempDir(), "new", "layout")
			q := request(w, layoutIn(dir))
			q.Platform = "linux/arm64/v8"
			r := self(t, q)
			if r.Digest != w.Registry(home).Digest("team/app", "1") || r.Digest == r.Manifest || r.Platform != "linux/arm64" {
				t.Errorf("%+v", r)
			}
			if got := checked(t, dir); len(got) != 1 || got[name+" as 1"] != r.Manifest {
				t.Errorf("%v, want %s", got, r.Manifest)
			}
			for _, line := range listing(t, dir) {
				if !strings.HasPrefix(line, "-rw-r--r--") && !strings.HasPrefix(line, "drwxr-xr-x") {
					t.Error(line)
				}
			}
		})
	}
}

func TestTheRequestsAreThoseOfTheRuntime(t *testing.T) {
	w := play(t, map[string]world.Role{home: holds(home, app), mirror: holds(mirror)})
	q := request(w, layoutIn(t.TempDir()))
	q.Table.Header = []route.Header{{Key: "X-Site", Values: []route.Secret{route.NewSecret("here")}}}
	q.Table.Routes[0].Mirrors[0].Path = "/v2/hub"
	q.Table.Routes[0].Mirrors[0].Rewrites = []route.Rewrite{{Pattern: "^team/(.*)", Replacement: "cache/$1"}}
	r := self(t, q)
	first := w.Requests(mirror)[0]
	if first.Method != "HEAD" || first.URI != "/v2/hub/cache/app/manifests/1?ns="+home || first.Header.Get("X-Site") != "here" {
		t.Errorf("%+v", first)
	}
	first = w.Requests(home)[0]
	if first.Method != "HEAD" || first.URI != "/v2/team/app/manifests/1" {
		t.Errorf("%+v", first)
	}
	if len(r.Left) != 0 || len(r.Served) != 1 || r.Served[0].Blobs != 6 {
		t.Errorf("a mirror that lacks an image is sound: %+v", r)
	}
}

func TestALayoutIsAddedTo(t *testing.T) {
	other := world.Image{Ref: "team/other:1", Seed: 1}
	w := play(t, map[string]world.Role{home: holds(home, app, other)})
	dir := t.TempDir()
	q := request(w, layoutIn(dir))
	self(t, q)
	// Another program has named something, and noted something of its own.
	data, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var x map[string]any
	if err := json.Unmarshal(data, &x); err != nil {
		t.Fatal(err)
	}
	foreign := map[string]any{"mediaType": ociManifest, "digest": w.Registry(home).Digest("team/app", "1"), "size": 1,
		"annotations": map[string]string{"org.opencontainers.image.ref.name": "mine"}, "x": 1}
	x["manifests"], x["annotations"] = append(x["manifests"].([]any), foreign), map[string]string{"a": "b"}
	data, _ = json.Marshal(x)
	if err := os.WriteFile(filepath.Join(dir, "index.json"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	r := self(t, q)
	if r.Had.Blobs != 5 || len(asked(w, home, world.Blob)) != 5 {
		t.Errorf("what was there was fetched again: %+v", r.Had)
	}
	q.Ref, _ = route.ParseRef(home + "/team/other:1")
	self(t, q)
	got := checked(t, dir)
	if len(got) != 3 || got[name+" as 1"] == "" || got[" as mine"] == "" || got[home+"/team/other:1 as "+home+"/team/other:1"] == "" {
		t.Errorf("%v", got)
	}
	if data, _ = os.ReadFile(filepath.Join(dir, "index.json")); !bytes.Contains(data, []byte(`"a":"b"`)) || !bytes.Contains(data, []byte(`"x":1`)) {
		t.Errorf("%s", data)
	}
}

func TestATagThatHasMovedIsReplaced(t *testing.T) {
	dir := t.TempDir()
	for seed := range uint64(2) {
		image := app
		image.Seed = seed
		w := play(t, map[string]world.Role{home: holds(home, image)})
		r := self(t, request(w, layoutIn(dir)))
		if got := checked(t, dir); len(got) != 1 || got[name+" as 1"] != r.Manifest {
			t.Errorf("%v", got)
		}
	}
}

func TestADamagedBlobOfALayoutIsFetchedAgain(t *testing.T) {
	w := play(t, map[string]world.Role{home: holds(home, app)})
	dir := t.TempDir()
	q := request(w, layoutIn(dir))
	self(t, q)
	blobs, _ := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*"))
	for _, b := range blobs {
		if info, _ := os.Stat(b); info.Size() > 100_000 {
			if err := os.WriteFile(b, make([]byte, info.Size()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if r := self(t, q); r.Had.Blobs != 4 {
		t.Errorf("%+v", r.Had)
	}
	checked(t, dir)
}

func TestADirectoryThatIsNoLayoutIsLeftAlone(t *testing.T) {
	w := play(t, map[string]world.Role{home: holds(home, app)})
	for file, text := range map[string]string{
		"notes.txt": "mine", "oci-layout": `{"imageLayoutVersion":"2.0.0"}`, "index.json": "{}",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		before := listing(t, dir)
		fails(t, request(w, layoutIn(dir)), dir)
		if after := listing(t, dir); !slices.Equal(before, after) {
			t.Errorf("%v became %v", before, after)
		}
	}
	if n := len(w.Requests(home)); n != 0 {
		t.Errorf("%d requests were made all the same", n)
	}
}

func TestAnArchiveHoldsTheImageInBothWays(t *testing.T) {
	w := play(t, map[string]world.Role{home: holds(home, app)})
	dir := t.TempDir()
	q := request(w, pull.Output{Format: pull.DockerArchive, Path: filepath.Join(dir, "app.tar")})
	r := self(t, q)
	files := untar(t, q.Out.Path)
	var m []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(files["manifest.json"], &m); err != nil || len(m) != 1 || len(m[0].Layers) != 4 || m[0].RepoTags[0] != name {
		t.Fatalf("%v %+v", err, m)
	}
	for _, f := range append(m[0].Layers, m[0].Config) {
		if "blobs/sha256/"+digestOf(files[f], "")[7:] != f {
			t.Errorf("%s holds something else", f)
		}
	}
	if !bytes.Contains(files["index.json"], []byte(r.Manifest)) || files["oci-layout"] == nil || len(files) != 9 {
		t.Errorf("%d files, index %s", len(files), files["index.json"])
	}
	if got := listing(t, dir); len(got) != 2 {
		t.Errorf("something is left: %v", got)
	}
	before := listing(t, dir)
	fails(t, q, "exists already")
	if !slices.Equal(before, listing(t, dir)) {
		t.Error("the archive has changed")
	}
}

func untar(t *testing.T, file string) map[string][]byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string][]byte{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if out[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPlatformThatIsMissingIsToldWithThoseThereAre(t *testing.T) {
	image := app
	image.Platforms = []string{"linux/amd64", "linux/arm/v7"}
	w := play(t, map[string]world.Role{home: holds(home, image)})
	dir := filepath.Join(t.TempDir(), "layout")
	q := request(w, layoutIn(dir))
	q.Platform = "linux/s390x"
	fails(t, q, "has no image for linux/s390x, only for linux/amd64, linux/arm/v7")
	if _, err := os.Stat(dir); err == nil {
		t.Error("a directory was left behind")
	}
}

func TestAnImageWithoutAnIndexIsRefusedOnlyWhenAPlatformWasAskedFor(t *testing.T) {
	w := play(t, map[string]world.Role{home: holds(home, app)})
	q := request(w, layoutIn(filepath.Join(t.TempDir(), "layout")))
	q.Platform, q.Strict = "linux/s390x", true
	fails(t, q, "has no image for linux/s390x, only for linux/amd64")
	q.Strict = false
	if r := self(t, q); r.Platform != "linux/amd64" {
		t.Errorf("%+v", r)
	}
}

func TestALayerMayBeNamedBySHA512(t *testing.T) {
	s := newShelf()
	data := bytes.Repeat([]byte("layer"), 1000)
	long := digestOf(data, "sha512")
	s.objects[long] = data
	layer := map[string]any{"mediaType": ociLayer, "digest": long, "size": len(data)}
	s.tag(ociManifest, s.plain(layer, layer))
	w := play(t, map[string]world.Role{home: serves(home, s)})
	dir := t.TempDir()
	self(t, request(w, layoutIn(filepath.Join(dir, "layout"))))
	checked(t, filepath.Join(dir, "layout"))
	q := request(w, pull.Output{Format: pull.DockerArchive, Path: filepath.Join(dir, "app.tar")})
	self(t, q)
	files := untar(t, q.Out.Path)
	if files["index.json"] != nil || bytes.Count(files["manifest.json"], []byte(long[7:])) != 2 || !bytes.Equal(files["blobs/sha512/"+long[7:]], data) {
		t.Errorf("%s", files["manifest.json"])
	}
	if n := len(asked(w, home, world.Blob)); n != 4 {
		t.Errorf("%d blobs were fetched; the layer occurs twice and is one", n)
	}
}

// TestLayersAreFetchedThreeAtATime has a server that answers when three layers
// are asked for.
func TestLayersAreFetchedThreeAtATime(t *testing.T) {
	s := newShelf()
	var layers []map[string]any
	for i := range 9 {
		layers = append(layers, s.put(ociLayer, bytes.Repeat([]byte{byte(i)}, 100)))
	}
	s.tag(ociManifest, s.plain(layers...))
	var third sync.WaitGroup
	third.Add(3)
	var first atomic.Int32
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.types[filepath.Base(r.URL.Path)] == ociLayer && first.Add(1) <= 3 {
			third.Done()
			third.Wait()
		}
		s.ServeHTTP(w, r)
	})
	w := play(t, map[string]world.Role{home: serves(home, h)})
	q := request(w, layoutIn(t.TempDir()))
	under, most := map[string]bool{}, 0
	q.Watch = func(e pull.Event) {
		switch e.State {
		case pull.Downloading:
			under[e.Part.Digest] = true
		case pull.Done:
			delete(under, e.Part.Digest)
		}
		most = max(most, len(under))
	}
	self(t, q)
	if most != 3 {
		t.Errorf("%d at once", most)
	}
}

func TestTwoPullsIntoOneLayoutTakeTurns(t *testing.T) {
	other := world.Image{Ref: "team/other:2", Seed: 1}
	w := play(t, map[string]world.Role{home: holds(home, app, other)})
	dir := filepath.Join(t.TempDir(), "layout")
	var both sync.WaitGroup
	for _, image := range []string{name, home + "/team/other:2"} {
		q := request(w, layoutIn(dir))
		q.Ref, _ = route.ParseRef(image)
		both.Go(func() {
			if _, err := pull.Self(t.Context(), q); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if got := checked(t, dir); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

func TestAWaitingPullCanBeCancelled(t *testing.T) {
	w := play(t, map[string]world.Role{home: faulty(holds(home, app), world.Fault{Do: world.DoHang, On: []world.Class{world.Blob}})})
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first, second := request(w, layoutIn(dir)), request(w, layoutIn(dir))
	started := make(chan struct{})
	first.Watch = func(e pull.Event) {
		if e.State == pull.Downloading {
			close(started)
		}
	}
	second.Watch = func(e pull.Event) {
		if e.State == pull.Waiting {
			cancel()
		}
	}
	var both sync.WaitGroup
	both.Go(func() { _, _ = pull.Self(ctx, first) })
	<-started
	if _, err := pull.Self(ctx, second); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	both.Wait()
}
