package route

import (
	"slices"
	"testing"
)

func TestARegisteredTableAnswersAsOneThatIsSearched(t *testing.T) {
	table := Table{
		Routes: []Route{{Match: "a"}, {Match: "b", Fails: "first"}, {Match: "b"}, {Match: Any, Fails: "any"}},
		Hosts:  []Host{{Name: "h", Auth: Auth{User: "one"}}, {Name: "h", Auth: Auth{User: "two"}}},
	}
	registered := table.Registered()
	shorter, longer, other := registered, registered, registered
	shorter.Routes = registered.Routes[:1]
	longer.Routes = append(registered.Routes, Route{Match: "c", Fails: "late"})
	other.Routes = slices.Clone(registered.Routes)
	other.Routes[0].Match = "d"
	for _, r := range []Table{registered, shorter, longer, other} {
		plain := Table{Routes: r.Routes, Hosts: r.Hosts}
		for _, name := range []string{"a", "b", "c", "d", "none", Any} {
			if got, want := r.Route(name), plain.Route(name); got.Match != want.Match || got.Fails != want.Fails {
				t.Errorf("%s: got %+v, want %+v", name, got, want)
			}
		}
		if got := r.dress(Endpoint{Host: "h"}).Auth.User; got != "one" {
			t.Errorf("the first of two hosts has to count, got %q", got)
		}
	}
}
