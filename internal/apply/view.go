package apply

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// view is a tree as the steps taken so far will leave it, while nothing has
// been done yet.
type view struct {
	tree   *tree
	placed map[string]placed
}

// placed is what steps put at a path: an object, nothing, or with disk set all
// that stands at another path now.
type placed struct {
	object *object
	disk   string
}

func newView(t *tree) *view { return &view{tree: t, placed: map[string]placed{}} }

// at is what will stand at a path.
func (v *view) at(name string) (*object, error) {
	for top := name; ; top = path.Dir(top) {
		if p, ok := v.placed[top]; ok {
			switch {
			case p.disk != "":
				return v.tree.look(p.disk + strings.TrimPrefix(name, top))
			case top == name:
				return p.object, nil
			}
			return nil, nil // below what is new or gone
		}
		if top == "/" {
			return v.tree.look(name)
		}
	}
}

// take adds a step to the view.
func (v *view) take(s step) {
	if s.To == "" {
		v.placed[s.Path] = placed{object: s.New}
		return
	}
	from := v.disk(s.Path)
	moved := map[string]placed{s.To: from}
	for name, p := range v.placed {
		if rest, ok := below(name, s.Path); ok {
			moved[s.To+rest] = p
			delete(v.placed, name)
		}
	}
	for name, p := range moved {
		v.placed[name] = p
	}
	v.placed[s.Path] = placed{}
}

// disk says where what stands at a path is now.
func (v *view) disk(name string) placed {
	for top := name; top != "/"; top = path.Dir(top) {
		if p, ok := v.placed[top]; ok {
			if p.disk != "" {
				p.disk += strings.TrimPrefix(name, top)
			}
			return p
		}
	}
	return placed{disk: name}
}

// maxLinks is how many symbolic links Linux follows in one path.
const maxLinks = 40

var errLoop = errors.New("too many levels of symbolic links")

// resolve turns a path into one without symbolic links, as a process would see
// it whose root directory is the tree: absolute links start at the tree, ".."
// stops there. The last element is followed only on demand. What does not exist
// stays as it is written.
func (v *view) resolve(name string, follow bool) (string, error) {
	at, rest, links := "/", name, 0
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(strings.TrimLeft(rest, "/"), "/")
		switch part {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, part)
		last := strings.Trim(rest, "/") == ""
		if last && !follow {
			return next, nil
		}
		o, err := v.at(next)
		switch {
		case err != nil:
			return "", err
		case o != nil && o.Shape == link:
			if links++; links > maxLinks {
				return "", fmt.Errorf("%s: %w", name, errLoop)
			}
			if strings.HasPrefix(o.Target, "/") {
				at = "/"
			}
			rest = o.Target + "/" + rest
			continue
		case o != nil && o.Shape != directory && !last:
			return "", fmt.Errorf("%s: %s is a %s, not a directory", name, next, o.Shape)
		}
		at = next
	}
	return at, nil
}
