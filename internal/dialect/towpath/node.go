package towpath

import (
	"net/url"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// Wishes are what a towpath.yaml asks of a node besides its routes. What it
// does not speak of is left as it is on the node.
type Wishes struct {
	Trust        []Certificate // authorities for the node's trust store
	Proxy        *Proxy        // of the runtime's service; nil: not spoken of
	Synchronise  *bool         // whether the clock is to be kept right; nil: not spoken of
	SandboxImage string        // as it is written; empty: not spoken of

	secret bool          // a password stands among them
	at     *yamldoc.Node // where
}

// Certificate is an authority: the path of a PEM file on the node, or the PEM
// text itself.
type Certificate struct {
	File string
	PEM  []byte
	From source.Pos
}

// Proxy is what the runtime's service gets as its environment. The URLs may
// hold passwords.
type Proxy struct {
	HTTP, HTTPS route.Secret
	NoProxy     []string
	From        source.Pos
}

// IsZero reports whether nothing is asked of the node.
func (w Wishes) IsZero() bool {
	return len(w.Trust) == 0 && w.Proxy == nil && w.Synchronise == nil && w.SandboxImage == ""
}

// ReadNode returns what a towpath.yaml asks of a node besides its routes. The
// findings are those that keep the whole file from counting; there are no
// wishes then. Parse finds the same ones, and more.
func ReadNode(f source.File) (Wishes, []finding.Finding) {
	r := read([]source.File{f}, route.Target{})
	if r.refused || r.doc == nil {
		return Wishes{}, r.stops()
	}
	w := r.wishes()
	if r.refused {
		return Wishes{}, r.stops()
	}
	return w, nil
}

// stops are the findings that make the file count for nothing.
func (r *reader) stops() []finding.Finding {
	var out []finding.Finding
	for _, f := range r.book.Findings {
		if f.Stops {
			out = append(out, f)
		}
	}
	return out
}

func (r *reader) wishes() Wishes {
	var w Wishes
	root := r.doc.Root
	for _, n := range each(get(root, "trust")) {
		c := Certificate{From: n.At}
		if strings.Contains(n.Value, pemHead) {
			c.PEM = []byte(n.Value)
			if !sound(c.PEM) {
				r.refuse(contrary, "pem", n.At, finding.Args{"key": "trust"})
			}
		} else {
			c.File = n.Value
		}
		w.Trust = append(w.Trust, c)
	}
	r.proxy(get(root, "proxy"), &w)
	if n := get(root, "time"); n != nil {
		on := yes(get(n, "synchronise"))
		w.Synchronise = &on
	}
	if n := get(root, "sandboxImage"); n != nil {
		w.SandboxImage = n.Value
		if _, err := route.ParseRef(n.Value); err != nil {
			r.refuse(contrary, "image", n.At, finding.Args{"why": err.Error()})
		}
	}
	return w
}

func (r *reader) proxy(n *yamldoc.Node, w *Wishes) {
	if n == nil {
		return
	}
	w.Proxy = &Proxy{From: n.At}
	for _, p := range []struct {
		key  string
		into *route.Secret
	}{{"http", &w.Proxy.HTTP}, {"https", &w.Proxy.HTTPS}} {
		v := get(n, p.key)
		if v == nil || v.Value == "" {
			continue
		}
		u, err := url.Parse(v.Value)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" {
			r.refuse(contrary, "proxy", v.At, finding.Args{"key": p.key})
			continue
		}
		if _, secret := u.User.Password(); secret {
			w.secret, w.at = true, v
		}
		*p.into = route.NewSecret(v.Value)
	}
	for _, v := range each(get(n, "noProxy")) {
		for part := range strings.SplitSeq(v.Value, ",") {
			if part = strings.TrimSpace(part); part != "" {
				w.Proxy.NoProxy = append(w.Proxy.NoProxy, part)
			}
		}
	}
}
