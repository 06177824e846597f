package k0s_test

import (
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/dialect/k0s"
)

func TestFindings(t *testing.T) {
	dialecttest.Cases(t, k0s.Dialect, "testdata/lint/*.txtar", k0s.Kinds)
	dialecttest.Kinds(t, k0s.Kinds)
}
