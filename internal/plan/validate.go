package plan

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/towpath-dev/towpath/internal/source"
)

// Validate tells what in the plan nobody could carry out on any node.
func (p Plan) Validate() error {
	var errs []error
	for _, c := range p.Changes {
		if err := c.validate(); err != nil {
			errs = append(errs, fmt.Errorf("change %s: %w", c.Path(), err))
		}
	}
	return errors.Join(errs...)
}

func (c Change) validate() error {
	if c.Before == nil && c.After == nil {
		return errors.New("neither before nor after is given")
	}
	for _, f := range []*source.File{c.Before, c.After} {
		if f == nil {
			continue
		}
		if err := possible(*f); err != nil {
			return err
		}
	}
	if c.Moved {
		return c.validateMove()
	}
	if c.Through() && (c.Before.Unread || c.Before.Problem != "") {
		return errors.New("the target of the link could not be read")
	}
	if c.Through() && c.After.Kind == source.Dangling && c.Before.Kind != source.Dangling {
		return errors.New("to remove the target of a link, name the target")
	}
	if c.Before != nil && c.After != nil && isDirectory(*c.Before) != isDirectory(*c.After) {
		return errors.New("a directory and a file cannot replace one another")
	}
	return nil
}

func (c Change) validateMove() error {
	switch {
	case c.Before == nil || c.After == nil:
		return errors.New("a move needs both ends")
	case c.Before.Path == c.After.Path:
		return errors.New("a move to the same path")
	case strings.HasPrefix(c.After.Path, c.Before.Path+"/"):
		return errors.New("a directory cannot move into itself")
	case c.Before.Kind != c.After.Kind || c.Before.Link != c.After.Link || !bytes.Equal(c.Before.Data, c.After.Data):
		return errors.New("a move changes nothing but the path")
	}
	return nil
}

// isDirectory tells a directory from a link to one.
func isDirectory(f source.File) bool { return f.Kind == source.Directory && f.Link == "" }

// possible refuses what no file system has and what was never read: nobody can
// promise to put back what he has not seen.
func possible(f source.File) error {
	switch {
	case !path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path || f.Path == "/":
		return fmt.Errorf("%q is not the full path of a file", f.Path)
	case strings.ContainsRune(f.Path+f.Link, 0):
		return fmt.Errorf("%q has a NUL byte", f.Path+f.Link)
	case !utf8.ValidString(f.Path) || !utf8.ValidString(f.Link):
		return fmt.Errorf("%q is not UTF-8", f.Path+f.Link)
	case f.Kind == source.Special && f.Link == "":
		return errors.New("it is neither a file nor a directory")
	case f.Kind == source.Dangling && f.Link == "":
		return errors.New("a symbolic link without a target")
	case f.Kind == source.Regular && f.Link == "" && (f.Unread || f.Problem != ""):
		return errors.New("it could not be read")
	}
	return nil
}
