package upstream

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	"github.com/miekg/dns"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// verdict is what Go's resolver would make of a round.
type verdict struct {
	addrs   []string
	cnames  []string
	server  *snapshot.NameServer // whose answer counts
	failure *snapshot.Failure    // nil when there are addresses
	wait    time.Duration        // that the runtime spends on silent servers
}

// decide waits until it is clear which answers the runtime would use.
func (r *resolution) decide(rd *round) verdict {
	limit := time.NewTimer(r.patience)
	defer limit.Stop()
	for impatient := false; ; {
		a, okA := r.model(rd, dns.TypeA, impatient)
		aaaa, okAAAA := r.model(rd, dns.TypeAAAA, impatient)
		// A silent server for one family does not hold up addresses of the other.
		if impatient && (okA && len(a.addrs) > 0 || okAAAA && len(aaaa.addrs) > 0) {
			okA, okAAAA = true, true
		}
		if okA && okAAAA {
			return merge(a, aaaa)
		}
		select {
		case <-rd.wake:
		case <-limit.C:
			impatient = true
		}
	}
}

// model walks the servers in order, as Go does for one type: a name that does
// not exist or has no address ends the walk, every other failure goes on to the
// next server. Source: net/dnsclient_unix.go, tryOneName.
func (r *resolution) model(rd *round, qtype uint16, impatient bool) (verdict, bool) {
	var v verdict
	silent := 0
	for _, s := range rd.slots {
		if s.qtype != qtype || !r.believed(s.server) {
			continue
		}
		if !s.isDone() {
			if !impatient {
				return v, false
			}
			s.passed = true
			silent++
			continue
		}
		a := s.answer
		switch {
		case a.Err == nil, a.Err.Cause == snapshot.NoSuchHost, a.Err.Cause == snapshot.NoAddress:
			v.addrs, v.cnames, v.server, v.failure = a.Addrs, a.CNAMEs, &s.server, a.Err
			v.wait = time.Duration(silent) * r.timeout()
			return v, true
		case a.Err.Cause == snapshot.DNSTimeout:
			silent++
		}
		v.server, v.failure = &s.server, a.Err
	}
	v.wait = time.Duration(silent*r.attempts()) * r.timeout()
	return v, v.failure != nil && !r.pending(rd, qtype)
}

func (r *resolution) pending(rd *round, qtype uint16) bool {
	for _, s := range rd.slots {
		if s.qtype == qtype && r.believed(s.server) && !s.isDone() {
			return true
		}
	}
	return false
}

// believed reports whether the runtime asks a server at all.
func (r *resolution) believed(server snapshot.NameServer) bool {
	for _, n := range r.node {
		if n == server {
			return true
		}
	}
	return false
}

func (r *resolution) timeout() time.Duration { return orDefault(r.c.Resolv.Timeout, 5*time.Second) }

func (r *resolution) attempts() int {
	if r.c.Resolv.Attempts > 0 {
		return r.c.Resolv.Attempts
	}
	return 2
}

// merge joins the two families. Go asks for both at once, uses what it gets and
// reports the failure of the later question.
func merge(a, aaaa verdict) verdict {
	v := a
	if len(a.addrs) == 0 {
		v = aaaa
	}
	v.addrs = append(append([]string{}, a.addrs...), aaaa.addrs...)
	v.wait = max(a.wait, aaaa.wait)
	if len(v.addrs) > 0 {
		v.failure = nil
		return v
	}
	// A name that exists for one type at least is not unknown.
	if a.failure != nil && (v.failure == nil || v.failure.Cause == snapshot.NoAddress && a.failure.Cause != snapshot.NoAddress) {
		v.failure, v.server = a.failure, a.server
	}
	return v
}

// randomLabel is a label that nobody has registered.
func randomLabel() string {
	var b [10]byte
	_, _ = rand.Read(b[:])
	return "x" + hex.EncodeToString(b[:])
}
