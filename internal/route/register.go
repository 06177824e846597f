package route

import "slices"

// register says where the routes and hosts of two slices stand.
type register struct {
	routes, hosts map[string]int
	route         *Route // the first of the slice that was noted
	host          *Host
}

// Registered is the table for many questions: its routes and hosts are found by
// their names instead of being searched. It holds as long as nobody renames one
// in place; a table with other slices is searched again.
func (t Table) Registered() Table {
	r := &register{routes: map[string]int{}, hosts: map[string]int{}}
	for i, x := range slices.Backward(t.Routes) {
		r.routes[x.Match] = i
	}
	for i, h := range slices.Backward(t.Hosts) {
		r.hosts[h.Name] = i
	}
	if len(t.Routes) > 0 {
		r.route = &t.Routes[0]
	}
	if len(t.Hosts) > 0 {
		r.host = &t.Hosts[0]
	}
	t.found = r
	return t
}

// routeAt is the index of the first route with a match; -1: there is none.
func (t Table) routeAt(match string) int {
	if f := t.found; f != nil && len(t.Routes) > 0 && f.route == &t.Routes[0] {
		if i, ok := f.routes[match]; ok && i < len(t.Routes) {
			return i
		}
		if len(f.routes) >= len(t.Routes) {
			return -1
		}
	}
	return slices.IndexFunc(t.Routes, func(r Route) bool { return r.Match == match })
}

// hostAt is the index of the first host with a name; -1: there is none.
func (t Table) hostAt(name string) int {
	if f := t.found; f != nil && len(t.Hosts) > 0 && f.host == &t.Hosts[0] {
		if i, ok := f.hosts[name]; ok && i < len(t.Hosts) {
			return i
		}
		if len(f.hosts) >= len(t.Hosts) {
			return -1
		}
	}
	return slices.IndexFunc(t.Hosts, func(h Host) bool { return h.Name == name })
}
