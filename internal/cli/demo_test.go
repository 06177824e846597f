package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/demo"
	"github.com/towpath-dev/towpath/internal/report"
)

func runDemo(ctx context.Context, args ...string) (status int, out, err string) {
	var o, e bytes.Buffer
	status = Main(ctx, World{Args: append([]string{"demo"}, args...), Env: []string{"LANG=C.UTF-8"}, In: strings.NewReader(""), Out: &o, Err: &e})
	return status, o.String(), e.String()
}

func TestDemoPlaysOneScene(t *testing.T) {
	status, out, err := runDemo(t.Context(), "--scene", "3")
	if status != exitClean || err != "" || !strings.Contains(out, "\n3  ") || strings.Contains(out, "\n4  ") {
		t.Errorf("%d\n%s\n%s", status, out, err)
	}
}

func TestDemoGivesOneDocument(t *testing.T) {
	status, out, errs := runDemo(t.Context(), "--scene", "1", "-o", "json")
	var d demo.Document
	if err := json.Unmarshal([]byte(out), &d); status != exitClean || errs != "" || err != nil || d.Kind != "demo" || len(d.Scenes) != 1 {
		t.Errorf("%d, %v\n%s\n%s", status, err, out, errs)
	}
}

func TestDemoRefusesScenesThatAreNotThere(t *testing.T) {
	for _, n := range []string{"0", "6", "-1", "x"} {
		if status, out, err := runDemo(t.Context(), "--scene", n); status != exitUsage || out != "" || err == "" {
			t.Errorf("--scene %s: %d\n%s\n%s", n, status, out, err)
		}
	}
}

func TestDemoThatIsInterruptedFails(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if status, _, err := runDemo(ctx); status != exitFailed || err != "towpath: interrupted\n" {
		t.Errorf("%d\n%s", status, err)
	}
}

func TestDemoNamesTheScenesThatDoNotEndWell(t *testing.T) {
	all, err := demo.Scenes()
	if err != nil {
		t.Fatal(err)
	}
	all[0].Acts[0].Cause = "dns/name-not-found"
	for _, format := range []report.Format{report.Text, report.JSON} {
		var errs strings.Builder
		a := &app{World: World{Out: io.Discard, Err: &errs}, format: format}
		exit, ok := errors.AsType[exitError](a.demo(t.Context(), all[:1]))
		if !ok || exit.status != exitFailed || exit.err != nil {
			t.Errorf("%+v", exit)
		}
		if want := "towpath: scene 1 (another-server): doctor does not name dns/name-not-found first\n"; errs.String() != want {
			t.Errorf("got %q", errs.String())
		}
	}
}

// A demo into a pipe that nobody reads any more runs in a process of its own:
// that signal would end this one.
func TestDemoTidiesUpWhenItsPagerIsClosed(t *testing.T) {
	if os.Getenv("TOWPATH_TEST_DEMO") != "" {
		os.Exit(Main(context.Background(), World{Args: []string{"demo"}, Out: os.Stdout, Err: os.Stderr}))
	}
	dir := t.TempDir()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs strings.Builder
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	c.Env, c.Stdout, c.Stderr = append(os.Environ(), "TOWPATH_TEST_DEMO=1", "TMPDIR="+dir), w, &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	r.Close()
	_ = c.Wait()
	if c.ProcessState.ExitCode() != exitFailed || errs.String() != "towpath: interrupted\n" {
		t.Errorf("%v: %s", c.ProcessState, errs.String())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
