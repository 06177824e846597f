package towpath

import (
	"net/url"
	"path"
	"strings"

	"github.com/towpath-dev/towpath/internal/desired"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// ReadNode returns what a towpath.yaml asks of a node besides its routes; what
// it does not speak of is left as it is. The files are the towpath.yaml and
// those that it names (References). With a finding there are no wishes: one that
// Parse has as well, or that an authority is not among the files.
func ReadNode(files []source.File) (desired.Wishes, []finding.Finding) {
	r := read(files, route.Target{})
	if r.refused || r.doc == nil {
		return desired.Wishes{}, r.stops()
	}
	w := r.wishes()
	for _, n := range r.absent {
		r.refuse(noAuthority, "", n.At, finding.Args{"path": n.Value, "why": r.missing(n.Value)})
	}
	if r.refused {
		return desired.Wishes{}, r.stops()
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

func (r *reader) wishes() desired.Wishes {
	root := r.doc.Root
	var w desired.Wishes
	for _, n := range each(get(root, "trust")) {
		r.trust(n, &w)
	}
	w.Proxy = r.proxy(get(root, "proxy"))
	if n := get(root, "time"); n != nil {
		w.SyncTime = yes(get(n, "synchronise")) // false leaves the clock alone
	}
	if n := get(root, "sandboxImage"); n != nil {
		w.SandboxImage = n.Value
		if _, err := route.ParseRef(n.Value); err != nil {
			r.refuse(contrary, "image", n.At, finding.Args{"why": err.Error()})
		}
	}
	return w
}

// trust adds an authority. It is called like its file, or by its content where
// it stands in the towpath.yaml itself.
func (r *reader) trust(n *yamldoc.Node, w *desired.Wishes) {
	if strings.Contains(n.Value, pemHead) {
		data := []byte(n.Value)
		if !sound(data) {
			r.refuse(contrary, "pem", n.At, finding.Args{"key": "trust"})
		}
		w.Trust = append(w.Trust, desired.CA{Name: base(inlinePath(data)), PEM: data, From: n.At})
		return
	}
	if r.missing(n.Value) != "" {
		r.absent = append(r.absent, n)
		return
	}
	w.Trust = append(w.Trust, desired.CA{Name: base(n.Value), PEM: source.Find(r.files, n.Value).Data, From: n.At})
}

// base is the name of a file without its ending.
func base(name string) string { return strings.TrimSuffix(path.Base(name), path.Ext(name)) }

// missing says why there is no text of a file; empty: there is.
func (r *reader) missing(name string) string {
	switch f := source.Find(r.files, name); {
	case f == nil || f.Unread && f.Problem == "":
		return "there is no such file"
	case f.Problem != "":
		return f.Problem
	case f.Kind != source.Regular || len(f.Data) == 0:
		return "it is empty, or no file"
	}
	return ""
}

func (r *reader) proxy(n *yamldoc.Node) *desired.Proxy {
	if n == nil {
		return nil
	}
	out := &desired.Proxy{From: n.At}
	for _, p := range []struct {
		key  string
		into *route.Secret
	}{{"http", &out.HTTP}, {"https", &out.HTTPS}} {
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
			r.password = append(r.password, v)
		}
		*p.into = route.NewSecret(v.Value)
	}
	for _, v := range each(get(n, "noProxy")) {
		for part := range strings.SplitSeq(v.Value, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out.NoProxy = append(out.NoProxy, part)
			}
		}
	}
	return out
}
