package plan_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/source"
)

// nodeful is a few files of a few contents below one directory.
func nodeful(dice *rand.Rand) []source.File {
	var out []source.File
	for i := range 6 {
		if dice.IntN(2) == 0 {
			out = append(out, source.File{Path: fmt.Sprintf("/d/%d", i), Data: fmt.Appendf(nil, "text %d\n", dice.IntN(3)), Mode: 0o644})
		}
	}
	return out
}

func byPath(files []source.File) []source.File {
	out := slices.Clone(files)
	slices.SortFunc(out, func(a, b source.File) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

func same(a, b []source.File) bool {
	return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(byPath(a), byPath(b))
}

// A plan leads where it says, its reverse leads back, and there is nothing to do
// between equals. What it starts from stays as it is.
func TestAPlanLeadsThereAndItsReverseBack(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		a, b := nodeful(dice), nodeful(dice)
		kept := slices.Clone(a)
		p := plan.Diff(a, b)
		if got := p.After(a); !same(got, b) {
			t.Fatalf("%v became %v, want %v", a, got, b)
		}
		if got := p.Reverse().After(b); !same(got, a) {
			t.Fatalf("%v went back to %v, want %v", b, got, a)
		}
		if !reflect.DeepEqual(a, kept) {
			t.Fatal("looking at a plan has changed the files")
		}
		if p.Empty() != same(a, b) || !plan.Diff(b, b).Empty() {
			t.Fatalf("from %v to %v there are %d changes", a, b, len(p.Changes))
		}
		if err := p.Validate(); err != nil {
			t.Fatal(err)
		}
	}
}

// A directory that moves takes what is in it along, and nothing else.
func TestAMoveTakesWhatIsInIt(t *testing.T) {
	dir := source.File{Path: "/a/r", Kind: source.Directory}
	to := dir
	to.Path = "/a/q"
	p := plan.Plan{Changes: []plan.Change{{Before: &dir, After: &to, Moved: true}}}
	files := []source.File{dir, {Path: "/a/r/hosts.toml"}, {Path: "/a/rr/hosts.toml"}}
	want := []source.File{to, {Path: "/a/q/hosts.toml"}, {Path: "/a/rr/hosts.toml"}}
	if got := p.After(files); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if got := p.Reverse().After(want); !reflect.DeepEqual(got, files) {
		t.Errorf("back: %v", got)
	}
}

func TestAPlanIsLiveUnlessSomethingRestarts(t *testing.T) {
	if p := (plan.Plan{}); !p.Empty() || !p.Live() {
		t.Error("no change")
	}
	p := plan.Plan{Restart: []plan.Restart{{Unit: "containerd.service"}}}
	if p.Empty() || p.Live() {
		t.Error("a restart is something to do, and not at once")
	}
}
