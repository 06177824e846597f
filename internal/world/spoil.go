package world

import (
	"net/http"
	"strings"
	"time"
)

// held is a response that a handler wrote and nobody has sent yet.
type held struct {
	header http.Header
	status int
	body   []byte
}

func (h *held) Header() http.Header { return h.header }
func (h *held) WriteHeader(s int) {
	if h.status == 0 {
		h.status = s
	}
}

func (h *held) Write(p []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	h.body = append(h.body, p...)
	return len(p), nil
}

// spoil lets the handler answer and sends something a little different.
func (f Fault) spoil(w http.ResponseWriter, r *http.Request, next http.Handler) {
	h := &held{header: http.Header{}}
	next.ServeHTTP(h, r)
	h.WriteHeader(http.StatusOK)
	f.change(h)
	for k, v := range h.header {
		w.Header()[k] = v
	}
	if f.Do == DoLatency && !sleep(r, time.Duration(f.Delay)) {
		return
	}
	if f.Do == DoHangBody && w.Header().Get("Content-Length") == "" {
		w.Header().Set("Content-Length", "1000")
	}
	w.WriteHeader(h.status)
	if r.Method != http.MethodHead {
		f.send(w, r, h.body)
	}
}

// change edits the response before it is sent.
func (f Fault) change(h *held) {
	switch f.Do {
	case DoCorrupt:
		if len(h.body) > 0 && h.status < 300 {
			h.body[len(h.body)/2] ^= 0x20
		}
	case DoWrongDigest:
		h.header.Set("Docker-Content-Digest", "sha256:"+strings.Repeat("0123456789abcdef", 4))
	case DoNoDigest:
		h.header.Del("Docker-Content-Digest")
	case DoWrongType:
		h.header.Set("Content-Type", f.Type)
	case DoSkew:
		h.header.Set("Date", time.Now().Add(time.Duration(f.Delay)).UTC().Format(http.TimeFormat))
	case DoBigHeader:
		h.header.Set("X-Padding", strings.Repeat("x", int(f.Bytes)))
	}
}

// send writes the body at the pace and to the length of the fault.
func (f Fault) send(w http.ResponseWriter, r *http.Request, body []byte) {
	cut := body[:min(max(f.Bytes, 0), int64(len(body)))]
	flush := http.NewResponseController(w).Flush
	switch f.Do {
	case DoHangBody:
		_ = flush()
		<-r.Context().Done()
	case DoStall:
		_, _ = w.Write(cut)
		_ = flush()
		<-r.Context().Done()
	case DoTruncate:
		_, _ = w.Write(cut)
		_ = flush()
		panic(http.ErrAbortHandler)
	case DoSlow:
		f.trickle(w, r, body)
	default:
		_, _ = w.Write(body)
	}
}

// trickle sends ten portions a second.
func (f Fault) trickle(w http.ResponseWriter, r *http.Request, body []byte) {
	portion := int(max(f.Rate/10, 1))
	for len(body) > 0 {
		n := min(portion, len(body))
		if _, err := w.Write(body[:n]); err != nil {
			return
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		body = body[n:]
		if len(body) > 0 && !sleep(r, 100*time.Millisecond) {
			return
		}
	}
}

// sleep waits unless the client goes away first.
func sleep(r *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
