package apply

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/towpath-dev/towpath/internal/plan"
)

// What a run can be doing when it dies.
const (
	applying  = "run"      // a plan is carried out
	failing   = "fail"     // a plan is carried out, its check fails, it is undone
	reversing = "rollback" // a finished entry is taken back
	repairing = "recover"  // an interrupted run is taken back
)

// story is a node and something to do there.
type story struct {
	name, act string
	build     func(node) (node, plan.Plan)
}

func stories() []story {
	return []story{
		{"kitchen", applying, node.kitchen},
		{"kitchen", failing, node.kitchen},
		{"kitchen", reversing, node.kitchen},
		{"moves", applying, node.moves},
		{"moves", reversing, node.moves},
		{"kinds", applying, node.kinds},
		{"kinds", failing, node.kinds},
		{"kinds", reversing, node.kinds},
	}
}

// moves is a plan that goes on working on what it has moved.
func (n node) moves() (node, plan.Plan) {
	n.write("/c/a/f", "f", 0o600)
	n.write("/c/a/g", "g", 0o644)
	n.write("/c/b/f", "b", 0o644)
	edit := n.edit("/c/a/f", "F")
	file := *edit.After
	renamed := file
	renamed.Path = "/c/a/h"
	again := renamed
	again.Path, again.Data = "/d/x/h", []byte("H")
	was := renamed
	was.Path = again.Path
	gone := n.see("/c/a/g")
	gone.Path = "/d/x/g"
	dir, other := n.see("/c/a"), n.see("/c/b")
	to, back := dir, other
	to.Path, back.Path = "/d/x", "/c/a"
	emptied := to
	emptied.Path = "/d/y"
	return n, of("moves",
		edit,
		plan.Change{Before: &file, After: &renamed, Moved: true},
		plan.Change{Before: &dir, After: &to, Moved: true},
		plan.Change{Before: &other, After: &back, Moved: true},
		plan.Change{Before: &was, After: &again},
		plan.Change{Before: &gone},
		plan.Change{Before: &again},
		plan.Change{Before: &to, After: &emptied, Moved: true},
		plan.Change{Before: &emptied},
		made("/d/x/new", "new"),
	)
}

// kinds is a plan of every kind: files of several services, a certificate that a
// tool puts into a bundle, something to switch on, a restart and a reload.
func (n node) kinds() (node, plan.Plan) {
	n.write("/etc/containerd/config.toml", "version = 2\n", 0o644)
	n.write("/etc/docker/daemon.json", "{}\n", 0o600)
	n.write("/anchors/old.crt", "old\n", 0o644)
	n.write("/etc/unwanted", "x", 0o644)
	site := n.site()
	n.must(bundle(site))
	n.must(run(site, "switch", "off"))
	n.must(run(site, "service", "containerd", "/etc/containerd/config.toml"))
	n.must(run(site, "service", "docker", "/etc/docker/daemon.json"))
	p := of("kinds",
		n.edit("/etc/containerd/config.toml", "version = 2\n[plugins]\n"),
		n.edit("/etc/docker/daemon.json", `{"registry-mirrors": []}`),
		made("/anchors/corp.crt", "corp\n"),
		made("/etc/systemd/system/containerd.service.d/http-proxy.conf", "[Service]\n"),
		n.remove("/etc/unwanted"),
	)
	p.Owner = "containerd"
	p.Command = []plan.Command{
		{Do: []string{"bundle"}, Undo: []string{"bundle"}, Why: "the bundle is made of the anchors"},
		{Do: []string{"switch", "on"}, Undo: []string{"switch", "off"}, Why: "the clock"},
	}
	p.Restart = []plan.Restart{{Unit: "containerd"}, {Unit: "docker", Reload: true}}
	return n, p
}

// tools are the programs and services of such a node. Each is interrupted as the
// run itself is.
func tools(site Site) Hooks {
	service := func(_ context.Context, r plan.Restart) error {
		file := "/etc/containerd/config.toml"
		if r.Unit == "docker" {
			file = "/etc/docker/daemon.json"
		}
		return run(site, "service", r.Unit, file)
	}
	return Hooks{Run: func(_ context.Context, args []string) error { return run(site, args...) }, Restart: service, Reload: service}
}

// run runs one tool: its result is there at once or not at all.
func run(site Site, args ...string) error {
	for range 2 { // before it works, and after
		if site.before != nil {
			if err := site.before(call{Op: "run"}); err != nil {
				return err
			}
		}
		var err error
		switch args[0] {
		case "bundle":
			err = bundle(site)
		case "switch":
			err = become(site, "switch", []byte(args[1]))
		case "service":
			data, readErr := os.ReadFile(filepath.Join(site.Root, args[2]))
			err = errors.Join(readErr, become(site, args[1], data))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bundle joins the anchors.
func bundle(site Site) error {
	files, err := filepath.Glob(filepath.Join(site.Root, "anchors/*.crt"))
	var all []byte
	for _, name := range files {
		data, readErr := os.ReadFile(name)
		all, err = append(all, data...), errors.Join(err, readErr)
	}
	return errors.Join(err, become(site, "bundle", all))
}

// become puts a file of a tool in place.
func become(site Site, name string, data []byte) error {
	dir := filepath.Join(site.Root, "tools")
	next := filepath.Join(site.Root, ".next")
	return errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(next, data, 0o644), os.Rename(next, filepath.Join(dir, name)))
}

// ready builds the node and brings it to where the story's act begins.
func (s story) ready(n node) plan.Plan {
	n.Helper()
	n, p := s.build(n)
	if s.act == reversing {
		_, err := Run(context.Background(), n.site(), p, tools(n.site()))
		n.must(err)
	}
	return p
}

// play acts on a node that is ready.
func play(act string, site Site, p plan.Plan) error {
	var err error
	hooks := tools(site)
	switch act {
	case applying:
		hooks.Check = func(context.Context) error { return nil }
		_, err = Run(context.Background(), site, p, hooks)
	case failing:
		hooks.Check = func(context.Context) error { return errUnwell }
		_, err = Run(context.Background(), site, p, hooks)
		if errors.Is(err, errUnwell) {
			err = nil
		}
	case reversing:
		_, err = Rollback(context.Background(), site, "", hooks)
	case repairing:
		_, err = Recover(context.Background(), site, hooks)
	}
	return err
}

var errUnwell = errors.New("not well")

// course is how a story goes when nothing happens: the tree at its start, its
// end and after each step, and how many system calls it takes.
type course struct {
	start, end map[string]string
	allowed    map[string]map[string]bool // by path
	calls      int
}

func (s story) course(t *testing.T) course {
	t.Helper()
	n := newFastNode(t)
	p := s.ready(n)
	c := course{start: n.snapshot(), allowed: map[string]map[string]bool{}}
	var seen []map[string]string
	site := n.site()
	site.before = func(call) error {
		c.calls++
		seen = append(seen, timeless(n.snapshot()))
		return nil
	}
	n.must(play(s.act, site, p))
	c.end = n.snapshot()
	if left := strings.Join(keys(c.end), "\n"); strings.Contains(left, "/.towpath-") {
		t.Fatalf("something is left at the end:\n%s", left)
	}
	seen = append(seen, timeless(c.end))
	for _, shot := range seen {
		for name := range shot {
			c.allowed[name] = map[string]bool{}
		}
	}
	for name, states := range c.allowed {
		for _, shot := range seen {
			states[shot[name]] = true // "" where it is absent
		}
	}
	return c
}

// whole fails the test when a path is in a state in which the story never has it.
func (c course) whole(n node) {
	n.Helper()
	got := timeless(n.snapshot())
	for name := range got {
		if c.allowed[name] == nil && !strings.Contains(name, "/.towpath-") {
			n.Errorf("%s should not be there", name)
		}
	}
	for name, states := range c.allowed {
		if !strings.Contains(name, "/.towpath-") && !states[got[name]] {
			n.Errorf("%s is neither old nor new: %q", name, got[name])
		}
	}
}

// settled fails the test unless the tree is whole again: as it was at the start
// or, where that was acknowledged, as at the end.
func (c course) settled(n node, done bool) {
	n.Helper()
	if done {
		if diff := same(timeless(c.end), timeless(n.snapshot())); diff != "" {
			n.Errorf("after it was done: %s", diff)
		}
		return
	}
	if diff := same(c.start, n.rebased(c.start)); diff != "" {
		n.Errorf("after it was taken back: %s", diff)
	}
}

// rebased is a snapshot without times where those of the start cannot be known:
// a story that begins with a run gives its files the time of that run.
func (n node) rebased(start map[string]string) map[string]string {
	n.Helper()
	got := n.snapshot()
	for name, text := range got {
		if w, ok := start[name]; ok && timeless(map[string]string{"": w})[""] == timeless(map[string]string{"": text})[""] && !strings.Contains(w, "2025-01-02") {
			got[name] = w
		}
	}
	return got
}

// repair takes back what was interrupted. Nobody else was there, so nothing may
// be reported as changed by others.
func (n node) repair() {
	n.Helper()
	all, err := Recover(context.Background(), n.site(), tools(n.site()))
	n.must(err)
	for _, r := range all {
		if len(r.Left) > 0 || r.State != RolledBack {
			n.Errorf("put right as %+v", r)
		}
	}
}

// die is a hook after which nothing reaches the disk any more, as if the
// process were gone.
func die(at int) func(call) error {
	calls := 0
	return func(call) error {
		calls++
		if calls > at {
			return errors.New("dead")
		}
		return nil
	}
}

func TestWhereverItDiesTheNextRunPutsItRight(t *testing.T) {
	for _, s := range stories() {
		t.Run(s.name+" "+s.act, func(t *testing.T) {
			t.Parallel()
			c := s.course(t)
			for at := range c.calls {
				n := newFastNode(t)
				p := s.ready(n)
				site := n.site()
				site.before = die(at)
				_ = play(s.act, site, p)
				c.whole(n)
				entries := n.states()
				n.repair()
				c.settled(n, s.acknowledged(entries))
				if t.Failed() {
					t.Fatalf("died before call %d of %d, left %q, then %q", at+1, c.calls, entries, n.states())
				}
				os.RemoveAll(n.root)
			}
		})
	}
}

// acknowledged tells whether the journal says that the act came to its end.
func (s story) acknowledged(entries string) bool {
	switch s.act {
	case applying:
		return strings.HasSuffix(entries, string(Done))
	case reversing:
		return strings.HasSuffix(entries, "0002 "+string(Done))
	}
	return false
}

func TestItMayDieAgainWhileItIsPutRight(t *testing.T) {
	for _, s := range stories() {
		t.Run(s.name+" "+s.act, func(t *testing.T) {
			t.Parallel()
			c := s.course(t)
			for at := 0; at < c.calls; at += 7 {
				for again := 0; ; again += 3 {
					n := newFastNode(t)
					p := s.ready(n)
					site := n.site()
					site.before = die(at)
					_ = play(s.act, site, p)
					site.before = die(again)
					err := play(repairing, site, p)
					c.whole(n)
					entries := n.states()
					n.repair()
					c.settled(n, s.acknowledged(entries))
					if t.Failed() {
						t.Fatalf("died before call %d of %d, then before call %d: %q", at+1, c.calls, again+1, entries)
					}
					os.RemoveAll(n.root)
					if err == nil {
						break
					}
				}
			}
		})
	}
}

// The same with a real process and a real SIGKILL. One plan will do: what differs
// between plans is the subject of the test above.
func TestKilledProcesses(t *testing.T) {
	points := 0
	for _, s := range stories() {
		if s.name == "moves" {
			continue
		}
		c := s.course(t)
		points += c.calls
		t.Run(s.name+" "+s.act, func(t *testing.T) {
			t.Parallel()
			for at := range c.calls {
				n := newFastNode(t)
				p := s.ready(n)
				killed := n.kill(s.act, p, at)
				c.whole(n)
				entries := n.states()
				if e, err := Pending(n.site()); err != nil || e != nil && e.Holder != "" {
					t.Errorf("pending: %+v, %v", e, err)
				}
				n.repair()
				c.settled(n, s.acknowledged(entries))
				if t.Failed() || !killed {
					t.Fatalf("killed before call %d of %d: %v, %q", at+1, c.calls, killed, entries)
				}
				os.RemoveAll(n.root)
			}
		})
	}
	if points < 300 {
		t.Errorf("only %d points to die at", points)
	}
}

// kill acts in a process of its own, which kills itself before a system call.
func (n node) kill(act string, p plan.Plan, at int) bool {
	n.Helper()
	saved, err := json.Marshal(p)
	n.must(err)
	self, err := os.Executable()
	n.must(err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s %s", actVar, at, act, n.root))
	cmd.Stdin = bytes.NewReader(saved)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		n.Errorf("the process was not killed: %v\n%s", err, out)
		return false
	}
	status := exit.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.Signal() != syscall.SIGKILL {
		n.Errorf("the process ended otherwise: %v\n%s", err, out)
		return false
	}
	return true
}

// killed is the process that kill starts.
func killed(args []string) error {
	at, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	var p plan.Plan
	if err := json.NewDecoder(os.Stdin).Decode(&p); err != nil {
		return err
	}
	calls := 0
	site := Site{Root: args[2], alive: true, before: func(call) error {
		if calls == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		calls++
		return nil
	}}
	return play(args[1], site, p)
}
