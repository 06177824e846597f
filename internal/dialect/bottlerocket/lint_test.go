package bottlerocket_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/bottlerocket"
	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

const tooLarge = "BR011" // found in files that are too long for a case

func TestFindings(t *testing.T) {
	short := slices.DeleteFunc(slices.Clone(bottlerocket.Kinds), func(k finding.Kind) bool { return k.ID == tooLarge })
	dialecttest.Cases(t, bottlerocket.Dialect, "testdata/lint/*.txtar", short)
	dialecttest.Kinds(t, bottlerocket.Kinds)
}

func TestAFileThatIsTooLargeIsSaidToBeUnread(t *testing.T) {
	files := []source.File{{Path: "/x.toml", Data: []byte(strings.Repeat("# a long comment\n", 1<<19))}}
	found := bottlerocket.Parse(files, route.Target{}).Findings
	if len(found) != 1 || found[0].ID != tooLarge {
		t.Errorf("got %+v", found)
	}
}
