package pull

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// Format is how an image lies on disk.
type Format string

// The formats, as skopeo names them.
const (
	OCI           Format = "oci"
	DockerArchive Format = "docker-archive"
)

// Output is where an image goes: a directory for OCI, a file for DockerArchive.
type Output struct {
	Format Format
	Path   string
}

// ParseOutput reads "oci:DIR" or "docker-archive:FILE".
func ParseOutput(text string) (Output, error) {
	format, path, _ := strings.Cut(text, ":")
	o := Output{Format(format), path}
	switch {
	case o.Format != OCI && o.Format != DockerArchive:
		return o, fmt.Errorf("%q is neither oci:DIR nor docker-archive:FILE", text)
	case path == "":
		return o, fmt.Errorf("%q names no path", text)
	case strings.Contains(path, ":"):
		return o, fmt.Errorf("%q has a colon in its path; the name of the image is taken from its reference", text)
	}
	return o, nil
}

// String is the output as it is typed.
func (o Output) String() string { return string(o.Format) + ":" + o.Path }

// output is an opened Output.
type output interface {
	// where is the directory that everything happens in, and the name in it of
	// the stage.
	where() (home *os.Root, stage string)

	// fits refuses a place that holds something else.
	fits() error

	// find opens content that is there already. Nil: it is not.
	find(d descriptor) *os.File

	// commit makes what is in the stage the output, in one step.
	commit(ctx context.Context, s *stage, img *image) error

	// close gives back what is held open, and removes what was made in vain.
	close()
}

func (o Output) open() (output, error) {
	if o.Format == DockerArchive {
		return openArchive(o.Path)
	}
	return openLayout(o.Path)
}

// content is all that belongs into the output.
func (img *image) content() []descriptor {
	out := []descriptor{img.manifest.descriptor}
	for _, p := range img.parts {
		out = append(out, p.descriptor)
	}
	return out
}

// syncDir makes the names in a directory last.
func syncDir(home *os.Root, name string) error {
	f, err := home.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
