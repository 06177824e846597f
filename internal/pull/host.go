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
	share Share             // blobs that it completed, bytes of its that are in the result
}

// hosts are the endpoints of a route, each once, with what was learned of them.
type hosts struct {
	mu  sync.Mutex
	all []*host
}

// newHosts begins a session with every endpoint of the reference's registry.
func newHosts(q *Request) *hosts {
	h := &hosts{}
	for _, e := range q.Table.EndpointsFor(q.Ref) {
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
// belong to the registry that the image names, and no mirror gets them; it keeps
// those that the configuration has for it.
func (q *Request) login(e route.Endpoint) upstream.Login {
	own := e.Host == q.Table.Default(q.Ref.Registry).Host || e.Host == q.Ref.Registry
	switch {
	case q.Login != nil && own:
		return upstream.Login{Auth: *q.Login}
	case q.Login != nil && e.Auth.IsZero():
		return upstream.Login{Shared: true}
	}
	return upstream.Login{Auth: e.Auth}
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
	o.share.Blobs += blobs
	o.share.Bytes += bytes
}

// dropped adds what hosts said before that are not asked any more.
func (h *hosts) dropped(list []question, asked map[*host]bool, said *Refusals) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, q := range list {
		if !asked[q.host] && q.trust == dead {
			said.add(q.endpoint.String(), refusal{Failure: *q.why})
		}
	}
}

// served lists who contributed what, in the order of the route.
func (h *hosts) served() []Served {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := []Served{}
	for _, o := range h.all {
		if o.share != (Share{}) {
			out = append(out, Served{o.endpoint.String(), o.share})
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
