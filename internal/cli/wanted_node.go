package cli

import (
	"slices"

	towpathyaml "github.com/towpath-dev/towpath/internal/dialect/towpath"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/survey"
)

// wish takes up what each towpath.yaml asks of the node itself. Certificates
// that it names are read where the user stands, else on the node.
func (w *wanted) wish(v *survey.Survey) {
	for i, p := range w.foreign {
		if p.Dialect.Name != towpathyaml.Dialect.Name {
			continue
		}
		if t := v.Reading.Table.Target; p.Reading.Table.Target.Runtime == "" {
			w.foreign[i].Reading = p.Dialect.Parse(p.Files, t) // written for no runtime: by the rules of this one
		}
		files := slices.Clone(p.Files)
		for _, name := range towpathyaml.References(files) {
			if f, ok := v.View.Files.ReadFile(name); ok && source.Find(files, name) == nil {
				f.Path = name
				files = append(files, f)
			}
		}
		got, found := towpathyaml.ReadNode(files)
		w.node, w.wholeNode = w.node.With(got), true
		w.refused = append(w.refused, found...)
		w.foreign[i].Reading.Findings = unsaid(w.foreign[i].Reading.Findings, found)
	}
}

// unsaid are the findings of a list that are not in another.
func unsaid(found, said []finding.Finding) []finding.Finding {
	return slices.DeleteFunc(slices.Clone(found), func(f finding.Finding) bool {
		return slices.ContainsFunc(said, func(g finding.Finding) bool { return g.ID == f.ID && g.At == f.At })
	})
}
