package pull

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// archive is a tar file that docker load reads, and that is an OCI layout at the
// same time, as docker save has written it since version 25. Layers stay as the
// registry has them, so the digest of the image stays as well. Source: moby
// image/spec/v1.2.md; containerd core/images/archive/importer.go.
type archive struct {
	home *os.Root // its directory
	name string
}

func openArchive(file string) (*archive, error) {
	home, err := os.OpenRoot(filepath.Dir(file))
	return &archive{home, filepath.Base(file)}, err
}

func (a *archive) where() (*os.Root, string) { return a.home, "." + a.name + ".towpath" }

func (a *archive) close() { _ = a.home.Close() }

func (a *archive) find(descriptor) *os.File { return nil }

// fits wants a new file, or an empty one: nothing is added to an archive, and
// nobody's file is lost.
func (a *archive) fits() error {
	info, err := a.home.Stat(a.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular() || info.Size() > 0:
		return fmt.Errorf("%s exists already; choose another file or remove it", path.Join(a.home.Name(), a.name))
	}
	return nil
}

// commit writes the archive beside its place and renames it.
func (a *archive) commit(ctx context.Context, s *stage, img *image) error {
	const name = "archive"
	f, err := a.home.OpenFile(s.path(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err == nil {
		err = errors.Join(a.fill(ctx, f, s, img), f.Close())
	}
	if err == nil {
		err = a.fits()
	}
	if err == nil {
		err = a.home.Rename(s.path(name), a.name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path.Join(a.home.Name(), a.name), err)
	}
	return syncDir(a.home, ".")
}

func (a *archive) fill(ctx context.Context, f *os.File, s *stage, img *image) error {
	w := &tarball{f}
	for _, doc := range documents(img) {
		if err := w.add(ctx, doc.name, int64(len(doc.data)), bytes.NewReader(doc.data)); err != nil {
			return err
		}
	}
	for _, d := range img.content() {
		blob, err := s.open(d)
		if err != nil {
			return err
		}
		err = w.add(ctx, inArchive(d), d.Size, blob)
		_ = blob.Close()
		if err != nil {
			return err
		}
	}
	if _, err := f.Write(make([]byte, 1024)); err != nil {
		return err
	}
	return f.Sync()
}

func inArchive(d descriptor) string { return path.Join("blobs", d.path()) }

// named is a small file of the archive.
type named struct {
	name string
	data []byte
}

// documents are the files that say what the archive holds. containerd finds the
// blobs of a layout by SHA-256 alone, so an image with other digests is
// described in Docker's way only.
func documents(img *image) []named {
	type entry struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	e := entry{Config: inArchive(*img.manifest.config), Layers: []string{}}
	canonical := true
	for _, d := range img.content() {
		canonical = canonical && strings.HasPrefix(d.Digest, "sha256:")
	}
	for _, d := range img.manifest.layers {
		e.Layers = append(e.Layers, inArchive(d))
	}
	if img.ref.Tag != "" {
		e.RepoTags = []string{img.ref.String()}
	}
	out := []named{{"manifest.json", encode([]entry{e})}}
	if canonical {
		x := newIndex()
		x.add(img)
		out = append(out, named{indexFile, encode(x)}, named{layoutFile, []byte(`{"imageLayoutVersion":"` + layoutVersion + `"}`)})
	}
	return out
}

// tarball writes a tar file so that the kernel can copy the contents.
type tarball struct{ f *os.File }

// piece is how much is copied before a cancelled context is noticed, in bytes.
const piece = 64 << 20

func (t *tarball) add(ctx context.Context, name string, size int64, from io.Reader) error {
	var head bytes.Buffer
	if err := tar.NewWriter(&head).WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	if _, err := t.f.Write(head.Bytes()); err != nil {
		return err
	}
	for left := size; left > 0; {
		n, err := io.CopyN(t.f, from, min(left, piece))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		left -= n
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	_, err := t.f.Write(make([]byte, (512-size%512)%512))
	return err
}
