package microk8s_test

import (
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/dialect/microk8s"
)

func TestFindings(t *testing.T) {
	dialecttest.Cases(t, microk8s.Dialect, "testdata/lint/*.txtar", microk8s.Kinds)
	dialecttest.Kinds(t, microk8s.Kinds)
}
