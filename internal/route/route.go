// Package route is the neutral model that every dialect is a spelling of: which
// endpoints serve an image, in which order, and how each of them is spoken to.
// It does no I/O and knows no file format.
package route

import (
	"slices"
	"time"

	"github.com/towpath-dev/towpath/internal/source"
)

// Serves is what an endpoint is trusted with, a set.
//
// | operation            | endpoints that are asked                      |
// |----------------------|-----------------------------------------------|
// | resolve a tag        | those with Pull and Resolve                   |
// | resolve a digest     | those with Pull                               |
// | fetch by digest      | all, once one with Pull exists (containerd)   |
// | push                 | the first with Push                           |
//
// Source: containerd core/remotes/docker resolver.go, fetcher.go, pusher.go.
type Serves uint8

// The members of the set.
const (
	Pull Serves = 1 << iota
	Resolve
	Push
	Referrers

	// TagsOnly keeps a mirror of containers-image from being asked for digests;
	// it comes with Pull and Resolve. containerd has no such thing.
	TagsOnly
)

// Has reports whether all of want is in the set.
func (s Serves) Has(want Serves) bool { return s&want == want }

// Role tells a mirror from the registry itself.
type Role uint8

// A Mirror was written down to be asked before the Upstream, which is the
// registry that the image names or what a configuration puts in its place.
const (
	Mirror Role = iota
	Upstream
)

// Endpoint is one host that a runtime may ask, and everything that decides how.
type Endpoint struct {
	Scheme        string        // "https" or "http"; with anything else no request succeeds
	Host          string        // host[:port] as text; empty: the registry named in the image
	Path          string        // root of the API: "/v2", "/v2/hub", or ""
	Role          Role          //
	Serves        Serves        //
	PlainFallback bool          // HTTPS first, plain HTTP when the server does not speak TLS
	Rewrites      []Rewrite     // applied to the repository; the first that changes it wins
	TLS           TLS           //
	Auth          Auth          // the node's own credentials for this endpoint
	Header        []Header      // sent with every request
	DialTimeout   time.Duration // 0: the runtime's own; negative: fails at once
	NoDialLimit   bool          // the configuration asks for no limit at all
	Alias         string        // how images name the host where a configuration of containers-image writes that: "docker.io"
	Namespace     string        // value of ?ns= that a configuration asks for; containerd works its own out
	Name          string        // repository that is asked for, set by RouteFor; empty: that of the image, rewritten
	Engine        Engine        // who asks, set by Endpoints
	Broken        string        // why no request can be made to it; empty: nothing is known against it
	From          source.Pos    // where it was written down; zero: nobody wrote it
}

// TLS says how a server is verified and how we identify ourselves.
type TLS struct {
	CA         []string // PEM files, added to the system's pool
	Client     []Pair   //
	SkipVerify bool     //
	Set        bool     // some TLS key was written, be it false
}

// Pair is a client certificate; Key is empty when the certificate's file holds it.
type Pair struct{ Cert, Key string }

// Header is one header line that a configuration adds. Its values may be secrets.
type Header struct {
	Key    string // as it was typed: containerd does not canonicalise it
	Values []Secret
}

// Auth is what a node itself knows to log in with. It belongs to one origin.
type Auth struct {
	User          string
	Password      Secret
	IdentityToken Secret
	Source        string     // for people: "registry.configs", "registries.yaml", "--creds FILE"
	From          source.Pos //
}

// IsZero reports whether there is nothing to log in with.
func (a Auth) IsZero() bool {
	return a.User == "" && a.Password.IsZero() && a.IdentityToken.IsZero()
}

// Rewrite changes the repository in requests to one endpoint.
type Rewrite struct {
	Pattern     string // Go regular expression
	Replacement string // with $1 and the like
	From        source.Pos
}

// String is scheme, host and API root: "https://mirror.example:5000/v2".
func (e Endpoint) String() string { return e.Scheme + "://" + e.Host + e.Path }

// Route is all that is configured for one registry name.
type Route struct {
	// Match is host[:port] as images write it, or Any: every other registry. For
	// containers-image it may go on with a path, "docker.io/library", or be a
	// domain's wildcard, "*.example"; the Path of the endpoints then begins with
	// what stands there instead: "/v2/hub". For Docker it may be a range of
	// addresses, "192.0.2.0/24". See RouteFor and IsWhole.
	Match   string
	Mirrors []Endpoint // in the order in which they are asked

	// Upstream is asked last; nil: never. An empty Host stands for the registry
	// that the image names, with the scheme the runtime would choose.
	Upstream *Endpoint

	// UpstreamUnlessListed: do not ask Upstream when a mirror has the registry's
	// own host (containerd's registry.mirrors table).
	UpstreamUnlessListed bool

	// Blocked: containers-image refuses to ask for what Match matches, whichever
	// route leads there. Mirrors with another name are asked all the same.
	Blocked bool

	Fails string     // every pull fails before a host is asked, and why; empty: it does not
	From  source.Pos // file, or directory, that decides
}

// Any is the Match of the route for registries that no other route names.
const Any = "*"

// Host is what a configuration says about one endpoint host wherever it is
// used: the configs table of containerd's config.toml and of registries.yaml.
type Host struct {
	Name   string // host[:port] as in the endpoint's URL; Any: hosts without an entry of their own. For containers-image credentials it may go on with a path
	Auth   Auth
	TLS    TLS
	Broken string // why no request can be made to it; empty: nothing is known against it
	From   source.Pos
}

// Table is the whole configuration of a runtime.
type Table struct {
	Target Target
	Routes []Route
	Hosts  []Host
	Header []Header // sent to every registry
	Plain  Plain    // which scheme an upstream gets that nobody wrote down

	// Files are contents of files that TLS names, as far as they are known:
	// some dialects write certificates inline. A client's key is among them,
	// so that they go into no finding and no saved file.
	Files []source.File `json:"-" yaml:"-"`

	index *index // see Indexed
}

// Plain names the rule by which a runtime chooses the scheme of a registry
// that is written without one.
type Plain uint8

// PlainLocalhost is the rule of containerd's hosts.toml: HTTPS, and for
// localhost also HTTP on odd ports. PlainCRI is that of its registry.mirrors
// table: HTTP for localhost.
const (
	PlainLocalhost Plain = iota
	PlainCRI
)

// Route returns the route for a registry: its own, else the one for Any, else
// the registry itself.
func (t Table) Route(registry string) Route {
	for _, match := range []string{registry, Any} {
		if r := t.find(match); r != nil {
			return *r
		}
		if r := t.ranged(registry); r != nil {
			return *r
		}
	}
	return Route{Match: registry, Upstream: &Endpoint{Role: Upstream, Serves: t.Target.Everything()}}
}

// Endpoints returns the hosts of a registry in the order in which the runtime
// keeps them, the upstream filled in.
func (t Table) Endpoints(registry string) []Endpoint {
	return t.endpoints(t.Route(registry), registry)
}

// EndpointsOf is Endpoints as if a route were the registry's, whether the table
// has it or not.
func (t Table) EndpointsOf(r Route, registry string) []Endpoint { return t.endpoints(r, registry) }

func (t Table) endpoints(r Route, registry string) []Endpoint {
	out := make([]Endpoint, 0, len(r.Mirrors)+1)
	listed := false
	for _, e := range r.Mirrors {
		out = append(out, t.dress(e))
		listed = listed || e.Host == registry
	}
	if r.Upstream != nil && !(r.UpstreamUnlessListed && listed) {
		out = append(out, t.dress(t.fill(*r.Upstream, registry)))
	}
	return out
}

// dress adds what the table says about an endpoint's host wherever it is used.
func (t Table) dress(e Endpoint) Endpoint {
	if e.Engine = t.Target.Engine(); e.Engine == ContainersImage {
		return t.dressByPath(e)
	}
	e.Header = append(slices.Clone(t.Header), e.Header...)
	for _, name := range []string{e.Host, Any} {
		h := t.Host(name)
		if h == nil {
			continue
		}
		if e.Auth.IsZero() {
			e.Auth = h.Auth
		}
		if !e.TLS.Set {
			e.TLS = h.TLS
		}
		if e.Broken == "" {
			e.Broken = h.Broken
		}
		break
	}
	return e
}

// fill completes an upstream that stands for the registry of the image. What
// the runtime decides for localhost beats what a configuration says of it.
func (t Table) fill(e Endpoint, registry string) Endpoint {
	if e.Host != "" {
		return e
	}
	std := t.Default(registry)
	e.Scheme, e.Host, e.Path = std.Scheme, std.Host, std.Path
	e.PlainFallback = std.PlainFallback || t.Target.Runtime == "docker" && e.PlainFallback
	e.TLS.SkipVerify = e.TLS.SkipVerify || std.TLS.SkipVerify
	e.TLS.Set = e.TLS.Set || std.TLS.Set
	return e
}

// Default is the registry itself, as a runtime reaches it when no configuration
// speaks of it. Source: containerd core/remotes/docker/config/hosts.go and
// internal/cri/server/images/image_pull.go (defaultScheme).
func (t Table) Default(registry string) Endpoint {
	e := Endpoint{Scheme: "https", Host: registry, Path: "/v2", Role: Upstream, Serves: t.Target.Everything()}
	switch {
	case registry == hub:
		e.Host = hubHost
	case t.Target.Engine() == ContainersImage || !IsLocalhost(registry):
	case t.Target.Engine() == Docker:
		e.TLS, e.PlainFallback = TLS{SkipVerify: true, Set: true}, true
	case t.Plain == PlainCRI:
		e.Scheme = "http"
	default:
		t.Target.localhost(&e)
	}
	return e
}

// localhost applies the rule for a registry on this machine, which containerd
// changed three times.
//
// | containerd                   | no port, 443 | 80          | other port  |
// |------------------------------|--------------|-------------|-------------|
// | before 1.6.9                 | https        | https       | https       |
// | 1.6.9–1.6.24, 1.7.0–1.7.6    | http         | http        | http        |
// | 1.7.7                        | https, http  | https, http | https, http |
// | since 1.6.25, 1.7.8          | https        | http        | https, http |
//
// HTTPS is not verified then, except before 1.6.9.
func (g Target) localhost(e *Endpoint) {
	if !g.Containerd.Since("1.6.9", "1.7.0") {
		return
	}
	port := Port(e.Host)
	e.TLS = TLS{SkipVerify: true, Set: true}
	switch {
	case !g.Containerd.Since("1.6.25", "1.7.7"):
		e.Scheme = "http"
	case !g.Containerd.Since("1.6.25", "1.7.8"):
		e.PlainFallback = true
	case port == "80":
		e.Scheme, e.TLS = "http", TLS{}
	case port != "" && port != "443":
		e.PlainFallback = true
	}
}

// Alike reports that two endpoints are asked in the same way, wherever that is
// written down. What they are trusted with counts as far as pulls go.
func (e Endpoint) Alike(o Endpoint) bool {
	const pulls = Pull | Resolve
	return e.String() == o.String() && e.Role == o.Role && e.Serves&pulls == o.Serves&pulls && e.PlainFallback == o.PlainFallback &&
		slices.EqualFunc(e.Rewrites, o.Rewrites, func(a, b Rewrite) bool { return a.Pattern == b.Pattern && a.Replacement == b.Replacement }) &&
		slices.Equal(e.TLS.CA, o.TLS.CA) && slices.Equal(e.TLS.Client, o.TLS.Client) && e.TLS.SkipVerify == o.TLS.SkipVerify &&
		e.Auth.Alike(o.Auth) && slices.EqualFunc(e.Header, o.Header, sameHeader) &&
		e.DialTimeout == o.DialTimeout && e.NoDialLimit == o.NoDialLimit && e.Broken == o.Broken
}

func sameHeader(a, b Header) bool { return a.Key == b.Key && slices.Equal(a.Values, b.Values) }

// Alike reports that two logins are the same, wherever they were found.
func (a Auth) Alike(b Auth) bool {
	return a.User == b.User && a.Password == b.Password && a.IdentityToken == b.IdentityToken
}
