package main

import (
	"strings"
	"testing"
)

func TestCountsWhatPassedFailedAndWasLeftOut(t *testing.T) {
	var out, summary strings.Builder
	tl := &tally{out: &out, summary: &summary, name: "tests", output: map[string][]string{}, tests: map[string]int{}}
	tl.read(strings.NewReader(`# something that does not build
{"Action":"output","Package":"p","Test":"TestBad","Output":"bad_test.go:1: wrong\n"}
{"Action":"fail","Package":"p","Test":"TestBad","Elapsed":1.5}
{"Action":"output","Package":"p","Test":"TestRoot","Output":"=== RUN TestRoot\n"}
{"Action":"output","Package":"p","Test":"TestRoot","Output":"    x_test.go:3: it needs root\n"}
{"Action":"skip","Package":"p","Test":"TestRoot"}
{"Action":"pass","Package":"p","Test":"TestGood","Elapsed":0.5}
{"Action":"fail","Package":"p"}
{"Action":"output","Package":"q","Output":"q.go:1: syntax error\n"}
{"Action":"fail","Package":"q"}
`))
	tl.end()
	for _, want := range []string{"# something that does not build", "FAIL p TestBad", "bad_test.go:1: wrong", "FAIL q", "q.go:1: syntax error"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not print %q:\n%s", want, out.String())
		}
	}
	want := "slow 1.50 p TestBad\nleft-out 1 TestRoot: x_test.go:3: it needs root\nslow 0.00 p TestRoot\nslow 0.50 p TestGood\npassed 1 tests\nfailed 2 tests\n"
	if summary.String() != want {
		t.Errorf("summary is\n%swant\n%s", summary.String(), want)
	}
}
