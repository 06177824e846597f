package pull

import (
	"reflect"
	"slices"
	"sync"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// trust is what a pull has learned of a host so far. It only goes down.
type trust uint8

// A sound host is asked in the order of the route. A shaky one has broken off
// or been busy and is asked after the sound ones. A dead one is not asked again.
const (
	sound trust = iota
	shaky
	dead
)

// host is one endpoint of the route for as long as a pull lasts.
type host struct {
	endpoint route.Endpoint
	session  *upstream.Session

	// Guarded by hosts.mu.
	trust trust
	why   *snapshot.Failure // it is not sound any more
	blobs int               // that it completed
	bytes int64             // of its that are in the result
}

// hosts are the endpoints of a route, each once, with what was learned of them.
type hosts struct {
	mu  sync.Mutex
	all []*host
}

// newHosts begins a session with every endpoint of the reference's registry.
func newHosts(q *Request) *hosts {
	h := &hosts{}
	for _, e := range q.Table.Endpoints(q.Ref.Registry) {
		if h.find(e) != nil {
			continue
		}
		one := &host{endpoint: e, session: q.Client.Session(e, q.login(e))}
		if e.Broken != "" {
			one.trust = dead
			one.why = &snapshot.Failure{Stage: snapshot.Connect, Cause: snapshot.BadConfig, Text: e.Broken}
		}
		h.all = append(h.all, one)
	}
	return h
}

// find returns the host of an endpoint. Two endpoints of one name may differ in
// how they are spoken to.
func (h *hosts) find(e route.Endpoint) *host {
	i := slices.IndexFunc(h.all, func(o *host) bool { return reflect.DeepEqual(o.endpoint, e) })
	if i < 0 {
		return nil
	}
	return h.all[i]
}

func (h *hosts) close() {
	for _, o := range h.all {
		o.session.Close()
	}
}

// login is what an endpoint may be given. Credentials that come with a pull
// belong to the registry that the image names, and no mirror gets them.
func (q *Request) login(e route.Endpoint) upstream.Login {
	if q.Login == nil {
		return upstream.Login{Auth: e.Auth}
	}
	if e.Host == q.Table.Default(q.Ref.Registry).Host || e.Host == q.Ref.Registry {
		return upstream.Login{Auth: *q.Login}
	}
	return upstream.Login{Shared: true}
}

// question is one request that may be sent for an object, and the host it goes to.
type question struct {
	*host
	url string
}

// questions pairs the requests of a route with their hosts.
func (h *hosts) questions(list []route.Request) []question {
	var out []question
	for _, r := range list {
		if o := h.find(r.Endpoint); o != nil {
			out = append(out, question{o, r.URL})
		}
	}
	return out
}

// next picks whom to ask among those not asked yet: sound hosts in their order,
// then shaky ones. It reports false when nobody is left.
func (h *hosts) next(list []question, asked map[*host]bool) (question, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, want := range []trust{sound, shaky} {
		for _, q := range list {
			if q.trust == want && !asked[q.host] {
				return q, true
			}
		}
	}
	return question{}, false
}

// replaceable reports whether another sound host could go on in place of one.
func (h *hosts) replaceable(o *host) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.all, func(other *host) bool { return other != o && other.trust == sound })
}

// blame lowers the trust in a host by what it refused.
func (h *hosts) blame(o *host, r *refusal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := r.trust(); t > o.trust {
		o.trust, o.why = t, &r.Failure
	}
}

// credit notes what a host contributed to the result.
func (h *hosts) credit(o *host, blobs int, bytes int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o.blobs += blobs
	o.bytes += bytes
}

// verdict is why a host is not sound any more; nil: it is.
func (h *hosts) verdict(o *host) *snapshot.Failure {
	h.mu.Lock()
	defer h.mu.Unlock()
	return o.why
}

// served lists who contributed what, in the order of the route.
func (h *hosts) served() []Served {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := []Served{}
	for _, o := range h.all {
		if o.blobs > 0 || o.bytes > 0 {
			out = append(out, Served{Endpoint: o.endpoint.String(), Blobs: o.blobs, Bytes: o.bytes})
		}
	}
	return out
}

// left lists the hosts that were given up, and why.
func (h *hosts) left() []Left {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := []Left{}
	for _, o := range h.all {
		if o.trust != sound {
			out = append(out, Left{Endpoint: o.endpoint.String(), Failure: *o.why})
		}
	}
	return out
}
