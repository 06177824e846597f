package world

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Registry serves images for pulling, by the distribution API. It is an
// http.Handler; its images do not change once it is made.
type Registry struct {
	repos map[string]*repository
	auth  Auth
	pki   *PKI // verifies bearer tokens; nil: none is accepted
}

type repository struct {
	tags    map[string]string // to digest
	objects map[string]content
}

// NewRegistry makes a registry. The PKI, whose token servers it trusts, may be
// nil when auth is not bearer.
func NewRegistry(images []Image, auth Auth, pki *PKI) (*Registry, error) {
	g := &Registry{repos: map[string]*repository{}, auth: auth, pki: pki}
	for _, m := range images {
		name, tag, ok := strings.Cut(m.Ref, ":")
		if !ok || name == "" || tag == "" {
			return nil, fmt.Errorf("image ref %q is not of the form repository:tag", m.Ref)
		}
		b, err := m.build()
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", m.Ref, err)
		}
		repo := g.repos[name]
		if repo == nil {
			repo = &repository{map[string]string{}, map[string]content{}}
			g.repos[name] = repo
		}
		repo.tags[tag] = b.top
		for d, c := range b.objects {
			repo.objects[d] = c
		}
	}
	return g, nil
}

// Digest is the digest that a tag points to, empty if there is none.
func (g *Registry) Digest(repo, tag string) string {
	if r := g.repos[repo]; r != nil {
		return r.tags[tag]
	}
	return ""
}

// Object is the content under a digest as it is served; nil if it is not.
func (g *Registry) Object(repo, digest string) []byte {
	if r := g.repos[repo]; r != nil && !r.objects[digest].absent {
		return r.objects[digest].data
	}
	return nil
}

// ServeHTTP answers one request of the API.
func (g *Registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		apiError(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "this registry is read only")
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/v2/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	repo, what, object := splitPath(rest)
	if !g.admit(w, r, repo) {
		return
	}
	if rest == "" {
		reply(w, http.StatusOK, "application/json", "{}")
		return
	}
	have := g.repos[repo]
	if have == nil {
		apiError(w, http.StatusNotFound, "NAME_UNKNOWN", "repository name not known to registry")
		return
	}
	switch what {
	case "tags":
		have.list(w, repo)
	case "manifests":
		have.serve(w, r, object, "MANIFEST_UNKNOWN")
	case "blobs":
		have.serve(w, r, object, "BLOB_UNKNOWN")
	}
}

// splitPath takes apart "library/nginx/manifests/1.25".
func splitPath(rest string) (repo, what, object string) {
	if name, ok := strings.CutSuffix(rest, "/tags/list"); ok {
		return name, "tags", ""
	}
	for _, kind := range []string{"manifests", "blobs"} {
		if i := strings.LastIndex(rest, "/"+kind+"/"); i >= 0 {
			return rest[:i], kind, rest[i+len(kind)+2:]
		}
	}
	return "", "", ""
}

func (p *repository) list(w http.ResponseWriter, name string) {
	tags := make([]string, 0, len(p.tags))
	for t := range p.tags {
		tags = append(tags, t)
	}
	slices.Sort(tags)
	data, _ := json.Marshal(map[string]any{"name": name, "tags": tags})
	reply(w, http.StatusOK, "application/json", string(data))
}

func (p *repository) serve(w http.ResponseWriter, r *http.Request, object, code string) {
	digest := object
	if d, ok := p.tags[object]; ok && code == "MANIFEST_UNKNOWN" {
		digest = d
	}
	c, ok := p.objects[digest]
	if !ok || c.absent {
		apiError(w, http.StatusNotFound, code, "unknown to registry")
		return
	}
	w.Header().Set("Content-Type", c.mediaType)
	w.Header().Set("Docker-Content-Digest", digest)
	w.Header().Set("Etag", `"`+digest+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(c.data))
}
