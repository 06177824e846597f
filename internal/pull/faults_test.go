package pull_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/pull"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/world"
)

var blobs = []world.Class{world.Blob}

// TestAnotherHostTakesOver has a mirror in front of a healthy registry.
func TestAnotherHostTakesOver(t *testing.T) {
	spoiled := app
	spoiled.Mismatch = []string{"layer0"}
	for title, c := range map[string]struct {
		mirror world.Role
		why    string // what the result says of the mirror
		ranged bool   // the registry is asked only for the rest of a blob
	}{
		"lacks a layer":      {mirror: holds(mirror, world.Image{Ref: app.Ref, Layers: app.Layers, Missing: []string{"layer0"}})},
		"truncates":          {faulty(holds(mirror, app), world.Fault{Do: world.DoTruncate, Bytes: 200_000, On: blobs}), "unexpected EOF", true},
		"has other bytes":    {mirror: holds(mirror, spoiled), why: "the bytes hash to"},
		"has fewer bytes":    {mirror: faulty(holds(mirror, app), world.Fault{Do: world.DoStatus, Status: 200, Body: "x", On: blobs}), why: "the server has 1 bytes, and the manifest declares"},
		"has no end":         {mirror: faulty(holds(mirror, app), world.Fault{Do: world.DoEndless, On: blobs}), why: "more bytes come than the manifest declares"},
		"is a portal":        {mirror: faulty(holds(mirror, app), world.Fault{Do: world.DoHTML}), why: "unexpected media type"},
		"serves no blob":     {mirror: faulty(holds(mirror, app), world.Fault{Do: world.DoStatus, Status: 403, On: blobs}), why: "403 Forbidden"},
		"breaks":             {mirror: faulty(holds(mirror, app), world.Fault{Do: world.DoStatus, Status: 502, On: blobs}), why: "502 Bad Gateway"},
		"is not there":       {mirror: world.Role{Listen: addresses[mirror] + ":1", TLS: &world.TLS{}, Handler: http.NotFoundHandler()}, why: "refused"},
		"has a bad name":     {mirror: func() world.Role { r := holds(mirror, app); r.TLS.Names = []string{"other.example"}; return r }(), why: "not mirror.example"},
		"loses the manifest": {mirror: faulty(holds(mirror, app), world.Fault{Do: world.DoHeadOnly, On: []world.Class{world.Manifest}})},
		"lies about digests": {mirror: faulty(holds(mirror, app), world.Fault{Do: world.DoWrongDigest, Method: "HEAD"}), why: "which cannot be had"},
		"tells no digests":   {mirror: faulty(holds(mirror, app), world.Fault{Do: world.DoNoDigest})},
	} {
		t.Run(title, func(t *testing.T) {
			w := play(t, map[string]world.Role{home: holds(home, app), mirror: c.mirror})
			dir := t.TempDir()
			r := self(t, request(w, layoutIn(dir)))
			if len(checked(t, dir)) != 1 {
				t.Error("the layout lacks the image")
			}
			said := ""
			for _, l := range r.Left {
				said += l.Endpoint + " " + l.Failure.Text
			}
			if !strings.Contains(said, c.why) || (said == "") != (c.why == "") {
				t.Errorf("%q, want %q", said, c.why)
			}
			ranged := slices.ContainsFunc(w.Requests(home), func(s world.Seen) bool { return s.Range != "" })
			if ranged != c.ranged {
				t.Errorf("a part was asked for: %v", ranged)
			}
		})
	}
}

func TestASilentHostIsLeft(t *testing.T) {
	for title, fault := range map[string]world.Fault{
		"stalls": {Do: world.DoStall, Bytes: 100, On: blobs}, "hangs": {Do: world.DoHang, On: blobs},
		"hangs after the header": {Do: world.DoHangBody, On: blobs},
	} {
		t.Run(title, func(t *testing.T) {
			w := play(t, map[string]world.Role{home: holds(home, app), mirror: faulty(holds(mirror, app), fault)})
			dir := t.TempDir()
			q := request(w, layoutIn(dir))
			q.Client.Limits.Idle, q.Client.Limits.Header = time.Second, time.Second
			if r := self(t, q); len(r.Left) != 1 {
				t.Errorf("%+v", r.Left)
			}
			checked(t, dir)
		})
	}
}

func TestAHostThatBreaksOffIsAskedForTheRest(t *testing.T) {
	image := world.Image{Ref: app.Ref, Layers: []int{700_000}}
	w := play(t, map[string]world.Role{home: faulty(holds(home, image), world.Fault{Do: world.DoTruncate, Bytes: 100_000, On: blobs})})
	dir := t.TempDir()
	self(t, request(w, layoutIn(dir)))
	checked(t, dir)
	parts := slices.DeleteFunc(asked(w, home, world.Blob), func(s world.Seen) bool { return s.Status != http.StatusPartialContent })
	if len(parts) < 6 {
		t.Errorf("%d parts were asked for", len(parts))
	}
}

func TestABusyHostIsAskedAgain(t *testing.T) {
	w := play(t, map[string]world.Role{home: faulty(holds(home, app), world.Fault{Do: world.DoRateLimit, Times: 1})})
	q := request(w, layoutIn(t.TempDir()))
	paused := false
	q.Watch = func(e pull.Event) { paused = paused || e.State == pull.Pausing && e.Wait >= time.Second }
	self(t, q)
	if !paused {
		t.Error("there was no pause")
	}
}

func TestAFailureNamesEveryHostInTheOrderAsked(t *testing.T) {
	without := world.Image{Ref: app.Ref, Layers: app.Layers, Missing: []string{"layer0"}}
	w := play(t, map[string]world.Role{home: holds(home, without), mirror: faulty(holds(mirror, app), world.Fault{Do: world.DoStatus, Status: 403, On: blobs})})
	dir := filepath.Join(t.TempDir(), "layout")
	err := fails(t, request(w, layoutIn(dir)), "fetch ", "https://mirror.example/v2: 403 Forbidden", "https://registry.example/v2: 404 Not Found")
	said, ok := errors.AsType[*pull.Refusals](err)
	if !ok || len(said.Hosts()) != 2 || said.Hosts()[0].Endpoint != "https://mirror.example/v2" {
		t.Errorf("%+v", said)
	}
	if _, err := os.Stat(filepath.Join(dir, "index.json")); err == nil {
		t.Error("there is an index")
	}
}

func TestANameThatNobodyHasIsToldOnce(t *testing.T) {
	w := play(t, map[string]world.Role{home: holds(home), mirror: holds(mirror)})
	dir := filepath.Join(t.TempDir(), "layout")
	fails(t, request(w, layoutIn(dir)), "resolve "+name, "mirror.example/v2: 404 Not Found", "registry.example/v2: 404 Not Found")
	if _, err := os.Stat(dir); err == nil {
		t.Error("a directory was left behind")
	}
}

func TestARouteThatFailsAsksNobody(t *testing.T) {
	w := play(t, map[string]world.Role{home: holds(home, app)})
	q := request(w, layoutIn(filepath.Join(t.TempDir(), "layout")))
	q.Table.Routes[0].Fails = "the CA file is missing"
	fails(t, q, "no host is asked: the CA file is missing")
	if n := len(w.Requests(home)); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestCredentialsStayWithTheirRegistry has a mirror that asks for them, a token
// server, and blobs that lie elsewhere.
func TestCredentialsStayWithTheirRegistry(t *testing.T) {
	greedy := holds(mirror, app)
	greedy.Registry.Auth = world.Auth{Scheme: "basic", Users: map[string]string{"user": "pass-word"}}
	own := holds(home, app)
	own.Registry.Auth = world.Auth{Scheme: "bearer", Realm: "https://" + auth + "/token", Service: home}
	own = faulty(own, world.Fault{Do: world.DoRedirect, To: "https://" + store, On: blobs})
	tokens := serves(auth, nil)
	tokens.Token = &world.Token{Users: map[string]string{"user": "pass-word"}, Login: true}
	w := play(t, map[string]world.Role{home: own, mirror: greedy, auth: tokens, store: holds(store, app)})
	dir := t.TempDir()
	q := request(w, layoutIn(dir))
	q.Login = &route.Auth{User: "user", Password: route.NewSecret("pass-word")}
	err := fails(t, q, "mirror.example/v2: 401 Unauthorized", "registry.example/v2: 401 Unauthorized", "auth.example does not belong to")
	if strings.Contains(err.Error(), "pass-word") {
		t.Error(err)
	}
	q.Client.Realms = []string{auth}
	self(t, q)
	checked(t, dir)
	for _, host := range []string{mirror, store} {
		requests := w.Requests(host)
		if len(requests) == 0 {
			t.Errorf("%s was not asked", host)
		}
		for _, s := range requests {
			if s.Auth != "" {
				t.Errorf("%s got credentials: %s %s", host, s.Method, s.URI)
			}
		}
	}
	if n := len(w.Requests(auth)); n == 0 || n > 5 {
		t.Errorf("the token server was asked %d times", n)
	}
}

func TestAMirrorKeepsItsOwnCredentials(t *testing.T) {
	closed := holds(mirror, app)
	closed.Registry.Auth = world.Auth{Scheme: "basic", Users: map[string]string{"node": "node-pass"}}
	w := play(t, map[string]world.Role{home: holds(home), mirror: closed})
	q := request(w, layoutIn(t.TempDir()))
	q.Table.Routes[0].Mirrors[0].Auth = route.Auth{User: "node", Password: route.NewSecret("node-pass")}
	q.Login = &route.Auth{User: "user", Password: route.NewSecret("pass-word")}
	self(t, q)
}

// interrupted pulls from a server that stalls in the first layer, and cancels
// when it does.
func interrupted(t *testing.T, q pull.Request) pull.Result {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	q.Watch = func(e pull.Event) {
		if e.State == pull.Downloading && e.Have >= 200_000 {
			cancel()
		}
	}
	r, err := pull.Self(ctx, q)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return r
}

// large is one layer, so that it is clear which one stalls.
var large = world.Image{Ref: app.Ref, Layers: []int{300_000}}

var stalls = world.Fault{Do: world.DoStall, Bytes: 200_000, Times: 1, Skip: 1, On: blobs}

func TestAnInterruptedPullGoesOnWhereItEnded(t *testing.T) {
	for title, wrap := range map[string]func(*shelf) http.Handler{
		"with ranges": func(s *shelf) http.Handler { return s },
		"without ranges": func(s *shelf) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Header.Del("Range")
				s.ServeHTTP(w, r)
			})
		},
		"with ranges refused": func(s *shelf) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Range") != "" {
					http.Error(w, "no", http.StatusRequestedRangeNotSatisfiable)
					return
				}
				s.ServeHTTP(w, r)
			})
		},
		"with another range": func(s *shelf) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Range") != "" {
					r.Header.Set("Range", "bytes=7-")
				}
				s.ServeHTTP(w, r)
			})
		},
	} {
		t.Run(title, func(t *testing.T) {
			s := newShelf()
			s.tag(ociManifest, s.plain(s.put(ociLayer, bytes.Repeat([]byte("0123456789"), 30_000))))
			w := play(t, map[string]world.Role{home: faulty(serves(home, wrap(s)), stalls)})
			dir := filepath.Join(t.TempDir(), "layout")
			q := request(w, layoutIn(dir))
			r := interrupted(t, q)
			if r.Kept.Bytes < 200_000 || r.Kept.Dir != filepath.Join(dir, ".towpath") {
				t.Errorf("%+v", r.Kept)
			}
			if entries, _ := os.ReadDir(dir); len(entries) != 1 {
				t.Errorf("a half-written layout: %v", entries)
			}
			r = self(t, q)
			checked(t, dir)
			if r.Served[0].Bytes > 110_000 || r.Had.Blobs != 1 || r.Had.Bytes < 200_000 {
				t.Errorf("what had been there counts as served: %+v %+v", r.Served, r.Had)
			}
		})
	}
}

func TestABeginningThatIsWrongIsFetchedAgain(t *testing.T) {
	w := play(t, map[string]world.Role{home: faulty(holds(home, large), stalls)})
	dir := t.TempDir()
	q := request(w, layoutIn(dir))
	interrupted(t, q)
	parts, _ := filepath.Glob(filepath.Join(dir, ".towpath", "sha256-*"))
	for _, p := range parts {
		info, err := os.Stat(p)
		if err == nil && info.Size() == 200_000 {
			err = os.WriteFile(p, make([]byte, 200_000), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	self(t, q)
	checked(t, dir)
}

func TestAnInterruptedPullLeavesALayoutAsItWas(t *testing.T) {
	old := world.Image{Ref: "team/old:1", Seed: 9}
	w := play(t, map[string]world.Role{home: faulty(holds(home, large, old), world.Fault{
		Do: world.DoStall, Bytes: 200_000, On: blobs, Path: "team/app", Skip: 1,
	})})
	dir := t.TempDir()
	q := request(w, layoutIn(dir))
	first := q
	first.Ref, _ = route.ParseRef(home + "/team/old:1")
	self(t, first)
	before := listing(t, dir)
	interrupted(t, q)
	after := slices.DeleteFunc(listing(t, dir), func(line string) bool { return strings.Contains(line, ".towpath") })
	if !slices.Equal(before, after) {
		t.Errorf("%v became %v", before, after)
	}
	info, err := os.Stat(filepath.Join(dir, ".towpath"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info, err)
	}
}

func TestAnInterruptedArchiveIsNotThere(t *testing.T) {
	w := play(t, map[string]world.Role{home: faulty(holds(home, large), stalls)})
	dir := t.TempDir()
	q := request(w, pull.Output{Format: pull.DockerArchive, Path: filepath.Join(dir, "app.tar")})
	interrupted(t, q)
	if entries, _ := os.ReadDir(dir); len(entries) != 1 || entries[0].Name() != ".app.tar.towpath" {
		t.Errorf("%v", entries)
	}
	self(t, q)
	if entries, _ := os.ReadDir(dir); len(entries) != 1 || entries[0].Name() != "app.tar" {
		t.Errorf("%v", entries)
	}
	if len(untar(t, q.Out.Path)) != 6 {
		t.Error("the archive lacks something")
	}
}

func TestAStageThatOthersMayWriteToIsRefused(t *testing.T) {
	w := play(t, map[string]world.Role{home: holds(home, large)})
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".towpath"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, ".towpath"), 0o777); err != nil {
		t.Fatal(err)
	}
	fails(t, request(w, layoutIn(dir)), ".towpath: somebody else may write there")
}

// TestNothingOutlivesAPull looks the moment a pull has returned.
func TestNothingOutlivesAPull(t *testing.T) {
	for title, fault := range map[string]world.Fault{
		"healthy": {Do: world.DoStatus, Path: "nowhere"}, "interrupted": stalls, "refused": {Do: world.DoStatus, Status: 404, On: blobs},
	} {
		t.Run(title, func(t *testing.T) {
			w := play(t, map[string]world.Role{home: faulty(holds(home, large), fault)})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			q := request(w, layoutIn(t.TempDir()))
			q.Watch = func(e pull.Event) {
				if title == "interrupted" && e.Have >= 200_000 {
					cancel()
				}
			}
			_, _ = pull.Self(ctx, q)
			buf := make([]byte, 4<<20)
			for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
				if strings.Contains(g, "internal/pull.") || strings.Contains(g, "internal/upstream.") || strings.Contains(g, "x/sync") {
					t.Error(g)
				}
			}
		})
	}
}
