package demo

import (
	"bytes"
	"embed"
	"fmt"
	"path"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v4"

	"github.com/towpath-dev/towpath/internal/world"
)

// Scene is one failing pull: a node, the servers that it can reach, and how it
// goes on.
type Scene struct {
	Number  int    `yaml:"-"`
	Name    string `yaml:"-"` // "another-server"
	Title   string
	Story   string // how the node came to be as it is
	Runtime string // "k3s@1.30.4", as the flag --runtime takes it
	Image   string
	Acts    []Act
	World   world.Spec

	files map[string]string // by path: below "node" those of the node, below "by-hand" what a person writes
}

// Act is one fault: found, and mended by a fix of doctor's or by a person.
type Act struct {
	Sees   string // what the runtime tells its user; {error} stands for the error of the host that failed last
	Advice string // what others advise, and why it does not help; may be empty
	Cause  string // code of the finding that doctor has to come first with
	Hand   string // what a person does about it; empty: there is a fix
}

//go:embed scenes/*.txtar
var archives embed.FS

// Scenes are the scenes in their order. They are part of the program, so that an
// error is a mistake in it.
func Scenes() ([]Scene, error) {
	entries, err := archives.ReadDir("scenes")
	if err != nil {
		return nil, err
	}
	var out []Scene
	for i, e := range entries {
		data, err := archives.ReadFile(path.Join("scenes", e.Name()))
		if err != nil {
			return nil, err
		}
		s, err := parse(data)
		if err != nil {
			return nil, fmt.Errorf("scene %s: %w", e.Name(), err)
		}
		s.Number = i + 1
		_, s.Name, _ = strings.Cut(strings.TrimSuffix(e.Name(), ".txtar"), "-")
		out = append(out, s)
	}
	return out, nil
}

func parse(data []byte) (Scene, error) {
	s := Scene{files: map[string]string{}}
	for _, f := range txtar.Parse(data).Files {
		if f.Name != "scene.yaml" {
			s.files[f.Name] = string(f.Data)
			continue
		}
		d := yaml.NewDecoder(bytes.NewReader(f.Data))
		d.KnownFields(true)
		if err := d.Decode(&s); err != nil {
			return s, err
		}
	}
	return s, nil
}
