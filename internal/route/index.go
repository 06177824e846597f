package route

import (
	"net/netip"
	"slices"
	"strings"
)

// index finds the routes and hosts of one table by their names. It is of the
// two slices that it was made from and is never written again: a table whose
// Routes or Hosts are others by now does not use it.
type index struct {
	routes []Route
	hosts  []Host
	match  map[string]int   // the first route of a name
	ranges []int            // routes for ranges of addresses
	named  map[string][]int // hosts of a name, in order
}

// Indexed is the table for many questions: it finds routes and hosts by name
// without looking at all of them. Whoever changes its routes or hosts gives it
// other slices, as with every table, and leaves the old ones alone.
func (t Table) Indexed() Table {
	if t.index.isOf(t) {
		return t
	}
	x := &index{routes: t.Routes, hosts: t.Hosts, match: make(map[string]int, len(t.Routes)), named: make(map[string][]int, len(t.Hosts))}
	for i, r := range t.Routes {
		if _, known := x.match[r.Match]; !known {
			x.match[r.Match] = i
		}
		if isRange(r.Match) {
			x.ranges = append(x.ranges, i)
		}
	}
	for i, h := range t.Hosts {
		x.named[h.Name] = append(x.named[h.Name], i)
	}
	t.index = x
	return t
}

func (x *index) isOf(t Table) bool {
	return x != nil && same(x.routes, t.Routes) && same(x.hosts, t.Hosts)
}

// same reports that two slices are one.
func same[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// Has reports whether a route is written for just this name.
func (t Table) Has(match string) bool { return t.find(match) != nil }

// find is the first route whose Match is a name, nil if there is none.
func (t Table) find(match string) *Route {
	if t.index.isOf(t) {
		if i, ok := t.index.match[match]; ok {
			return &t.Routes[i]
		}
		return nil
	}
	if i := slices.IndexFunc(t.Routes, func(r Route) bool { return r.Match == match }); i >= 0 {
		return &t.Routes[i]
	}
	return nil
}

// Host is what the table says about a host of just this name, nil if nothing; not to be written to.
func (t Table) Host(name string) *Host {
	if t.index.isOf(t) {
		if all := t.index.named[name]; len(all) > 0 {
			return &t.Hosts[all[0]]
		}
		return nil
	}
	if i := slices.IndexFunc(t.Hosts, func(h Host) bool { return h.Name == name }); i >= 0 {
		return &t.Hosts[i]
	}
	return nil
}

func isRange(match string) bool {
	_, err := netip.ParsePrefix(match)
	return err == nil
}

// ranges are the routes whose Match is a range of addresses.
func (t Table) ranges() []int {
	if t.index.isOf(t) {
		return t.index.ranges
	}
	var out []int
	for i, r := range t.Routes {
		if isRange(r.Match) {
			out = append(out, i)
		}
	}
	return out
}

// covering are the hosts whose name is a name or a path above it, in the order
// of the table.
func (t Table) covering(name string) []int {
	var out []int
	if !t.index.isOf(t) {
		for i, h := range t.Hosts {
			if name == h.Name || strings.HasPrefix(name, h.Name+"/") {
				out = append(out, i)
			}
		}
		return out
	}
	for end := range len(name) + 1 {
		if end == len(name) || name[end] == '/' {
			out = append(out, t.index.named[name[:end]]...)
		}
	}
	slices.Sort(out)
	return out
}

// candidates are the routes that may match a name for containers-image, in no
// order: all, unless the table is indexed.
func (t Table) candidates(name string) []*Route {
	var out []*Route
	if !t.index.isOf(t) {
		for i := range t.Routes {
			out = append(out, &t.Routes[i])
		}
		return out
	}
	try := func(match string) {
		if i, ok := t.index.match[match]; ok {
			out = append(out, &t.Routes[i])
		}
	}
	host, _, _ := strings.Cut(name, "/")
	for end := range len(name) + 1 {
		if end < len(name) && strings.IndexByte(boundaries, name[end]) < 0 {
			continue
		}
		try(name[:end])
		for at := range min(len(host), end) {
			if name[at] == '.' {
				try("*" + name[at:end])
			}
		}
	}
	return out
}
