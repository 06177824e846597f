package upstream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
	"github.com/towpath-dev/towpath/internal/world"
)

// TestEveryFaultOfARegistryIsSeen plays each fault of package world and says
// what the attempt has to hold.
func TestEveryFaultOfARegistryIsSeen(t *testing.T) {
	status := func(code int) world.Fault {
		return world.Fault{Do: world.DoStatus, Status: code, Body: `{"errors":[{"code":"SOME","message":"told"}]}`}
	}
	has := func(check func(*snapshot.Response) bool) func(*snapshot.Attempt) bool {
		return func(a *snapshot.Attempt) bool { return a.Response != nil && check(a.Response) }
	}
	for _, c := range []struct {
		name  string
		fault world.Fault
		cause snapshot.Cause // empty: it succeeds
		text  string
		check func(*snapshot.Attempt) bool
	}{
		{"400", status(400), snapshot.Status, "400 Bad Request", has(func(r *snapshot.Response) bool { return strings.Contains(r.Head, "told") })},
		{"401", status(401), snapshot.Status, "401 Unauthorized", nil},
		{"403", status(403), snapshot.Status, "403 Forbidden", nil},
		{"404", status(404), snapshot.Status, "404 Not Found", nil},
		{"408", status(408), snapshot.Status, "408 Request Timeout", nil},
		{"451", status(451), snapshot.Status, "451", nil},
		{"500", status(500), snapshot.Status, "500 Internal Server Error", nil},
		{"502", status(502), snapshot.Status, "502 Bad Gateway", nil},
		{"503", status(503), snapshot.Status, "503 Service Unavailable", nil},
		{"300", status(300), snapshot.Status, "300 Multiple Choices", nil},
		{"304", status(304), snapshot.Status, "304 Not Modified", nil},
		{"a status of its own", status(599), snapshot.Status, "599", nil},
		{"hang", world.Fault{Do: world.DoHang}, snapshot.Silent, "timeout awaiting response headers", func(a *snapshot.Attempt) bool { return a.Response == nil }},
		{"hang after headers", world.Fault{Do: world.DoHangBody}, snapshot.Stalled, "no more bytes after 0", has(func(r *snapshot.Response) bool { return r.Status == 200 && r.Read == 0 })},
		{"latency", world.Fault{Do: world.DoLatency, Delay: world.Duration(50 * time.Millisecond)}, "", "", func(a *snapshot.Attempt) bool { return a.Took.FirstByte > 40*time.Millisecond }},
		{"slow", world.Fault{Do: world.DoSlow, Rate: 8000}, "", "", has(func(r *snapshot.Response) bool { return r.Read == r.Length })},
		{"stall", world.Fault{Do: world.DoStall, Bytes: 100}, snapshot.Stalled, "no more bytes after 100", has(func(r *snapshot.Response) bool { return r.Read == 100 && r.Length > 100 })},
		{"truncate", world.Fault{Do: world.DoTruncate, Bytes: 100}, snapshot.Truncated, "unexpected EOF after 100 bytes", has(func(r *snapshot.Response) bool { return r.Read == 100 && r.Digest == "" })},
		{"abort", world.Fault{Do: world.DoAbort}, snapshot.Closed, "EOF", nil},
		{"corrupt", world.Fault{Do: world.DoCorrupt}, snapshot.WrongDigest, "the bytes hash to sha256:", has(func(r *snapshot.Response) bool { return strings.HasPrefix(r.Digest, "sha256:") })},
		{"html", world.Fault{Do: world.DoHTML}, snapshot.WrongDigest, "", has(func(r *snapshot.Response) bool {
			return r.Type == "text/html" && strings.Contains(r.Head, "<title>Login</title>")
		})},
		{"wrong digest header", world.Fault{Do: world.DoWrongDigest}, "", "", has(func(r *snapshot.Response) bool {
			return strings.HasPrefix(r.Header["Docker-Content-Digest"][0], "sha256:0123456789abcdef")
		})},
		{"no digest header", world.Fault{Do: world.DoNoDigest}, "", "", has(func(r *snapshot.Response) bool { return r.Header["Docker-Content-Digest"] == nil })},
		{"wrong type", world.Fault{Do: world.DoWrongType, Type: "Application/Octet-Stream; x=y"}, "", "", has(func(r *snapshot.Response) bool { return r.Type == "application/octet-stream" })},
		{"rate limit", world.Fault{Do: world.DoRateLimit, Delay: world.Duration(time.Minute)}, snapshot.Status, "429 Too Many Requests", has(func(r *snapshot.Response) bool {
			return r.Header["Retry-After"][0] == "60" && strings.Contains(r.Head, "pull rate limit")
		})},
		{"GET refused", world.Fault{Do: world.DoHeadOnly}, snapshot.Status, "404 Not Found", nil},
		{"skew", world.Fault{Do: world.DoSkew, Delay: world.Duration(-48 * time.Hour)}, "", "", has(func(r *snapshot.Response) bool { return time.Since(r.Date) > 47*time.Hour })},
		{"endless", world.Fault{Do: world.DoEndless}, snapshot.TooLarge, "the body is larger than 4194304 bytes", has(func(r *snapshot.Response) bool { return r.Read < 5<<20 })},
		{"big header", world.Fault{Do: world.DoBigHeader, Bytes: 64 << 10}, "", "", has(func(r *snapshot.Response) bool { return len(r.Header["X-Padding"][0]) <= 2048 })},
		{"too big a header", world.Fault{Do: world.DoBigHeader, Bytes: 128 << 10}, snapshot.TooLarge, "the response header is larger than 128 KiB", nil},
		{"no HTTP", world.Fault{Do: world.DoNotHTTP}, snapshot.NotHTTP, "malformed HTTP response", nil},
		{"redirect nowhere", world.Fault{Do: world.DoRedirect, Exact: true}, snapshot.RedirectBad, "307 Temporary Redirect without a Location", nil},
		{"redirect to another scheme", world.Fault{Do: world.DoRedirect, Exact: true, To: "file:///etc/passwd"}, snapshot.RedirectBad, `scheme "file" is neither http nor https`, nil},
		{"redirect loop", world.Fault{Do: world.DoRedirectLoop}, snapshot.RedirectLoop, "in a circle", func(a *snapshot.Attempt) bool { return a.Next != nil && a.Failure == nil }},
		{"redirect without end", world.Fault{Do: world.DoRedirect, To: "/more"}, snapshot.RedirectLoop, "stopped after 10 redirects", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := play(t, map[string]world.Role{"r": registry(c.fault)})
			req := get(object)
			req.Into, req.Digest = upstream.To(io.Discard), w.Registry("r").Digest("library/nginx", "1")
			cl := client(w)
			switch c.cause {
			case snapshot.Silent:
				cl.Limits.Header = short
			case snapshot.Stalled:
				cl.Limits.Idle = 2 * time.Second
			}
			a := do(t, cl, req)
			if c.cause == "" {
				succeeds(t, a)
			} else {
				ends(t, a, snapshot.Manifest, c.cause, c.text)
			}
			if c.check != nil && !c.check(a) {
				t.Errorf("%+v %+v", a.Took, a.Response)
			}
		})
	}
}

func TestHEADReadsNoBody(t *testing.T) {
	for name, f := range map[string]world.Fault{"200": {}, "404": {Do: world.DoStatus, Status: 404}, "405": {Do: world.DoNoHead}} {
		faults := []world.Fault{f}
		if f.Do == "" {
			faults = nil
		}
		w := play(t, map[string]world.Role{"r": registry(faults...)})
		a := do(t, client(w), head(object))
		if a.Response == nil || a.Response.Read != 0 || a.Response.Head != "" || a.Response.Digest != "" {
			t.Errorf("%s: %+v", name, a.Response)
		}
	}
}

func TestARangeIsAskedForAndMayBeRefused(t *testing.T) {
	w := play(t, map[string]world.Role{"r": registry()})
	c := client(w)
	req := get(object)
	req.Range = "bytes=10-19"
	var part bytes.Buffer
	req.Into = func(r snapshot.Response) (io.Writer, error) {
		if r.Status != http.StatusPartialContent || !strings.HasPrefix(r.Header["Content-Range"][0], "bytes 10-19/") {
			return nil, errors.New("no such range")
		}
		return &part, nil
	}
	succeeds(t, do(t, c, req))
	if part.Len() != 10 {
		t.Errorf("%d bytes", part.Len())
	}
	req.Range = ""
	req.Into = func(snapshot.Response) (io.Writer, error) { return nil, errors.New("a whole one came") }
	ends(t, do(t, c, req), snapshot.Manifest, snapshot.BadReply, "a whole one came")
}

func TestLimitsAreExact(t *testing.T) {
	w := play(t, map[string]world.Role{"r": registry()})
	req := get(object)
	req.Into = upstream.To(io.Discard)
	size := do(t, client(w), req).Response.Length
	req.Limit = size
	succeeds(t, do(t, client(w), req))
	req.Limit = size - 1
	ends(t, do(t, client(w), req), snapshot.Manifest, snapshot.TooLarge, fmt.Sprintf("larger than %d bytes", size-1))
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestASinkThatFailsIsNotTheServersFault(t *testing.T) {
	w := play(t, map[string]world.Role{"r": registry()})
	req := get(object)
	req.Into = upstream.To(fullDisk{})
	ends(t, do(t, client(w), req), snapshot.Manifest, snapshot.Unclassified, "no space left on device")
}

func TestOtherDigestsAreChecked(t *testing.T) {
	w := play(t, map[string]world.Role{"r": registry()})
	for digest, works := range map[string]bool{
		w.Registry("r").Digest("library/nginx", "1"): true,
		"sha256:" + strings.Repeat("0", 64):          false,
		"sha512:" + strings.Repeat("0", 128):         false,
		"md5:" + strings.Repeat("0", 32):             false,
	} {
		req := get(object)
		req.Into, req.Digest = upstream.To(io.Discard), digest
		a := do(t, client(w), req)
		if works {
			succeeds(t, a)
		} else {
			ends(t, a, snapshot.Manifest, snapshot.WrongDigest, strings.SplitN(digest, ":", 2)[0][:2])
		}
	}
}

// TestHeaderLinesGoOutAsTyped: containerd writes the keys of hosts.toml into
// Go's map as they are, so "authorization" and "Authorization" are two lines.
func TestHeaderLinesGoOutAsTyped(t *testing.T) {
	var raw bytes.Buffer
	w := play(t, map[string]world.Role{"r": {Listen: hostAddr + ":80", Registry: &world.Holds{Images: []world.Image{nginx}}}})
	c := client(w)
	c.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := w.Net.Dial(ctx, network, addr)
		if err == nil && network == "tcp" {
			conn = recorder{conn, &raw}
		}
		return conn, err
	}
	req := head("http://" + host + "/v2/library/nginx/manifests/1")
	req.Endpoint = route.Endpoint{Scheme: "http", Host: host, Header: []route.Header{
		{Key: "x-lower", Values: []route.Secret{route.NewSecret("first-value"), route.NewSecret("second-value")}},
		{Key: "User-Agent", Values: []route.Secret{route.NewSecret("my-agent/1")}},
		{Key: "authorization", Values: []route.Secret{route.NewSecret("Basic Y2FuYXJ5OmNhbmFyeQ==")}},
	}}
	a := do(t, c, req)
	succeeds(t, a)
	for _, line := range []string{"x-lower: first-value", "x-lower: second-value", "User-Agent: my-agent/1", "authorization: Basic Y2FuYXJ5OmNhbmFyeQ=="} {
		if !strings.Contains(raw.String(), "\r\n"+line+"\r\n") {
			t.Errorf("no line %q in\n%s", line, raw.String())
		}
	}
	for _, key := range []string{"x-lower", "User-Agent", "authorization"} {
		if v := a.Sent[key]; len(v) == 0 || v[0] != "***" {
			t.Errorf("%s: %v", key, v)
		}
	}
}

// recorder keeps what is written to a connection.
type recorder struct {
	net.Conn
	raw *bytes.Buffer
}

func (r recorder) Write(p []byte) (int, error) {
	r.raw.Write(p)
	return r.Conn.Write(p)
}

func TestHeaderLinesThatGoRefuses(t *testing.T) {
	w := play(t, map[string]world.Role{"r": registry()})
	for _, h := range []route.Header{
		{Key: "x y", Values: []route.Secret{route.NewSecret("v")}},
		{Key: "X-Bad", Values: []route.Secret{route.NewSecret("a\r\nHost: evil.example")}},
		{Key: "", Values: []route.Secret{route.NewSecret("v")}},
	} {
		req := head(object)
		req.Endpoint.Header = []route.Header{h}
		ends(t, do(t, client(w), req), snapshot.Connect, snapshot.BadConfig, "net/http: invalid header field")
	}
	if n := len(w.Requests("r")); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestABodyThatTheCallerChecksIsNotHashed(t *testing.T) {
	w := play(t, map[string]world.Role{"r": registry(world.Fault{Do: world.DoCorrupt})})
	var body bytes.Buffer
	req := get(object)
	req.Into, req.Unhashed = upstream.To(&body), true
	a := do(t, client(w), req)
	succeeds(t, a)
	if a.Response.Digest != "" || a.Response.Read != int64(body.Len()) || body.Len() == 0 || a.Response.Head == "" {
		t.Errorf("%+v", a.Response)
	}
}
