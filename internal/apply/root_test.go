package apply

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestAnEntryBelongsToItsRoot(t *testing.T) {
	a, b := newNode(t), newNode(t)
	a.write("/etc/a", "a", 0o644)
	b.write("/etc/a", "b", 0o644)
	state := t.TempDir()
	_, err := Run(t.Context(), Site{Root: a.root, State: state}, of("x", a.edit("/etc/a", "b")), Hooks{})
	a.must(err)
	if _, err := Rollback(t.Context(), Site{Root: b.root, State: state}, "", Hooks{}); !errors.Is(err, ErrNoEntry) || !strings.Contains(err.Error(), a.root) {
		t.Error(err)
	}
	_, err = Rollback(t.Context(), Site{Root: a.root, State: state}, "", Hooks{})
	a.must(err)
	if a.read("/etc/a") != "a" || b.read("/etc/a") != "b" {
		t.Errorf("got %q, %q", a.read("/etc/a"), b.read("/etc/a"))
	}
}

func TestNothingGetsOutOfTheRoot(t *testing.T) {
	outside := newNode(t)
	outside.write("/etc/passwd", "outside", 0o644)
	for name, target := range map[string]string{"absolute": outside.path("/etc"), "up": strings.Repeat("../", 30) + strings.TrimPrefix(outside.path("/etc"), "/")} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.link(target, "/etc")
			_, err := Run(t.Context(), n.site(), of("x", made("/etc/passwd", "inside")), Hooks{})
			n.must(err)
			if got := outside.read("/etc/passwd"); got != "outside" {
				t.Errorf("outside: %q", got)
			}
			if got := n.read(outside.path("/etc/passwd")); got != "inside" {
				t.Errorf("inside: %q", got)
			}
		})
	}
	t.Run("loop", func(t *testing.T) {
		n := newNode(t)
		n.link("b", "/a")
		n.link("a", "/b")
		if _, err := Run(t.Context(), n.site(), of("x", made("/a/c", "")), Hooks{}); err == nil || !strings.Contains(err.Error(), "too many levels") {
			t.Error(err)
		}
	})
	t.Run("swapped in between", func(t *testing.T) {
		n := newNode(t)
		n.write("/etc/d/a", "a", 0o644)
		site := n.site()
		swapped := false
		site.before = func(c call) error {
			if c.Op == "write" && !swapped && strings.Contains(string(c.Data), "do 0") {
				swapped = true
				n.must(os.Rename(n.path("/etc/d"), n.path("/etc/e")))
				n.must(os.Symlink(outside.path("/etc"), n.path("/etc/d")))
			}
			return nil
		}
		r, err := Run(t.Context(), site, of("x", n.edit("/etc/d/a", "b")), Hooks{})
		if err == nil || r.State != RolledBack || !swapped {
			t.Errorf("got %+v, %v", r, err)
		}
		if _, err := os.Lstat(outside.path("/etc/a")); err == nil {
			t.Error("it got out")
		}
	})
}
