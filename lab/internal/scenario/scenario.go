// Package scenario reads the lab's scenario files: a story, the node and the
// world it plays in, what must be found, and the healthy twin, which is the
// same node with the one fault removed. It does not play them.
package scenario

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// Scenario is one fault on a node, with its healthy twin.
type Scenario struct {
	Path  string // "tls/other-server/hosts-file": code, then name
	Code  string // "tls/other-server"
	Story string
	Fault Variant
	Twin  Variant
}

// Variant is a node and its world.
type Variant struct {
	Spec  Spec
	Files []File // sorted by name
}

// File is one file of a variant. The first element of its name says what it is
// for: node/… is on the node before anything starts, later/… is written when
// the runtime is up, nft/node and nft/path are packet filter rules.
type File struct {
	Name string
	Data string
}

// The parts of a scenario file that are not files of a variant.
const (
	specName = "scenario.yaml"
	twinName = "twin.yaml"
	twinDir  = "twin/"
)

// Load reads all scenarios below the root of a tree, sorted by path.
func Load(tree fs.FS) ([]Scenario, error) {
	var out []Scenario
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".txtar" {
			return err
		}
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		s, err := Parse(strings.TrimSuffix(name, ".txtar"), data)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, s)
		return nil
	})
	return out, err
}

// Parse reads one scenario. The path gives its code and name.
func Parse(name string, data []byte) (Scenario, error) {
	s := Scenario{Path: name, Code: path.Dir(name)}
	if strings.Count(name, "/") != 2 {
		return s, fmt.Errorf("want area/code/name.txtar")
	}
	a := txtar.Parse(data)
	if s.Story = strings.TrimSpace(string(a.Comment)); s.Story == "" {
		return s, fmt.Errorf("no story: say in the first lines what happened on this node")
	}
	var fault, patch []byte
	files, twins := map[string]string{}, map[string]string{}
	for _, f := range a.Files {
		switch {
		case f.Name == specName:
			fault = f.Data
		case f.Name == twinName:
			patch = f.Data
		case strings.HasPrefix(f.Name, twinDir):
			twins[strings.TrimPrefix(f.Name, twinDir)] = string(f.Data)
		default:
			files[f.Name] = string(f.Data)
		}
	}
	if patch == nil && len(twins) == 0 {
		return s, fmt.Errorf("no healthy twin: write %s or files under %s", twinName, twinDir)
	}
	var err error
	if s.Fault.Spec, err = readSpec(fault); err != nil {
		return s, fmt.Errorf("%s: %w", specName, err)
	}
	if s.Twin.Spec, err = readTwin(fault, patch); err != nil {
		return s, fmt.Errorf("%s: %w", twinName, err)
	}
	if s.Fault.Files, err = sorted(files, nil); err != nil {
		return s, err
	}
	s.Twin.Files, err = sorted(overlay(files, twins), s.Twin.Spec.Without)
	return s, err
}

// overlay returns files with those of the twin over them.
func overlay(files, twins map[string]string) map[string]string {
	out := map[string]string{}
	for name, data := range files {
		out[name] = data
	}
	for name, data := range twins {
		out[name] = data
	}
	return out
}

var kinds = []string{"node/", "later/", "nft/"}

func sorted(files map[string]string, without []string) ([]File, error) {
	for _, name := range without {
		if _, ok := files[name]; !ok {
			return nil, fmt.Errorf("the twin goes without %s, which the scenario does not have", name)
		}
	}
	var out []File
	for name, data := range files {
		if !slices.ContainsFunc(kinds, func(kind string) bool { return strings.HasPrefix(name, kind) }) {
			return nil, fmt.Errorf("file %s is for nothing: want one of %v", name, kinds)
		}
		if !slices.Contains(without, name) {
			out = append(out, File{name, data})
		}
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Difference says in one line what the twin changes.
func (s Scenario) Difference() string {
	var out []string
	for _, f := range s.Twin.Files {
		i := slices.IndexFunc(s.Fault.Files, func(g File) bool { return g.Name == f.Name })
		if i < 0 {
			out = append(out, "+"+f.Name)
		} else if !bytes.Equal([]byte(s.Fault.Files[i].Data), []byte(f.Data)) {
			out = append(out, f.Name)
		}
	}
	for _, name := range s.Twin.Spec.Without {
		out = append(out, "-"+name)
	}
	return strings.Join(out, " ")
}
