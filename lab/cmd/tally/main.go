// Tally makes the output of go test -json readable: a line per package, the
// output of what failed, the tests that were left out and why. It appends its
// counts to a file, for the summary of ./test.
//
//	go test -json ./... | tally NAME FILE
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is one line of test2json.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

// tally is what has been seen so far.
type tally struct {
	out     io.Writer
	summary io.Writer
	name    string
	output  map[string][]string // of tests that have not ended, by package and test
	tests   map[string]int      // passed, by package
	passed  int
	failed  int
	left    int
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go test -json ./... | tally NAME FILE")
		os.Exit(2)
	}
	file, err := os.OpenFile(os.Args[2], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		os.Exit(3)
	}
	t := &tally{out: os.Stdout, summary: file, name: os.Args[1], output: map[string][]string{}, tests: map[string]int{}}
	t.read(os.Stdin)
	t.end()
	if err := file.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		os.Exit(3)
	}
	if t.failed > 0 {
		os.Exit(1)
	}
}

func (t *tally) read(in io.Reader) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(t.out, lines.Text()) // what did not build
			continue
		}
		t.add(e)
	}
}

func (t *tally) add(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		t.output[key] = append(t.output[key], e.Output)
		return
	case "pass", "fail", "skip":
	default:
		return
	}
	if e.Test == "" {
		t.endPackage(e)
		return
	}
	t.endTest(e, t.output[key])
	delete(t.output, key)
}

func (t *tally) endTest(e event, output []string) {
	switch e.Action {
	case "pass":
		t.passed++
		t.tests[e.Package]++
	case "fail":
		t.failed++
		fmt.Fprintf(t.out, "  FAIL %s %s\n", e.Package, e.Test)
		t.print(output)
	case "skip":
		t.left++
		fmt.Fprintf(t.summary, "left-out 1 %s: %s\n", e.Test, reason(output))
	}
	if !strings.Contains(e.Test, "/") {
		fmt.Fprintf(t.summary, "slow %.2f %s %s\n", e.Elapsed, short(e.Package), e.Test)
	}
}

func (t *tally) endPackage(e event) {
	n := t.tests[e.Package]
	switch {
	case e.Action == "fail":
		fmt.Fprintf(t.out, "  FAIL %s\n", e.Package)
		if n == 0 {
			t.failed++ // it did not build, or ended before any test
		}
		t.print(t.output[e.Package+" "])
		t.print(t.output[" "])
	case n > 0:
		fmt.Fprintf(t.out, "  ok   %-40s %4d tests %7.1fs\n", short(e.Package), n, e.Elapsed)
	}
}

func (t *tally) print(output []string) {
	for _, o := range output {
		fmt.Fprint(t.out, "       ", o)
	}
}

func (t *tally) end() {
	fmt.Fprintf(t.summary, "passed %d %s\nfailed %d %s\n", t.passed, t.name, t.failed, t.name)
}

// reason is what a test said when it was skipped.
func reason(output []string) string {
	for _, o := range output {
		text := strings.TrimSpace(o)
		if text != "" && !strings.HasPrefix(text, "===") && !strings.HasPrefix(text, "---") {
			return text
		}
	}
	return "it does not say why"
}

// short is a package without the module's name.
func short(pkg string) string {
	return strings.TrimPrefix(strings.TrimPrefix(pkg, "github.com/towpath-dev/towpath"), "/")
}
