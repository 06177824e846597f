package pull

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// layout is an OCI image layout in a directory. Source: image-spec image-layout.md.
type layout struct {
	home *os.Root
	made bool // the directory did not exist
}

const (
	layoutStage   = ".towpath"
	layoutFile    = "oci-layout"
	indexFile     = "index.json"
	layoutVersion = "1.0.0"
	maxIndexFile  = 64 << 20 // bytes; layouts may hold thousands of images
)

func openLayout(dir string) (*layout, error) {
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(dir)), 0o755); err != nil {
		return nil, err
	}
	err := os.Mkdir(dir, 0o755)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	home, err2 := os.OpenRoot(dir)
	return &layout{home, err == nil}, err2
}

func (l *layout) where() (*os.Root, string) { return l.home, layoutStage }

func (l *layout) close() {
	name := l.home.Name()
	_ = l.home.Close()
	if l.made {
		_ = os.Remove(name) // succeeds only if nothing came of it
	}
}

// fits wants a layout, or nothing at all. A stage of ours may lie there.
func (l *layout) fits() error {
	entries, err := fs.ReadDir(l.home.FS(), ".")
	if err != nil {
		return err
	}
	foreign := len(entries) > 0
	for _, e := range entries {
		switch e.Name() {
		case layoutFile:
			_, err := l.index()
			return errors.Join(l.version(), err)
		case layoutStage:
			foreign = false
		}
	}
	if foreign {
		return fmt.Errorf("%s is neither empty nor an OCI layout", l.home.Name())
	}
	return nil
}

// version refuses layouts of another version than the only one there is.
func (l *layout) version() error {
	var head struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := l.load(layoutFile, &head); err != nil {
		return err
	}
	if head.Version != layoutVersion {
		return fmt.Errorf("%s is of version %q; only %s is known", path.Join(l.home.Name(), layoutFile), head.Version, layoutVersion)
	}
	return nil
}

func (l *layout) load(name string, into any) error {
	f, err := l.home.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxIndexFile+1))
	if err != nil {
		return err
	}
	if len(data) > maxIndexFile {
		return fmt.Errorf("read %s: it is larger than %d bytes", path.Join(l.home.Name(), name), maxIndexFile)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read %s: %w", path.Join(l.home.Name(), name), err)
	}
	return nil
}

// index reads the index of the layout; one that lacks it yet has an empty one.
func (l *layout) index() (*index, error) {
	x := newIndex()
	err := l.load(indexFile, x)
	if errors.Is(err, fs.ErrNotExist) {
		return x, nil
	}
	return x, err
}

func (l *layout) find(d descriptor) *os.File {
	f, err := l.home.Open(path.Join("blobs", d.path()))
	if err != nil {
		return nil
	}
	return f
}

// commit moves the blobs to their places, then names the image in the index. The
// layout is complete at each moment.
func (l *layout) commit(_ context.Context, s *stage, img *image) error {
	dirs := map[string]bool{}
	for _, d := range img.content() {
		at := path.Join("blobs", d.path())
		if err := l.home.MkdirAll(path.Dir(at), 0o755); err != nil {
			return err
		}
		err := l.home.Rename(s.path(blobName(d)), at)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		dirs[path.Dir(at)] = true
	}
	for _, dir := range []string{"blobs", "."} {
		dirs[dir] = true
	}
	for dir := range dirs {
		if err := syncDir(l.home, dir); err != nil {
			return err
		}
	}
	x, err := l.index()
	if err != nil {
		return err
	}
	x.add(img)
	for _, file := range []struct {
		name string
		data any
	}{{indexFile, x}, {layoutFile, map[string]string{"imageLayoutVersion": layoutVersion}}} {
		if err := l.replace(s, file.name, file.data); err != nil {
			return err
		}
	}
	return syncDir(l.home, ".")
}

// replace writes a file of the layout in one step.
func (l *layout) replace(s *stage, name string, document any) error {
	data, err := json.Marshal(document)
	if err == nil {
		err = s.write(name, data)
	}
	if err == nil {
		err = l.home.Rename(s.path(name), name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path.Join(l.home.Name(), name), err)
	}
	return nil
}
