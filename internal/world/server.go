package world

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// Front is how a server presents itself on its port.
type Front struct {
	Gate    Gate
	TLS     *Presents // nil: plain HTTP
	Name    string    // in the log
	LogFile io.Writer // gets one line of JSON per request; nil: none
}

// Presents is the TLS side of a server.
type Presents struct {
	Default Certificate
	BySNI   map[string]Certificate // for the names they are to answer to
	Clients *x509.CertPool         // demands a client certificate of one of these; nil: none
	Max     uint16                 // highest TLS version; 0: Go's own
}

func (p *Presents) config() *tls.Config {
	fallback := p.Default.TLS()
	bySNI := map[string]*tls.Certificate{}
	for name, c := range p.BySNI {
		cert := c.TLS()
		bySNI[name] = &cert
	}
	cfg := &tls.Config{
		MinVersion: tls.VersionTLS10,
		MaxVersion: p.Max,
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if c := bySNI[h.ServerName]; c != nil {
				return c, nil
			}
			return &fallback, nil
		},
	}
	if p.Clients != nil {
		cfg.ClientCAs, cfg.ClientAuth = p.Clients, tls.RequireAndVerifyClientCert
	}
	return cfg
}

// Server is an HTTP server with a Front.
type Server struct {
	Log  *Log
	gate *gatedListener
	http *http.Server
	done sync.WaitGroup // Serve and the handlers
}

// Listen starts a server on an address; port 0 takes any.
func Listen(addr string, front Front, handler http.Handler) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	seen := newLog(front.Name, front.LogFile)
	s := &Server{Log: seen, gate: &gatedListener{Listener: l, gate: front.Gate, log: seen, open: map[net.Conn]bool{}}}
	logged := seen.record(handler)
	s.http = &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.done.Add(1)
		defer s.done.Done()
		logged.ServeHTTP(w, r)
	})}
	s.done.Go(func() {
		if front.TLS == nil {
			_ = s.http.Serve(s.gate)
			return
		}
		s.http.TLSConfig = front.TLS.config()
		_ = s.http.ServeTLS(s.gate, "", "")
	})
	return s, nil
}

// Addr is host:port of the listener.
func (s *Server) Addr() string { return s.gate.Addr().String() }

// Close ends the server and every connection.
func (s *Server) Close() error {
	err := s.http.Close()
	s.gate.closeAll()
	s.done.Wait()
	return err
}

// CloseConnections ends every connection and goes on listening.
func (s *Server) CloseConnections() { s.gate.closeAll() }
