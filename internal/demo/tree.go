package demo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// tree is the files and directories of a node as they are, by path: mode and
// content.
type tree map[string]string

// read reads a tree, the journal left out.
func read(dir string) (tree, error) {
	out := tree{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if rel == filepath.Join("var", "lib", "towpath") {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		out[rel] = info.Mode().String()
		if d.Type().IsRegular() {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			out[rel] += string(data)
		}
		return nil
	})
	// The way to the journal is made with it and stays.
	delete(out, "var")
	delete(out, filepath.Join("var", "lib"))
	return out, err
}

// same counts the entries of a tree if another is equal to it.
func (t tree) same(o tree) (int, error) {
	var errs []error
	for name, was := range t {
		if is, ok := o[name]; !ok || is != was {
			errs = append(errs, fmt.Errorf("/%s is not as it was", name))
		}
	}
	for name := range o {
		if _, ok := t[name]; !ok {
			errs = append(errs, fmt.Errorf("/%s was left behind", name))
		}
	}
	return len(t), errors.Join(errs...)
}
