package containerd

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// certificates reads a directory laid out as Docker does it: every .crt is an
// authority, every .cert a client's certificate with the .key of its name.
// Source: containerd core/remotes/docker/config/hosts.go, loadCertFiles.
func certificates(t *tree, dir string) route.TLS {
	var out route.TLS
	for _, name := range t.children[dir] {
		p := path.Join(dir, name)
		if f := t.files[p]; f == nil || f.Kind == source.Directory && f.Link == "" {
			continue
		}
		if strings.HasSuffix(name, ".crt") {
			out.CA = append(out.CA, p)
		}
		if stem, ok := strings.CutSuffix(name, ".cert"); ok {
			pair := route.Pair{Cert: p}
			if key := path.Join(dir, stem+".key"); t.exists(key) {
				pair.Key = key
			}
			out.Client = append(out.Client, pair)
		}
	}
	out.Set = len(out.CA)+len(out.Client) > 0
	return out
}

// flaw is a certificate file that makes every pull of its route fail.
type flaw struct {
	file   string
	client bool
	why    string
	sure   bool // the runtime sees it too
}

// inspector judges the certificate files that configurations name, each once.
type inspector struct {
	tree  *tree
	roots map[string]string // what is wrong with a file as an authority
}

// inspect finds the first file of an endpoint that containerd would stop at:
// authorities first, then client certificates.
func (i *inspector) inspect(t route.TLS) *flaw {
	for _, ca := range t.CA {
		why, known := i.roots[ca]
		if !known {
			why = i.authority(ca)
			i.roots[ca] = why
		}
		if why != "" {
			return &flaw{file: ca, why: why, sure: !unsure(why)}
		}
	}
	for _, pair := range t.Client {
		if file, why := i.pair(pair); why != "" {
			return &flaw{file: file, client: true, why: why, sure: !unsure(why)}
		}
	}
	return nil
}

// read gives the bytes of a file: nil without a reason when nobody looked.
func (i *inspector) read(p string) (data []byte, why string) {
	f := i.tree.look(path.Clean(p))
	switch {
	case i.tree.missing(path.Clean(p)):
		return nil, "it does not exist"
	case f == nil:
		return nil, ""
	case f.Kind == source.Directory:
		return nil, "it is a directory"
	case f.Problem != "":
		return nil, f.Problem
	case f.Kind != source.Regular:
		return nil, "it is no regular file"
	case f.Unread:
		return nil, ""
	}
	if f.Data == nil {
		return []byte{}, ""
	}
	return f.Data, ""
}

func (i *inspector) authority(p string) string {
	data, why := i.read(p)
	if why != "" || data == nil {
		return why
	}
	if !x509.NewCertPool().AppendCertsFromPEM(data) {
		return "it holds no certificate in PEM form"
	}
	return ""
}

func (i *inspector) pair(p route.Pair) (file, why string) {
	cert, why := i.read(p.Cert)
	if why != "" {
		return p.Cert, why
	}
	key := cert
	if p.Key != "" {
		if key, why = i.read(p.Key); why != "" {
			return p.Key, why
		}
	}
	if cert == nil || key == nil {
		return "", ""
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		if p.Key == "" {
			return p.Cert, fmt.Sprintf("it does not hold a certificate with its key: %v", err)
		}
		return p.Cert, fmt.Sprintf("with the key %s it is no pair: %v", p.Key, err)
	}
	return "", ""
}

// References lists the certificate and key files that a tree names, sorted. A
// caller that reads them, gives them along and asks again learns whether they
// would fail the pull: a file that does not exist is given with the Problem
// "no such file or directory".
func References(files []source.File, t route.Target) []string {
	r := newReader(files, t)
	var out []string
	for p := range r.tree.files {
		dir, name := path.Split(p)
		dir = path.Clean(dir)
		set := route.TLS{}
		switch f := r.tree.files[p]; {
		case name == hostsToml && f.Kind == source.Regular && !f.Unread:
			h := r.open(dir, path.Base(dir))
			for _, e := range h.mirrors {
				out = append(out, named(e.TLS)...)
			}
			if h.upstream != nil {
				set = h.upstream.TLS
			}
			if h.verdict != used {
				set = certificates(r.tree, dir)
			}
		case strings.HasSuffix(name, ".crt") || strings.HasSuffix(name, ".cert"):
			if h := r.open(dir, path.Base(dir)); h.verdict == used {
				continue
			}
			set = certificates(r.tree, dir)
		}
		out = append(out, named(set)...)
	}
	for _, p := range out {
		if dir := path.Dir(p); r.tree.look(p) == nil && r.tree.look(path.Join(dir, hostsToml)) != nil {
			out = append(out, countedFrom(dir, path.Base(p))...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func named(t route.TLS) []string {
	out := slices.Clone(t.CA)
	for _, pair := range t.Client {
		out = append(out, pair.Cert)
		if pair.Key != "" {
			out = append(out, pair.Key)
		}
	}
	return out
}
