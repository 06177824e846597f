package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/plan"
)

// ours is what belongs to Towpath on a node, as text: a path, whether it was
// there before, and what Towpath wrote.
func (n node) ours() string {
	n.Helper()
	list, err := Ours(n.site())
	n.must(err)
	var out []string
	for _, o := range list {
		base, last := "new", "gone"
		if o.Base != nil {
			base = string(o.Base.Data)
		}
		if o.Last != nil {
			last = string(o.Last.Data)
		}
		out = append(out, fmt.Sprintf("%s %s>%s", o.Path, base, last))
	}
	return strings.Join(out, ", ")
}

func (n node) own(changes ...plan.Change) string {
	n.Helper()
	p := of("apply", changes...)
	p.Owner = "containerd"
	r, err := Run(n.Context(), n.site(), p, Hooks{})
	n.must(err)
	return r.ID
}

func (n node) expectOurs(want string) {
	n.Helper()
	if got := n.ours(); got != want {
		n.Errorf("ours: %q, want %q", got, want)
	}
}

func TestWhatPlansHaveWrittenIsOurs(t *testing.T) {
	n := newFastNode(t)
	n.write("/etc/a", "a0", 0o644)
	n.write("/etc/c", "c0", 0o644)
	n.own(n.edit("/etc/a", "a1"), made("/etc/b", "b1"))
	n.expectOurs("/etc/a a0>a1, /etc/b new>b1")

	// A repair makes nothing ours, and what it changes stays ours.
	_, err := Run(t.Context(), n.site(), of("fix", n.edit("/etc/c", "c1"), n.edit("/etc/b", "b2")), Hooks{})
	n.must(err)
	n.expectOurs("/etc/a a0>a1, /etc/b new>b2")

	// The state before all of them is kept, and with it a file is nobody's again.
	n.own(n.edit("/etc/a", "a2"), n.remove("/etc/b"))
	n.expectOurs("/etc/a a0>a2")
	last := n.own(n.edit("/etc/a", "a0"))
	n.expectOurs("")

	// What is taken back does not count.
	_, err = Rollback(t.Context(), n.site(), last, Hooks{})
	n.must(err)
	n.expectOurs("/etc/a a0>a2")
}

func TestDirectoriesMadeOnTheWayAreOurs(t *testing.T) {
	n := newFastNode(t)
	n.write("/etc/x", "x", 0o644)
	n.own(made("/etc/certs.d/ghcr.io/hosts.toml", "h"))
	n.expectOurs("/etc/certs.d new>, /etc/certs.d/ghcr.io new>, /etc/certs.d/ghcr.io/hosts.toml new>h")
}

func TestACommandThatFailsTakesEverythingBack(t *testing.T) {
	n := newFastNode(t)
	n.write("/etc/a", "a0", 0o644)
	before := n.snapshot()
	p := of("x", n.edit("/etc/a", "a1"))
	p.Command = []plan.Command{
		{Do: []string{"bundle"}, Undo: []string{"bundle", "again"}},
		{Do: []string{"switch", "on"}, Undo: []string{"switch", "off"}},
		{Do: []string{"never"}, Undo: []string{"never", "back"}},
	}
	p.Restart = []plan.Restart{{Unit: "containerd"}}
	var calls []string
	broken := errors.New("exit status 1: no such anchor")
	r, err := Run(t.Context(), n.site(), p, Hooks{
		Run: func(_ context.Context, args []string) error {
			calls = append(calls, strings.Join(args, " "))
			if args[0] == "switch" {
				return broken
			}
			return nil
		},
		Restart: func(context.Context, plan.Restart) error { t.Error("restarted"); return nil },
	})
	if !errors.Is(err, broken) || r.State != RolledBack || !strings.Contains(err.Error(), "run switch on") {
		t.Errorf("got %+v, %v", r, err)
	}
	if got := strings.Join(calls, ", "); got != "bundle, switch on, switch off, bundle again" {
		t.Errorf("called %s", got)
	}
	if len(r.Run) != 1 || strings.Join(r.Run[0], " ") != "switch off" {
		t.Errorf("left to do: %q", r.Run)
	}
	if diff := same(before, n.snapshot()); diff != "" {
		t.Error(diff)
	}
}
