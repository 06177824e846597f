package towpath

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// get returns the value of a key, nil if there is none. The document has been
// checked: no key stands twice.
func get(n *yamldoc.Node, key string) *yamldoc.Node {
	for _, p := range n.Pairs {
		if p.Key.Value == key {
			return p.Value
		}
	}
	return nil
}

// word returns the text of a key; empty: there is none.
func word(n *yamldoc.Node, key string) string {
	if v := get(n, key); v != nil {
		return v.Value
	}
	return ""
}

func yes(n *yamldoc.Node) bool { return n != nil && strings.EqualFold(n.Value, "true") }

// each returns the items of a list, or the value itself where it stands alone.
func each(n *yamldoc.Node) []*yamldoc.Node {
	switch {
	case n == nil:
		return nil
	case n.Kind == yamldoc.Sequence:
		return n.Items
	}
	return []*yamldoc.Node{n}
}

// decode fills the table from a document of the right shape.
func (r *reader) decode(given route.Target) {
	root := r.doc.Root
	t := &r.table
	r.named = r.runtime(get(root, "runtime"))
	if given.Runtime == "" || given.Runtime == name {
		t.Target = r.named
	}
	if word(root, "localhost") == "http" {
		t.Plain = route.PlainCRI
	}
	t.Header = r.headers(get(root, "headers"))
	if n := get(root, "registries"); n != nil {
		for _, p := range n.Pairs {
			t.Routes = append(t.Routes, r.route(p))
		}
	}
	if n := get(root, "hosts"); n != nil {
		for _, p := range n.Pairs {
			h := route.Host{Name: p.Key.Value, From: p.Key.At}
			h.TLS, h.Auth, h.Broken = r.connection(p.Value)
			t.Hosts = append(t.Hosts, h)
		}
	}
	r.contents()
}

// runtime reads NAME@VERSION, or name, version and containerd.
func (r *reader) runtime(n *yamldoc.Node) route.Target {
	if n == nil {
		return route.Target{}
	}
	name, version, _ := strings.Cut(n.Value, "@")
	containerd := ""
	if n.Kind == yamldoc.Mapping {
		name, version, containerd = word(n, "name"), word(n, "version"), word(n, "containerd")
	}
	t := route.Target{Runtime: name, Fork: name == "k3s" || name == "rke2"}
	for _, v := range []struct {
		text string
		into *route.Version
	}{{version, &t.Version}, {containerd, &t.Containerd}} {
		if v.text == "" {
			continue
		}
		got, err := route.ParseVersion(v.text)
		if err != nil {
			r.refuse(contrary, "runtime", n.At, nil)
			return t
		}
		*v.into = got
	}
	if name == "containerd" && containerd == "" {
		t.Containerd = t.Version
	}
	return t
}

func (r *reader) route(p yamldoc.Pair) route.Route {
	n := p.Value
	out := route.Route{
		Match: p.Key.Value, From: p.Key.At, Blocked: yes(get(n, "blocked")), Fails: word(n, "fails"),
		UpstreamUnlessListed: yes(get(n, "upstreamUnlessListed")),
	}
	if out.Match == "" {
		r.refuse(contrary, "empty", p.Key.At, nil)
	}
	for _, m := range each(get(n, "mirrors")) {
		out.Mirrors = append(out.Mirrors, r.endpoint(m, route.Endpoint{Serves: route.Pull | route.Resolve}))
	}
	std := route.Endpoint{Role: route.Upstream, Serves: r.table.Target.Everything()}
	switch up := get(n, "upstream"); {
	case up == nil || up.Kind == yamldoc.Scalar && up.Tag == "!!bool" && !up.Quoted && yes(up):
		out.Upstream = &std
	case up.Kind == yamldoc.Scalar && up.Tag == "!!bool" && !up.Quoted:
	default:
		e := r.endpoint(up, std)
		out.Upstream = &e
	}
	return out
}

// endpoint reads a URL, or a mapping; std is what it is without any key.
func (r *reader) endpoint(n *yamldoc.Node, std route.Endpoint) route.Endpoint {
	e := std
	e.From = n.At
	url := n.Value
	if n.Kind == yamldoc.Mapping {
		url = word(n, "url")
		e.TLS, e.Auth, e.Broken = r.connection(n)
		e.PlainFallback = yes(get(n, "plainFallback"))
		e.Header = r.headers(get(n, "headers"))
		e.Namespace, e.Alias = word(n, "namespace"), word(n, "alias")
		e.Rewrites = r.rewrites(get(n, "rewrite"))
		r.dialTimeout(get(n, "dialTimeout"), &e)
		if s := get(n, "serves"); s != nil {
			e.Serves = 0
			for _, item := range s.Items {
				e.Serves |= operations[item.Value]
			}
		}
	}
	if url != "" {
		e.Scheme, e.Host, e.Path = split(url)
	}
	return e
}

// operations are the words of serves.
var operations = map[string]route.Serves{
	"pull": route.Pull, "resolve": route.Resolve, "push": route.Push, "referrers": route.Referrers, "tagsOnly": route.TagsOnly,
}

// split takes a URL apart into scheme, host and root of the API.
func split(url string) (scheme, host, root string) {
	scheme, rest, _ := strings.Cut(url, "://")
	host, root, found := strings.Cut(rest, "/")
	switch {
	case !found:
		return scheme, host, "/v2"
	case root == "":
		return scheme, host, ""
	case root == "/":
		return scheme, host, "/"
	}
	return scheme, host, "/" + root
}

// spell is the URL of an endpoint, as split reads it.
func spell(e route.Endpoint) string {
	switch e.Path {
	case "/v2":
		return e.Scheme + "://" + e.Host
	case "":
		return e.Scheme + "://" + e.Host + "/"
	case "/":
		return e.Scheme + "://" + e.Host + "//"
	}
	return e.Scheme + "://" + e.Host + e.Path
}

func (r *reader) rewrites(n *yamldoc.Node) []route.Rewrite {
	var out []route.Rewrite
	for _, item := range each(n) {
		w := route.Rewrite{Pattern: word(item, "match"), Replacement: word(item, "to"), From: item.At}
		if _, err := regexp.Compile(w.Pattern); err != nil {
			why := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
			r.refuse(contrary, "regexp", get(item, "match").At, finding.Args{"why": why})
		}
		out = append(out, w)
	}
	return out
}

func (r *reader) dialTimeout(n *yamldoc.Node, e *route.Endpoint) {
	switch {
	case n == nil:
	case n.Value == "none":
		e.NoDialLimit = true
	default:
		d, err := time.ParseDuration(n.Value)
		if err != nil {
			r.refuse(contrary, "time", n.At, nil)
		}
		e.DialTimeout = d
	}
}

func (r *reader) headers(n *yamldoc.Node) []route.Header {
	if n == nil {
		return nil
	}
	var out []route.Header
	for _, p := range n.Pairs {
		h := route.Header{Key: p.Key.Value}
		for _, v := range each(p.Value) {
			h.Values = append(h.Values, route.NewSecret(v.Value))
		}
		if secretHeader.MatchString(h.Key) {
			r.password = append(r.password, p.Value)
		}
		out = append(out, h)
	}
	return out
}

// secretHeader matches names of headers whose values nobody may know.
var secretHeader = regexp.MustCompile(`(?i)auth|cookie|token|secret|key`)

// connection reads the keys that endpoints and hosts have in common.
func (r *reader) connection(n *yamldoc.Node) (tls route.TLS, auth route.Auth, broken string) {
	ca, client, skip := get(n, "ca"), get(n, "client"), get(n, "skipVerify")
	for _, item := range each(ca) {
		tls.CA = append(tls.CA, r.pem(item, "ca"))
	}
	for _, item := range each(client) {
		var p route.Pair
		if v := get(item, "cert"); v != nil {
			p.Cert = r.pem(v, "cert")
		}
		if v := get(item, "key"); v != nil {
			p.Key = r.pem(v, "key")
			if r.inline[p.Key] {
				r.password = append(r.password, v)
			}
		}
		tls.Client = append(tls.Client, p)
	}
	tls.SkipVerify = yes(skip)
	tls.Set = ca != nil || client != nil || skip != nil
	broken = word(n, "unusable")
	if a := get(n, "auth"); a != nil {
		why := ""
		if auth, why = r.auth(a); broken == "" {
			broken = why
		}
	}
	return tls, auth, broken
}

// pem returns the path of a certificate or key. One that stands in the file
// gets a path by its content.
func (r *reader) pem(n *yamldoc.Node, key string) string {
	if !strings.Contains(n.Value, pemHead) {
		return n.Value
	}
	if !sound([]byte(n.Value)) {
		r.refuse(contrary, "pem", n.At, finding.Args{"key": key})
	}
	f := source.File{Path: inlinePath([]byte(n.Value)), Data: []byte(n.Value), Mode: 0o644}
	if key == "key" {
		f.Mode = 0o600
	}
	if !r.inline[f.Path] {
		r.inline[f.Path] = true
		r.table.Files = append(r.table.Files, f)
	}
	return f.Path
}

const pemHead = "-----BEGIN "

// inlinePath is where a certificate of the file itself is put.
func inlinePath(data []byte) string {
	sum := sha256.Sum256(data)
	return path.Join(InlineDir, hex.EncodeToString(sum[:8])+".pem")
}

// auth reads credentials. A secret whose file is not there makes requests
// impossible, and why says so.
func (r *reader) auth(n *yamldoc.Node) (out route.Auth, why string) {
	out = route.Auth{User: word(n, "user"), Source: "towpath.yaml", From: n.At}
	for _, s := range []struct {
		key  string
		into *route.Secret
	}{{"password", &out.Password}, {"identityToken", &out.IdentityToken}} {
		inline, file := get(n, s.key), get(n, s.key+"File")
		switch {
		case inline != nil && file != nil:
			r.refuse(contrary, "", file.At, finding.Args{"first": s.key, "second": s.key + "File"})
		case inline != nil:
			*s.into = route.NewSecret(inline.Value)
			r.password = append(r.password, inline)
		case file != nil:
			*s.into, why = r.secret(file)
		}
	}
	return out, why
}

// secret reads the file that a key names: its text, without the line end.
func (r *reader) secret(n *yamldoc.Node) (route.Secret, string) {
	f := source.Find(r.files, n.Value)
	args := finding.Args{"path": n.Value}
	switch {
	case f == nil || f.Unread:
		r.book.Say(noSecret, "unseen", n.At, args).Severity = finding.Info
		return route.Secret{}, n.Value + " was not read"
	case f.Problem != "" || f.Kind != source.Regular || len(f.Data) == 0:
		args["why"] = f.Problem
		if f.Problem == "" {
			args["why"] = "it is empty, or no file"
		}
		r.book.Say(noSecret, "", n.At, args)
		return route.Secret{}, n.Value + " cannot be read"
	}
	return route.NewSecret(strings.TrimRight(string(f.Data), "\r\n")), ""
}

// contents adds the files that the table names and that are at hand.
func (r *reader) contents() {
	seen := map[string]bool{}
	add := func(tls route.TLS) {
		names := append([]string(nil), tls.CA...)
		for _, p := range tls.Client {
			names = append(names, p.Cert, p.Key)
		}
		for _, name := range names {
			if f := source.Find(r.files, name); !seen[name] && !r.inline[name] && f != nil && f.Kind == source.Regular && f.Problem == "" && !f.Unread {
				r.table.Files = append(r.table.Files, *f)
			}
			seen[name] = true
		}
	}
	for _, rt := range r.table.Routes {
		for _, e := range rt.Endpoints() {
			add(e.TLS)
		}
	}
	for _, h := range r.table.Hosts {
		add(h.TLS)
	}
}

// References are the paths that a towpath.yaml names: certificates, keys and
// files with secrets.
func References(files []source.File) []string {
	r := read(files, route.Target{})
	if r.doc == nil || r.refused {
		return nil
	}
	var out []string
	var walk func(n *yamldoc.Node)
	walk = func(n *yamldoc.Node) {
		for _, p := range n.Pairs {
			switch p.Key.Value {
			case "ca", "cert", "key", "passwordFile", "identityTokenFile", "trust":
				for _, v := range each(p.Value) {
					if v.Kind == yamldoc.Scalar && strings.HasPrefix(v.Value, "/") && !strings.Contains(v.Value, "\n") {
						out = append(out, v.Value)
					}
				}
			}
			walk(p.Value)
		}
		for _, item := range n.Items {
			walk(item)
		}
	}
	walk(r.doc.Root)
	return out
}
