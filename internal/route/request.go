package route

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// Object is which part of the distribution API a request asks for.
type Object string

// The two kinds of objects that a pull reads.
const (
	Manifests Object = "manifests"
	Blobs     Object = "blobs"
)

// Request is one request of a pull, as the runtime would send it first, before
// any challenge or redirect.
type Request struct {
	Method   string // HEAD or GET
	URL      string
	Endpoint Endpoint
}

// Resolve returns the requests by which a runtime turns a reference into a
// digest, in order: the next is sent only when the one before did not succeed.
// A digest that no endpoint has as a manifest is looked for among the blobs,
// because containerd does so. A route that fails before it asks has none.
func (t Table) Resolve(ref Ref) []Request {
	if t.Route(ref.Registry).Fails != "" {
		return nil
	}
	need := Pull
	if ref.Digest == "" {
		need |= Resolve
	}
	var hosts []Endpoint
	for _, e := range t.Endpoints(ref.Registry) {
		if e.Serves.Has(need) {
			hosts = append(hosts, e)
		}
	}
	out := requests("HEAD", Manifests, ref, ref.Object(), hosts)
	if ref.Digest != "" {
		out = append(out, requests("HEAD", Blobs, ref, ref.Digest, hosts)...)
	}
	return out
}

// Fetch returns the requests for one object by its digest, in order. containerd
// asks every host then, whatever it is trusted with, once one may serve pulls.
func (t Table) Fetch(ref Ref, what Object, digest string) []Request {
	if t.Route(ref.Registry).Fails != "" {
		return nil
	}
	hosts := t.Endpoints(ref.Registry)
	for _, e := range hosts {
		if e.Serves.Has(Pull) {
			return requests("GET", what, ref, digest, hosts)
		}
	}
	return nil
}

func requests(method string, what Object, ref Ref, object string, hosts []Endpoint) []Request {
	out := make([]Request, 0, len(hosts))
	for _, e := range hosts {
		out = append(out, Request{Method: method, URL: e.Object(ref, what, object), Endpoint: e})
	}
	return out
}

// Object is the URL of a manifest or blob at this endpoint. The registry that
// the image names goes along as ?ns= whenever the endpoint is another host.
func (e Endpoint) Object(ref Ref, what Object, object string) string {
	u := e.Scheme + "://" + e.Host + path.Join("/", e.Path, e.Repository(ref), string(what), object)
	if e.Host == ref.Registry || ref.Registry == "docker.io" && e.Host == "registry-1.docker.io" {
		return u
	}
	return u + "?ns=" + url.QueryEscape(ref.Registry)
}

// Repository is the repository as this endpoint is asked for it: after the
// first rewrite that changes it.
func (e Endpoint) Repository(ref Ref) string {
	for _, r := range e.Rewrites {
		re, err := regexp.Compile(r.Pattern)
		if err != nil {
			continue
		}
		if out := re.ReplaceAllString(ref.Repository, r.Replacement); out != ref.Repository {
			return out
		}
	}
	return ref.Repository
}

// Ping is the URL of the API's root, which no runtime asks for but which shows
// what answers there.
func (e Endpoint) Ping() string {
	return e.Scheme + "://" + e.Host + strings.TrimSuffix(e.Path, "/") + "/"
}
