package apply

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/source"
)

// kitchen is a node on which every kind of change has something to do.
func kitchen(t *testing.T) (node, plan.Plan) { return newNode(t).kitchen() }

func (n node) kitchen() (node, plan.Plan) {
	n.write("/etc/containerd/config.toml", "version = 2\r\n# mine\r\n", 0o640)
	n.write("/etc/containerd/certs.d/docker/hosts.toml", "server = \"x\"\n", 0o600)
	n.write("/etc/containerd/certs.d/dead/hosts.toml", "dead\n", 0o644)
	n.write("/run/resolve/resolv.conf", "nameserver 192.0.2.1\n", 0o644)
	n.write("/etc/alias.conf", "alias\n", 0o644)
	n.link("../run/resolve/resolv.conf", "/etc/resolv.conf")
	n.link("/etc/alias.conf", "/etc/old-link")
	n.link("/etc/containerd", "/etc/cri")
	n.note("/etc/containerd/config.toml")

	linkBefore, linkAfter := n.see("/etc/old-link"), source.File{Path: "/etc/old-link", Kind: source.Dangling, Link: "alias.conf"}
	hosts := n.see("/etc/containerd/certs.d/docker/hosts.toml")
	hosts.Path = "/etc/containerd/certs.d/docker.io/hosts.toml"
	edited := hosts
	edited.Data, edited.Mode = []byte("server = \"y\"\n"), 0o644
	return n, of("kitchen",
		n.edit("/etc/cri/config.toml", "version = 2\r\n# ours\r\n"),
		n.rename("/etc/containerd/certs.d/docker", "/etc/containerd/certs.d/docker.io"),
		plan.Change{Before: &hosts, After: &edited},
		n.remove("/etc/containerd/certs.d/dead/hosts.toml"),
		n.remove("/etc/containerd/certs.d/dead"),
		n.edit("/etc/resolv.conf", "nameserver 192.0.2.2\n"),
		plan.Change{Before: &linkBefore, After: &linkAfter},
		made("/etc/containerd/certs.d/new.example/sub/hosts.toml", "new\n"),
		linked("/etc/new/link", "/nowhere"),
	)
}

func TestAPlanIsCarriedOutAndTakenBack(t *testing.T) {
	n, p := kitchen(t)
	noted := strings.Contains(n.describe("/etc/containerd/config.toml"), "user.note")
	before := n.snapshot()
	r, err := Run(t.Context(), n.site(), p, Hooks{})
	n.must(err)
	if r.ID != "0001" || r.State != Done || n.states() != "0001 done" {
		t.Errorf("got %+v, %s", r, n.states())
	}
	after := n.snapshot()
	for name, want := range map[string]string{
		"/etc/containerd/config.toml":                        "version = 2\r\n# ours\r\n",
		"/etc/containerd/certs.d/docker.io/hosts.toml":       "server = \"y\"\n",
		"/etc/containerd/certs.d/docker/hosts.toml":          "(absent)",
		"/etc/containerd/certs.d/dead":                       "(absent)",
		"/run/resolve/resolv.conf":                           "nameserver 192.0.2.2\n",
		"/etc/containerd/certs.d/new.example/sub/hosts.toml": "new\n",
	} {
		if got := n.read(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"/etc/resolv.conf": "../run/resolve/resolv.conf", "/etc/old-link": "alias.conf", "/etc/new/link": "/nowhere"} {
		if got, err := os.Readlink(n.path(name)); err != nil || got != want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	if got := n.describe("/etc/containerd/config.toml"); !strings.Contains(got, "file 0640") || noted && !strings.Contains(got, "user.note=00ff") {
		t.Errorf("mode and attributes are lost: %s", got)
	}
	if strings.Contains(strings.Join(keys(after), " "), ".towpath") {
		t.Errorf("something is left: %s", keys(after))
	}
	r, err = Rollback(t.Context(), n.site(), "1", Hooks{})
	n.must(err)
	if r.State != Done || n.states() != "0001 undone, 0002 done" {
		t.Errorf("got %+v, %s", r, n.states())
	}
	n.expect(before)
	if _, err = Rollback(t.Context(), n.site(), "", Hooks{}); !errors.Is(err, ErrNoEntry) {
		t.Errorf("a second rollback: %v", err)
	}
	_, err = Rollback(t.Context(), n.site(), "2", Hooks{})
	n.must(err)
	if diff := same(timeless(after), timeless(n.snapshot())); diff != "" {
		t.Errorf("the rollback of the rollback: %s", diff)
	}
	if n.states() != "0001 done, 0002 undone, 0003 done" {
		t.Error(n.states())
	}
}

func keys(m map[string]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func TestDriftIsRefusedAndNamed(t *testing.T) {
	for name, c := range map[string]struct {
		drift func(node)
		want  string
	}{
		"content":     {func(n node) { n.write("/etc/containerd/config.toml", "other", 0o640) }, "config.toml: content"},
		"mode":        {func(n node) { n.must(os.Chmod(n.path("/etc/containerd/config.toml"), 0o600)) }, "mode 0600 instead of 0640"},
		"gone":        {func(n node) { n.must(os.Remove(n.path("/etc/containerd/config.toml"))) }, "config.toml: it is gone"},
		"behind link": {func(n node) { n.write("/run/resolve/resolv.conf", "other", 0o644) }, "resolv.conf: content"},
		"other link": {func(n node) {
			n.must(os.Remove(n.path("/etc/resolv.conf")))
			n.link("/etc/alias.conf", "/etc/resolv.conf")
		}, `resolv.conf: target "/etc/alias.conf" instead of`},
		"file for link": {func(n node) {
			n.must(os.Remove(n.path("/etc/resolv.conf")))
			n.write("/etc/resolv.conf", "nameserver 192.0.2.1\n", 0o644)
		}, "resolv.conf: it is a file and not a symbolic link"},
		"already there": {func(n node) { n.write("/etc/containerd/certs.d/new.example/sub/hosts.toml", "x", 0o644) }, "hosts.toml: it exists"},
		"move target":   {func(n node) { n.must(os.Mkdir(n.path("/etc/containerd/certs.d/docker.io"), 0o755)) }, "docker.io: it exists"},
		"behind a move": {func(n node) { n.write("/etc/containerd/certs.d/docker/hosts.toml", "other", 0o600) }, "docker.io/hosts.toml: content"},
		"fifo": {func(n node) {
			n.must(os.Remove(n.path("/etc/containerd/config.toml")))
			n.must(syscall.Mkfifo(n.path("/etc/containerd/config.toml"), 0o640))
		}, "it is a special file and not a file"},
	} {
		t.Run(name, func(t *testing.T) {
			n, p := kitchen(t)
			c.drift(n)
			drifted := n.snapshot()
			r, err := Run(t.Context(), n.site(), p, Hooks{})
			if !errors.Is(err, ErrDrift) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if r.ID != "" || n.states() != "" {
				t.Errorf("something was written: %+v, %s", r, n.states())
			}
			n.expect(drifted)
		})
	}
}

func TestDriftOfAttributesCountsWhereSomebodyLooked(t *testing.T) {
	n := newNode(t)
	n.write("/etc/a", "a", 0o644)
	c := n.edit("/etc/a", "b")
	c.Before.Xattrs = map[string][]byte{}
	n.must(syscall.Setxattr(n.path("/etc/a"), "user.new", []byte("x"), 0))
	if _, err := Run(t.Context(), n.site(), of("x", c), Hooks{}); !errors.Is(err, ErrDrift) || !strings.Contains(err.Error(), "extended attributes") {
		t.Error(err)
	}
}

func TestWhatTheKernelComputesIsNoDrift(t *testing.T) {
	n := newNode(t)
	n.write("/etc/a", "a", 0o644)
	c := n.edit("/etc/a", "b")
	c.Before.Xattrs = map[string][]byte{"security.ima": {1}}
	c.After.Xattrs = c.Before.Xattrs
	_, err := Run(t.Context(), n.site(), of("x", c), Hooks{})
	n.must(err)
}

func TestAllDriftIsNamedAtOnce(t *testing.T) {
	n := newNode(t)
	n.write("/etc/a", "a", 0o644)
	n.write("/etc/b", "b", 0o644)
	p := of("x", n.edit("/etc/a", "1"), n.edit("/etc/b", "2"))
	n.write("/etc/a", "x", 0o644)
	n.must(os.Remove(n.path("/etc/b")))
	_, err := Run(t.Context(), n.site(), p, Hooks{})
	if err == nil || !strings.Contains(err.Error(), "/etc/a: content") || !strings.Contains(err.Error(), "/etc/b: it is gone") {
		t.Error(err)
	}
}

func TestRollbackRefusesWhatChangedSince(t *testing.T) {
	n, p := kitchen(t)
	_, err := Run(t.Context(), n.site(), p, Hooks{})
	n.must(err)
	n.write("/etc/containerd/certs.d/docker.io/hosts.toml", "mine now", 0o644)
	n.must(os.Chmod(n.path("/run/resolve/resolv.conf"), 0o600))
	changed := n.snapshot()
	_, err = Rollback(t.Context(), n.site(), "", Hooks{})
	if !errors.Is(err, ErrDrift) || !strings.Contains(err.Error(), "docker.io/hosts.toml: content") || !strings.Contains(err.Error(), "/run/resolve/resolv.conf: mode") {
		t.Error(err)
	}
	n.expect(changed)
	if n.states() != "0001 done" {
		t.Error(n.states())
	}
}

func TestDirectoriesThatCameAlongStayWhenUsed(t *testing.T) {
	n := newNode(t)
	n.must(os.Mkdir(n.path("/etc"), 0o755))
	_, err := Run(t.Context(), n.site(), of("x", made("/etc/a/b/c", "c")), Hooks{})
	n.must(err)
	n.write("/etc/a/mine", "m", 0o644)
	_, err = Rollback(t.Context(), n.site(), "", Hooks{})
	n.must(err)
	if got := strings.Join(keys(n.snapshot()), " "); got != "/etc /etc/a /etc/a/mine" {
		t.Error(got)
	}
}

func TestAFailedCheckPutsEverythingBack(t *testing.T) {
	n, p := kitchen(t)
	p.Restart = []plan.Restart{{Unit: "containerd.service", Why: "config.toml"}}
	before := n.snapshot()
	var calls []string
	site := Site{Root: "/", State: n.path("/state"), before: nil}
	hooks := Hooks{
		Restart: func(_ context.Context, r plan.Restart) error {
			calls = append(calls, r.Unit+" "+strings.TrimSpace(n.read("/etc/containerd/certs.d/new.example/sub/hosts.toml")))
			return nil
		},
		Check: func(context.Context) error { return errors.New("the runtime does not answer") },
	}
	r, err := Run(t.Context(), site, n.absolute(p), hooks)
	if err == nil || err.Error() != "the runtime does not answer" || r.State != RolledBack {
		t.Errorf("got %v, %+v", err, r)
	}
	if got := strings.Join(calls, ", "); got != "containerd.service new, containerd.service (absent)" {
		t.Error(got)
	}
	n.must(os.RemoveAll(n.path("/state")))
	n.expect(before)
}

// absolute is a plan for the machine's own tree. Absolute links of the node
// do not work there.
func (n node) absolute(p plan.Plan) plan.Plan {
	var out []plan.Change
	for _, c := range p.Changes {
		for _, f := range []**source.File{&c.Before, &c.After} {
			if *f != nil {
				moved := **f
				moved.Path = n.path(strings.Replace(moved.Path, "/etc/cri/", "/etc/containerd/", 1))
				*f = &moved
			}
		}
		out = append(out, c)
	}
	p.Changes = out
	return p
}

func TestAFailedRestartPutsEverythingBackAndBothErrorsCount(t *testing.T) {
	n, p := kitchen(t)
	p.Restart = []plan.Restart{{Unit: "a.service"}, {Unit: "b.service"}}
	before := n.snapshot()
	hooks := Hooks{
		Restart: func(_ context.Context, r plan.Restart) error {
			if r.Unit == "b.service" {
				return errors.New("exit status 1")
			}
			return nil
		},
		Check: func(context.Context) error { t.Error("checked all the same"); return nil },
	}
	site := Site{State: n.path("/state")}
	r, err := Run(t.Context(), site, n.absolute(p), hooks)
	if err == nil || err.Error() != "restart b.service: exit status 1\nwith the old files: restart b.service: exit status 1" {
		t.Errorf("got %v", err)
	}
	if r.State != RolledBack || len(r.Restart) != 1 || r.Restart[0].Unit != "b.service" {
		t.Errorf("got %+v", r)
	}
	n.must(os.RemoveAll(n.path("/state")))
	n.expect(before)
}

func TestUnderAnotherRootNothingIsRunOrRestarted(t *testing.T) {
	n, p := kitchen(t)
	p.Restart = []plan.Restart{{Unit: "containerd.service"}}
	p.Command = []plan.Command{{Do: []string{"update-ca-certificates"}}}
	hooks := Hooks{
		Run:     func(context.Context, []string) error { t.Error("run"); return nil },
		Restart: func(context.Context, plan.Restart) error { t.Error("restarted"); return nil },
	}
	r, err := Run(t.Context(), Site{Root: n.root}, p, hooks)
	if err != nil || r.State != Done || len(r.Restart) != 1 || len(r.Run) != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestCancelledAnywhereNothingIsHalf(t *testing.T) {
	for at := 0; ; at++ {
		n, p := newFastNode(t).kitchen()
		before := n.snapshot()
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		site := n.site()
		site.before = func(call) error {
			if calls == at {
				cancel()
			}
			calls++
			return nil
		}
		r, err := Run(ctx, site, p, Hooks{})
		cancel()
		if calls <= at {
			return
		}
		switch {
		case err == nil && r.State == Done:
		case errors.Is(err, context.Canceled):
			n.expect(before)
		default:
			t.Errorf("cancelled at call %d: %v, %+v", at, err, r)
		}
	}
}

func TestTwoRunsAtOnceAreOneTooMany(t *testing.T) {
	n := newNode(t)
	n.write("/etc/a", "a", 0o644)
	p := of("first run\nof two", n.edit("/etc/a", "b"))
	hooks := Hooks{Check: func(ctx context.Context) error {
		_, err := Run(ctx, n.site(), of("second", made("/etc/b", "b")), Hooks{})
		if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "first run of two") || !strings.Contains(err.Error(), fmt.Sprintf("process %d ", os.Getpid())) {
			t.Errorf("Run: %v", err)
		}
		if _, err := Rollback(ctx, n.site(), "", Hooks{}); !errors.Is(err, ErrLocked) {
			t.Errorf("Rollback: %v", err)
		}
		e, err := Pending(n.site())
		if err != nil || e == nil || e.State != Applying || !strings.Contains(e.Holder, "first run of two") {
			t.Errorf("Pending: %+v, %v", e, err)
		}
		return nil
	}}
	r, err := Run(t.Context(), n.site(), p, hooks)
	if err != nil || r.State != Done {
		t.Errorf("got %+v, %v", r, err)
	}
	e, err := Pending(n.site())
	if e != nil || err != nil {
		t.Errorf("afterwards: %+v, %v", e, err)
	}
	_, err = Run(t.Context(), n.site(), of("third", made("/etc/b", "b")), Hooks{})
	n.must(err)
}

func TestTheLockEndsWithTheRunWhoeverHasACopyOfIt(t *testing.T) {
	n := newNode(t)
	hooks := Hooks{Check: func(context.Context) error {
		open, err := os.ReadDir("/proc/self/fd")
		n.must(err)
		for _, f := range open {
			if target, err := os.Readlink("/proc/self/fd/" + f.Name()); err != nil || target != n.path(defaultState+"/lock") {
				continue
			}
			fd, err := strconv.Atoi(f.Name())
			n.must(err)
			copied, err := syscall.Dup(fd)
			n.must(err)
			t.Cleanup(func() { _ = syscall.Close(copied) })
			return nil
		}
		return errors.New("the lock is not open")
	}}
	_, err := Run(t.Context(), n.site(), of("first", made("/etc/a", "a")), hooks)
	n.must(err)
	_, err = Run(t.Context(), n.site(), of("second", made("/etc/b", "b")), Hooks{})
	n.must(err)
}

func TestAFileThatChangesDuringTheRunIsLeftAlone(t *testing.T) {
	n, p := kitchen(t)
	r, err := Run(t.Context(), n.site(), p, Hooks{Check: func(context.Context) error {
		n.write("/etc/containerd/certs.d/docker.io/hosts.toml", "mine", 0o600)
		return errors.New("not well")
	}})
	if err == nil || r.State != RolledBack || len(r.Left) != 1 || !strings.Contains(r.Left[0], "docker.io/hosts.toml: content") {
		t.Errorf("got %+v, %v", r, err)
	}
	if got := n.read("/etc/containerd/certs.d/docker/hosts.toml"); got != "mine" {
		t.Errorf("got %q", got)
	}
	if got := n.read("/run/resolve/resolv.conf"); got != "nameserver 192.0.2.1\n" {
		t.Errorf("got %q", got)
	}
}

func TestReadersChangeNothing(t *testing.T) {
	n := newNode(t)
	all, err := History(n.site())
	if err != nil || len(all) != 0 {
		t.Errorf("History: %v, %v", all, err)
	}
	e, err := Pending(n.site())
	if err != nil || e != nil {
		t.Errorf("Pending: %v, %v", e, err)
	}
	if _, err := os.Lstat(n.path("/var")); err == nil {
		t.Error("they made a directory")
	}
}

func TestAPlanOfRestartsAloneIsARun(t *testing.T) {
	n := newNode(t)
	var calls int
	hooks := Hooks{Restart: func(context.Context, plan.Restart) error { calls++; return nil }}
	p := plan.Plan{Reason: "restart", Restart: []plan.Restart{{Unit: "x"}}}
	r, err := Run(t.Context(), Site{State: n.path("/state")}, p, hooks)
	if err != nil || r.State != Done || calls != 1 {
		t.Errorf("got %+v, %v, %d calls", r, err, calls)
	}
	r, err = Run(t.Context(), Site{State: n.path("/state")}, plan.Plan{}, hooks)
	if err != nil || r.ID != "" || calls != 1 {
		t.Errorf("an empty plan: %+v, %v, %d calls", r, err, calls)
	}
}

func TestANewFileThroughADanglingLinkIsMadeAtItsTarget(t *testing.T) {
	n := newNode(t)
	n.link("../run/resolv.conf", "/etc/resolv.conf")
	before := n.see("/etc/resolv.conf")
	after := source.File{Path: before.Path, Link: before.Link, Data: []byte("x")}
	_, err := Run(t.Context(), n.site(), of("x", plan.Change{Before: &before, After: &after}), Hooks{})
	n.must(err)
	if got := n.read("/run/resolv.conf"); got != "x" {
		t.Errorf("got %q", got)
	}
	_, err = Rollback(t.Context(), n.site(), "", Hooks{})
	n.must(err)
	if got := strings.Join(keys(n.snapshot()), " "); got != "/etc /etc/resolv.conf" {
		t.Error(got)
	}
}

func TestWhatCannotBeDoneIsSaidBefore(t *testing.T) {
	n := newNode(t)
	n.write("/etc/file", "f", 0o644)
	n.must(os.Mkdir(n.path("/etc/d"), 0o755))
	dir := n.see("/etc/d")
	closed := dir
	closed.Mode = 0o700
	for name, c := range map[string]struct {
		change plan.Change
		want   string
	}{
		"below a file":       {made("/etc/file/x", ""), "/etc/file is a file, not a directory"},
		"mode of directory":  {plan.Change{Before: &dir, After: &closed}, "mode and owner are not changed"},
		"not a path":         {made("etc/x", ""), "not the full path"},
		"into itself":        {n.rename("/etc/d", "/etc/d/e"), "into itself"},
		"name far too long":  {made("/etc/"+strings.Repeat("x", 300), ""), "file name too long"},
		"link not in UTF-8":  {linked("/etc/l", "\xff"), "not UTF-8"},
		"neither before nor": {plan.Change{}, "neither before nor after"},
	} {
		_, err := Run(t.Context(), n.site(), of(name, c.change), Hooks{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n.states() != "" {
		t.Errorf("something was tried: %s", n.states())
	}
}

func TestAControlListStaysInStepWithTheMode(t *testing.T) {
	n := newNode(t)
	n.write("/etc/a", "a", 0o640)
	entry := func(tag, perm byte, id uint32) []byte {
		return []byte{tag, 0, perm, 0, byte(id), byte(id >> 8), byte(id >> 16), byte(id >> 24)}
	}
	const nobody = 0xffffffff
	acl := slices.Concat([]byte{2, 0, 0, 0}, entry(1, 6, nobody), entry(2, 4, 1234), entry(4, 4, nobody), entry(0x10, 4, nobody), entry(0x20, 0, nobody))
	if err := syscall.Setxattr(n.path("/etc/a"), accessList, acl, 0); err != nil {
		t.Skip("left out: this file system has no access control lists: ", err)
	}
	before := n.snapshot()
	c := n.edit("/etc/a", "b")
	c.After.Mode = 0o600
	_, err := Run(t.Context(), n.site(), of("x", c), Hooks{})
	n.must(err)
	_, err = Rollback(t.Context(), n.site(), "", Hooks{})
	n.must(err)
	n.expect(before)
}
