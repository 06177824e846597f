package specimen

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

const (
	address = "10.0.0.10:443"
	theirs  = "10.0.0.99:443"
	proxy   = "http://proxy.corp.example:3128"
)

// server is a name server; node: one of resolv.conf.
func server(node bool) snapshot.NameServer {
	return snapshot.NameServer{Addr: "10.0.0.53:53", Node: node}
}

// attempt is a request that got as far as an answer, at its first address.
func attempt(method, url string, status int) snapshot.Attempt {
	return snapshot.Attempt{
		Method: method, URL: url, Started: Taken,
		Lookup:    lookup("10.0.0.10"),
		Dials:     []snapshot.Dial{{Addr: address, OK: true, Used: true, Took: time.Millisecond}},
		Handshake: &snapshot.Handshake{SNI: Registry, Version: "TLS 1.3", Verified: true, Trusted: []string{"system"}, Root: "CN=Public Root", RootFile: "/etc/ssl/certs/ca-certificates.crt"},
		Response:  &snapshot.Response{Status: status, Line: fmt.Sprint(status, " as in RFC 9110"), Header: map[string][]string{}, Type: "application/vnd.oci.image.manifest.v1+json"},
		Took:      snapshot.Timings{Connect: time.Millisecond, FirstByte: 5 * time.Millisecond, Total: 7 * time.Millisecond},
	}
}

func lookup(addrs ...string) *snapshot.Lookup {
	ns := server(true)
	return &snapshot.Lookup{
		Name: Registry, Addrs: addrs, Server: &ns,
		Answers: []snapshot.Answer{{Server: ns, Name: Registry + ".", Type: "A", Net: "udp", RCode: "NOERROR", Addrs: addrs}},
	}
}

// first is the first host of the chain.
func first(s *snapshot.Snapshot) *snapshot.Hop { return &s.Pull.Hops[0] }

// try is the request that the first host is asked with.
func try(s *snapshot.Snapshot) *snapshot.Attempt { return &first(s).Steps[0].Attempt }

// fail makes a host fail in a stage: what comes later was not reached.
func fail(h *snapshot.Hop, stage snapshot.Stage, cause snapshot.Cause) {
	why := snapshot.Failure{Stage: stage, Cause: cause, Text: "seen: " + string(cause)}
	h.Failure = &why
	a := &h.Steps[0].Attempt
	a.Failure = &why
	switch stage {
	case snapshot.Resolve:
		a.Lookup.Addrs, a.Lookup.Answers[0].Addrs, a.Lookup.Server, a.Dials, a.Handshake, a.Response = nil, nil, nil, nil, nil, nil
		a.Lookup.Answers[0].Err, a.Lookup.Failure = &why, &why
	case snapshot.Connect:
		a.Dials[0].OK, a.Dials[0].Used, a.Dials[0].Err, a.Handshake, a.Response = false, false, &why, nil, nil
	case snapshot.TLS:
		a.Handshake.Verified, a.Handshake.Version, a.Handshake.Root, a.Handshake.RootFile, a.Response = false, "", "", "", nil
	}
	if stage != snapshot.Blob {
		h.Manifest = nil
	}
}

// failing is a specimen's trouble: the first host fails.
func failing(stage snapshot.Stage, cause snapshot.Cause) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) { fail(first(s), stage, cause) }
}

// cause changes how the first host fails, and nothing else.
func cause(c snapshot.Cause) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) { first(s).Failure.Cause, try(s).Failure.Cause = c, c }
}

// status makes the first host answer with one.
func status(code int) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) {
		if first(s).Failure == nil {
			fail(first(s), snapshot.Manifest, snapshot.Status)
		}
		try(s).Response.Status = code
	}
}

// badChain makes the first host show a certificate that is not accepted.
func badChain(reason snapshot.Reason) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.TLS, snapshot.BadChain)
		try(s).Handshake.Reason, try(s).Handshake.Chain = reason, [][]byte{certificate("Corporate CA", "other.example")}
	}
}

// reason changes why the certificate is not accepted, and nothing else.
func reason(r snapshot.Reason) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) { try(s).Handshake.Reason = r }
}

// trial adds a counterfactual to the first host that works, or fails as before.
func trial(s *snapshot.Snapshot, c snapshot.Change, detail string, works bool) *snapshot.Attempt {
	a := attempt("HEAD", try(s).URL, 200)
	if !works {
		a.Failure = try(s).Fault()
		a.Response = nil
	}
	h := first(s)
	h.Trials = append(h.Trials, snapshot.Trial{Change: c, Detail: detail, Stage: snapshot.Manifest, Attempt: a})
	return &h.Trials[len(h.Trials)-1].Attempt
}

// inVain makes every trial of the first host fail as the host itself does.
func inVain(s *snapshot.Snapshot) {
	for i := range first(s).Trials {
		first(s).Trials[i].Attempt.Failure = try(s).Fault()
	}
}

// both does one thing and then another.
func both(all ...func(*snapshot.Snapshot)) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) {
		for _, f := range all {
			f(s)
		}
	}
}

// certificate is one for a host, issued by an authority of this name.
func certificate(issuer, host string) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // no randomness: the machine is broken
	}
	parent := x509.Certificate{Subject: pkix.Name{CommonName: issuer}}
	leaf := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: Taken.AddDate(-2, 0, 0), NotAfter: Taken.AddDate(0, 0, -3),
	}
	der, err := x509.CreateCertificate(rand.Reader, &leaf, &parent, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return der
}
