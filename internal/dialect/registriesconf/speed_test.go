package registriesconf_test

import (
	"fmt"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/docker"
	"github.com/towpath-dev/towpath/internal/dialect/registriesconf"
	"github.com/towpath-dev/towpath/internal/route"
)

// many is a table of ten thousand registries.
func many(mirror string) route.Table {
	t := route.Table{Target: crio}
	for i := range 10000 {
		host := fmt.Sprintf("r%d.example:5000", i)
		t.Routes = append(t.Routes, route.Route{
			Match:    host,
			Mirrors:  []route.Endpoint{{Scheme: "https", Host: fmt.Sprintf("%s%d.example", mirror, i), Path: "/v2", Serves: route.Pull | route.Resolve}},
			Upstream: &route.Endpoint{Scheme: "https", Host: host, Path: "/v2", Role: route.Upstream, Serves: route.Pull | route.Resolve},
		})
	}
	return t
}

func BenchmarkTenThousandRegistries(b *testing.B) {
	table, other := many("m"), many("n")
	files := registriesconf.Render(table, nil)
	for name, run := range map[string]func(){
		"losses":        func() { registriesconf.Dialect.Losses(table) },
		"docker losses": func() { docker.Dialect.Losses(table) },
		"render":        func() { registriesconf.Render(table, nil) },
		"parse":         func() { registriesconf.Parse(files, crio) },
		"unchanged":     func() { registriesconf.Render(table, files) },
		"all changed":   func() { registriesconf.Render(other, files) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				run()
			}
		})
	}
}
