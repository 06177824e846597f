// Package report tells how the cases of the lab went: a line for each as it
// ends, what went wrong, and at the end a table of all scenarios.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/lab/internal/containerd"
	"github.com/towpath-dev/towpath/lab/internal/judge"
	"github.com/towpath-dev/towpath/lab/internal/play"
)

// Report collects results.
type Report struct {
	out     io.Writer
	verbose bool
	keep    string
	rows    map[string]map[cell]entry // by scenario
	slow    []timed
	cases   int
	failed  int
	silent  int // cases whose doctor was not called
	unfixed int // cases whose fix was not tried
	total   int
	began   time.Time
	told    time.Time // when progress was last printed
}

// timed is a case by how long it took.
type timed struct {
	name string
	took time.Duration
}

// cell is a place in the table.
type cell struct {
	generation containerd.Generation
	twin       bool
}

type entry struct {
	real, doctor bool // as expected
	asked        bool // doctor was called
}

// Asked is what towpath was asked to do besides the pull.
type Asked struct{ Doctor, Fix bool }

// New starts a report on so many cases. Keep is a directory for everything that
// machines saw; empty: nothing is kept.
func New(out io.Writer, total int, verbose bool, keep string) *Report {
	now := time.Now()
	return &Report{out: out, total: total, verbose: verbose, keep: keep, rows: map[string]map[cell]entry{}, began: now, told: now}
}

// Add adds one case.
func (t *Report) Add(c judge.Case, r play.Result, asked Asked) {
	real := judge.Real(c, r)
	var doctor []string
	if asked.Doctor {
		doctor = judge.Doctor(c, r)
	} else {
		t.silent++
	}
	if asked.Fix {
		doctor = append(doctor, judge.Fix(c, r)...)
	} else if judge.Fixes(c) {
		t.unfixed++
	}
	if t.rows[c.Scenario.Path] == nil {
		t.rows[c.Scenario.Path] = map[cell]entry{}
	}
	t.rows[c.Scenario.Path][cell{c.Generation, c.Twin}] = entry{len(real) == 0, len(doctor) == 0, asked.Doctor}
	t.cases++
	t.slow = append(t.slow, timed{name(c), r.Took})
	bad := append(real, doctor...)
	if len(bad) > 0 {
		t.failed++
	}
	t.line(c, r, bad)
	if t.keep != "" {
		t.save(c, r)
	}
	if time.Since(t.told) > 30*time.Second {
		t.told = time.Now()
		fmt.Fprintf(t.out, "  %d of %d cases, %d not as expected, %.0fs\n", t.cases, t.total, t.failed, time.Since(t.began).Seconds())
	}
}

func (t *Report) line(c judge.Case, r play.Result, bad []string) {
	if len(bad) == 0 && !t.verbose {
		return
	}
	mark := "ok  "
	if len(bad) > 0 {
		mark = "FAIL"
	}
	fmt.Fprintf(t.out, "%s %s (%.1fs)\n", mark, name(c), r.Took.Seconds())
	for _, b := range bad {
		fmt.Fprintf(t.out, "     %s\n", strings.ReplaceAll(b, "\n", "\n     "))
	}
	if r.Err != "" {
		for _, log := range []string{"console", "containerd", "docker"} {
			fmt.Fprintf(t.out, "     %s: %s\n", log, strings.ReplaceAll(tail(r.Logs[log]), "\n", "\n     "))
		}
	}
	if t.verbose {
		fmt.Fprintf(t.out, "     pull ok=%t waiting=%t %.1fs %s\n", r.Pull.OK, r.Pull.Waiting, r.Pull.Took.Seconds(), r.Pull.Text)
		if r.Doctor != nil {
			fmt.Fprintf(t.out, "     doctor %.1fs exit %d\n%s%s\n", r.Doctor.Took.Seconds(), r.Doctor.Exit, r.Doctor.Out, r.Doctor.Raw)
		}
	}
}

// tail is the end of a log.
func tail(log string) string {
	log = strings.TrimSpace(log)
	return log[max(0, len(log)-600):]
}

func name(c judge.Case) string {
	kind := "fault"
	if c.Twin {
		kind = "twin"
	}
	if c.Generation.Engine() {
		return fmt.Sprintf("%s %s on %s %s", c.Scenario.Path, kind, c.Generation, c.Generation.Version())
	}
	return fmt.Sprintf("%s %s on containerd %s", c.Scenario.Path, kind, c.Generation)
}

func (t *Report) save(c judge.Case, r play.Result) {
	dir := filepath.Join(t.keep, strings.ReplaceAll(name(c), " ", "_"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		fmt.Fprintln(t.out, "keep:", err)
		return
	}
	for log, text := range r.Logs {
		os.WriteFile(filepath.Join(dir, log+".log"), []byte(text), 0o644)
	}
	r.Logs = nil
	data, _ := json.MarshalIndent(r, "", "  ")
	os.WriteFile(filepath.Join(dir, "result.json"), data, 0o644)
}

// End prints the table and returns how many cases were not as expected.
func (t *Report) End() int {
	paths := make([]string, 0, len(t.rows))
	width := 0
	for path := range t.rows {
		paths = append(paths, path)
		width = max(width, len(path))
	}
	slices.Sort(paths)
	fmt.Fprintf(t.out, "\n%-*s", width, "scenario: fault and twin, pull and doctor")
	for _, g := range t.columns() {
		fmt.Fprintf(t.out, "  %-11s", g)
	}
	fmt.Fprintln(t.out)
	for _, path := range paths {
		fmt.Fprintf(t.out, "%-*s", width, path)
		for _, g := range t.columns() {
			fmt.Fprintf(t.out, "  %-11s", t.mark(path, cell{g, false})+" "+t.mark(path, cell{g, true}))
		}
		fmt.Fprintln(t.out)
	}
	t.slowest()
	fmt.Fprintf(t.out, "\n%d scenarios, %d cases, %d not as expected, %.0fs\n", len(t.rows), t.cases, t.failed, time.Since(t.began).Seconds())
	return t.failed
}

func (t *Report) slowest() {
	slices.SortFunc(t.slow, func(a, b timed) int { return int(b.took - a.took) })
	fmt.Fprintln(t.out, "\nslowest:")
	for _, s := range t.slow[:min(10, len(t.slow))] {
		fmt.Fprintf(t.out, "%6.1fs  %s\n", s.took.Seconds(), s.name)
	}
}

// Summary writes the counts in the form that ./test adds up.
func (t *Report) Summary(out io.Writer) error {
	_, err := fmt.Fprintf(out, "passed %d cases of the lab\nfailed %d cases of the lab\n", t.cases-t.failed, t.failed)
	if err == nil && t.silent > 0 {
		_, err = fmt.Fprintf(out, "left-out %d calls of doctor in the lab: this towpath has no such command\n", t.silent)
	}
	if err == nil && t.unfixed > 0 {
		_, err = fmt.Fprintf(out, "left-out %d fixes in the lab: doctor of this towpath has no --fix\n", t.unfixed)
	}
	return err
}

// columns are the generations that anything was played on.
func (t *Report) columns() []containerd.Generation {
	return slices.DeleteFunc(slices.Concat(containerd.All, containerd.Engines), func(g containerd.Generation) bool {
		for _, row := range t.rows {
			for at := range row {
				if at.generation == g {
					return false
				}
			}
		}
		return true
	})
}

// mark is one case in five letters: what the pull did, what doctor said.
func (t *Report) mark(path string, at cell) string {
	e, ok := t.rows[path][at]
	if !ok {
		return "-    "
	}
	word := map[bool]string{true: "ok", false: "NO"}
	out := word[e.real]
	if e.asked {
		out += "/" + word[e.doctor]
	}
	return fmt.Sprintf("%-5s", out)
}
