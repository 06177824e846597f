package apply

import "path"

// litter is where the spare files of a run are. Directories that move or are
// put aside take theirs along.
type litter []piece

type piece struct {
	dir   string
	names names
}

// add notes a step that was done.
func (l *litter) add(s step, aside string, n names) {
	for i, p := range *l {
		if rest, ok := below(p.dir, s.Path); ok && aside != "" {
			(*l)[i].dir = aside + rest
		}
	}
	if s.To == "" {
		*l = append(*l, piece{path.Dir(s.Path), n})
	}
}

// tidy removes all of it.
func (l litter) tidy(t *tree) error {
	for _, p := range l {
		if err := p.tidy(t); err != nil {
			return err
		}
	}
	return nil
}

func (p piece) tidy(t *tree) error {
	d, err := t.open(p.dir)
	if isAbsent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.close()
	found, err := tidy(d, p.names)
	if err != nil || !found {
		return err
	}
	return d.sync()
}

// tidy removes what a step keeps beside its path and reports whether it found any.
func tidy(d *dir, n names) (bool, error) {
	found := false
	for _, name := range []string{n.staged, n.spare} {
		there, err := d.discard(name, n.run)
		if err != nil {
			return found, err
		}
		found = found || there
	}
	return found, nil
}
