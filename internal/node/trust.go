package node

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// Where Go looks for certificates on Linux: the first file that can be read,
// then all files of all directories. Source: crypto/x509/root_linux.go.
var (
	bundles = []string{
		"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
		"/etc/pki/tls/cacert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
	}
	certDirs = []string{"/etc/ssl/certs", "/etc/pki/tls/certs"}
)

// sourceDirs is where administrators put certificates that a tool of the
// distribution then adds to the bundle.
var sourceDirs = []string{
	"/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors", "/usr/share/pki/ca-trust-source/anchors",
	"/etc/pki/trust/anchors", "/usr/share/pki/trust/anchors", "/etc/ca-certificates/trust-source/anchors",
}

// shippedDirs is where distributions keep the certificates that they ship, in
// PEM or, as PEM among other lines, in the format of p11-kit.
var shippedDirs = []string{"/usr/share/ca-certificates", "/usr/share/pki"}

// Pool is a certificate pool as a Go program would load it now.
type Pool struct {
	Trust snapshot.Trust
	Certs []*x509.Certificate // of Trust.Anchors, in the same order
}

// ReadPool loads the pool of a program with the given environment and working
// directory.
func ReadPool(r *Root, env map[string]string, dir string) Pool {
	p := &pool{root: r, dir: dir, seen: map[[32]byte]int{}}
	files, dirs := bundles, certDirs
	if f := env["SSL_CERT_FILE"]; f != "" {
		files, p.out.Trust.From = []string{f}, "SSL_CERT_FILE"
	}
	if d := env["SSL_CERT_DIR"]; d != "" {
		dirs = strings.Split(d, ":")
		p.out.Trust.From = strings.TrimPrefix(p.out.Trust.From+", SSL_CERT_DIR", ", ")
	}
	for _, name := range files {
		if p.file(p.abs(name)) {
			break
		}
	}
	for _, name := range dirs {
		p.directory(p.abs(name))
	}
	p.sources()
	p.locals()
	if len(p.out.Certs) == 0 {
		p.out.Trust.Problem = cmp.Or(p.problem, "no certificates in "+strings.Join(append(slices.Clone(files), dirs...), ", "))
	}
	return p.out
}

// pool is a Pool that is being read.
type pool struct {
	root    *Root
	dir     string
	out     Pool
	problem string           // the first file that is there and cannot be read
	seen    map[[32]byte]int // digest of a certificate: its place in the pool
}

func (p *pool) abs(name string) string {
	if path.IsAbs(name) {
		return name
	}
	return path.Join("/", p.dir, name)
}

// file adds a bundle and reports whether it could be read.
func (p *pool) file(name string) bool {
	f, ok := p.root.ReadFile(name)
	if !ok || f.Kind == source.Dangling {
		return false
	}
	if f.Problem != "" || f.Kind != source.Regular {
		why := cmp.Or(f.Problem, "not a regular file")
		p.problem = cmp.Or(p.problem, name+": "+why)
		p.out.Trust.Files = append(p.out.Trust.Files, snapshot.TrustFile{Path: name, Changed: p.changed(name), Err: why})
		return false
	}
	p.add(f)
	return true
}

// directory adds the files of a directory, but for links within it, which stand
// for files that are read anyway.
func (p *pool) directory(name string) {
	list, err := p.root.List(name)
	if err != nil {
		return
	}
	for _, f := range list {
		if f.Link != "" && !strings.Contains(f.Link, "/") || f.Kind != source.Regular {
			continue
		}
		p.file(f.Path)
	}
}

// add takes the certificates of a file that are new. A file that brings none is
// listed only if it is a bundle.
func (p *pool) add(f source.File) {
	before := len(p.out.Certs)
	certs := parseCerts(f.Data)
	changed := p.changed(f.Path)
	for _, cert := range certs {
		sum := sha256.Sum256(cert.Raw)
		at, ok := p.seen[sum]
		if !ok {
			at = len(p.out.Certs)
			p.seen[sum] = at
			p.out.Certs = append(p.out.Certs, cert)
			p.out.Trust.Anchors = append(p.out.Trust.Anchors, anchor(cert, f.Path))
		}
		if len(certs) == 1 {
			p.own(at, p.origin(f), changed)
		}
	}
	n := len(p.out.Certs) - before
	known := slices.ContainsFunc(p.out.Trust.Files, func(t snapshot.TrustFile) bool { return t.Path == f.Path })
	if n > 0 || len(certs) > 1 && !known {
		p.out.Trust.Files = append(p.out.Trust.Files, snapshot.TrustFile{Path: f.Path, Changed: changed, Anchors: n})
	}
}

// own notes the file that holds one certificate alone.
func (p *pool) own(at int, file string, changed time.Time) {
	if a := &p.out.Trust.Anchors[at]; a.Changed.IsZero() {
		a.File, a.Changed = file, changed
	}
}

// origin is where a link leads, as people know the file.
func (p *pool) origin(f source.File) string {
	if path.IsAbs(f.Link) {
		return f.Link
	}
	return f.Path
}

func anchor(cert *x509.Certificate, file string) snapshot.Anchor {
	key := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return snapshot.Anchor{
		Subject: cert.Subject.String(), RawSubj: cert.RawSubject, KeyID: hex.EncodeToString(key[:]),
		Expires: cert.NotAfter, File: file,
	}
}

// parseCerts reads PEM as x509.CertPool does: blocks of other types, with
// headers or that do not parse are passed over.
func parseCerts(data []byte) []*x509.Certificate {
	var out []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return out
		}
		if block.Type != "CERTIFICATE" || len(block.Headers) != 0 {
			continue
		}
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
			out = append(out, cert)
		}
	}
}

// changed is the latest moment at which a path changed: the content or inode of
// its file, or the link itself.
func (p *pool) changed(name string) time.Time {
	var latest time.Time
	for _, flags := range []int{unix.O_PATH, unix.O_PATH | unix.O_NOFOLLOW} {
		fd, err := p.root.open(name, flags)
		if err != nil {
			continue
		}
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil {
			for _, t := range []time.Time{time.Unix(st.Mtim.Unix()), time.Unix(st.Ctim.Unix())} {
				if t.After(latest) {
					latest = t
				}
			}
		}
		unix.Close(fd)
	}
	return latest
}

// sources names the administrator's own file for anchors that came out of a bundle.
func (p *pool) sources() {
	for _, dir := range sourceDirs {
		for _, f := range p.root.Tree(dir, Limits{Files: 1000}) {
			for _, cert := range parseCerts(f.Data) {
				if at, ok := p.seen[sha256.Sum256(cert.Raw)]; ok {
					p.own(at, f.Path, p.changed(f.Path))
				}
			}
		}
	}
}

// locals marks the anchors that were added on this node. One in a bundle without
// a file of its own counts when the distribution's set is known and lacks it;
// it is as new as the bundle.
func (p *pool) locals() {
	var shipped map[[32]byte]bool
	for i := range p.out.Trust.Anchors {
		a := &p.out.Trust.Anchors[i]
		switch {
		case under(a.File, shippedDirs) && !under(a.File, sourceDirs):
			continue
		case under(a.File, sourceDirs):
			a.Local = true
			continue
		}
		if shipped == nil {
			shipped = p.shipped()
		}
		own := !a.Changed.IsZero()
		if a.Local = !shipped[sha256.Sum256(p.out.Certs[i].Raw)] && (own || len(shipped) > 0); a.Local && !own {
			a.Changed = p.changed(a.File)
		}
	}
}

func under(name string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(name, dir+"/") })
}

// shipped are the digests of the certificates that the distribution ships.
func (p *pool) shipped() map[[32]byte]bool {
	out := map[[32]byte]bool{}
	for _, dir := range shippedDirs {
		for _, f := range p.root.Tree(dir, Limits{Files: 5000}) {
			for block, rest := pem.Decode(f.Data); block != nil && !under(f.Path, sourceDirs); block, rest = pem.Decode(rest) {
				out[sha256.Sum256(block.Bytes)] = true
			}
		}
	}
	return out
}
