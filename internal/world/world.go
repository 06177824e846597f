// Package world is real servers with real faults in one process: registries,
// token servers, proxies, name servers and certificates of every bad kind. Tests
// build on it, as do the demo and the servers of the lab. It knows nothing of
// runtimes and their configuration, and judges nothing.
package world

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Spec describes a world. It decodes from JSON and from YAML: every key is the
// name of the field in lower case.
type Spec struct {
	Dir     string          `json:"dir"`     // keeps authorities and request logs, for processes to share; empty: memory
	Shift   Duration        `json:"shift"`   // certificates are dated as if it were so much later
	Issuer  string          `json:"issuer"`  // URL in certificates where the intermediate can be fetched
	Servers map[string]Role `json:"servers"` // by a name for logs
	Fates   map[string]Fate `json:"fates"`   // of addresses where nothing is; for Play alone
}

// Role is one server. Exactly one of DNS, Registry, Token, Proxy and Files is set.
type Role struct {
	Listen   string       `json:"listen"` // ip:port
	TLS      *TLS         `json:"tls"`    // nil: plain HTTP
	Gate     Gate         `json:"gate"`
	Faults   []Fault      `json:"faults"`
	DNS      Names        `json:"dns"`
	Registry *Holds       `json:"registry"`
	Token    *Token       `json:"token"`
	Proxy    *Proxy       `json:"proxy"`
	Files    *Files       `json:"files"`
	Also     []string     `json:"also"`       // further addresses that lead here; for Play alone
	Handler  http.Handler `json:"-" yaml:"-"` // a role of the caller's own
}

// TLS is what a server presents.
type TLS struct {
	Kind    Kind            `json:"kind"`    // empty: good
	Names   []string        `json:"names"`   // on the certificate
	BySNI   map[string]Cert `json:"bysni"`   // other certificates for some names
	Clients bool            `json:"clients"` // demands a client certificate of the world's root
	Max     string          `json:"max"`     // highest version: "1.0", "1.1", "1.2"
}

// Cert is a certificate by kind and names.
type Cert struct {
	Kind  Kind     `json:"kind"`
	Names []string `json:"names"`
}

// Holds is what a registry serves and to whom.
type Holds struct {
	Images []Image `json:"images"`
	Auth   Auth    `json:"auth"`
}

// Files is a web server of a few documents by path.
type Files struct {
	Text         map[string]string `json:"text"`
	Intermediate string            `json:"intermediate"` // path of the intermediate's certificate, in DER
}

// World is a set of running servers.
type World struct {
	PKI *PKI
	Net *Net // leads to the servers; nil: they listen on addresses of their own

	servers    map[string]*Server
	names      map[string]*DNSServer
	registries map[string]*Registry
	files      []io.Closer
}

// Serve starts servers on the addresses that the spec gives them.
func Serve(spec Spec) (*World, error) { return start(spec, nil) }

// Play starts servers on loopback. Their addresses in the spec exist on the
// world's own network alone, so that neither ports nor rights are needed.
func Play(spec Spec) (*World, error) {
	n := NewNet()
	for addr, fate := range spec.Fates {
		n.Send(addr, fate)
	}
	return start(spec, n)
}

func start(spec Spec, n *Net) (*World, error) {
	pki, err := OpenPKI(spec.Dir, time.Now().Add(time.Duration(spec.Shift)))
	if err != nil {
		return nil, err
	}
	pki.IssuerURL = spec.Issuer
	w := &World{PKI: pki, Net: n, servers: map[string]*Server{}, names: map[string]*DNSServer{}, registries: map[string]*Registry{}}
	for _, name := range slices.Sorted(maps.Keys(spec.Servers)) {
		if err := w.add(name, spec.Servers[name], spec.Dir); err != nil {
			return nil, errors.Join(fmt.Errorf("server %s: %w", name, err), w.Close())
		}
	}
	return w, nil
}

// add starts one server.
func (w *World) add(name string, r Role, dir string) error {
	listen := r.Listen
	if w.Net != nil {
		listen = "127.0.0.1:0"
	}
	if r.DNS != nil {
		s, err := ListenDNS(listen, r.DNS)
		if err != nil {
			return err
		}
		w.names[name] = s
		w.bind(r, s.Addr())
		return nil
	}
	handler, err := w.handler(name, r)
	if err != nil {
		return err
	}
	front := Front{Name: name, Gate: r.Gate}
	if front.TLS, err = w.presents(r.TLS); err != nil {
		return err
	}
	if dir != "" {
		f, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		w.files = append(w.files, f)
		front.LogFile = f
	}
	s, err := Listen(listen, front, Faulty(r.Faults, handler))
	if err != nil {
		return err
	}
	w.servers[name] = s
	w.bind(r, s.Addr())
	return nil
}

func (w *World) bind(r Role, real string) {
	if w.Net == nil {
		return
	}
	for _, addr := range append([]string{r.Listen}, r.Also...) {
		w.Net.Bind(addr, real)
	}
}

func (w *World) handler(name string, r Role) (http.Handler, error) {
	switch {
	case r.Handler != nil:
		return r.Handler, nil
	case r.Registry != nil:
		g, err := NewRegistry(r.Registry.Images, r.Registry.Auth, w.PKI)
		w.registries[name] = g
		return g, err
	case r.Token != nil:
		return NewTokenServer(*r.Token, w.PKI)
	case r.Proxy != nil && w.Net != nil:
		return NewProxyServer(*r.Proxy, w.PKI, w.Net.Dial), nil
	case r.Proxy != nil:
		return NewProxyServer(*r.Proxy, w.PKI, nil), nil
	case r.Files != nil:
		return r.Files.handler(w.PKI), nil
	}
	return nil, errors.New("it has no role: dns, registry, token, proxy or files")
}

func (f Files) handler(pki *PKI) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := f.Text[r.URL.Path]
		switch {
		case ok:
			reply(w, http.StatusOK, "text/plain; charset=utf-8", text)
		case f.Intermediate != "" && r.URL.Path == f.Intermediate:
			reply(w, http.StatusOK, "application/pkix-cert", string(pki.Intermediate.Cert.Raw))
		default:
			http.NotFound(w, r)
		}
	})
}

var versions = map[string]uint16{"": 0, "1.0": 0x0301, "1.1": 0x0302, "1.2": 0x0303, "1.3": 0x0304}

func (w *World) presents(t *TLS) (*Presents, error) {
	if t == nil {
		return nil, nil
	}
	limit, ok := versions[t.Max]
	if !ok {
		return nil, fmt.Errorf("TLS version %q is none of 1.0, 1.1, 1.2, 1.3", t.Max)
	}
	p := &Presents{BySNI: map[string]Certificate{}, Max: limit}
	var err error
	if p.Default, err = w.PKI.Certificate(t.Kind, t.Names...); err != nil {
		return nil, err
	}
	for name, c := range t.BySNI {
		if p.BySNI[name], err = w.PKI.Certificate(c.Kind, c.Names...); err != nil {
			return nil, err
		}
	}
	if t.Clients {
		p.Clients = w.PKI.Root.Pool()
	}
	return p, nil
}

// Server returns an HTTP server by name, nil if there is none.
func (w *World) Server(name string) *Server { return w.servers[name] }

// DNS returns a name server by name, nil if there is none.
func (w *World) DNS(name string) *DNSServer { return w.names[name] }

// Registry returns a registry by name, nil if there is none.
func (w *World) Registry(name string) *Registry { return w.registries[name] }

// Requests returns what a server was asked so far.
func (w *World) Requests(name string) []Seen {
	if s := w.servers[name]; s != nil {
		return s.Log.Requests()
	}
	return nil
}

// Close ends every server.
func (w *World) Close() error {
	var errs []error
	for _, s := range w.servers {
		errs = append(errs, s.Close())
	}
	for _, s := range w.names {
		errs = append(errs, s.Close())
	}
	for _, f := range w.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
