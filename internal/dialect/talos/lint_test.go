package talos_test

import (
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/dialect/talos"
)

func TestFindings(t *testing.T) {
	dialecttest.Cases(t, talos.Dialect, "testdata/lint/*.txtar", talos.Kinds)
	dialecttest.Kinds(t, talos.Kinds)
}
