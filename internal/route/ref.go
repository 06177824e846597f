package route

import (
	"fmt"
	"strings"

	"github.com/distribution/reference"
)

// Ref names an image the way a container runtime does after it has normalised
// what a person typed.
type Ref struct {
	Typed      string // as it was given
	Registry   string // host[:port] as text, "docker.io" for Docker Hub
	Repository string // "library/nginx"
	Tag        string // empty when Digest is set
	Digest     string // "sha256:…"
}

// ParseRef reads an image reference by the rules of Docker, which the kubelet
// and the container runtimes share. A reference with both a tag and a digest
// is pulled by its digest. Source: github.com/distribution/reference.
func ParseRef(typed string) (Ref, error) {
	named, err := reference.ParseDockerRef(typed)
	if err != nil {
		return Ref{}, fmt.Errorf("image reference %q: %s", typed, refProblem(typed, err))
	}
	ref := Ref{Typed: typed, Registry: reference.Domain(named), Repository: reference.Path(named)}
	switch n := named.(type) {
	case reference.Digested:
		ref.Digest = n.Digest().String()
	case reference.Tagged:
		ref.Tag = n.Tag()
	}
	return ref, nil
}

// OnHub reports a name that no image reference takes for a registry: without a
// dot, a port or a capital it is the beginning of a name on Docker Hub.
func OnHub(name string) bool {
	ref, err := ParseRef(name + "/app:1")
	return err == nil && ref.Registry != name && ref.Repository == name+"/app"
}

// String is the normalised reference.
func (r Ref) String() string {
	if r.Digest != "" {
		return r.Registry + "/" + r.Repository + "@" + r.Digest
	}
	return r.Registry + "/" + r.Repository + ":" + r.Tag
}

// Object is what stands last in the URL of a manifest: the digest or the tag.
func (r Ref) Object() string {
	if r.Digest != "" {
		return r.Digest
	}
	return r.Tag
}

// refProblem says in one line what is wrong with a reference and what to do.
func refProblem(typed string, err error) string {
	switch {
	case strings.TrimSpace(typed) != typed || strings.ContainsAny(typed, " \t\r\n"):
		return "it contains a space; write it without"
	case strings.Contains(typed, "://"):
		return "it begins with a scheme; write host/repository:tag without it"
	case typed == "":
		return "it is empty"
	case strings.ToLower(typed) != typed:
		return fmt.Sprintf("%v; the repository is written in lower case", err)
	}
	return err.Error()
}
