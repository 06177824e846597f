package pull_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/pull"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
	"github.com/towpath-dev/towpath/internal/world"
)

// The hosts of the tests' world. All of it is inside this process.
const (
	home   = "registry.example"
	mirror = "mirror.example"
	store  = "store.example"
	auth   = "auth.example"
	name   = home + "/team/app:1"
)

var addresses = map[string]string{home: "192.0.2.10", mirror: "192.0.2.20", store: "192.0.2.30", auth: "192.0.2.40"}

// app is the image that most tests pull.
var app = world.Image{Ref: "team/app:1", Layers: []int{300_000, 2000, 3000, 4000}}

// holds is a server of the world that serves images.
func holds(host string, images ...world.Image) world.Role {
	r := serves(host, nil)
	r.Registry = &world.Holds{Images: images}
	return r
}

// serves is a server of the world.
func serves(host string, h http.Handler) world.Role {
	return world.Role{Listen: addresses[host] + ":443", TLS: &world.TLS{Names: []string{host}}, Handler: h}
}

func faulty(r world.Role, faults ...world.Fault) world.Role {
	r.Faults = faults
	return r
}

// play starts a world.
func play(t *testing.T, servers map[string]world.Role) *world.World {
	t.Helper()
	names := world.Names{}
	for host, addr := range addresses {
		names[host] = world.Reply{Addrs: []string{addr}}
	}
	servers["dns"] = world.Role{Listen: "192.0.2.53:53", DNS: names}
	w, err := world.Play(world.Spec{Servers: servers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// request is a pull in that world, over a mirror if it has one. Waits are long,
// so that a slow machine decides nothing.
func request(w *world.World, out pull.Output) pull.Request {
	ref, err := route.ParseRef(name)
	if err != nil {
		panic(err)
	}
	everything := route.Pull | route.Resolve
	rt := route.Route{Match: home, Upstream: &route.Endpoint{Role: route.Upstream, Serves: everything}}
	if w.Server(mirror) != nil {
		rt.Mirrors = []route.Endpoint{{Scheme: "https", Host: mirror, Path: "/v2", Serves: everything}}
	}
	client := &upstream.Client{
		Dial:   w.Net.Dial,
		Resolv: snapshot.Resolv{Servers: []snapshot.NameServer{{Addr: "192.0.2.53:53", Node: true}}, Ndots: 1},
		Roots:  upstream.NewRoots(upstream.File{Path: "/etc/ssl/ca.pem", Data: w.PKI.Root.PEM()}),
		Limits: pull.Limits(time.Minute),
	}
	return pull.Request{Client: client, Table: route.Table{Routes: []route.Route{rt}}, Ref: ref, Platform: "linux/amd64", Out: out}
}

func layoutIn(dir string) pull.Output { return pull.Output{Format: pull.OCI, Path: dir} }

// self pulls and wants it to work.
func self(t *testing.T, q pull.Request) pull.Result {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	r, err := pull.Self(ctx, q)
	if err != nil {
		t.Fatalf("%v, left %v", err, r.Left)
	}
	return r
}

// fails pulls and wants an error with all of the texts in it, in this order.
func fails(t *testing.T, q pull.Request, texts ...string) error {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	_, err := pull.Self(ctx, q)
	if err == nil {
		t.Fatal("it worked")
	}
	rest := err.Error()
	for _, text := range texts {
		i := strings.Index(rest, text)
		if i < 0 {
			t.Fatalf("%q has no %q where it should be", err, text)
		}
		rest = rest[i+len(text):]
	}
	return err
}

// names are the images of a layout by their annotations, after everything in it
// has been checked.
func checked(t *testing.T, dir string) map[string]string {
	t.Helper()
	var x struct {
		Manifests []struct {
			Digest      string
			Annotations map[string]string
		}
	}
	decode(t, filepath.Join(dir, "index.json"), &x)
	var version map[string]string
	decode(t, filepath.Join(dir, "oci-layout"), &version)
	if version["imageLayoutVersion"] != "1.0.0" {
		t.Errorf("the layout's version is %v", version)
	}
	out := map[string]string{}
	for _, m := range x.Manifests {
		out[m.Annotations["io.containerd.image.name"]+" as "+m.Annotations["org.opencontainers.image.ref.name"]] = m.Digest
		complete(t, dir, m.Digest)
	}
	if _, err := os.Stat(filepath.Join(dir, ".towpath")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the stage is still there: %v", err)
	}
	return out
}

// complete checks a manifest of a layout and all that it names.
func complete(t *testing.T, dir, digest string) {
	t.Helper()
	type blob struct {
		Digest string
		Size   int
	}
	var m struct {
		Config blob
		Layers []blob
	}
	if err := json.Unmarshal(content(t, dir, digest), &m); err != nil {
		t.Fatal(err)
	}
	for _, b := range append(m.Layers, m.Config) {
		if n := len(content(t, dir, b.Digest)); n != b.Size {
			t.Errorf("%s has %d bytes, not %d", b.Digest, n, b.Size)
		}
	}
}

func content(t *testing.T, dir, digest string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "blobs", strings.Replace(digest, ":", "/", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if got := digestOf(data, digest); got != digest {
		t.Errorf("%s holds %s", digest, got)
	}
	return data
}

// digestOf is the digest of data by the algorithm of another.
func digestOf(data []byte, like string) string {
	if strings.HasPrefix(like, "sha512") {
		sum := sha512.Sum512(data)
		return "sha512:" + hex.EncodeToString(sum[:])
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func decode(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// listing is every file of a tree with its mode and what is in it.
func listing(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		var data []byte
		if err == nil && info.Mode().IsRegular() {
			data, err = os.ReadFile(file)
		}
		rel, _ := filepath.Rel(dir, file)
		out = append(out, fmt.Sprintf("%s %s %s", info.Mode(), rel, digestOf(data, "")))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// shelf is a registry for documents that no image would have.
type shelf struct {
	types   map[string]string // media type by digest
	objects map[string][]byte // by digest, and by tag
}

func newShelf() *shelf { return &shelf{map[string]string{}, map[string][]byte{}} }

// put keeps content and returns a descriptor of it.
func (s *shelf) put(mediaType string, data []byte) map[string]any {
	d := digestOf(data, "")
	s.objects[d], s.types[d] = data, mediaType
	return map[string]any{"mediaType": mediaType, "digest": d, "size": len(data)}
}

// tag makes a document what the tag 1 stands for.
func (s *shelf) tag(mediaType string, document any) {
	data, ok := document.([]byte)
	if !ok {
		data, _ = json.Marshal(document)
	}
	s.put(mediaType, data)
	s.objects["1"] = data
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	object := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	data, ok := s.objects[object]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if object == "1" {
		object = digestOf(data, "")
		w.Header().Set("Docker-Content-Digest", object)
	}
	w.Header().Set("Content-Type", s.types[object])
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

const (
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
	ociIndex    = "application/vnd.oci.image.index.v1+json"
	ociConfig   = "application/vnd.oci.image.config.v1+json"
	ociLayer    = "application/vnd.oci.image.layer.v1.tar"
)

// plain is a manifest with a configuration and layers of a shelf.
func (s *shelf) plain(layers ...map[string]any) map[string]any {
	config := s.put(ociConfig, []byte(`{"os":"linux","architecture":"amd64"}`))
	if layers == nil {
		layers = []map[string]any{}
	}
	return map[string]any{"schemaVersion": 2, "mediaType": ociManifest, "config": config, "layers": layers}
}

// asked are the requests for blobs or manifests that a server got.
func asked(w *world.World, host string, class world.Class) (out []world.Seen) {
	return slices.DeleteFunc(w.Requests(host), func(s world.Seen) bool { return s.Class != class })
}
