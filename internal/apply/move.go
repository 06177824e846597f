package apply

import "path"

// move carries out a step that moves.
func (s step) move(t *tree) error {
	m, err := s.ends(t)
	if err != nil {
		return err
	}
	defer m.close()
	switch {
	case m.atTo != nil:
		return drift(s.To, "it exists")
	case m.atFrom == nil:
		return drift(s.Path, "it is gone")
	}
	if err := m.from.move(path.Base(s.Path), m.to, path.Base(s.To)); err != nil {
		return explained(err, s.Path)
	}
	return m.sync(m.to, m.from)
}

func (s step) moveBack(t *tree) (left string, err error) {
	m, err := s.ends(t)
	if isAbsent(err) {
		return "the directory above it is gone", nil
	}
	if err != nil {
		return "", err
	}
	defer m.close()
	switch {
	case m.atFrom != nil && m.atTo == nil:
		return "", m.sync(m.from, m.to)
	case m.atFrom != nil:
		return "both " + s.Path + " and " + s.To + " exist", nil
	case m.atTo == nil || m.atTo.Shape != s.Old.Shape:
		return "what was moved to " + s.To + " is gone", nil
	}
	if err := m.to.move(path.Base(s.To), m.from, path.Base(s.Path)); err != nil {
		return "", explained(err, s.Path)
	}
	return "", m.sync(m.from, m.to)
}

// ends are the two directories of a move and what stands there.
type ends struct {
	from, to     *dir
	atFrom, atTo *object
}

func (s step) ends(t *tree) (m ends, err error) {
	if m.from, err = t.open(path.Dir(s.Path)); err != nil {
		return m, err
	}
	if m.to, err = t.open(path.Dir(s.To)); err != nil {
		m.from.close()
		return m, err
	}
	m.atFrom, err = m.from.look(path.Base(s.Path))
	if err == nil {
		m.atTo, err = m.to.look(path.Base(s.To))
	}
	if err != nil {
		m.close()
	}
	return m, err
}

func (m ends) close() {
	m.from.close()
	m.to.close()
}

// sync makes a move durable. Its destination comes first, so that after a power
// cut the file may have two names, but never none.
func (m ends) sync(destination, source *dir) error {
	if err := destination.sync(); err != nil || m.from.path == m.to.path {
		return err
	}
	return source.sync()
}
