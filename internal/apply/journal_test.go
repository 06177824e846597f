package apply

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/plan"
)

func (n node) journal(name string) string { return n.path(defaultState + "/journal/" + name) }

// interrupted is a node with one finished entry and one that was killed.
func interrupted(t *testing.T) node {
	n := newFastNode(t)
	n.write("/etc/first", "1", 0o644)
	n.write("/etc/a", "old", 0o644)
	_, err := Run(t.Context(), n.site(), of("first", n.edit("/etc/first", "2")), Hooks{})
	n.must(err)
	site := n.site()
	site.before = die(30)
	_, _ = Run(t.Context(), site, of("second", n.edit("/etc/a", "new"), made("/etc/b", "b")), Hooks{})
	if n.states() != "0001 done, 0002 applying" {
		t.Fatal(n.states())
	}
	return n
}

func TestADamagedJournalIsNamedAndNothingIsLost(t *testing.T) {
	unknown := fmt.Sprintf("%-*s", textSize, "explode 7")
	for name, c := range map[string]struct {
		file   string
		damage func([]byte) []byte
		want   string
	}{
		"cut off":            {"0002.json", func(d []byte) []byte { return d[:len(d)/2] }, "damaged or cut off"},
		"empty":              {"0002.json", func([]byte) []byte { return nil }, "damaged or cut off"},
		"one byte":           {"0002.json", func(d []byte) []byte { return bytes.Replace(d, []byte("bmV3"), []byte("bmV4"), 1) }, "checksum differs"},
		"newer":              {"0002.json", func(d []byte) []byte { return bytes.Replace(d, []byte("/v1"), []byte("/v2"), 1) }, "this version knows towpath/journal/v1"},
		"something else":     {"0002.json", func([]byte) []byte { return []byte(`{"name": "x"}`) }, "no journal entry"},
		"another entry":      {"0002.json", func(d []byte) []byte { return reseal(d, `"id":"0002"`, `"id":"0007"`) }, "it says that it is entry 0007"},
		"a new field":        {"0002.json", func(d []byte) []byte { return reseal(d, `"id":`, `"later":1,"id":`) }, "unknown field"},
		"a step of nothing":  {"0002.json", func(d []byte) []byte { return reseal(d, `"path":"/etc/a"`, `"path":""`) }, "without a meaning"},
		"a way out":          {"0002.json", func(d []byte) []byte { return reseal(d, `"path":"/etc/a"`, `"path":"/etc/../../a"`) }, "the path"},
		"a name with a way":  {"0002.json", func(d []byte) []byte { return reseal(d, `"token":"`, `"token":"../`) }, "the token"},
		"a device":           {"0002.json", func(d []byte) []byte { return reseal(d, `"shape":"file"`, `"shape":"special file"`) }, "special file"},
		"progress cut off":   {"0002.log", func(d []byte) []byte { return d[:len(d)-7] }, "its end is missing"},
		"progress empty":     {"0002.log", func([]byte) []byte { return nil }, "its end is missing"},
		"progress flipped":   {"0002.log", func(d []byte) []byte { d[1] ^= 1; return d }, "it is damaged"},
		"a hole in progress": {"0002.log", func(d []byte) []byte { return append(append([]byte{}, blankLine...), d...) }, "it is damaged"},
		"unknown progress": {"0002.log", func(d []byte) []byte {
			return append(fmt.Appendf(nil, "%s %08x\n", unknown, crc32.ChecksumIEEE([]byte(unknown))), d[lineSize:]...)
		}, `"explode 7" is no mark`},
		"progress of another": {"0002.log", func(d []byte) []byte { return append(mark{doing, 99}.line(), d[lineSize:]...) }, "does not belong to its .log"},
	} {
		t.Run(name, func(t *testing.T) {
			n := interrupted(t)
			data, err := os.ReadFile(n.journal(c.file))
			n.must(err)
			damaged := c.damage(bytes.Clone(data))
			if bytes.Equal(data, damaged) {
				t.Fatal("nothing is damaged")
			}
			n.must(os.WriteFile(n.journal(c.file), damaged, 0o600))
			before := n.snapshot()
			_, run := Run(t.Context(), n.site(), of("third", made("/etc/c", "c")), Hooks{})
			_, rollback := Rollback(t.Context(), n.site(), "1", Hooks{})
			_, pending := Pending(n.site())
			all, history := History(n.site())
			for what, err := range map[string]error{"run": run, "rollback": rollback, "pending": pending, "history": history} {
				if !errors.Is(err, ErrJournal) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), n.journal("0002.")) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if !strings.Contains(run.Error(), "then move "+n.journal("0002.*")+" away") {
				t.Errorf("it does not say what to do: %v", run)
			}
			if len(all) != 1 || all[0].ID != "0001" {
				t.Errorf("the others: %+v", all)
			}
			n.expect(before)
			if got, err := os.ReadFile(n.journal(c.file)); err != nil || !bytes.Equal(got, damaged) {
				t.Errorf("the damaged file changed: %v", err)
			}
		})
	}
}

// reseal alters an entry and gives it a checksum that fits.
func reseal(data []byte, old, new string) []byte {
	var s sealed
	if err := json.Unmarshal(data, &s); err != nil {
		panic(err)
	}
	return sealedText(bytes.Replace(s.Entry, []byte(old), []byte(new), 1))
}

// sealedText is an entry on disk, whatever is in it.
func sealedText(body []byte) []byte {
	sum := sha256.Sum256(body)
	return fmt.Appendf(nil, `{"schema":%q,"sha256":"%x","entry":%s}`, schema, sum, body)
}

func TestADamagedEntryOfAFinishedRunBlocksOnlyItsRollback(t *testing.T) {
	n := newFastNode(t)
	n.write("/etc/a", "a", 0o644)
	_, err := Run(t.Context(), n.site(), of("first", n.edit("/etc/a", "b")), Hooks{})
	n.must(err)
	n.must(os.Truncate(n.journal("0001.json"), 100))
	if _, err := Rollback(t.Context(), n.site(), "1", Hooks{}); !errors.Is(err, ErrJournal) {
		t.Error(err)
	}
	if e, err := Pending(n.site()); e != nil || err != nil {
		t.Errorf("%v, %v", e, err)
	}
	_, err = Run(t.Context(), n.site(), of("second", n.edit("/etc/a", "c")), Hooks{})
	n.must(err)
	_, err = Rollback(t.Context(), n.site(), "2", Hooks{})
	n.must(err)
	if n.read("/etc/a") != "b" {
		t.Error(n.read("/etc/a"))
	}
}

func TestStrangersInTheJournalAreIgnored(t *testing.T) {
	n := interrupted(t)
	for _, name := range []string{"README", "0003.json.bak", ".0004.json.new", "x.json", "0005.log", "0000.json"} {
		n.must(os.WriteFile(n.journal(name), []byte("?"), 0o600))
	}
	r, err := Run(t.Context(), n.site(), of("third", made("/etc/c", "c")), Hooks{})
	n.must(err)
	if r.ID != "0003" || len(r.Recovered) != 1 || r.Recovered[0].ID != "0002" || r.Recovered[0].State != RolledBack {
		t.Errorf("got %+v", r)
	}
	n.must(os.Mkdir(n.journal("0009.json"), 0o700))
	if _, err := Run(t.Context(), n.site(), of("fourth", made("/etc/d", "d")), Hooks{}); !errors.Is(err, ErrJournal) || !strings.Contains(err.Error(), "0009.json: it is a directory") {
		t.Error(err)
	}
}

func TestPendingTellsOfAnInterruptedRun(t *testing.T) {
	n := interrupted(t)
	e, err := Pending(n.site())
	n.must(err)
	if e == nil || e.ID != "0002" || e.Reason != "second" || e.State != Applying || e.Holder != "" || !reflect.DeepEqual(e.Files, []string{"/etc/a", "/etc/b"}) {
		t.Errorf("got %+v", e)
	}
	got, err := Recover(t.Context(), n.site(), Hooks{})
	n.must(err)
	if len(got) != 1 || got[0].ID != "0002" || got[0].State != RolledBack || n.read("/etc/a") != "old" {
		t.Errorf("got %+v, %q", got, n.read("/etc/a"))
	}
	if got, err := Recover(t.Context(), n.site(), Hooks{}); err != nil || len(got) != 0 {
		t.Errorf("again: %+v, %v", got, err)
	}
}

func TestWhatSomebodyChangedAfterTheCrashIsLeftAlone(t *testing.T) {
	n := newFastNode(t)
	n.write("/etc/a", "old a", 0o644)
	n.write("/etc/b", "old b", 0o644)
	site := n.site()
	dead := false
	site.before = func(c call) error {
		if dead = dead || c.Op == "write" && strings.HasPrefix(string(c.Data), "done"); dead {
			return errors.New("dead")
		}
		return nil
	}
	_, _ = Run(t.Context(), site, of("x", n.edit("/etc/a", "new a"), n.edit("/etc/b", "new b")), Hooks{})
	n.write("/etc/b", "somebody's b", 0o644)
	got, err := Recover(t.Context(), n.site(), Hooks{})
	n.must(err)
	if len(got) != 1 || len(got[0].Left) != 1 || got[0].Left[0] != "/etc/b: content" || got[0].State != RolledBack {
		t.Errorf("got %+v", got)
	}
	if n.read("/etc/a") != "old a" || n.read("/etc/b") != "somebody's b" {
		t.Errorf("got %q, %q", n.read("/etc/a"), n.read("/etc/b"))
	}
}

func TestAnInterruptedRestartIsRepeatedWithTheOldFiles(t *testing.T) {
	n := newFastNode(t)
	n.write("/a", "old", 0o644)
	before := n.see("/a")
	before.Path = n.path("/a")
	after := before
	after.Data = []byte("new")
	dead := false
	site := Site{State: n.path("/state"), before: func(call) error {
		if dead {
			return errors.New("dead")
		}
		return nil
	}}
	p := plan.Plan{Reason: "x", Changes: []plan.Change{{Before: &before, After: &after}}, Restart: []plan.Restart{{Unit: "k3s"}}}
	var calls []string
	hooks := Hooks{Restart: func(_ context.Context, r plan.Restart) error {
		calls = append(calls, r.Unit+" "+n.read("/a"))
		return nil
	}}
	_, _ = Run(t.Context(), site, p, Hooks{Restart: func(c context.Context, r plan.Restart) error {
		dead = true
		return hooks.Restart(c, r)
	}})
	site.before = nil
	got, err := Recover(t.Context(), site, hooks)
	n.must(err)
	if strings.Join(calls, ", ") != "k3s new, k3s old" || len(got) != 1 || len(got[0].Restart) != 0 {
		t.Errorf("got %s, %+v", calls, got)
	}
}

func TestTheJournalIsClosedToOthers(t *testing.T) {
	n := newFastNode(t)
	n.must(os.MkdirAll(n.journal(""), 0o755))
	n.must(os.Chmod(n.journal(""), 0o755))
	_, err := Run(t.Context(), n.site(), of("x", made("/etc/a", "a")), Hooks{})
	n.must(err)
	n.must(filepath.WalkDir(n.journal(""), func(name string, d fs.DirEntry, err error) error {
		n.must(err)
		st, err := d.Info()
		n.must(err)
		if st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, st.Mode())
		}
		return nil
	}))
	if os.Geteuid() != 0 {
		return
	}
	n.must(os.Chown(n.journal(""), nobody, nobody))
	if _, err := Run(t.Context(), n.site(), of("x", made("/etc/b", "b")), Hooks{}); err == nil || !strings.Contains(err.Error(), "belongs to user 65534") {
		t.Error(err)
	}
}

func TestEntriesAreCountedAndTypedByPeople(t *testing.T) {
	n := newFastNode(t)
	n.must(os.MkdirAll(n.journal(""), 0o700))
	e := &entry{ID: "9999", Steps: []step{{Path: "/x", New: &object{Shape: file}}}}
	data, err := e.encode()
	n.must(err)
	n.must(os.WriteFile(n.journal("9999.json"), data, 0o600))
	n.must(os.WriteFile(n.journal("9999.log"), append(mark{verb: finished}.line(), blankProgress(1)...), 0o600))
	r, err := Run(t.Context(), n.site(), of("x", made("/etc/a", "a")), Hooks{})
	n.must(err)
	if r.ID != "10000" || n.states() != "9999 done, 10000 done" {
		t.Errorf("got %+v, %s", r, n.states())
	}
	for _, id := range []string{"0", "-1", "x", "10001", "../10000"} {
		if _, err := Rollback(t.Context(), n.site(), id, Hooks{}); !errors.Is(err, ErrNoEntry) {
			t.Errorf("%q: %v", id, err)
		}
	}
	_, err = Rollback(t.Context(), n.site(), "010000", Hooks{})
	n.must(err)
}

func TestSecretsAreNeverOpenToOthers(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	const canary = "Hunter2Canary"
	n := newFastNode(t)
	n.write("/etc/registries.yaml", canary+" old", 0o600)
	p := of("a reason", n.edit("/etc/registries.yaml", canary+" new"), made("/etc/new.json", canary))
	p.Changes[1].After.Mode = 0o600
	looks := 0
	look := func(call) error {
		looks++
		return filepath.WalkDir(n.root, func(name string, d fs.DirEntry, err error) error {
			n.must(err)
			if !d.Type().IsRegular() {
				return nil
			}
			data, err := os.ReadFile(name)
			n.must(err)
			st, err := os.Lstat(name)
			n.must(err)
			if holds := bytes.Contains(data, []byte(canary)) || strings.Contains(name, defaultState); holds && st.Mode().Perm()&0o077 != 0 {
				t.Errorf("before call %d %s has mode %v", looks, name, st.Mode())
			}
			return nil
		})
	}
	site := n.site()
	site.before = look
	r, err := Run(t.Context(), site, p, Hooks{})
	n.must(err)
	all, err := History(site)
	n.must(err)
	_, broken := Rollback(t.Context(), site, "7", Hooks{})
	n.write("/etc/new.json", canary+" drift", 0o600)
	_, drifted := Rollback(t.Context(), site, "", Hooks{})
	if said := fmt.Sprintf("%+v %+v %v %v", r, all, broken, drifted); strings.Contains(said, canary) {
		t.Error(said)
	}
	n.write("/etc/new.json", canary, 0o600)
	_, err = Rollback(t.Context(), site, "", Hooks{})
	n.must(err)
	if looks < 60 {
		t.Errorf("only %d looks", looks)
	}
}

func TestProgressReadsBackWhatWasWritten(t *testing.T) {
	want := []mark{{doing, 0}, {doing, 12345}, {verb: restarting}, {verb: checking}, {undoing, 1}, {verb: returning}, {verb: undone}, {verb: finished}}
	var data []byte
	for _, m := range want {
		data = append(data, m.line()...)
	}
	data = append(data, blankProgress(0)...)
	got, err := parseProgress(data)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for cut := range lineSize - 1 {
		torn := bytes.Clone(data)
		last := len(want) * lineSize
		copy(torn[last:], mark{undoing, 7}.line()[:cut])
		if got, err := parseProgress(torn); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("torn after %d bytes: %v, %v", cut, got, err)
		}
	}
}

func FuzzProgress(f *testing.F) {
	f.Add(blankProgress(1))
	f.Add(append(mark{doing, 0}.line(), blankLine...))
	f.Fuzz(func(t *testing.T, data []byte) {
		marks, err := parseProgress(data)
		if err != nil {
			return
		}
		var again []byte
		for _, m := range marks {
			again = append(again, m.line()...)
		}
		if !bytes.HasPrefix(data, again) {
			t.Fatalf("%q reads as %v", data, marks)
		}
	})
}

func FuzzEntry(f *testing.F) {
	e := &entry{ID: "0001", Time: time.Unix(0, 0), Steps: []step{{Path: "/a", New: &object{Shape: file, Data: []byte{0xff}, Xattrs: map[string][]byte{"user.a": nil}}}}}
	data, err := e.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(sealedText([]byte(`{"steps":[{"path":"/a","to":"/b","old":null}]}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, data := range [][]byte{data, sealedText(data)} {
			e, err := decodeEntry(data)
			if err != nil {
				continue
			}
			e.paths()
			e.reversed()
			again, err := e.encode()
			if err != nil {
				continue
			}
			if back, err := decodeEntry(again); err != nil || !reflect.DeepEqual(back, e) {
				t.Fatalf("%+v comes back as %+v, %v", e, back, err)
			}
		}
	})
}
