package report

import (
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"

	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// written is what a terminal of 80 columns gets.
func written(print func(*Terminal)) string {
	var b strings.Builder
	print(NewTerminal(&b, []string{"COLUMNS=80", "LANG=C.UTF-8"}))
	return b.String()
}

func TestLongPlacesAndQuotedLinesFitTheTerminal(t *testing.T) {
	const file = "/var/lib/rancher/k3s/agent/etc/containerd/certs.d/r.lan/hosts.toml"
	line := strings.Repeat("镜像", 40)
	f := finding.Kind{Code: "a/b", Text: "short"}.New("harbor.lan", nil).In(source.Pos{File: file, Line: 1, Column: 3})
	s := &snapshot.Snapshot{
		Pull:  &snapshot.Pull{Hops: []snapshot.Hop{{Endpoint: "https://harbor.lan/v2", From: f.At, Resolves: true}}},
		Files: []source.File{{Path: file, Data: []byte(line)}},
	}
	got := written(func(t *Terminal) {
		t.Seen(s, diagnosis.Diagnosis{Verdict: diagnosis.Broken, Findings: []finding.Finding{f}})
	})
	for l := range strings.Lines(got) {
		if w := runewidth.StringWidth(strings.TrimSuffix(l, "\n")); w > 80 {
			t.Errorf("%d columns: %s", w, l)
		}
	}
	if !strings.Contains(got, file+":1") || !strings.Contains(got, "像…") {
		t.Error(got)
	}
}

func TestAPlanNamesEachFileOnce(t *testing.T) {
	was := source.File{Path: "/c/r_5000", Kind: source.Directory}
	is := was
	is.Path = "/c/r_5000_"
	made, empty := source.File{Path: "/c/made", Data: []byte("x\n"), Mode: 0o644}, source.File{Path: "/c/empty", Mode: 0o644}
	p := plan.Plan{Changes: []plan.Change{{Before: &was, After: &is, Moved: true}, {After: &made}, {After: &empty}}}
	const want = `rename from /c/r_5000
rename to /c/r_5000_
new file mode 100644
--- /dev/null
+++ /c/made
@@ -0,0 +1 @@
+x
diff /dev/null /c/empty
new file mode 100644
takes effect at the next pull, without a restart
`
	if got := written(func(t *Terminal) { t.Plan(p) }); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := written(func(t *Terminal) { t.Plan(plan.Plan{}) }); got != "" {
		t.Errorf("an empty plan prints %q", got)
	}
}
