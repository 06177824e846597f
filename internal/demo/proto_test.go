package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v4"

	"github.com/towpath-dev/towpath/internal/doctor"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/apply"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/survey"
	"github.com/towpath-dev/towpath/internal/world"
)

type sc struct {
	Name, Title, Runtime, Image string
	Article int
	Acts []struct{ Sees, Hand string }
	World world.Spec
}

func repairable(s *survey.Survey) repair.Node {
	n := repair.Node{Input: s.Input, Files: s.Files, Service: node.Service(s.View.Files, s.Runtime.Unit, s.Runtime.Target.Runtime)}
	for _, f := range append(append([]source.File{}, n.Service.Parts...), n.Service.Env...) {
		if source.Find(n.Files, f.Path) == nil {
			n.Files = append(n.Files, f)
		}
	}
	n.Proxy = func(masked string) route.Secret { return route.NewSecret(masked) }
	return n
}

func TestProto(t *testing.T) {
	all, _ := filepath.Glob("scenes/*.txtar")
	for _, p := range all {
		t.Run(p, func(t *testing.T) {
			a, err := txtar.ParseFile(p)
			if err != nil { t.Fatal(err) }
			var s sc
			if err := yaml.Unmarshal(a.Files[0].Data, &s); err != nil { t.Fatal(err) }
			w, err := world.Play(s.World)
			if err != nil { t.Fatal(err) }
			defer w.Close()
			other, _ := world.NewAuthority("Public Web Root X1", time.Now())
			r := strings.NewReplacer("{world CA}\n", string(w.PKI.Root.PEM()), "{other CA}\n", string(other.PEM()))
			dir := t.TempDir()
			write := func(prefix string) {
				for _, f := range a.Files {
					if name, ok := strings.CutPrefix(f.Name, prefix); ok {
						name = filepath.Join(dir, name)
						os.MkdirAll(filepath.Dir(name), 0o755)
						os.WriteFile(name, []byte(r.Replace(string(f.Data))), 0o600)
					}
				}
			}
			write("node/")
			root, err := node.OpenRoot(dir)
			if err != nil { t.Fatal(err) }
			defer root.Close()
			q := doctor.Request{Survey: survey.Request{Root: root, Runtime: s.Runtime}, Image: s.Image, Budget: 4*time.Second, Dial: w.Net.Dial}
			look := func() {}
			term := report.NewTerminal(os.Stdout, []string{"LANG=C.UTF-8", "COLUMNS=80"})
			for _, act := range append(s.Acts, struct{Sees, Hand string}{}) {
				start := time.Now()
				snap, v, err := doctor.Look(t.Context(), q)
				if err != nil { t.Fatal(err) }
				d := doctor.Judge(snap)
				d.Findings = repair.Resolve(repairable(v), d.Findings)
				fmt.Println("TOOK", time.Since(start))
				term.Doctor(snap, d)
				if act.Sees == "" { break }
				if act.Hand != "" { write("by-hand/"); continue }
				pl, cured := repair.Cure(repairable(v), d.Findings)
				term.Plan(pl)
				fmt.Println(len(cured))
				for _, f := range cured { fmt.Println("CURED", f.Code, f.ID) }
				res, err := apply.Run(t.Context(), apply.Site{Root: dir}, pl, apply.Hooks{})
				fmt.Println(res.State, err)
				v.Close()
			}
			look()
			_ = finding.Error
		})
	}
}
