package repair

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/unit"
)

// intend carries out a wish in the dialect of the runtime.
func (d *draft) intend(i finding.Intent) bool {
	switch i.Do {
	case finding.BypassProxy:
		return d.environment("NO_PROXY", joined(d.variable("NO_PROXY"), i.Value))
	case finding.UseProxy:
		return d.proxy(i)
	case finding.ClassicHello:
		return d.environment("GODEBUG", joined(d.variable("GODEBUG"), "tlsmlkem=0,tlssecpmlkem=0"))
	case finding.RaiseFiles:
		return d.setting("LimitNOFILE", i.Value, "limits.conf")
	case finding.RestartRuntime:
		d.restart(i.Value)
		return true
	case finding.MigrateMirrors:
		return d.moved || d.migrate(d.now().Config)
	}
	if i.Do == finding.LimitDial && !d.node.Input.Runtime.Target.Containerd.Since("2.1.0") {
		return false // it does not know dial_timeout
	}
	r, ok := d.route(i)
	return ok && d.table(route.Table{Routes: []route.Route{r}})
}

// joined adds items to a comma-separated list, those that it lacks.
func joined(list, more string) string {
	for item := range strings.SplitSeq(more, ",") {
		switch {
		case list == "":
			list = item
		case !slices.Contains(strings.Split(list, ","), item):
			list += "," + item
		}
	}
	return list
}

// variable is a variable of the runtime's environment, by its upper or lower case name.
func (d *draft) variable(key string) string {
	for _, k := range []string{key, strings.ToLower(key)} {
		if v, ok := d.service().Lookup(k); ok {
			return v.Value
		}
	}
	return d.node.Input.Runtime.Env[key]
}

// service is the unit as the draft leaves it.
func (d *draft) service() unit.Service {
	s := d.node.Service
	s.Parts, s.Env = d.latest(s.Parts), d.latest(s.Env)
	for _, c := range d.plan.Changes {
		f := source.Find(d.files, c.Path())
		switch {
		case f == nil || source.Find(s.Parts, f.Path) != nil || source.Find(s.Env, f.Path) != nil:
		case path.Dir(f.Path) == "/etc/systemd/system/"+s.Name+".d":
			s.Parts = append(s.Parts, *f)
		case path.Dir(f.Path) == "/etc/systemd/system" || path.Dir(f.Path) == "/etc/default":
			s.Env = append(s.Env, *f)
		}
	}
	return s
}

// latest are files as the draft leaves them.
func (d *draft) latest(files []source.File) []source.File {
	out := slices.Clone(files)
	for i := range out {
		if f := source.Find(d.files, out[i].Path); f != nil {
			out[i] = *f
		}
	}
	return out
}

// environment changes a variable where the service gets it from.
func (d *draft) environment(key, value string) bool {
	s := d.service()
	if v, ok := s.Lookup(key); ok && v.Value == value {
		if d.node.Input.Runtime.Env[key] == value {
			return false // the process has it already, and fails with it
		}
		d.restart("the environment is read at start")
		return true
	}
	c := s.Set(key, value)
	if len(c.Edits) == 0 || !d.edit(c.Edits) {
		return false
	}
	d.restart("the environment is read at start")
	d.reload = d.reload || c.Reload
	return true
}

// setting gives the unit of the runtime another value of one of its settings.
func (d *draft) setting(key, value, dropin string) bool {
	c := d.service().Assign(key, value, dropin)
	if len(c.Edits) == 0 || !d.edit(c.Edits) {
		return false
	}
	d.restart("limits are those of the start")
	d.reload = true
	return true
}

func (d *draft) proxy(i finding.Intent) bool {
	if d.node.Proxy == nil {
		return false
	}
	value := d.node.Proxy(i.Value).Reveal()
	if value == "" {
		return false
	}
	key := "HTTPS_PROXY"
	if strings.HasPrefix(i.Endpoint, "http://") {
		key = "HTTP_PROXY"
	}
	return d.environment(key, value)
}

// route is the route of a registry with one endpoint changed as wished.
func (d *draft) route(i finding.Intent) (route.Route, bool) {
	table := d.now().Table
	r := table.Route(i.Registry)
	if r.Match == route.Any {
		r.Match = i.Registry // the others keep theirs
	}
	r.Mirrors = slices.Clone(r.Mirrors)
	at := slices.IndexFunc(r.Mirrors, func(e route.Endpoint) bool { return e.String() == i.Endpoint })
	switch {
	case at >= 0 && i.Do == finding.RemoveMirror:
		r.Mirrors = slices.Delete(r.Mirrors, at, at+1)
		return r, true
	case at >= 0:
		return r, change(&r.Mirrors[at], i)
	case r.Upstream == nil || i.Do == finding.RemoveMirror:
		return r, false
	}
	up := *r.Upstream
	if up.Host == "" {
		std := table.Default(i.Registry)
		std.TLS, std.Header, std.Serves = up.TLS, up.Header, up.Serves
		up = std
	}
	r.Upstream = &up
	if up.String() != i.Endpoint {
		return r, false
	}
	return r, change(r.Upstream, i)
}

// change makes one endpoint as wished.
func change(e *route.Endpoint, i finding.Intent) bool {
	switch i.Do {
	case finding.AddCA:
		if slices.Contains(e.TLS.CA, i.Value) {
			return false
		}
		e.TLS.CA, e.TLS.Set = append(slices.Clone(e.TLS.CA), i.Value), true
	case finding.UseScheme:
		e.Host = withPort(e.Host, e.Scheme) // the other scheme has another default
		e.Scheme, e.PlainFallback = i.Value, false
		if i.Value == "http" {
			e.TLS = route.TLS{}
		}
	case finding.LimitDial:
		limit, err := time.ParseDuration(i.Value)
		if err != nil {
			return false
		}
		e.DialTimeout = limit
	case finding.UsePath:
		u, err := url.Parse(i.Value)
		if err != nil {
			return false
		}
		e.Scheme, e.Host, e.Path = u.Scheme, u.Host, u.Path
	default:
		return false
	}
	return true
}

// withPort writes down the port that a scheme stands for, if a host has none.
func withPort(host, scheme string) string {
	if u, err := url.Parse(scheme + "://" + host); err != nil || u.Port() != "" {
		return host
	}
	return host + ":" + map[string]string{"http": "80", "https": "443"}[scheme]
}
