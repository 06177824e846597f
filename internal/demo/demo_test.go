package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/report"
)

func scenes(t *testing.T) []Scene {
	t.Helper()
	all, err := Scenes()
	if err != nil || len(all) != 5 {
		t.Fatalf("%d scenes, %v", len(all), err)
	}
	return all
}

// once is one play of all scenes, for the tests that look at what came of it.
var once = sync.OnceValues(func() ([]Outcome, error) {
	all, err := Scenes()
	if err != nil {
		return nil, err
	}
	var out []Outcome
	err = Play(context.Background(), all, func(o Outcome) { out = append(out, o) })
	return out, err
})

func played(t *testing.T) []Outcome {
	t.Helper()
	out, err := once()
	if err != nil || len(out) != 5 {
		t.Fatalf("%d outcomes, %v", len(out), err)
	}
	return out
}

func TestEverySceneEndsGreen(t *testing.T) {
	for _, o := range played(t) {
		t.Run(o.Scene.Name, func(t *testing.T) {
			if o.Err != nil || len(o.Acts) != len(o.Scene.Acts) {
				t.Fatalf("%d acts, %v", len(o.Acts), o.Err)
			}
			for i, p := range o.Acts {
				byHand := o.Scene.Acts[i].Hand != ""
				if byHand != p.Plan.Empty() || byHand != (p.Entry == "") || byHand != (p.Back == "") || byHand != (p.Files == 0) {
					t.Errorf("act %d: by hand %v, entries %q and %q, %d files", i+1, byHand, p.Entry, p.Back, p.Files)
				}
			}
			last := o.Acts[len(o.Acts)-1]
			if last.Before.Diagnosis.Verdict != diagnosis.Broken || last.After.Diagnosis.Verdict != diagnosis.Healthy {
				t.Errorf("%s, then %s", last.Before.Diagnosis.Verdict, last.After.Diagnosis.Verdict)
			}
			for _, f := range last.After.Diagnosis.Findings {
				if f.Severity > finding.Info {
					t.Errorf("left: %s %s", f.Code, f.Text)
				}
			}
		})
	}
}

func TestTheRuntimeTellsTheErrorThatDoctorSaw(t *testing.T) {
	for _, o := range played(t) {
		for i, p := range o.Acts {
			if strings.Contains(o.Scene.Acts[i].Sees, "{error}") && lastError(p.Before) == "" {
				t.Errorf("%s, act %d: doctor saw no error", o.Scene.Name, i+1)
			}
			if p.Sees == "" || strings.Contains(p.Sees, "{") || !strings.Contains(p.Sees, lastError(p.Before)) {
				t.Errorf("%s, act %d: %s", o.Scene.Name, i+1, p.Sees)
			}
		}
	}
}

// text is what is printed on 80 columns.
func text(t *testing.T, all []Outcome, env ...string) string {
	t.Helper()
	var b strings.Builder
	term := report.NewTerminal(&b, env)
	term.Narrow(Columns)
	Opening(term)
	for _, o := range all {
		o.Print(term)
	}
	Closing(term, all, time.Second)
	return b.String()
}

func TestTheTextFitsEightyColumnsAndNeedsNoColour(t *testing.T) {
	for _, env := range []string{"LANG=C.UTF-8", "LANG=C"} {
		got := text(t, played(t), env)
		for line := range strings.Lines(got) {
			if w := runewidth.StringWidth(strings.TrimSuffix(line, "\n")); w > Columns {
				t.Errorf("%s: %d columns: %s", env, w, line)
			}
		}
		if strings.Contains(got, "\x1b") {
			t.Errorf("%s: colours without a terminal", env)
		}
		if !strings.HasSuffix(got, "\n$ towpath doctor IMAGE\n") {
			t.Errorf("%s: it does not end with what to run next", env)
		}
	}
}

func TestEachSceneTellsItsStory(t *testing.T) {
	for _, o := range played(t) {
		got := text(t, []Outcome{o}, "LANG=C.UTF-8")
		want := []string{
			o.Scene.Title, "$ crictl pull " + o.Scene.Image, "$ towpath doctor " + o.Scene.Image, "✗ broken", "$ towpath doctor --fix", "✓ healthy",
			"✓ applied, verified by a fresh look", "$ towpath rollback", "✓ rolled back: every file is as it was",
		}
		for _, a := range o.Scene.Acts {
			want = append(want, "✗ error  "+a.Cause)
		}
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: no %q in\n%s", o.Scene.Name, w, got)
			}
		}
	}
}

func TestNoSecretIsTold(t *testing.T) {
	data, err := json.Marshal(NewDocument(played(t), time.Second))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"pull-only", "cm9ib3Q6"} {
		if strings.Contains(text(t, played(t)), secret) || bytes.Contains(data, []byte(secret)) {
			t.Errorf("%s is told", secret)
		}
	}
}

func TestTheDocumentTellsAllThatWasSeen(t *testing.T) {
	data, err := json.Marshal(NewDocument(played(t), time.Second))
	if err != nil {
		t.Fatal(err)
	}
	var d Document
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	if d.Schema != "towpath/v1" || d.Kind != "demo" || !d.Green || len(d.Scenes) != 5 || d.Findings == nil {
		t.Errorf("%+v", d)
	}
	for _, s := range d.Scenes {
		a := s.Acts[len(s.Acts)-1]
		if !s.Green || s.Error != nil || a.Before.Verdict != "broken" || a.After.Verdict != "healthy" || a.ByHand != nil {
			t.Errorf("%s: %+v", s.Name, a)
		}
		if a.Repair.State != "done" || *a.Repair.ID != "0001" || a.Repair.Diff == "" || !a.Rollback.Identical || a.Rollback.ID != "0002" {
			t.Errorf("%s: %+v, %+v", s.Name, a.Repair, a.Rollback)
		}
	}
	if first := d.Scenes[3].Acts[0]; first.ByHand == nil || first.Repair != nil || first.After != nil || first.Rollback != nil {
		t.Errorf("%+v", first)
	}
}

func TestASceneThatDoesNotEndGreenSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Scene)
		why   string
		acts  int
	}{
		"another cause":  {func(s *Scene) { s.Acts[0].Cause = "dns/name-not-found" }, "doctor does not name dns/name-not-found first", 1},
		"nothing wrong":  {func(s *Scene) { s.files["node/etc/hosts"] = "127.0.0.1 localhost\n" }, "doctor finds the pull healthy, not broken", 1},
		"a second fault": {func(s *Scene) { s.files["node/etc/ssl/certs/ca-certificates.crt"] = "{other CA}\n" }, "after the fix doctor finds the pull broken", 1},
		"no image":       {func(s *Scene) { s.Image = "Not An Image" }, "doctor does not name dns/hosts-file-override first", 1},
		"no runtime":     {func(s *Scene) { s.Runtime = "abacus" }, "abacus", 1},
		"no servers":     {func(s *Scene) { s.World.Servers["odd"] = s.World.Servers["nothing"] }, "it has no role", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := scenes(t)[0]
			c.spoil(&s)
			var got []Outcome
			if err := Play(t.Context(), []Scene{s}, func(o Outcome) { got = append(got, o) }); err != nil || len(got) != 1 {
				t.Fatalf("%d outcomes, %v", len(got), err)
			}
			o := got[0]
			if o.Err == nil || !strings.Contains(o.Err.Error(), c.why) || len(o.Acts) != c.acts {
				t.Errorf("%d acts, %v", len(o.Acts), o.Err)
			}
			printed := text(t, got, "LANG=C.UTF-8")
			if !strings.Contains(printed, "✗ this scene does not end well") || !strings.Contains(printed, "Not every pull was mended") {
				t.Error(printed)
			}
			if d := NewDocument(got, 0); d.Green || d.Scenes[0].Green || d.Scenes[0].Error == nil {
				t.Errorf("%+v", d)
			}
		})
	}
}

func TestATreeThatIsNotAsBeforeIsNoticed(t *testing.T) {
	was := tree{"a": "-rw-------1", "b": "d"}
	for name, c := range map[string]struct {
		is  tree
		why string
	}{
		"the same": {tree{"a": "-rw-------1", "b": "d"}, ""},
		"changed":  {tree{"a": "-rw-------2", "b": "d"}, "/a is not as it was"},
		"gone":     {tree{"b": "d"}, "/a is not as it was"},
		"new":      {tree{"a": "-rw-------1", "b": "d", "c": ""}, "/c was left behind"},
	} {
		n, err := was.same(c.is)
		if n != 2 || (err == nil) != (c.why == "") || err != nil && err.Error() != c.why {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
}

// unchanged runs a test and fails if it leaves goroutines or temporary files.
func unchanged(t *testing.T, f func()) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	before := runtime.NumGoroutine()
	f()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("goroutines: %d, then %d\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	unchanged(t, func() {
		n := 0
		if err := Play(t.Context(), scenes(t), func(o Outcome) { n++ }); err != nil || n != 5 {
			t.Errorf("%d scenes, %v", n, err)
		}
	})
}

func TestAnInterruptedPlayLeavesNothingBehind(t *testing.T) {
	unchanged(t, func() {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		// The fourth scene waits for a name server that does not answer.
		err := Play(ctx, scenes(t), func(o Outcome) {
			if o.Scene.Number == 3 {
				time.AfterFunc(100*time.Millisecond, cancel)
			} else if o.Scene.Number > 3 {
				t.Errorf("scene %d was played", o.Scene.Number)
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestATemporaryDirectoryIsFoundElsewhere(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "is", "not", "there"))
	dir, err := workshop()
	if err != nil || !filepath.IsAbs(dir) {
		t.Fatal(dir, err)
	}
	if err := os.Remove(dir); err != nil {
		t.Error(err)
	}
}
