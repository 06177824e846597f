package candidate

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// look is the measuring of one host.
type look struct {
	j       *Job
	h       Host
	m       Measure
	session *upstream.Session
	apis    bool // the API's root answered as a registry does
}

func newLook(j *Job, h Host) *look {
	return &look{
		j: j, h: h, session: j.Client.Session(h.Endpoint, h.Login),
		m: Measure{Endpoint: h.String(), Host: h.Host, Configured: h.Configured},
	}
}

func (l *look) say(doing string) {
	if l.j.Watch != nil {
		l.j.Watch(l.m.Endpoint, doing)
	}
}

// ask puts all questions to the host but for the sample.
func (l *look) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, l.j.Budget)
	defer cancel()
	ping := l.root(ctx)
	for _, ref := range l.j.Images {
		t := Tag{Image: ref.String(), State: Failed, Failure: ping}
		if ping == nil {
			l.say(ref.String())
			t = l.tag(ctx, ref)
		}
		l.m.Tags = append(l.m.Tags, t)
	}
	found := slices.ContainsFunc(l.m.Tags, func(t Tag) bool { return t.Digest != "" })
	if l.m.Unfit == "" && !l.apis && !found {
		l.m.Unfit = NoAPI
	}
}

// root asks for the API's root without credentials. The failure is one after
// which there is no need to go on.
func (l *look) root(ctx context.Context) *snapshot.Failure {
	l.say("api")
	a := l.j.Client.Do(ctx, upstream.Request{Method: http.MethodGet, URL: l.h.Ping(), Stage: snapshot.API, Endpoint: l.h.Endpoint})
	l.note(&a)
	l.m.Latency = a.Took.FirstByte
	r := a.Final().Response
	if r == nil {
		l.unfit(a.Fault())
		return a.Fault()
	}
	page := strings.Contains(r.Type, "html")
	l.m.Asked = r.Status == http.StatusUnauthorized
	l.apis = !page && (r.Status == http.StatusOK || l.m.Asked)
	return nil
}

// note keeps what an attempt showed besides its result.
func (l *look) note(a *snapshot.Attempt) {
	for ; a != nil; a = a.Next {
		if a.Response != nil {
			l.limits(a.Response.Header)
		}
		if a.Next == nil {
			return
		}
		from, to := originOf(a.URL), originOf(a.Next.URL)
		if to != from && !slices.Contains(l.m.Redirects, to) {
			l.m.Redirects = append(l.m.Redirects, to)
		}
	}
}

func originOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// limits keeps the header lines about rate limits; of each key the last.
func (l *look) limits(header map[string][]string) {
	for key, values := range header {
		name := strings.ToLower(key)
		if len(values) == 0 || !strings.HasPrefix(name, "ratelimit") && !strings.HasPrefix(name, "x-ratelimit") && name != "retry-after" {
			continue
		}
		line := Limit{key, strings.Join(values, ", ")}
		if i := slices.IndexFunc(l.m.Limits, func(o Limit) bool { return o.Key == key }); i >= 0 {
			l.m.Limits[i] = line
			continue
		}
		l.m.Limits = append(l.m.Limits, line)
	}
	slices.SortFunc(l.m.Limits, func(a, b Limit) int { return strings.Compare(a.Key, b.Key) })
}

// unfit sorts a failure by what it says of the host; some say nothing of it.
func (l *look) unfit(f *snapshot.Failure) {
	if why := reason(f); why != "" && l.m.Unfit == "" {
		l.m.Unfit, l.m.Failure = why, f
	}
}

func reason(f *snapshot.Failure) Unfit {
	if f == nil || f.Cause == snapshot.Canceled {
		return ""
	}
	switch f.Cause {
	case snapshot.WrongDigest, snapshot.Truncated, snapshot.Stalled:
		return BadContent
	case snapshot.TokenDenied, snapshot.TokenBad, snapshot.TokenUnusable, snapshot.NoScheme, snapshot.ForeignRealm:
		return Locked
	case snapshot.NotHTTP:
		return NoAPI
	case snapshot.BadChain, snapshot.BadPeerCert, snapshot.NotTLS, snapshot.TLSAlert:
		return BadTLS
	case snapshot.Reset, snapshot.Closed, snapshot.Silent, snapshot.OutOfTime:
		return Unreachable
	}
	switch f.Stage {
	case snapshot.Resolve, snapshot.Connect:
		return Unreachable
	case snapshot.TLS:
		return BadTLS
	case snapshot.Token:
		return Locked
	}
	switch f.Cause {
	case snapshot.Status, snapshot.BadReply, snapshot.TooLarge, snapshot.RedirectLoop, snapshot.RedirectBad, snapshot.BadAddress:
		return ""
	}
	return Unreachable // silent, reset, out of time
}

// get makes a request for an object of the registry.
func (l *look) get(ctx context.Context, req upstream.Request) (*snapshot.Attempt, *snapshot.Failure) {
	req.Method, req.Endpoint = http.MethodGet, l.h.Endpoint
	e := l.session.Ask(ctx, req)
	for i := range e.Attempts {
		l.note(&e.Attempts[i])
	}
	l.m.Asked = l.m.Asked || e.Auth != nil
	f := e.Fault()
	if f == nil {
		return e.Last(), nil
	}
	switch status := e.Last().Status(); {
	case status == http.StatusTooManyRequests:
		l.condemn(Throttled, f)
	case status == http.StatusUnauthorized || status == http.StatusForbidden && e.Last().Failure != nil:
		l.condemn(Locked, f)
	default:
		l.unfit(f)
	}
	return e.Last(), f
}

func (l *look) condemn(why Unfit, f *snapshot.Failure) {
	if l.m.Unfit == "" {
		l.m.Unfit, l.m.Failure = why, f
	}
}

// tag looks at what the host has under a tag, down to the configuration.
func (l *look) tag(ctx context.Context, ref route.Ref) Tag {
	t := Tag{Image: ref.String(), State: Failed}
	var body bytes.Buffer
	a, f := l.get(ctx, upstream.Request{
		URL: l.h.Object(ref, route.Manifests, ref.Object()), Stage: snapshot.Manifest, Accept: upstream.AcceptManifest,
		Repository: l.h.Repository(ref), Digest: ref.Digest, Into: upstream.To(&body),
	})
	if f != nil {
		t.Failure = f
		if a.Status() == http.StatusNotFound {
			t.State = Missing
		}
		return t
	}
	doc, ok := parse(body.Bytes())
	if !ok {
		t.Failure = &snapshot.Failure{Stage: snapshot.Manifest, Cause: snapshot.BadReply, Text: "the answer is no manifest"}
		l.condemn(NoAPI, t.Failure)
		return t
	}
	t.Digest = a.Final().Response.Digest
	t.Inside = t.Digest
	if len(doc.Manifests) > 0 {
		if doc, t.Inside, ok = l.inside(ctx, ref, doc); !ok {
			return t
		}
	}
	t.layers = doc.Layers
	t.Created = l.created(ctx, ref, doc.Config)
	return t
}

// inside is the manifest of the platform, of an index.
func (l *look) inside(ctx context.Context, ref route.Ref, index manifest) (doc manifest, digest string, ok bool) {
	d := index.of(l.j.Platform)
	if !d.valid() {
		return doc, "", false
	}
	var body bytes.Buffer
	_, f := l.get(ctx, upstream.Request{
		URL: l.h.Object(ref, route.Manifests, d.Digest), Stage: snapshot.Manifest, Accept: upstream.AcceptType(d.MediaType),
		Repository: l.h.Repository(ref), Digest: d.Digest, Into: upstream.To(&body),
	})
	if f != nil {
		return doc, d.Digest, false
	}
	doc, ok = parse(body.Bytes())
	return doc, d.Digest, ok
}

// created is when an image was made, by its configuration; zero: unknown.
func (l *look) created(ctx context.Context, ref route.Ref, d descriptor) time.Time {
	if !d.valid() || d.Size > maxConfig {
		return time.Time{}
	}
	var body bytes.Buffer
	_, f := l.get(ctx, upstream.Request{
		URL: l.h.Object(ref, route.Blobs, d.Digest), Stage: snapshot.Blob, Accept: upstream.AcceptType(d.MediaType),
		Repository: l.h.Repository(ref), Digest: d.Digest, Limit: maxConfig, Into: upstream.To(&body),
	})
	if f != nil {
		return time.Time{}
	}
	return createdIn(body.Bytes())
}
