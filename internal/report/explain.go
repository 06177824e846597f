package report

import (
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Explanation is what explain has to say about one image.
type Explanation struct {
	Image    string
	Ref      route.Ref
	Table    route.Table
	Proxy    func(url string) string // the proxy that the runtime's environment selects; empty: none
	Findings []finding.Finding
	Files    []source.File
}

// NewExplain is the document of an explanation.
func NewExplain(x Explanation) Explain {
	d := Explain{
		Schema: Schema, Image: x.Image, Reference: x.Ref.String(), Runtime: RuntimeOf(x.Table.Target),
		Requests: requests(x, x.Table.Resolve(x.Ref)), Ignored: []Ignored{},
	}
	r := x.Table.Route(x.Ref.Registry)
	for _, f := range x.Findings {
		if f.Ignores || f.Stops || r.Fails != "" && f.Severity == finding.Error && f.Registry == x.Ref.Registry {
			d.Ignored = append(d.Ignored, ignored(f))
		}
	}
	if r.Fails != "" && len(d.Ignored) == 0 {
		d.Ignored = append(d.Ignored, Ignored{File: r.From.File, Line: counted(r.From.Line), Why: r.Fails})
	}
	return d
}

func ignored(f finding.Finding) Ignored {
	p := place(f.At)
	if p == nil {
		p = &Place{File: f.Subject}
	}
	return Ignored{File: p.File, Line: p.Line, Why: f.Text, Code: text(f.Code)}
}

func requests(x Explanation, list []route.Request) []Request {
	out := make([]Request, 0, len(list))
	for _, r := range list {
		e := r.Endpoint
		d := Request{Method: r.Method, URL: r.URL, Endpoint: e.String(), From: place(e.From), TLS: tlsOf(e)}
		if source := credentials(e); source != "" {
			d.Credentials = &Credentials{source}
		}
		if x.Proxy != nil {
			d.Proxy = text(x.Proxy(r.URL))
		}
		if !e.NoDialLimit {
			ms := int64(30000)
			if e.DialTimeout != 0 {
				ms = e.DialTimeout.Milliseconds()
			}
			d.DialMs = &ms
		}
		out = append(out, d)
	}
	return out
}

func credentials(e route.Endpoint) string {
	for _, h := range e.Header {
		if strings.EqualFold(h.Key, "authorization") {
			return "header " + h.Key + " of the endpoint"
		}
	}
	return e.Auth.Source
}

func tlsOf(e route.Endpoint) *TLS {
	if e.Scheme != "https" {
		return nil
	}
	t := &TLS{CA: append([]string{}, e.TLS.CA...), Client: [][]string{}, Verify: !e.TLS.SkipVerify}
	for _, p := range e.TLS.Client {
		pair := []string{p.Cert}
		if p.Key != "" {
			pair = append(pair, p.Key)
		}
		t.Client = append(t.Client, pair)
	}
	return t
}

// Explain prints an explanation.
func (t *Terminal) Explain(x Explanation) {
	d := NewExplain(x)
	t.print("%s\n", t.paint(bold, d.Reference))
	if d.Runtime != nil {
		version := ""
		if d.Runtime.Version != nil {
			version = " " + *d.Runtime.Version
		}
		t.line("  asked by ", d.Runtime.Name+version)
	}
	t.print("\n")
	fails := x.Table.Route(x.Ref.Registry).Fails
	if fails != "" {
		t.print("%s %s\n\n", t.no(), t.fold("no host is asked: "+fails, "  "))
	}
	for i, r := range d.Requests {
		t.request(i+1, r)
	}
	if len(d.Requests) == 0 && fails == "" {
		t.print("%s no host may resolve a tag of this registry: every pull by tag fails\n\n", t.no())
	}
	if others := fetchOnly(x, d); len(others) > 0 {
		t.line("by digest  ", strings.Join(others, ", ")+" is asked for manifests and blobs by digest as well, in file order")
		t.print("\n")
	}
	t.ignored(x)
}

func (t *Terminal) request(n int, r Request) {
	from := "not written anywhere: the registry itself"
	if r.From != nil {
		line := 0
		if r.From.Line != nil {
			line = *r.From.Line
		}
		from = source.Pos{File: r.From.File, Line: line}.String()
	}
	t.print("%d  %s %s\n", n, r.Method, t.paint(bold, r.URL))
	t.line("   from     ", from)
	if r.TLS != nil {
		how := "verified with the system's certificates"
		if len(r.TLS.CA) > 0 {
			how += " and " + strings.Join(r.TLS.CA, ", ")
		}
		if !r.TLS.Verify {
			how = "NOT verified"
		}
		for _, c := range r.TLS.Client {
			how += ", client certificate " + c[0]
		}
		t.line("   tls      ", how)
	}
	if r.Credentials != nil {
		t.line("   auth     ", r.Credentials.Source)
	}
	if r.Proxy != nil {
		t.line("   proxy    ", *r.Proxy)
	}
	t.print("\n")
}

// fetchOnly are the endpoints that no tag is resolved at.
func fetchOnly(x Explanation, d Explain) []string {
	seen := map[string]bool{}
	for _, r := range d.Requests {
		seen[r.Endpoint] = true
	}
	var out []string
	for _, r := range x.Table.Fetch(x.Ref, route.Manifests, "{digest}") {
		if name := r.Endpoint.String(); !seen[name] {
			out = append(out, name)
		}
	}
	return out
}

func (t *Terminal) ignored(x Explanation) {
	var kept []finding.Finding
	for _, f := range x.Findings {
		if f.Ignores {
			kept = append(kept, f)
		}
	}
	if len(kept) == 0 {
		return
	}
	t.print("%s\n", t.paint(yellow, "ignored"))
	for _, f := range kept {
		at := f.At.String()
		if f.At.IsZero() {
			at = f.Subject
		}
		t.line("   "+at+"  ", f.Text+"  ["+f.Code+"]")
	}
	t.print("\n")
}
