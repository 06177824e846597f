package node

import (
	"fmt"
	"os"
	"testing"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

func TestPortRangesAreReadAsTheKernelWritesThem(t *testing.T) {
	for text, want := range map[string]string{
		"32768-60999": "32768 60999 true", "7": "7 7 true", "": "0 0 false", "9-3": "9 3 false", "a-b": "0 0 false",
	} {
		low, high, ok := bounds(text)
		if got := fmt.Sprint(low, high, ok); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestTheLimitsOfAProcessAreThoseOfTheKernel(t *testing.T) {
	r := openRoot(t, "/")
	found := map[string]snapshot.Limit{}
	for _, l := range Capacity(r, nil, &snapshot.Runtime{PID: os.Getpid()}) {
		found[l.What] = l
	}
	if l := found["files"]; l.Used < 3 || l.Max < l.Used {
		t.Errorf("this process has %d of %d files open", l.Used, l.Max)
	}
	if l := found["ports"]; l.Max < 1 {
		t.Errorf("%d local ports", l.Max)
	}
	held := make([]*os.File, 20)
	for i := range held {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		held[i] = f
	}
	for _, l := range Capacity(r, nil, &snapshot.Runtime{PID: os.Getpid()}) {
		if l.What == "files" && l.Used < found["files"].Used+len(held) {
			t.Errorf("%d files more and %d are counted, before it were %d", len(held), l.Used, found["files"].Used)
		}
	}
}
