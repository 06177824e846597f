package containerd

import (
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// verdict is what becomes of a hosts.toml.
type verdict uint8

const (
	absent  verdict = iota // there is none, or it holds no byte
	used                   //
	dropped                // containerd logs why and goes on as if it were absent
	crashes                // containerd itself ends
	fails                  // the pull does
	unknown                // nobody looked inside, or it is too large for us
)

// hostsFile is one hosts.toml as a version of containerd reads it.
type hostsFile struct {
	path, dir string
	match     string // registry whose images it serves; route.Any for _default
	target    route.Target
	data      []byte
	doc       *tomldoc.Doc   // nil: not TOML, or only to the parser of containerd 1.x
	index     map[string]int // first entry of each path in doc
	within    map[string]int // first entry of each path or below it
	content   *content       // nil: not decoded

	verdict  verdict
	problem  *tomldoc.Problem // why it was not decoded
	faults   []fault          // why it was refused although it was
	mirrors  []route.Endpoint
	upstream *route.Endpoint // nil: never asked, which only the fork of K3s can say

	entries []entry // what mirrors and upstream were made of, the upstream last
	tried   *int    // bytes that were read again to try fixes
	masked  *lines  // the text as it may be shown; made when it is needed
}

// entry is one table, or the root of the file, with what became of it.
type entry struct {
	url      string // as written; empty for an upstream that nobody wrote
	table    []string
	settings settings
	endpoint route.Endpoint
}

const sep = "\x00"

// at is the place of a key or table, or of the nearest one around it.
func (h *hostsFile) at(keys ...string) source.Pos {
	for n := len(keys); n > 0; n-- {
		if i, ok := h.within[strings.Join(keys[:n], sep)]; ok {
			return h.doc.Entries[i].At
		}
		if h.doc == nil && h.content != nil && h.content.v1 != nil {
			if p := h.content.v1.GetPositionPath(keys[:n]); !p.Invalid() {
				return source.Pos{File: h.path, Line: p.Line, Column: p.Col}
			}
		}
	}
	return source.Pos{File: h.path}
}

// entry is the first expression with a path; nil: there is none with places.
func (h *hostsFile) entry(keys ...string) *tomldoc.Entry {
	if i, ok := h.index[strings.Join(keys, sep)]; ok {
		return &h.doc.Entries[i]
	}
	return nil
}

// readHosts reads the bytes of a hosts.toml. Its verdict is one of absent,
// used, dropped, crashes and unknown.
func readHosts(h *hostsFile) {
	if len(h.data) == 0 {
		return
	}
	h.locate()
	h.content, h.problem = decode(h.target, h.path, h.data, h.doc)
	switch {
	case h.problem == nil:
		h.assemble()
	case h.problem.Crash:
		h.verdict = crashes
	case h.problem.Unread:
		h.verdict = unknown
	default:
		h.verdict = dropped
	}
}

func (h *hostsFile) locate() {
	doc, bad := tomldoc.Parse(h.path, h.data)
	if bad != nil {
		return
	}
	h.doc, h.index, h.within = doc, make(map[string]int, len(doc.Entries)), make(map[string]int, 2*len(doc.Entries))
	for i, e := range doc.Entries {
		for n := range e.Path {
			note(h.within, strings.Join(e.Path[:n+1], sep), i)
		}
		note(h.index, strings.Join(e.Path, sep), i)
	}
}

func note(places map[string]int, key string, i int) {
	if _, known := places[key]; !known {
		places[key] = i
	}
}

// assemble turns the tables into endpoints in the order in which they are
// asked. One fault drops them all.
func (h *hostsFile) assemble() {
	c := h.content
	for _, written := range c.order {
		e, f := h.endpoint(written, c.hosts[written], []string{"host", written})
		if f == nil && written == "" {
			e.Broken = "its URL is empty"
		}
		if h.sound(f) {
			h.mirrors = append(h.mirrors, e)
			h.entries = append(h.entries, entry{written, []string{"host", written}, c.hosts[written], e})
		}
	}
	if h.target.Fork && !c.serverSet && len(c.order) > 0 {
		// The fork of K3s adds the root only if server is there or no host is,
		// but its parser refuses a rewrite of the wrong type there too.
		h.sound(h.rewrites(&route.Endpoint{}, c.root))
		h.nameless()
	} else if root, f := h.endpoint(c.server, c.root, nil); h.sound(f) {
		h.upstream = h.last(root)
		h.entries = append(h.entries, entry{c.server, nil, c.root, *h.upstream})
	}
	h.verdict = used
	if len(h.faults) > 0 {
		h.verdict, h.mirrors, h.upstream = dropped, nil, nil
	}
}

// nameless makes a last host without a name the upstream, as containerd does
// with whatever stands last: only the fork of K3s lets that be a host table.
func (h *hostsFile) nameless() {
	n := len(h.mirrors)
	if n == 0 || len(h.faults) > 0 || h.mirrors[n-1].Host != "" {
		return
	}
	e := implicit(h.mirrors[n-1], h.target)
	e.Role = route.Upstream
	h.mirrors, h.upstream = h.mirrors[:n-1], &e
	h.entries[n-1].endpoint = e
}

func (h *hostsFile) sound(f *fault) bool {
	if f != nil {
		h.faults = append(h.faults, *f)
	}
	return f == nil
}

// last is what the root of a file adds behind the hosts: the server, or the
// registry itself when the server names no host.
func (h *hostsFile) last(root route.Endpoint) *route.Endpoint {
	root.Role = route.Upstream
	root.From = h.at("server")
	if root.Host == "" {
		root = implicit(root, h.target)
	}
	return &root
}

// implicit is an upstream for the registry that the image names: of what was
// written only TLS, header and timeouts count.
func implicit(root route.Endpoint, t route.Target) route.Endpoint {
	root.Scheme, root.Path, root.PlainFallback = "", "", false
	root.Broken, root.Serves = brokenHeader(root), t.Everything()
	if root.From.Line == 0 {
		root.From = source.Pos{}
	}
	return root
}
