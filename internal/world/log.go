package world

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Class says what a request is for.
type Class string

// The classes of requests.
const (
	Ping     Class = "ping"
	Manifest Class = "manifest"
	Blob     Class = "blob"
	Tags     Class = "tags"
	TokenReq Class = "token"
	Other    Class = "other"
)

func classify(r *http.Request) Class {
	p := r.URL.Path
	switch {
	case p == "/v2/" || p == "/v2":
		return Ping
	case strings.Contains(p, "/manifests/"):
		return Manifest
	case strings.Contains(p, "/blobs/"):
		return Blob
	case strings.HasSuffix(p, "/tags/list"):
		return Tags
	case strings.HasSuffix(p, "/token"):
		return TokenReq
	}
	return Other
}

// Seen is one request as a server got it. The header and body may hold secrets
// and do not get into log files.
type Seen struct {
	At     time.Time     `json:"at"`
	Server string        `json:"server,omitempty"`
	Class  Class         `json:"class"`
	Method string        `json:"method"`
	Host   string        `json:"host"`
	URI    string        `json:"uri"`
	Status int           `json:"status"`
	Auth   string        `json:"auth,omitempty"` // scheme of the Authorization header
	Agent  string        `json:"agent,omitempty"`
	Range  string        `json:"range,omitempty"`
	SNI    string        `json:"sni,omitempty"`
	Took   time.Duration `json:"took"`
	Header http.Header   `json:"-"`
	Body   []byte        `json:"-"` // first 64 KiB
}

// Log is what a server saw.
type Log struct {
	name string
	out  io.Writer

	mu     sync.Mutex
	conns  int
	hellos []Hello
	seen   []Seen
}

func newLog(name string, out io.Writer) *Log { return &Log{name: name, out: out} }

// Requests returns the requests so far, those still open left out.
func (l *Log) Requests() []Seen {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.seen)
}

// Hellos returns the ClientHellos so far.
func (l *Log) Hellos() []Hello {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.hellos)
}

// Connections counts the TCP connections so far.
func (l *Log) Connections() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conns
}

func (l *Log) accepted() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns++
}

func (l *Log) hello(h Hello) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hellos = append(l.hellos, h)
}

func (l *Log) add(s Seen) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, s)
	if l.out != nil {
		line, _ := json.Marshal(s)
		_, _ = l.out.Write(append(line, '\n'))
	}
}

// record logs every request that a handler answers.
func (l *Log) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := Seen{
			At: time.Now(), Server: l.name, Class: classify(r), Method: r.Method, Host: r.Host, URI: r.RequestURI,
			Agent: r.UserAgent(), Range: r.Header.Get("Range"), Header: r.Header.Clone(),
		}
		s.Auth, _, _ = strings.Cut(r.Header.Get("Authorization"), " ")
		if r.TLS != nil {
			s.SNI = r.TLS.ServerName
		}
		body, _ := io.ReadAll(io.LimitReader(r.Body, 64<<10))
		s.Body, r.Body = body, io.NopCloser(io.MultiReader(bytes.NewReader(body), r.Body))
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			s.Status, s.Took = sw.status, time.Since(s.At)
			l.add(s)
		}()
		next.ServeHTTP(sw, r)
	})
}

// statusWriter remembers the status. Unwrap lets handlers flush and hijack.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
