package convert_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/towpath-dev/towpath/internal/convert"
	"github.com/towpath-dev/towpath/internal/dialect/all"
	"github.com/towpath-dev/towpath/internal/effective"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// registriesYAML is a registries.yaml with n registries and two mirrors each.
func registriesYAML(n int) []source.File {
	var doc bytes.Buffer
	doc.WriteString("mirrors:\n")
	for i := range n {
		fmt.Fprintf(&doc, "  r%05d.example:\n    endpoint:\n      - https://m%05d.example\n      - https://n%05d.example\n", i, i, i)
	}
	return []source.File{{Path: "/etc/rancher/k3s/registries.yaml", Data: doc.Bytes(), Mode: 0o600}}
}

// BenchmarkTenThousandRegistries converts them to each dialect, and back.
func BenchmarkTenThousandRegistries(b *testing.B) {
	from, _ := all.Named("k3s")
	files := registriesYAML(10000)
	source := effective.Target(route.Target{Runtime: "k3s"})
	for _, to := range all.Dialects {
		if to.Render == nil {
			continue
		}
		target := effective.Target(route.Target{Runtime: to.Name})
		job := convert.Job{From: from, To: to, Source: source, Target: target, Files: files}
		var there convert.Result
		b.Run("k3s-to-"+to.Name, func(b *testing.B) {
			for b.Loop() {
				var err error
				if there, err = convert.Run(job); err != nil {
					b.Skip(err)
				}
			}
		})
		if len(there.Files) == 0 {
			continue
		}
		back := convert.Job{From: to, To: from, Source: target, Target: source, Files: there.Files}
		b.Run(to.Name+"-to-k3s", func(b *testing.B) {
			for b.Loop() {
				if _, err := convert.Run(back); err != nil {
					b.Skip(err)
				}
			}
		})
	}
}
