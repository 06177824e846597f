package demo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/apply"
	"github.com/towpath-dev/towpath/internal/doctor"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/survey"
	"github.com/towpath-dev/towpath/internal/world"
)

// stage is where a scene is played: the tree of its node and its servers.
type stage struct {
	scene Scene
	dir   string // stands for "/" of the node
	world *world.World
	root  *node.Root
	certs *strings.Replacer // certificates in files, where they are named
}

// raise builds the node in a directory and starts the servers.
func raise(s Scene, dir string) (*stage, error) {
	w, err := world.Play(s.World)
	if err != nil {
		return nil, err
	}
	g := &stage{scene: s, dir: dir, world: w}
	if err := g.build(); err != nil {
		return nil, errors.Join(err, g.clear())
	}
	return g, nil
}

func (g *stage) build() error {
	other, err := world.NewAuthority("Public Web Root X1", time.Now())
	if err != nil {
		return err
	}
	g.certs = strings.NewReplacer("{world CA}\n", string(g.world.PKI.Root.PEM()), "{other CA}\n", string(other.PEM()))
	if err := g.write("node"); err != nil {
		return err
	}
	g.root, err = node.OpenRoot(g.dir)
	return err
}

// write puts the scene's files below a name into the tree.
func (g *stage) write(below string) error {
	for name, text := range g.scene.files {
		rel, ok := strings.CutPrefix(name, below+"/")
		if !ok {
			continue
		}
		file := filepath.Join(g.dir, filepath.FromSlash(rel))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(g.certs.Replace(text)), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// clear ends the servers. The tree goes with the directory that it lies in.
func (g *stage) clear() error {
	if g.root == nil {
		return g.world.Close()
	}
	return errors.Join(g.world.Close(), g.root.Close())
}

// site is where fixes go.
func (g *stage) site() apply.Site { return apply.Site{Root: g.dir} }

// budget bounds a look. The longest wait of a scene is that for a name server
// that does not answer, one second.
const budget = 5 * time.Second

// look is a run of doctor. The survey stays open for those who repair.
func (g *stage) look(ctx context.Context) (Look, *survey.Survey, error) {
	s, v, err := doctor.Look(ctx, doctor.Request{
		Survey: survey.Request{Root: g.root, Runtime: g.scene.Runtime}, Image: g.scene.Image,
		Budget: budget, Platform: "linux/amd64", Dial: g.world.Net.Dial,
	})
	if err != nil {
		return Look{}, nil, err
	}
	d := doctor.Judge(s)
	d.Findings = repair.Resolve(doctor.Repairable(v), d.Findings)
	return Look{s, d}, v, nil
}
