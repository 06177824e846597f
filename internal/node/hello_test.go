package node

import (
	"os"
	"testing"
)

func TestAProgramThatOffersAPostQuantumKeyShare(t *testing.T) {
	open := func() *os.File {
		f, err := os.Open("/proc/self/exe")
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	if classicHello(open(), "") {
		t.Error("this program is built with a Go that offers it")
	}
	if !classicHello(open(), "http2client=0,tlsmlkem=0") {
		t.Error("GODEBUG switches it off")
	}
	if classicHello(nil, "") {
		t.Error("of an unknown program the newer behaviour is assumed")
	}
}
