package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/convert"
	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/daemon"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/survey"
)

// fitted is the dialect to write where a tree of a node already holds a
// config.toml: hosts.toml files count only if that says so, and no longer holds
// the old tables. It comes with the files that are there.
func fitted(dir string, to dialect.Dialect, t route.Target) (dialect.Dialect, []source.File, error) {
	if dir == "" || to.Name != containerd.Dialect.Name && to.Name != daemon.Dialect.Name {
		return to, nil, nil
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return to, nil, nil
	}
	root, err := node.OpenRoot(dir)
	if err != nil {
		return to, nil, err
	}
	defer root.Close()
	list := func(pattern string) []string {
		names, _ := root.Glob(pattern)
		return names
	}
	have := containerdconfig.Collect(containerdconfig.MainFile(nil, t), t, root.ReadFile, list)
	if len(have) > 0 && to.Name == containerd.Dialect.Name {
		to = daemon.Trees
	}
	return to, have, nil
}

// joined makes one part of a config.toml and the trees that its config_path
// names.
func joined(parts []survey.Part) []survey.Part {
	i := slices.IndexFunc(parts, func(p survey.Part) bool { return p.Dialect.Name == daemon.Dialect.Name })
	if i < 0 || len(parts) == 1 {
		return parts
	}
	whole := parts[i]
	t := whole.Reading.Table.Target
	roots := containerdconfig.Read(whole.Files, whole.Main, t).Roots("/")
	for k, p := range parts {
		if k == i {
			continue
		}
		if p.Dialect.Name != containerd.Dialect.Name || slices.ContainsFunc(p.Roots, func(r string) bool { return !slices.Contains(roots, r) }) {
			return parts
		}
		whole.Files = append(whole.Files, p.Files...)
	}
	return []survey.Part{whole}
}

// put writes files below a directory, the mode tight where they hold secrets.
// Only files that the conversion has read and edited are replaced.
func put(dir string, r convert.Result, have []source.File) error {
	for _, f := range r.Files {
		name := filepath.Join(dir, f.Path)
		switch st, err := os.Lstat(name); {
		case err != nil:
		case source.Find(have, f.Path) == nil:
			return fmt.Errorf("%s exists and is not replaced; towpath apply changes files of a node, and can be rolled back", name)
		case !st.Mode().IsRegular():
			return fmt.Errorf("%s is no regular file and is not replaced", name)
		}
	}
	secret := convert.Secret(r.After)
	for _, f := range r.Files {
		name := filepath.Join(dir, f.Path)
		if err := os.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		if source.Find(have, f.Path) != nil {
			if err := exchange(name, f); err != nil {
				return err
			}
			continue
		}
		if err := os.WriteFile(name, f.Data, mode(f, secret)); err != nil {
			return err
		}
	}
	return nil
}

// exchange puts an edited file in the place of the old one at once, with its
// owner where that may be given.
func exchange(name string, f source.File) error {
	tmp, err := os.CreateTemp(filepath.Dir(name), ".towpath-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_ = tmp.Chown(f.UID, f.GID) // only root may give files away
	_, err = tmp.Write(f.Data)
	if err = errors.Join(err, tmp.Chmod(f.Mode.Perm()), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}

func mode(f source.File, secret bool) os.FileMode {
	if strings.HasSuffix(f.Path, ".key") {
		return 0o600
	}
	if strings.HasSuffix(f.Path, ".crt") || strings.HasSuffix(f.Path, ".cert") || strings.HasSuffix(f.Path, ".pem") || !secret {
		return 0o644
	}
	return 0o600
}
