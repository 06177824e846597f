package probe

import (
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// summarise makes the line that people read for each stage that was reached.
func (l *look) summarise() {
	h := &l.hop
	var a *snapshot.Attempt
	for i := range h.Steps {
		if h.Steps[i].Stage != snapshot.Token && (a == nil || len(a.Dials) == 0) {
			a = &h.Steps[i].Attempt
		}
	}
	if a != nil {
		l.stage(snapshot.Resolve, resolved(a), a.Took.Lookup, a.Failure)
		l.stage(snapshot.Connect, connected(a), a.Took.Connect, a.Failure)
		if a.Handshake != nil || a.Failure != nil && a.Failure.Stage == snapshot.TLS {
			l.stage(snapshot.TLS, shaken(a), a.Took.TLS, a.Failure)
		}
	}
	if h.Ping != nil && h.Ping.Response != nil {
		l.add1(snapshot.Summary{Stage: snapshot.API, OK: true, Took: h.Ping.Took.Total, Saw: h.Ping.Final().Response.Line})
	}
	l.tokenStage()
	l.lastStages()
	if h.Failure != nil && (len(h.Stages) == 0 || h.Stages[len(h.Stages)-1].OK) {
		l.add1(snapshot.Summary{Stage: h.Failure.Stage, Err: h.Failure.Text})
	}
}

func (l *look) add1(s snapshot.Summary) {
	l.hop.Stages = append(l.hop.Stages, s)
	if l.p.Watch != nil {
		l.p.Watch(l.hop, s)
	}
}

// stage adds one stage of an attempt, unless it was not reached.
func (l *look) stage(stage snapshot.Stage, saw string, took time.Duration, f *snapshot.Failure) {
	if n := len(l.hop.Stages); n > 0 && !l.hop.Stages[n-1].OK {
		return
	}
	s := snapshot.Summary{Stage: stage, OK: true, Took: took, Saw: saw}
	if f != nil && f.Stage == stage {
		s.OK, s.Err = false, f.Text
	} else if saw == "" {
		return
	}
	l.add1(s)
}

func resolved(a *snapshot.Attempt) string {
	switch {
	case a.Proxy != "":
		return "by the proxy"
	case a.Lookup == nil:
		return ""
	case len(a.Lookup.Addrs) == 0:
		return ""
	case a.Lookup.Hosts != nil:
		return strings.Join(a.Lookup.Addrs, ", ") + " by " + a.Lookup.Hosts.At.String()
	case a.Lookup.Server != nil:
		return strings.Join(a.Lookup.Addrs, ", ") + " by " + a.Lookup.Server.Addr
	}
	return strings.Join(a.Lookup.Addrs, ", ")
}

func connected(a *snapshot.Attempt) string {
	to := ""
	for _, d := range a.Dials {
		if d.OK && (to == "" || d.Used) {
			to = d.Addr
			if d.Translated != "" && d.Translated != d.Addr {
				to += ", translated to " + d.Translated
			}
		}
	}
	if a.Proxy != "" && to != "" {
		to = "through proxy " + a.Proxy
	}
	return to
}

func shaken(a *snapshot.Attempt) string {
	h := a.Handshake
	if h == nil || len(h.Chain) == 0 {
		return ""
	}
	saw := h.Version
	if c, err := x509.ParseCertificate(h.Chain[0]); err == nil {
		names := append([]string{}, c.DNSNames...)
		for _, ip := range c.IPAddresses {
			names = append(names, ip.String())
		}
		if len(names) > 3 {
			names = append(names[:3], fmt.Sprintf("%d more", len(names)-3))
		}
		issuer := c.Issuer.CommonName
		if issuer == "" {
			issuer = c.Issuer.String()
		}
		saw = strings.TrimSpace(fmt.Sprintf("%s certificate for %s by %q", saw, orNone(strings.Join(names, ", ")), issuer))
	}
	return saw
}

// tokenStage is what logging in came to.
func (l *look) tokenStage() {
	auth := l.hop.Auth
	if auth == nil {
		return
	}
	s := snapshot.Summary{Stage: snapshot.Token, OK: auth.Failure == nil, Saw: auth.Scheme}
	if auth.Realm != "" && auth.Scheme == "bearer" {
		s.Saw += " token from " + auth.Realm
	}
	switch {
	case auth.Sent:
		s.Saw += ", as " + auth.Source
	case auth.Withheld != "":
		s.Saw += ", credentials withheld: " + auth.Withheld
	default:
		s.Saw += ", anonymous"
	}
	if auth.Token != nil {
		s.Took = auth.Token.Took.Total
	}
	if auth.Failure != nil {
		s.Err = auth.Failure.Text
	}
	l.add1(s)
}

// lastStages are what the host has of the image.
func (l *look) lastStages() {
	h := &l.hop
	took := map[snapshot.Stage]time.Duration{}
	for _, s := range h.Steps {
		took[s.Stage] += s.Attempt.Took.Total
	}
	m := h.Manifest
	if f := h.Failure; f != nil && f.Stage == snapshot.Manifest {
		if h.Auth == nil || h.Auth.Failure == nil {
			l.add1(snapshot.Summary{Stage: snapshot.Manifest, Took: took[snapshot.Manifest], Err: f.Text})
		}
		return
	}
	if m == nil || m.Digest == "" {
		return
	}
	saw := m.Digest
	if len(m.Platforms) > 0 {
		saw += ", " + plural(len(m.Platforms), "platform")
	}
	l.add1(snapshot.Summary{Stage: snapshot.Manifest, OK: true, Took: took[snapshot.Manifest], Saw: saw})
	b := snapshot.Summary{Stage: snapshot.Blob, OK: true, Took: took[snapshot.Blob], Saw: fmt.Sprintf("config and %s, %d bytes", plural(len(m.Layers), "layer"), m.Bytes)}
	if f := h.Failure; f != nil && f.Stage == snapshot.Blob {
		b.OK, b.Err = false, f.Text
	}
	l.add1(b)
}
