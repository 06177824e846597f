package route

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

func TestAnIndexedTableAnswersAsATableDoes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	names := []string{
		"docker.io", "docker.io/library", "docker.io/library/app", "r.example", "r.example:5000", "r.example/team", "r.example:5000/team/app",
		"*.example", "*.r.example", "*.example/team", "*.example:5000", "a.r.example", "a.r.example.b", "192.0.2.0/24", "192.0.2.1", "10.0.0.0/8", "*", "",
	}
	pick := func() string { return names[rnd.IntN(len(names))] }
	targets := []Target{{Runtime: "containerd"}, {Runtime: "docker"}, {Runtime: "crio"}, {Runtime: "podman"}}
	for range 3000 {
		table := Table{Target: targets[rnd.IntN(len(targets))]}
		for range rnd.IntN(8) {
			table.Routes = append(table.Routes, Route{
				Match: pick(), Blocked: rnd.IntN(5) == 0, Upstream: &Endpoint{Role: Upstream, Serves: Pull | Resolve},
				Mirrors: []Endpoint{{Scheme: "https", Host: pick(), Path: "/v2", Serves: Pull | Resolve}},
			})
		}
		for range rnd.IntN(8) {
			h := Host{Name: pick(), TLS: TLS{Set: rnd.IntN(2) == 0, CA: []string{pick()}}}
			h.Auth.User = pick()
			table.Hosts = append(table.Hosts, h)
		}
		indexed := table.Indexed()
		for _, registry := range append(names, "elsewhere.example", "x.y.example", "192.0.2.7", "10.1.2.3:80") {
			if got, want := indexed.Endpoints(registry), table.Endpoints(registry); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s in %+v:\ngot  %+v\nwant %+v", registry, table, got, want)
			}
			if got, want := indexed.Has(registry), table.Has(registry); got != want {
				t.Fatalf("%s in %+v: got %v, want %v", registry, table, got, want)
			}
			for _, repository := range []string{"library/app", "team/app", "team"} {
				ref := Ref{Registry: registry, Repository: repository, Tag: "1"}
				if got, want := indexed.RouteFor(ref), table.RouteFor(ref); !reflect.DeepEqual(got, want) {
					t.Fatalf("%v in %+v:\ngot  %+v\nwant %+v", ref, table, got, want)
				}
				if got, want := indexed.EndpointsFor(ref), table.EndpointsFor(ref); !reflect.DeepEqual(got, want) {
					t.Fatalf("%v in %+v:\ngot  %+v\nwant %+v", ref, table, got, want)
				}
			}
		}
	}
}

func TestATableWithOtherRoutesForgetsItsIndex(t *testing.T) {
	table := Table{Routes: []Route{{Match: "a.example"}}, Hosts: []Host{{Name: "a.example"}}}.Indexed()
	other := table
	other.Routes = []Route{{Match: "b.example"}}
	if other.Has("a.example") || !other.Has("b.example") || !table.Has("a.example") {
		t.Error("the index of other routes was used")
	}
	other = table
	other.Routes = append(other.Routes, Route{Match: "c.example"})
	if !other.Has("c.example") {
		t.Error("a route that was added is not found")
	}
	other = table
	other.Hosts = []Host{{Name: "b.example"}}
	if other.Host("a.example") != nil || other.Host("b.example") == nil {
		t.Error("the index of other hosts was used")
	}
}
