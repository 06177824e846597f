package probe

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// answers: is it the path, the scheme, the credentials or the name?
func (t *trials) answers(a *snapshot.Attempt) {
	switch a.Failure.Cause {
	case snapshot.NotHTTP, snapshot.Reset, snapshot.Closed:
		t.overTLS()
		return
	case snapshot.BadReply:
		t.paths()
		return
	case snapshot.Status, snapshot.TokenUnusable:
	default:
		return
	}
	t.words(a)
	switch a.Status() {
	case http.StatusBadRequest:
		t.overTLS()
		t.paths()
	case http.StatusUnauthorized, http.StatusForbidden:
		if t.l.hop.Auth != nil && t.l.hop.Auth.Sent {
			t.anonymous()
		}
		t.paths()
		t.similar()
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		t.paths()
		t.similar()
		t.wg.Go(func() { t.l.tags(t.ctx) })
	}
}

// words asks for the body of a refusal, which HEAD has none of: in it a server
// says whom it refuses, and a cache that it is one.
func (t *trials) words(a *snapshot.Attempt) {
	switch a.Status() {
	case http.StatusForbidden, http.StatusNotFound, http.StatusInternalServerError, http.StatusUnavailableForLegalReasons:
		if a.Method == http.MethodHead {
			t.once(snapshot.WithGet, "", upstream.Vary{})
		}
	}
}

// overTLS sees whether the port speaks TLS.
func (t *trials) overTLS() {
	if t.l.endpoint.Scheme != "http" {
		return
	}
	req := t.l.request(upstream.Vary{LookOnly: true})
	req.URL = "https" + strings.TrimPrefix(req.URL, "http")
	if u, err := url.Parse(req.URL); err == nil && u.Port() == "" {
		u.Host += ":80"
		req.URL = u.String()
	}
	req.Endpoint.Scheme, req.Stage = "https", snapshot.TLS
	t.try(snapshot.OverTLS, "", req)
}

// paths asks for the image at the other places where registries keep their API.
func (t *trials) paths() {
	if t.l.endpoint.From.IsZero() {
		return
	}
	for _, root := range roots(t.l.endpoint.Path) {
		e := t.l.endpoint
		e.Path = root
		req := t.l.request(upstream.Vary{})
		req.URL = e.Object(t.l.p.Ref, route.Manifests, t.l.p.Ref.Object())
		where := e.String()
		t.wg.Go(func() {
			s := t.l.p.Client.Session(e, upstream.Login{})
			defer s.Close()
			req.Repository = e.Repository(t.l.p.Ref)
			asked := s.Ask(t.ctx, req)
			found := *asked.Last()
			if found.OK() && !manifestLike(&found) {
				found.Final().Failure = &snapshot.Failure{Stage: snapshot.Manifest, Cause: snapshot.BadReply, Text: "no manifest"}
			}
			t.l.add(snapshot.Trial{Change: snapshot.OtherPath, Detail: where, Stage: t.stage, Attempt: found})
		})
	}
}

// manifestLike reports whether an answer looks like a manifest.
func manifestLike(a *snapshot.Attempt) bool {
	r := a.Final().Response
	return r != nil && (len(r.Header["Docker-Content-Digest"]) > 0 || knownManifest(r.Type))
}

// roots are other places for the API of an endpoint: with and without /v2,
// before and after the prefix.
func roots(path string) []string {
	prefix := strings.Trim(path, "/")
	for _, cut := range []string{"v2/", "/v2"} {
		prefix = strings.TrimSuffix(strings.TrimPrefix(prefix, cut), cut)
	}
	if prefix == "v2" {
		prefix = ""
	}
	all := []string{"/v2"}
	if prefix != "" {
		all = []string{"/v2/" + prefix, "/" + prefix + "/v2", "/v2"}
	}
	return slices.DeleteFunc(all, func(p string) bool { return p == path })
}

// similar looks for a repository of nearly the same name that is served.
func (t *trials) similar() {
	for _, name := range t.l.p.alike() {
		ref := t.l.p.Ref
		ref.Repository = name
		req := t.l.request(upstream.Vary{})
		req.URL = t.l.endpoint.Object(ref, route.Manifests, ref.Object())
		t.wg.Go(func() {
			s := t.l.p.Client.Session(t.l.endpoint, t.l.login)
			defer s.Close()
			req.Repository = t.l.endpoint.Repository(ref)
			asked := s.Ask(t.ctx, req)
			t.l.add(snapshot.Trial{Change: snapshot.SimilarName, Detail: name, Stage: t.stage, Attempt: *asked.Last()})
		})
	}
	t.wg.Go(func() {
		all, ok := t.l.list(t.ctx, strings.TrimSuffix(t.l.endpoint.Ping(), "/")+"/_catalog?n=1000", "repositories")
		if !ok {
			return
		}
		for _, name := range closest(t.l.p.Ref.Repository, all) {
			ref := t.l.p.Ref
			ref.Repository = name
			req := t.l.request(upstream.Vary{})
			req.URL = t.l.endpoint.Object(ref, route.Manifests, ref.Object())
			req.Repository, req.Endpoint = name, t.l.endpoint
			asked := t.l.session.Ask(t.ctx, req)
			t.l.add(snapshot.Trial{Change: snapshot.SimilarName, Detail: name, Stage: t.stage, Attempt: *asked.Last()})
		}
	})
}

// moved are repositories that people still ask for by their old name.
var moved = map[string]string{"bitnami/": "bitnamilegacy/"}

// alike are names that the reference may have been meant for.
func (p *Probe) alike() []string {
	out := closest(p.Ref.Repository, p.Images)
	for from, to := range moved {
		if rest, ok := strings.CutPrefix(p.Ref.Repository, from); ok {
			out = append(out, to+rest)
		}
	}
	if p.Ref.Registry == "docker.io" {
		if owner, name, ok := strings.Cut(p.Ref.Repository, "/"); ok && owner != "library" && distance(owner, "library") <= 2 {
			out = append(out, "library/"+name)
		}
	}
	return slices.Compact(out)
}

// closest are the names at most two edits away, at most two of them.
func closest(name string, all []string) []string {
	var out []string
	for _, n := range all {
		if d := distance(name, n); d > 0 && d <= 2 && d*3 < len(n) && len(out) < 2 {
			out = append(out, n)
		}
	}
	return out
}

// distance is the number of edits between two names (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
