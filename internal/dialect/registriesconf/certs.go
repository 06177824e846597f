package registriesconf

import (
	"crypto/tls"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// certsIn reads a directory of certificates: every .crt is an authority, every
// .cert a client's certificate with the .key of its name. One without the other
// keeps the host from being asked; an authority that holds no certificate is
// skipped without a word. Source: image/pkg/tlsclientconfig, SetupCertificates.
func (r *reader) certsIn(dir string) (out route.TLS, broken string) {
	names := r.children[dir]
	for _, name := range names {
		file := r.byPath[path.Join(dir, name)]
		stem := strings.TrimSuffix(name, path.Ext(name))
		switch path.Ext(name) {
		case ".crt":
			if why := unusable(*file); why != "" {
				return out, file.Path + ": " + why
			}
			if file.Kind != source.Dangling {
				out.CA = append(out.CA, file.Path)
			}
		case ".cert":
			if !slices.Contains(names, stem+".key") {
				return out, "missing key " + stem + ".key for client certificate " + name
			}
			pair := route.Pair{Cert: file.Path, Key: path.Join(dir, stem+".key")}
			if why := r.pair(pair); why != "" {
				return out, file.Path + ": " + why
			}
			out.Client = append(out.Client, pair)
		case ".key":
			if !slices.Contains(names, stem+".cert") {
				return out, "missing client certificate " + stem + ".cert for key " + name
			}
		}
	}
	out.Set = len(out.CA)+len(out.Client) > 0
	return out, ""
}

// unusable says why a file cannot be read by a runtime that is root.
func unusable(f source.File) string {
	switch {
	case f.Kind == source.Directory:
		return "is a directory"
	case f.Problem != "" && !strings.Contains(f.Problem, "permission"):
		return f.Problem
	}
	return ""
}

// pair says why a client certificate cannot be loaded, as far as it is known.
func (r *reader) pair(p route.Pair) string {
	var data [2][]byte
	for i, name := range []string{p.Cert, p.Key} {
		f := r.byPath[name]
		if why := unusable(*f); why != "" {
			return why
		}
		if f.Kind == source.Dangling {
			return "no such file or directory"
		}
		if f.Unread || f.Problem != "" {
			return ""
		}
		data[i] = f.Data
	}
	if _, err := tls.X509KeyPair(data[0], data[1]); err != nil {
		return err.Error()
	}
	return ""
}
