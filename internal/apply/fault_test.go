package apply

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/plan"
)

func TestAnErrorAnywhereIsToldAndTakenBack(t *testing.T) {
	errnos := []syscall.Errno{unix.ENOSPC, unix.EIO, unix.EROFS, unix.EACCES}
	for i, s := range stories() {
		t.Run(s.name+" "+s.act, func(t *testing.T) {
			t.Parallel()
			c := s.course(t)
			for at := range c.calls {
				errno := errnos[(i+at)%len(errnos)]
				n := newFastNode(t)
				p := s.ready(n)
				calls := 0
				site := n.site()
				site.before = func(c call) error {
					calls++
					if calls == at+1 && c.Op != "run" { // tools that fail have a test of their own
						return errno
					}
					return nil
				}
				err := play(s.act, site, p)
				c.whole(n)
				entries := n.states()
				if !errors.Is(err, errno) && s.act != failing && err != nil || err != nil && !strings.Contains(err.Error(), n.root+"/") {
					t.Errorf("the error does not say what happened to what: %v", err)
				}
				n.repair()
				c.settled(n, s.acknowledged(entries))
				if t.Failed() {
					t.Fatalf("%v at call %d of %d: %q", errno, at+1, c.calls, entries)
				}
				os.RemoveAll(n.root)
			}
		})
	}
}

// On a full disk names can still be changed and removed, and bytes that are
// there can be overwritten. That has to be enough for the way back.
func TestADiskThatFillsUpAnywhereCannotPreventTheWayBack(t *testing.T) {
	for _, s := range stories() {
		t.Run(s.name+" "+s.act, func(t *testing.T) {
			t.Parallel()
			c := s.course(t)
			for at := range c.calls {
				n := newFastNode(t)
				p := s.ready(n)
				calls := 0
				site := n.site()
				site.before = func(c call) error {
					calls++
					grows := slices.Contains([]string{"create", "mkdir", "symlink", "link", "setxattr", "write"}, c.Op)
					if calls > at && grows && (c.Op != "write" || !strings.HasSuffix(c.Path, ".log")) {
						return unix.ENOSPC
					}
					return nil
				}
				err := play(s.act, site, p)
				entries := n.states()
				if err == nil && s.act != failing {
					c.settled(n, true)
				} else {
					c.settled(n, false)
				}
				if e, err := Pending(n.site()); e != nil || err != nil || t.Failed() {
					t.Fatalf("full from call %d of %d: %v, %q, %v, %v", at+1, c.calls, err, entries, e, err)
				}
				os.RemoveAll(n.root)
			}
		})
	}
}

// onSmallDisks runs a test as root with mounts of its own. It is given a
// function that mounts a small disk at the node's root.
func onSmallDisks(t *testing.T, test func(n node, mount func(options string))) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("left out: only root can mount a small disk")
	}
	alone(t, &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}, func(n node) {
		n.must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		test(n, func(options string) {
			_ = unix.Unmount(n.root, 0)
			n.must(unix.Mount("tmpfs", n.root, "tmpfs", 0, options))
		})
	})
}

// refused checks a run that the disk did not allow.
func (n node) refused(before map[string]string, want error, r Result, err error) {
	n.Helper()
	if !errors.Is(err, want) || r.State != RolledBack && r.State != "" {
		n.Errorf("got %v, %+v", err, r)
	}
	n.expect(before)
}

func TestARealDiskFillsUp(t *testing.T) {
	onSmallDisks(t, func(n node, mount func(string)) {
		full := 0
		for free := int64(0); ; free += 4096 {
			mount("size=512k")
			_, p := n.kitchen()
			p.Changes[0].After.Data = append(p.Changes[0].After.Data, make([]byte, 20000)...)
			before := n.snapshot()
			var st unix.Statfs_t
			n.must(unix.Statfs(n.root, &st))
			n.must(os.WriteFile(n.path("/filler"), make([]byte, int64(st.Bavail)*int64(st.Bsize)-free), 0o600))
			r, err := Run(t.Context(), n.site(), p, Hooks{})
			n.must(os.Remove(n.path("/filler")))
			if err == nil {
				break
			}
			full++
			n.refused(before, unix.ENOSPC, r, err)
		}
		if full < 10 {
			t.Errorf("it was full only %d times", full)
		}
	})
}

func TestARealDiskRunsOutOfInodes(t *testing.T) {
	onSmallDisks(t, func(n node, mount func(string)) {
		full := 0
		for inodes := 26; ; inodes++ {
			mount(fmt.Sprintf("size=1m,nr_inodes=%d", inodes))
			_, p := n.kitchen()
			before := n.snapshot()
			r, err := Run(t.Context(), n.site(), p, Hooks{})
			if err == nil {
				break
			}
			full++
			n.refused(before, unix.ENOSPC, r, err)
		}
		if full < 5 {
			t.Errorf("it was full only %d times", full)
		}
	})
}

func TestARealDiskTurnsReadOnly(t *testing.T) {
	onSmallDisks(t, func(n node, mount func(string)) {
		refused := 0
		for at := 0; ; at++ {
			mount("size=1m")
			_, p := n.kitchen()
			before := n.snapshot()
			// The lock is open for writing all the time, and would keep its disk writable.
			site, calls, turned := Site{Root: n.root, State: t.TempDir()}, 0, false
			site.before = func(call) error {
				if calls == at {
					// So does the file that is being written at the moment.
					turned = unix.Mount("", n.root, "", unix.MS_REMOUNT|unix.MS_RDONLY, "") == nil
				}
				calls++
				return nil
			}
			_, err := Run(t.Context(), site, p, Hooks{})
			n.must(unix.Mount("", n.root, "", unix.MS_REMOUNT, ""))
			if calls <= at {
				break
			}
			if !turned {
				continue
			}
			refused++
			if err != nil && !errors.Is(err, unix.EROFS) {
				t.Errorf("read-only from call %d: %v", at+1, err)
			}
			site.before = nil
			_, again := Recover(t.Context(), site, Hooks{})
			n.must(again)
			if err != nil {
				n.expect(before)
			}
		}
		if refused < 20 {
			t.Errorf("it was read-only only %d times", refused)
		}
	})
}

func TestAFileThatIsAMountIsRefused(t *testing.T) {
	onSmallDisks(t, func(n node, mount func(string)) {
		mount("size=1m")
		n.write("/run/resolv.conf", "a", 0o644)
		n.write("/etc/resolv.conf", "", 0o644)
		n.must(unix.Mount(n.path("/run/resolv.conf"), n.path("/etc/resolv.conf"), "", unix.MS_BIND, ""))
		before := n.snapshot()
		for name, c := range map[string]plan.Change{
			"edit": n.edit("/etc/resolv.conf", "b"), "remove": n.remove("/etc/resolv.conf"), "move": n.rename("/etc/resolv.conf", "/etc/x"),
		} {
			r, err := Run(t.Context(), n.site(), of(name, c), Hooks{})
			if err == nil || !strings.Contains(err.Error(), "a mount of its own") || r.State != RolledBack {
				t.Errorf("%s: %v, %+v", name, err, r)
			}
			n.expect(before)
		}
		n.must(unix.Unmount(n.path("/etc/resolv.conf"), 0))
	})
}

func TestAMoveStaysOnOneDisk(t *testing.T) {
	onSmallDisks(t, func(n node, mount func(string)) {
		mount("size=1m")
		n.write("/etc/a", "a", 0o644)
		n.must(os.Mkdir(n.path("/run"), 0o755))
		n.must(unix.Mount("tmpfs", n.path("/run"), "tmpfs", 0, "size=64k"))
		before := n.snapshot()
		r, err := Run(t.Context(), n.site(), of("x", n.rename("/etc/a", "/run/new/a")), Hooks{})
		if !errors.Is(err, unix.EXDEV) || r.State != RolledBack {
			t.Errorf("got %v, %+v", err, r)
		}
		n.expect(before)
		n.must(unix.Unmount(n.path("/run"), 0))
	})
}

func TestAnImmutableFileIsToldAsSuch(t *testing.T) {
	n := newNode(t)
	n.write("/etc/resolv.conf", "a", 0o644)
	if out, err := exec.Command("chattr", "+i", n.path("/etc/resolv.conf")).CombinedOutput(); err != nil {
		t.Skipf("left out: chattr: %v, %s", err, out)
	}
	t.Cleanup(func() { n.must(exec.Command("chattr", "-i", n.path("/etc/resolv.conf")).Run()) })
	r, err := Run(t.Context(), n.site(), of("x", made("/etc/other", ""), n.edit("/etc/resolv.conf", "b")), Hooks{})
	if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "may be immutable") || r.State != RolledBack {
		t.Errorf("got %v, %+v", err, r)
	}
	if n.read("/etc/other") != "(absent)" {
		t.Error("the rest is not taken back")
	}
}

// nobody is a user without rights.
const nobody = 65534

func asNobody(t *testing.T, test func(node)) {
	t.Helper()
	attr := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		attr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	alone(t, attr, test)
}

func TestAnybodyCanChangeWhatIsTheirs(t *testing.T) {
	asNobody(t, func(n node) {
		_, p := n.kitchen()
		before := n.snapshot()
		_, err := Run(t.Context(), n.site(), p, Hooks{})
		n.must(err)
		_, err = Rollback(t.Context(), n.site(), "", Hooks{})
		n.must(err)
		n.expect(before)
	})
}

func TestWhatIsNotAllowedIsToldAndTakenBack(t *testing.T) {
	asNobody(t, func(n node) {
		_, p := n.kitchen()
		n.must(os.Chmod(n.path("/etc/containerd/certs.d/dead"), 0o555))
		p.Changes[4].Before.Mode = 0o555
		before := n.snapshot()
		r, err := Run(t.Context(), n.site(), p, Hooks{})
		if r.State != RolledBack || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "certs.d/dead/hosts.toml") {
			t.Errorf("got %v, %+v", err, r)
		}
		n.expect(before)
		foreign := made("/etc/foreign", "x")
		foreign.After.UID = 1
		_, err = Run(t.Context(), n.site(), of("x", foreign), Hooks{})
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "chown") {
			t.Errorf("a file of somebody else: %v", err)
		}
		n.expect(before)
	})
}
