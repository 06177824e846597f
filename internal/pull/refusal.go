package pull

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// Causes that only a pull knows.
const (
	wrongSize snapshot.Cause = "wrong-size" // a blob of another size than the manifest says
	nowhere   snapshot.Cause = "nowhere"    // it named a digest that no host has
)

// refusal is how a host did not give what it was asked for.
type refusal struct {
	snapshot.Failure
	status int           // HTTP, of a refusal by status; 0: another one
	moved  bool          // it was another server that a redirect led to
	after  time.Duration // it wants to be left alone for so long
	gained bool          // it gave bytes that count all the same
	ranges bool          // it may give the whole blob, though not a part of it
}

// refused is why an exchange got nothing; nil: it got what it asked for.
func refused(e upstream.Exchange) *refusal {
	f := e.Fault()
	if f == nil {
		return nil
	}
	a := e.Last()
	if a.Fault() == nil && e.Auth != nil && e.Auth.Token != nil {
		a = e.Auth.Token
	}
	r := &refusal{Failure: *f, moved: a.Next != nil}
	if e.Auth != nil && e.Auth.Withheld != "" && !strings.Contains(f.Text, e.Auth.Withheld) {
		r.Text += " (" + e.Auth.Withheld + ")"
	}
	if final := a.Final(); f.Cause == snapshot.Status && final.Response != nil {
		r.status = final.Response.Status
		r.after = retryAfter(final.Response.Header["Retry-After"])
	}
	return r
}

// retryAfter reads the seconds of a Retry-After header. Dates are rare and are
// not read.
func retryAfter(lines []string) time.Duration {
	if len(lines) == 0 {
		return 0
	}
	n, err := strconv.ParseUint(strings.TrimSpace(lines[0]), 10, 32)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// trust says what a refusal tells of its host. That one object is missing tells
// nothing of the others.
func (r *refusal) trust() trust {
	talking := r.Stage == snapshot.Manifest || r.Stage == snapshot.Blob
	switch r.Cause {
	case snapshot.Canceled, snapshot.OutOfTime:
		return sound
	case wrongSize, nowhere, snapshot.WrongDigest:
		return shaky
	case snapshot.Reset, snapshot.Closed, snapshot.Truncated, snapshot.Stalled:
		if talking {
			return shaky
		}
	case snapshot.Status:
		return trustAfter(r.status, r.moved)
	}
	return dead
}

func trustAfter(status int, moved bool) trust {
	switch {
	case status >= 500, moved:
		return shaky
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		return dead
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
		return shaky
	}
	return sound
}

// passes reports whether the same request may well succeed a little later.
func (r *refusal) passes() bool {
	switch r.Cause {
	case snapshot.Reset, snapshot.Closed, snapshot.Truncated, snapshot.Stalled, snapshot.Status:
		return r.trust() == shaky
	}
	return false
}

// Refusals is the error of a request that every host refused.
type Refusals struct {
	what string
	list []Left
	last []refusal // of the same hosts
}

// What is what was asked for: "fetch layer 2 of 5 sha256:…".
func (r *Refusals) What() string { return r.what }

// Hosts are those that were asked, in the order in which each was first asked,
// with what each said last.
func (r *Refusals) Hosts() []Left { return r.list }

// Error is one line: what was asked for, and what each host said.
func (r *Refusals) Error() string {
	if len(r.list) == 0 {
		return r.what + ": no host is left to ask"
	}
	var out []string
	for _, l := range r.list {
		out = append(out, fmt.Sprintf("%s: %s", l.Endpoint, l.Failure.Text))
	}
	return r.what + ": " + strings.Join(out, "; ")
}

// add keeps the last refusal of each host.
func (r *Refusals) add(endpoint string, why refusal) {
	for i := range r.list {
		if r.list[i].Endpoint == endpoint {
			r.list[i].Failure, r.last[i] = why.Failure, why
			return
		}
	}
	r.list, r.last = append(r.list, Left{endpoint, why.Failure}), append(r.last, why)
}

// pause is how long to wait before all hosts are asked once more; 0: there is
// no sense in it.
func (r *Refusals) pause(round int) time.Duration {
	wait, sense := time.Second<<round, false
	for _, last := range r.last {
		if last.passes() {
			sense, wait = true, max(wait, last.after)
		}
	}
	if !sense || wait > maxPause {
		return 0
	}
	return wait
}
