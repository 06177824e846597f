package probe

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// handshakes: what is it about the server, its certificate or our hello?
func (t *trials) handshakes(a *snapshot.Attempt) {
	switch a.Failure.Cause {
	case snapshot.BadChain:
		t.certificates(a)
	case snapshot.Silent:
		t.chain(snapshot.ClassicHello, "", upstream.Vary{Classic: true})
		t.chain(snapshot.SmallSegments, segmentText, upstream.Vary{Segment: smallSegment})
		t.plain()
	case snapshot.Reset, snapshot.Closed:
		t.chain(snapshot.ClassicHello, "", upstream.Vary{Classic: true})
		neutral := "registry.invalid"
		t.chain(snapshot.NeutralSNI, neutral, upstream.Vary{SNI: &neutral})
		t.plain()
	case snapshot.NotTLS:
		t.plain()
	}
}

// plain asks the same port over plain HTTP. Any HTTP answer shows what is spoken.
func (t *trials) plain() {
	req := t.l.request(upstream.Vary{})
	req.Method, req.URL = http.MethodGet, "http"+strings.TrimPrefix(t.l.endpoint.Ping(), "https")
	req.Endpoint.Scheme, req.Endpoint.TLS, req.Endpoint.Header = "http", route.TLS{}, nil
	if u, err := url.Parse(req.URL); err == nil && u.Port() == "" {
		u.Host += ":443"
		req.URL = u.String()
	}
	t.try(snapshot.PlainHTTP, "", req)
}

// certificates: whose is it, and what would it take to be accepted?
func (t *trials) certificates(a *snapshot.Attempt) {
	h := a.Handshake
	if h == nil || len(h.Chain) == 0 {
		return
	}
	leaf, err := x509.ParseCertificate(h.Chain[0])
	if err != nil {
		return
	}
	switch h.Reason {
	case snapshot.OtherNames, snapshot.NoNames:
		t.vhosts(a, leaf)
	case snapshot.UnknownAuthority, snapshot.SameNameOtherKey:
		t.wg.Go(func() { t.authorities(a, leaf) })
	case snapshot.Expired, snapshot.NotYetValid:
		// The date of the host itself, over a handshake judged at a time when the
		// certificate is valid and without anything secret.
		middle := leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 2)
		req := t.base(upstream.Vary{At: middle})
		if u, err := url.Parse(req.URL); err == nil {
			req.URL = u.Scheme + "://" + u.Host + "/v2/"
		}
		req.Method, req.Endpoint.Header, req.Vary.LookOnly = http.MethodGet, nil, false
		t.try(snapshot.AskDate, "", req)
	}
	t.others(a)
}

// others: do the other addresses of the name present the same?
func (t *trials) others(a *snapshot.Attempt) {
	if a.Proxy != "" || a.Lookup == nil || len(a.Dials) < 2 {
		return
	}
	for _, d := range a.Dials {
		if d.OK && !d.Used {
			t.chain(snapshot.OtherAddress, d.Addr, upstream.Vary{Addr: d.Addr, LookOnly: true})
		}
	}
}

// vhosts: does the server choose by name, and is there anybody in between?
func (t *trials) vhosts(a *snapshot.Attempt, leaf *x509.Certificate) {
	if presented := concrete(leaf.DNSNames); presented != "" {
		t.chain(snapshot.PresentedName, presented, upstream.Vary{SNI: &presented})
	}
	none := ""
	t.chain(snapshot.WithoutSNI, "no server name", upstream.Vary{SNI: &none})
	if a.Proxy == "" && len(a.Dials) > 0 {
		if _, port, err := net.SplitHostPort(a.Dials[0].Addr); err == nil {
			t.chain(snapshot.ControlAddress, controlAddress, upstream.Vary{Addr: net.JoinHostPort(controlAddress, port)})
		}
	}
}

// controlAddress belongs to nobody (RFC 5737): who answers there intercepts.
const controlAddress = "192.0.2.1"

// concrete is a name on a certificate that a client could ask for.
func concrete(names []string) string {
	for _, n := range names {
		if !strings.HasPrefix(n, "*.") {
			return n
		}
	}
	if len(names) > 0 {
		return "www" + strings.TrimPrefix(names[0], "*")
	}
	return ""
}

// authorities looks for what would complete the chain: an intermediate that the
// server did not send, or a CA certificate that lies on the node unused.
func (t *trials) authorities(a *snapshot.Attempt, leaf *x509.Certificate) {
	h := a.Handshake
	roots := t.trust()
	accepts := func(r *upstream.Roots, chain [][]byte) bool { return r.Verify(chain, h.SNI, t.l.p.now()) == nil }
	last, err := x509.ParseCertificate(h.Chain[len(h.Chain)-1])
	if err != nil {
		return
	}
	if missing, from := t.issuerFile(last); missing != nil && accepts(roots, append(slices.Clone(h.Chain), missing)) {
		t.note(snapshot.WithIntermediate, from, a)
		return
	}
	if missing, from := t.fetchIssuer(last); missing != nil && accepts(roots, append(slices.Clone(h.Chain), missing)) {
		t.note(snapshot.WithIntermediate, from, a)
		return
	}
	for _, c := range t.l.p.Candidates {
		pool, err := (*upstream.Roots)(nil).With(c.Path, c.Data)
		if err == nil && !bytes.Contains(c.Data, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})) && accepts(pool, h.Chain) {
			t.note(snapshot.NodeCA, c.Path, a)
			return
		}
	}
}

// trust is the pool that the endpoint's chains are verified with.
func (t *trials) trust() *upstream.Roots {
	roots := t.l.p.Client.Roots
	for _, path := range t.l.endpoint.TLS.CA {
		data, err := t.l.p.Client.ReadFile(path)
		if err != nil {
			continue
		}
		if r, err := roots.With(path, data); err == nil {
			roots = r
		}
	}
	return roots
}

// note writes down a trial that needed no network: the same handshake, accepted.
func (t *trials) note(change snapshot.Change, detail string, a *snapshot.Attempt) {
	h := *a.Handshake
	h.Verified, h.Verify, h.Reason = true, "", ""
	t.l.add(snapshot.Trial{Change: change, Detail: detail, Stage: snapshot.TLS, Attempt: snapshot.Attempt{
		Method: a.Method, URL: a.URL, Lookup: a.Lookup, Dials: a.Dials, Handshake: &h, Started: a.Started,
	}})
}

// issuerFile finds the certificate that signed another among those on the node.
func (t *trials) issuerFile(c *x509.Certificate) (der []byte, path string) {
	if bytes.Equal(c.RawIssuer, c.RawSubject) {
		return nil, ""
	}
	for _, f := range t.l.p.Candidates {
		for rest := f.Data; ; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			if signs(block.Bytes, c) {
				return block.Bytes, f.Path
			}
		}
	}
	return nil, ""
}

// signs reports whether a certificate is an intermediate that signed another.
func signs(der []byte, c *x509.Certificate) bool {
	p, err := x509.ParseCertificate(der)
	return err == nil && bytes.Equal(p.RawSubject, c.RawIssuer) && !bytes.Equal(p.RawSubject, p.RawIssuer) && c.CheckSignatureFrom(p) == nil
}

// fetchIssuer gets the certificate from where the leaf says it is: an http URL
// (RFC 5280, 4.2.2.1), over the same network, without anything secret.
func (t *trials) fetchIssuer(c *x509.Certificate) (der []byte, from string) {
	for _, u := range c.IssuingCertificateURL {
		if !strings.HasPrefix(u, "http://") {
			continue
		}
		ctx, cancel := context.WithTimeout(t.ctx, 5*time.Second)
		defer cancel()
		var body bytes.Buffer
		a := t.l.p.Client.Do(ctx, upstream.Request{
			Method: http.MethodGet, URL: u, Stage: snapshot.TLS, Limit: 64 << 10,
			Into: func(snapshot.Response) (io.Writer, error) { return &body, nil },
		})
		if !a.OK() {
			continue
		}
		der := body.Bytes()
		if block, _ := pem.Decode(der); block != nil {
			der = block.Bytes
		}
		if signs(der, c) {
			return der, u
		}
	}
	return nil, ""
}

// tryTime repeats the handshake at the time that others agree on.
func (l *look) tryTime(ctx context.Context, clocks []snapshot.Clock) {
	f := l.hop.Failure
	if f == nil || f.Cause != snapshot.BadChain || l.session == nil || ctx.Err() != nil {
		return
	}
	step := l.hop.Failed()
	if step == nil {
		return
	}
	t := l.trials(ctx, step)
	if h := t.leg.Handshake; h == nil || h.Reason != snapshot.Expired && h.Reason != snapshot.NotYetValid {
		return
	}
	off := clocks[0].Offset
	if off.Abs() < 5*time.Minute {
		return
	}
	t.again(snapshot.OtherTime, "the time of "+clocks[0].From, upstream.Vary{At: l.p.now().Add(off)})
	t.wg.Wait()
	l.sortTrials()
}

// dates are the clocks of the hosts that were reached, one per host.
func dates(looks []*look) []snapshot.Clock {
	var out []snapshot.Clock
	seen := map[string]bool{}
	note := func(a *snapshot.Attempt) {
		for ; a != nil; a = a.Next {
			u, err := url.Parse(a.URL)
			if err != nil || a.Response == nil || a.Response.Date.IsZero() || a.Proxy != "" && u.Scheme == "http" || seen[u.Hostname()] {
				continue
			}
			seen[u.Hostname()] = true
			came := a.Started.Add(a.Took.Total)
			out = append(out, snapshot.Clock{From: u.Host + " (Date header)", Kind: "http", Offset: a.Response.Date.Sub(came).Round(time.Second), Error: time.Second + a.Took.FirstByte})
		}
	}
	for _, l := range looks {
		note(l.hop.Ping)
		for i := range l.hop.Steps {
			note(&l.hop.Steps[i].Attempt)
		}
		for i := range l.hop.Trials {
			note(&l.hop.Trials[i].Attempt)
		}
	}
	return out
}

func (p *Probe) now() time.Time {
	if p.Client.Now != nil {
		return p.Client.Now()
	}
	return time.Now()
}

// landmarks are registries that no private authority signs for. They are looked
// at, without sending them anything, when a chain was not trusted: the same
// issuer on several of them is an interception.
var landmarks = []string{"registry-1.docker.io", "ghcr.io", "quay.io", "registry.k8s.io"}

func (p *Probe) anywhere(ctx context.Context, looks []*look) []snapshot.Attempt {
	needed := slices.ContainsFunc(looks, func(l *look) bool {
		step := l.hop.Failed()
		if step == nil {
			return false
		}
		leg := l.trials(ctx, step).leg
		return leg.Failure != nil && leg.Handshake != nil && leg.Handshake.Reason == snapshot.UnknownAuthority
	})
	if !needed {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out := make([]snapshot.Attempt, len(landmarks))
	t := trials{}
	for i, host := range landmarks {
		t.wg.Go(func() {
			out[i] = p.Client.Do(ctx, upstream.Request{
				Method: http.MethodGet, URL: "https://" + host + "/v2/", Stage: snapshot.TLS, Vary: upstream.Vary{LookOnly: true},
			})
		})
	}
	t.wg.Wait()
	return slices.DeleteFunc(out, func(a snapshot.Attempt) bool { return a.Handshake == nil })
}
