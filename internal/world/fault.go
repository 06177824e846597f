package world

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Do is what a fault does to a request.
type Do string

// The faults. The fields of Fault in brackets are those that they use.
const (
	DoStatus       Do = "status"             // answers with [status, body, header]
	DoHang         Do = "hang"               // never answers
	DoHangBody     Do = "hang-after-headers" // sends the header, never the body
	DoLatency      Do = "latency"            // answers after [delay]
	DoSlow         Do = "slow"               // sends [rate] bytes per second
	DoStall        Do = "stall"              // sends [bytes], then nothing
	DoTruncate     Do = "truncate"           // announces all, sends [bytes], closes
	DoAbort        Do = "abort"              // closes before the header
	DoCorrupt      Do = "corrupt"            // flips a bit in the middle of the body
	DoHTML         Do = "html"               // 200 with a page
	DoWrongDigest  Do = "wrong-digest"       // another Docker-Content-Digest
	DoNoDigest     Do = "no-digest"          // no Docker-Content-Digest
	DoWrongType    Do = "wrong-type"         // Content-Type [type]
	DoRateLimit    Do = "rate-limit"         // 429, Retry-After [delay] unless 0
	DoRedirect     Do = "redirect"           // [status], default 307, to [to] with the request's URI; [exact] without
	DoRedirectLoop Do = "redirect-loop"      // to itself, round and round
	DoNoHead       Do = "no-head"            // 405 to HEAD
	DoHeadOnly     Do = "head-only"          // 404 to everything but HEAD
	DoSkew         Do = "skew"               // a Date that is off by [delay]
	DoEndless      Do = "endless"            // a body without end, 200 [type]
	DoBigHeader    Do = "big-header"         // a header of [bytes]
	DoNotHTTP      Do = "not-http"           // bytes that are no HTTP
)

// Fault is one thing that goes wrong with some requests. The first fault of a
// list that applies is the one that happens.
type Fault struct {
	Do     Do                `json:"do"`
	On     []Class           `json:"on"`     // empty: every class
	Method string            `json:"method"` // empty: every method
	Path   string            `json:"path"`   // part of the URI; empty: every one
	Skip   int               `json:"skip"`   // requests that get through first
	Times  int               `json:"times"`  // requests that it hits then; 0: all
	Status int               `json:"status"`
	Body   string            `json:"body"`
	Header map[string]string `json:"header"`
	Delay  Duration          `json:"delay"`
	Bytes  int64             `json:"bytes"`
	Rate   int64             `json:"rate"`
	Type   string            `json:"type"`
	To     string            `json:"to"`
	Exact  bool              `json:"exact"`
}

// Faulty puts faults in front of a handler.
func Faulty(faults []Fault, next http.Handler) http.Handler {
	counts := make([]atomic.Int64, len(faults))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i, f := range faults {
			if !f.matches(r) {
				continue
			}
			if n := int(counts[i].Add(1)); n > f.Skip && (f.Times == 0 || n <= f.Skip+f.Times) {
				f.serve(w, r, next)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (f Fault) matches(r *http.Request) bool {
	switch {
	case len(f.On) > 0 && !slices.Contains(f.On, classify(r)):
		return false
	case f.Method != "" && f.Method != r.Method:
		return false
	case f.Do == DoNoHead && r.Method != http.MethodHead, f.Do == DoHeadOnly && r.Method == http.MethodHead:
		return false
	}
	return strings.Contains(r.RequestURI, f.Path)
}

// serve answers in place of the handler, or spoils what the handler says.
func (f Fault) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	switch f.Do {
	case DoHang:
		<-r.Context().Done()
	case DoAbort:
		panic(http.ErrAbortHandler)
	case DoNotHTTP:
		f.notHTTP(w)
	case DoEndless:
		f.endless(w, r)
	case DoStatus, DoHTML, DoRateLimit, DoRedirect, DoRedirectLoop, DoNoHead, DoHeadOnly:
		f.answer(w, r)
	default:
		f.spoil(w, r, next)
	}
}

func (f Fault) answer(w http.ResponseWriter, r *http.Request) {
	for k, v := range f.Header {
		w.Header()[k] = []string{v} // as written: a test may want odd keys
	}
	switch f.Do {
	case DoStatus:
		reply(w, f.Status, "application/json", f.Body)
	case DoHTML:
		reply(w, http.StatusOK, "text/html; charset=utf-8", orElse(f.Body, portal))
	case DoRateLimit:
		if f.Delay > 0 {
			w.Header().Set("Retry-After", fmt.Sprint(int(time.Duration(f.Delay).Seconds())))
		}
		w.Header().Set("RateLimit-Limit", "100;w=21600")
		w.Header().Set("RateLimit-Remaining", "0;w=21600")
		apiError(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "You have reached your unauthenticated pull rate limit")
	case DoNoHead:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case DoHeadOnly:
		apiError(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
	case DoRedirectLoop:
		f.Exact, f.To = true, "?round=1"
		if r.URL.Query().Has("round") {
			f.To = r.URL.Path
		}
		f.redirect(w, r)
	case DoRedirect:
		f.redirect(w, r)
	}
}

// redirect writes Location as it is: http.Redirect would clean it.
func (f Fault) redirect(w http.ResponseWriter, r *http.Request) {
	to := f.To
	if !f.Exact {
		to += r.RequestURI
	}
	if to != "" {
		w.Header().Set("Location", to)
	}
	status := f.Status
	if status == 0 {
		status = http.StatusTemporaryRedirect
	}
	reply(w, status, "text/html", "<a href=there>moved</a>\n")
}

func (f Fault) notHTTP(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = c.Write([]byte("\x15\x03\x01\x00\x02\x02\x46"))
	_ = c.Close()
}

func (f Fault) endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", orElse(f.Type, "application/octet-stream"))
	block := []byte(strings.Repeat("endless ", 4096))
	for r.Context().Err() == nil {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

const portal = "<!doctype html><html><head><title>Login</title></head><body>Accept the terms to go on</body></html>\n"

func reply(w http.ResponseWriter, status int, mediaType, body string) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", mediaType)
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// apiError answers in the form of the distribution API.
func apiError(w http.ResponseWriter, status int, code, message string) {
	reply(w, status, "application/json", fmt.Sprintf(`{"errors":[{"code":%q,"message":%q}]}`+"\n", code, message))
}

func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}
