package buildkit

import (
	"maps"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
)

// wish is the tables that the file is to have, by name of the registry.
type wish map[string]*wanted

// wanted is one table: which mirrors are asked before the registry, and how the
// host of its name is spoken to.
type wanted struct {
	mirrors []string
	manner  manner
}

// manner is how a host is spoken to.
type manner struct {
	http, insecure bool
	tls            string // files, as text to compare
	ca             []string
	pairs          []route.Pair
}

func (m manner) same(o manner) bool {
	return m.http == o.http && m.insecure == o.insecure && m.tls == o.tls
}

// usual reports how a host is spoken to without a table.
func (m manner) usual(host string) bool { return m.same(manner{http: localhost(host)}) }

func mannerOf(e route.Endpoint) manner {
	m := manner{http: e.Scheme == "http" || e.PlainFallback}
	if e.Scheme == "http" {
		return m // what else is said of it has no effect
	}
	m.insecure = e.TLS.SkipVerify
	m.ca, m.pairs = e.TLS.CA, slices.Clone(e.TLS.Client)
	for i := range m.pairs {
		if m.pairs[i].Key == "" {
			m.pairs[i].Key = m.pairs[i].Cert
		}
		m.tls += "\x01" + m.pairs[i].Cert + "\x00" + m.pairs[i].Key
	}
	m.tls += strings.Join(m.ca, "\x02")
	return m
}

// desired turns routes into tables.
func desired(t route.Table) wish {
	w := wish{}
	t = t.Indexed()
	for _, r := range t.Routes {
		if r.Match == route.Any {
			continue
		}
		for i, e := range t.Endpoints(r.Match) {
			switch {
			case i < len(r.Mirrors):
				w.table(r.Match).mirrors = append(w.table(r.Match).mirrors, written(e))
				w.host(e.Host, e)
			case e.Host == t.Default(r.Match).Host: // how another upstream is spoken to says nothing of the registry
				w.host(r.Match, e)
			}
		}
	}
	return w
}

func (w wish) table(name string) *wanted {
	if w[name] == nil {
		w[name] = &wanted{manner: manner{http: localhost(name)}}
	}
	return w[name]
}

// host notes how a host is spoken to; the first word counts.
func (w wish) host(name string, e route.Endpoint) {
	m := mannerOf(e)
	if m.usual(name) || w[name] != nil && !w[name].manner.usual(name) {
		return
	}
	w.table(name).manner = m
}

// written is an endpoint as a line of mirrors: without /v2, which is understood.
func written(e route.Endpoint) string { return e.Host + strings.TrimPrefix(e.Path, "/v2") }

func (w wish) names() []string { return slices.Sorted(maps.Keys(w)) }
