package apply

import "path/filepath"

// Site is where plans are carried out and where that is written down.
type Site struct {
	Root  string // directory that stands for "/"; empty: the node itself
	State string // directory of the lock and the journal; empty: /var/lib/towpath under the root

	before func(call) error
	alive  bool // there is something to run and restart; only tests set it, for other roots
}

// defaultState is where the journal lies under a root.
const defaultState = "/var/lib/towpath"

// live tells whether the files are those of the running node. Under any other
// root there is nothing to restart.
func (s Site) live() bool { return s.alive || s.Root == "" || filepath.Clean(s.Root) == "/" }

// StateDir is the directory of the lock and the journal, as the outside calls it.
func (s Site) StateDir() string {
	switch {
	case s.State != "":
		return s.State
	case s.Root != "":
		return filepath.Join(s.Root, defaultState)
	}
	return defaultState
}

// opened is a site with its directories open.
type opened struct {
	tree    *tree
	journal *journal
	mark    string // the root that its entries carry: none when the journal goes where the tree goes
}

func (s Site) open() (*opened, error) {
	t, err := openTree(s.Root, s.before)
	if err != nil {
		return nil, err
	}
	o := &opened{tree: t, journal: &journal{tree: t, dir: defaultState}}
	if s.State != "" {
		err = o.elsewhere(s)
	}
	if err == nil {
		o.journal.dir, err = newView(o.journal.tree).resolve(o.journal.dir, true)
	}
	if err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

// elsewhere puts the journal into a directory of the machine, whatever the root.
func (o *opened) elsewhere(s Site) (err error) {
	root := s.Root
	if root == "" {
		root = "/"
	}
	if o.mark, err = filepath.Abs(root); err != nil {
		return err
	}
	if o.journal.dir, err = filepath.Abs(s.State); err != nil {
		return err
	}
	machine, err := openTree("/", s.before)
	if err == nil {
		o.journal.tree = machine
	}
	return err
}

func (o *opened) close() {
	if o.journal.tree != o.tree {
		o.journal.tree.close()
	}
	o.tree.close()
}
