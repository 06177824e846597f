package fulfil_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/desired"
	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/fulfil"
)

// certificates are two different ones in PEM.
func certificates(t *testing.T) (a, b []byte) {
	t.Helper()
	var all [][]byte
	for _, f := range dialecttest.Certificates() {
		if strings.Contains(string(f.Data), "BEGIN CERTIFICATE") && !slices.ContainsFunc(all, func(o []byte) bool { return string(o) == string(f.Data) }) {
			all = append(all, f.Data)
		}
	}
	if len(all) < 2 {
		t.Fatal("there are no two certificates")
	}
	return all[0], all[1]
}

func trusting(t *testing.T) fulfil.Node {
	t.Helper()
	n := setUp(target("containerd", "2.4.2"), map[string]string{"/usr/local/share/ca-certificates/README": ""})
	n.Host.Store = &fulfil.Store{
		Dir: "/usr/local/share/ca-certificates", Ext: ".crt", Do: []string{"update-ca-certificates"}, Undo: []string{"update-ca-certificates", "--fresh"},
	}
	return n
}

func TestTwoAuthoritiesOfOneNameAreBothTrusted(t *testing.T) {
	a, b := certificates(t)
	n := trusting(t)
	ask := fulfil.Ask{Wishes: desired.Wishes{Trust: []desired.CA{{Name: "ca", PEM: a}, {Name: "ca", PEM: b}, {Name: "ca", PEM: a}}}}
	got, err := fulfil.Make(n, ask)
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, c := range got.Plan.Changes {
		kept = append(kept, string(c.After.Data))
	}
	slices.Sort(kept)
	want := []string{string(a), string(b)}
	slices.Sort(want)
	if !slices.Equal(kept, want) {
		t.Errorf("got %q", kept)
	}
	if again, err := fulfil.Make(after(n, got.Plan), ask); err != nil || !again.Plan.Empty() {
		t.Errorf("again: %+v, %v", again.Plan, err)
	}
}

func TestWhatIsNoLongerTrustedIsForgottenByTheBundle(t *testing.T) {
	a, b := certificates(t)
	n := trusting(t)
	ask := fulfil.Ask{Wishes: desired.Wishes{Trust: []desired.CA{{Name: "a", PEM: a}, {Name: "b", PEM: b}}}, WholeWishes: true}
	first, err := fulfil.Make(n, ask)
	if err != nil || len(first.Plan.Command) != 1 || len(first.Plan.Command[0].Do) != 1 {
		t.Fatalf("%+v, %v", first.Plan, err)
	}
	n = after(n, first.Plan)
	ask.Wishes.Trust = ask.Wishes.Trust[:1]
	less, err := fulfil.Make(n, ask)
	if err != nil || len(less.Plan.Changes) != 1 || less.Plan.Changes[0].After != nil {
		t.Fatalf("%+v, %v", less.Plan, err)
	}
	if do := less.Plan.Command[0].Do; !slices.Contains(do, "--fresh") {
		t.Errorf("it runs %q, which leaves links of what is gone", do)
	}
	ask.WholeWishes = false
	if more, err := fulfil.Make(n, ask); err != nil || !more.Plan.Empty() {
		t.Errorf("a wish that is not all takes something away: %+v, %v", more.Plan, err)
	}
}
