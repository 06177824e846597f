// Package candidate measures hosts that may serve as mirrors of a registry, side
// by side and bounded in time and bytes: what they answer, whether it is what the
// registry itself has, and how fast it comes. Rank puts them into an order and
// says why. It changes nothing, and gives no host the credentials of another.
package candidate

import (
	"context"
	"sync"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// Job is one comparison.
type Job struct {
	Client   *upstream.Client
	Registry Host        // itself: it says what a tag means
	Mirrors  []Host      // in the order in which they are asked now
	Images   []route.Ref // tags to compare
	Platform string      // whose manifest of an index is looked into: "linux/amd64"

	Budget time.Duration // for the questions to one host, and again for its sample; 20 s when zero
	Sample int64         // most bytes of a blob that are read of one host; 8 MiB when zero

	Watch func(host, doing string) // may be nil; called from several goroutines
}

// Host is an endpoint and what may be used to log in there.
type Host struct {
	route.Endpoint
	Login      upstream.Login
	Configured bool // it is among the registry's mirrors already
}

// Comparison is what came of a job.
type Comparison struct {
	Registry string
	Upstream Measure
	Mirrors  []Measure // in the order of the job
}

// Measure is what was seen of one host.
type Measure struct {
	Endpoint   string
	Host       string
	Configured bool
	Latency    time.Duration     // from the request for the API's root to the header of its answer
	Asked      bool              // it asked for credentials
	Tags       []Tag             // one for each image
	Ranges     Ranges            //
	Sample     *Sample           // nil: no blob was read
	Redirects  []string          // origins that it sent us to
	Limits     []Limit           // what it said of rate limits
	Unfit      Unfit             // empty: it can be used
	Failure    *snapshot.Failure // why it is unfit, when that was an attempt
}

// Tag is what a host has under one tag.
type Tag struct {
	Image   string            // "docker.io/library/alpine:latest"
	Digest  string            // SHA-256 of what it answered; empty: nothing
	Inside  string            // digest of the platform's manifest
	Created time.Time         // as the image's configuration says; zero: it does not
	State   State             //
	Behind  time.Duration     // how much older than the registry's own, when Stale
	Failure *snapshot.Failure // why there is no digest

	layers []descriptor
}

// State compares a tag with the registry's own.
type State string

// The states of a tag.
const (
	Same     State = "same"     // the same digest
	Repacked State = "repacked" // another index, in which the platform's image is the same
	Stale    State = "stale"    // an older image
	Wrong    State = "wrong"    // another image, and not an older one
	Missing  State = "missing"  // the host does not have it
	Failed   State = "failed"   // it could not be told
	Unknown  State = "unknown"  // the registry itself did not say what is right
)

// Ranges says what became of a request for a part of a blob.
type Ranges string

// The answers to a range request.
const (
	Untried  Ranges = ""
	Honoured Ranges = "honoured" // 206 with the right Content-Range and the right bytes
	Ignored  Ranges = "ignored"  // all of the blob
	Spoiled  Ranges = "wrong"    // 206 with another range or other bytes
	Refused  Ranges = "refused"  // an error
)

// Sample is a part of a blob, or all of it.
type Sample struct {
	Digest string
	Bytes  int64
	Took   time.Duration // from the request to the last byte
	Whole  bool          // and so its digest was verified
}

// leastTelling is how much has to be read before its speed tells anything: less
// comes in one piece, whatever the line.
const leastTelling = 64 << 10

// Tells reports whether enough was read to know a speed by.
func (s *Sample) Tells() bool { return s != nil && s.Bytes >= leastTelling }

// Rate is bytes per second.
func (s *Sample) Rate() float64 {
	if s == nil || s.Took <= 0 {
		return 0
	}
	return float64(s.Bytes) / s.Took.Seconds()
}

// Limit is a header line about rate limits.
type Limit struct{ Key, Value string }

// Unfit says why a host cannot be used as a mirror.
type Unfit string

// The reasons, in the order in which they are found.
const (
	Unreachable Unfit = "unreachable" // no name, no connection, no answer
	BadTLS      Unfit = "tls"         // its certificate, or the handshake
	NoAPI       Unfit = "api"         // what answers is no registry
	Locked      Unfit = "login"       // it wants credentials that are not there, or refuses those that are
	Throttled   Unfit = "throttled"   // it refuses with 429
	WrongTag    Unfit = "wrong"       // another image under a tag
	BadContent  Unfit = "content"     // blobs that are not there, break off, or are not what their digest says
)

// The bounds when a job does not say.
const (
	defaultBudget = 20 * time.Second
	defaultSample = 8 << 20
)

// Compare measures. The questions go to all hosts side by side; samples are taken
// one host after the other, so that they do not share one line.
func Compare(ctx context.Context, j Job) Comparison {
	if j.Budget <= 0 {
		j.Budget = defaultBudget
	}
	if j.Sample <= 0 {
		j.Sample = defaultSample
	}
	all := append([]Host{j.Registry}, j.Mirrors...)
	looks := make([]*look, len(all))
	var wg sync.WaitGroup
	for i, h := range all {
		looks[i] = newLook(&j, h)
		wg.Go(func() { looks[i].ask(ctx) })
	}
	wg.Wait()
	own := looks[0].m.Tags
	for _, l := range looks[1:] {
		l.m.settle(own)
	}
	for _, l := range looks {
		if l.m.Unfit == "" {
			l.sample(ctx)
		}
		l.session.Close()
	}
	out := Comparison{Registry: j.Registry.Host, Upstream: looks[0].m, Mirrors: []Measure{}}
	for _, l := range looks[1:] {
		out.Mirrors = append(out.Mirrors, l.m)
	}
	return out
}

// settle says of each tag how it compares with the registry's own.
func (m *Measure) settle(own []Tag) {
	for i := range m.Tags {
		t, o := &m.Tags[i], own[i]
		switch {
		case t.Digest == "": // what it is has been said
		case o.Digest == "":
			t.State = Unknown
		case t.Digest == o.Digest:
			t.State = Same
		case t.Inside != "" && t.Inside == o.Inside:
			t.State = Repacked
		case !t.Created.IsZero() && t.Created.Before(o.Created):
			t.State, t.Behind = Stale, o.Created.Sub(t.Created)
		default:
			t.State = Wrong
			if m.Unfit == "" {
				m.Unfit = WrongTag
			}
		}
	}
}
