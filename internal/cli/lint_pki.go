package cli

import (
	"time"

	"github.com/towpath-dev/towpath/internal/ca"
	"github.com/towpath-dev/towpath/internal/dialect/all"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/source"
)

// certified judges the files of the command line that are no configuration but
// certificates, keys, or what cfssl makes certificates from: together, as
// towpath ca show does. It gives back the other paths.
func certified(root *node.Root, paths []string) (rest []string, files []source.File, found []finding.Finding) {
	var inputs []ca.Input
	for _, name := range paths {
		f, ok := root.ReadFile(name)
		if !ok || f.Kind != source.Regular || f.Problem != "" || all.Guess(f) != "" {
			rest = append(rest, name)
			continue
		}
		in := ca.Read(f)
		if len(in.Items) == 0 {
			rest = append(rest, name)
			continue
		}
		inputs, files = append(inputs, in), append(files, f)
	}
	if len(inputs) == 0 {
		return rest, nil, nil
	}
	q := ca.Question{Now: time.Now(), Warn: 30, Alarm: 7}
	q.Trust.System = node.ReadPool(root, nil, "/").Certs
	return rest, files, ca.Judge(inputs, q).Findings
}
