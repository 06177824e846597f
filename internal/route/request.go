package route

import (
	"net/url"
	"path"
	"regexp"
	"slices"
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
	Ping     string // URL that the runtime asks (GET) before this one; empty: none
}

// Resolve returns the requests by which a runtime turns a reference into a
// digest, in order: the next is sent only when the one before did not succeed.
// A digest that no endpoint has as a manifest is looked for among the blobs,
// because containerd does so. A route that fails before it asks has none.
func (t Table) Resolve(ref Ref) []Request {
	if t.RouteFor(ref).Fails != "" {
		return nil
	}
	var hosts []Endpoint
	for _, e := range t.EndpointsFor(ref) {
		if t.Asks(ref, e) {
			hosts = append(hosts, e)
		}
	}
	engine := t.Target.Engine()
	if engine != Containerd {
		return pinged(requests(engine.first(ref), Manifests, ref, ref.Object(), hosts))
	}
	out := requests("HEAD", Manifests, ref, ref.Object(), hosts)
	if ref.Digest != "" {
		out = append(out, requests("HEAD", Blobs, ref, ref.Digest, hosts)...)
	}
	return out
}

// first is the method by which Docker and containers-image ask for a manifest.
func (g Engine) first(ref Ref) string {
	if g == Docker && ref.Digest == "" {
		return "HEAD"
	}
	return "GET"
}

// pinged notes the request for the API's root that Docker and containers-image
// make before the first one to an endpoint.
func pinged(list []Request) []Request {
	for i := range list {
		list[i].Ping = list[i].Endpoint.Ping()
	}
	return list
}

// Fetch returns the requests for one object by its digest, in order. containerd
// asks every host then, whatever it is trusted with, once one may serve pulls;
// Docker and containers-image stay with the one that served the manifest, and
// the next ones are for when it failed.
func (t Table) Fetch(ref Ref, what Object, digest string) []Request {
	if t.RouteFor(ref).Fails != "" {
		return nil
	}
	hosts := t.EndpointsFor(ref)
	if t.Target.Engine() != Containerd {
		return requests("GET", what, ref, digest, slices.DeleteFunc(hosts, func(e Endpoint) bool { return !t.Asks(ref, e) }))
	}
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

// Object is the URL of a manifest or blob at this endpoint. With containerd the
// registry that the image names goes along as ?ns= whenever the endpoint is
// another host.
func (e Endpoint) Object(ref Ref, what Object, object string) string {
	u := e.Scheme + "://" + e.Host + path.Join("/", e.Path, e.Repository(ref), string(what), object)
	if e.Engine != Containerd {
		return u + e.query()
	}
	if e.Host == ref.Registry || ref.Registry == "docker.io" && e.Host == "registry-1.docker.io" {
		return u
	}
	return u + "?ns=" + url.QueryEscape(ref.Registry)
}

// Repository is the repository as this endpoint is asked for it: after the
// first rewrite that changes it.
func (e Endpoint) Repository(ref Ref) string {
	if e.Name != "" {
		return e.Name
	}
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

// Ping is the URL of the API's root, which containerd does not ask for but which
// shows what answers there; Docker and containers-image ask for it first.
func (e Endpoint) Ping() string {
	return e.Scheme + "://" + e.Host + strings.TrimSuffix(e.Path, "/") + "/" + e.query()
}

// query is the part of a URL that a configuration adds to every request.
func (e Endpoint) query() string {
	if e.Namespace == "" {
		return ""
	}
	return "?ns=" + url.QueryEscape(e.Namespace)
}
