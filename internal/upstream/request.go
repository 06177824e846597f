package upstream

import (
	"io"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// Request is one request to an endpoint.
type Request struct {
	Method   string         // HEAD or GET
	URL      string         // absolute
	Stage    snapshot.Stage // what it is for, which its failures carry
	Endpoint route.Endpoint // whose TLS settings and header lines are used
	Accept   string         // empty: "*/*"
	Range    string         // "bytes=0-0"; empty: all

	Repository    string        // as the image names it, for the scope of a token; empty: none
	Authorization Authorization // sent to its own origin alone; zero: none

	Digest string // that the body of a 2xx has to have, "sha256:…" or "sha512:…"; empty: any
	Limit  int64  // more bytes of a body are a failure; 0: MaxManifest
	Into   Sink   // gets the body of a 2xx; nil: it is looked at and thrown away

	// Unhashed: Into checks the body itself, as one has to whose body is the rest
	// of something. Digest is empty then, and so is that of the Response.
	Unhashed bool

	Vary Vary
}

// Sink chooses where a body goes once the header is there: a range that was not
// honoured, say, has to be refused. The response has no body yet.
type Sink func(snapshot.Response) (io.Writer, error)

// To is the Sink that takes every body.
func To(w io.Writer) Sink {
	return func(snapshot.Response) (io.Writer, error) { return w, nil }
}

// Vary changes how a request gets to its server, to compare. It concerns the
// first leg; redirects are followed in the usual way. The zero Vary changes nothing.
type Vary struct {
	Server   *snapshot.NameServer // resolve by this server alone
	NoHosts  bool                 // resolve by DNS although the hosts file has the name
	Control  bool                 // ask for names that cannot exist as well
	Addr     string               // ip or ip:port to connect to, around any proxy
	SNI      *string              // in the ClientHello; empty: none
	Classic  bool                 // no post-quantum key share
	Absolute bool                 // the name as it is, without the search list
	Segment  int                  // TCP segments of at most so many bytes, both ways; 0: as the system has it
	Roots    *Roots               // verify with this pool alone
	At       time.Time            // verify at this time
	Direct   bool                 // no proxy
	Proxy    route.Secret         // this proxy, whatever the environment says
	LookOnly bool                 // fetch the certificate chain, good or bad, and say no HTTP at all
}

// weakens reports whether the answer could come from somebody else than the
// endpoint that is configured. Nothing secret is sent then.
func (v Vary) weakens() bool {
	return v.SNI != nil || v.Roots != nil || !v.At.IsZero() || v.LookOnly
}

// reroutes reports whether the connection goes where the node itself would not
// send it. Without TLS nothing secret is sent then.
func (v Vary) reroutes() bool {
	return v.Addr != "" || v.Server != nil || !v.Proxy.IsZero()
}

// The most that is read of anything.
const (
	MaxManifest = 4 << 20  // a manifest or index, as the distribution specification advises
	maxToken    = 64 << 10 // the reply of a token server
	maxError    = 64 << 10 // the body of a refusal
	maxHead     = 4 << 10  // what is kept of it
	maxHeader   = 128 << 10
)

// The Accept headers of a runtime. Source: containerd core/remotes/docker/resolver.go.
const (
	AcceptManifest = "application/vnd.docker.distribution.manifest.v2+json, " +
		"application/vnd.docker.distribution.manifest.list.v2+json, " +
		"application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, */*"
	AcceptAny = "*/*"
)

// AcceptType is the Accept header for content of a known type.
func AcceptType(mediaType string) string {
	if mediaType == "" {
		return AcceptAny
	}
	return mediaType + ", " + AcceptAny
}

// Authorization is what proves to one origin who we are. It prints as ***.
type Authorization struct {
	origin Origin
	value  route.Secret
}

// IsZero reports whether there is nothing to send.
func (a Authorization) IsZero() bool { return a.value.IsZero() }

// For is the origin that it is meant for.
func (a Authorization) For() Origin { return a.origin }
