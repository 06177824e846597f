package apply

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/source"
)

func TestARehearsalWritesNothing(t *testing.T) {
	n, p := kitchen(t)
	before := n.snapshot()
	n.must(Rehearse(n.site(), p))
	if diff := same(before, n.snapshot()); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Stat(n.path(defaultState)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the journal: %v", err)
	}
}

func TestARehearsalTellsWhatIsInTheWay(t *testing.T) {
	n, p := kitchen(t)
	drifted := p
	n.write("/etc/resolv.conf", "somebody else's", 0o644)
	if err := Rehearse(n.site(), drifted); !errors.Is(err, ErrDrift) || !strings.Contains(err.Error(), "resolv.conf") {
		t.Errorf("drift: %v", err)
	}

	n, p = kitchen(t)
	site := n.site()
	site.before = die(40)
	_ = play(applying, site, p)
	if err := Rehearse(n.site(), p); !errors.Is(err, ErrPending) {
		t.Errorf("an interrupted run: %v", err)
	}
	n.repair()
	n.must(Rehearse(n.site(), p))

	o, err := n.site().open()
	n.must(err)
	defer o.close()
	release, err := o.journal.lock("apply elsewhere")
	n.must(err)
	defer release()
	if err := Rehearse(n.site(), p); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "apply elsewhere") {
		t.Errorf("a lock: %v", err)
	}
}

func TestARehearsalSeesThatThereIsNoRoomOrNoLeave(t *testing.T) {
	onSmallDisks(t, func(n node, mount func(string)) {
		mount("size=64k")
		n.write("/etc/a", "a", 0o644)
		big := source.File{Path: "/etc/big", Data: make([]byte, 60<<10)}
		p := of("big", n.edit("/etc/a", "b"))
		n.must(Rehearse(n.site(), p))
		made := p.Changes[0]
		made.Before, made.After = nil, &big
		p.Changes = append(p.Changes, made)
		if err := Rehearse(n.site(), p); !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "are free") {
			t.Errorf("no room: %v", err)
		}
		n.must(unix.Mount("", n.root, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
		if err := Rehearse(n.site(), of("x", n.edit("/etc/a", "b"))); !errors.Is(err, unix.EROFS) {
			t.Errorf("no leave: %v", err)
		}
	})
}
