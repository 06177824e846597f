package towpath

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// lint judges a file that counts.
func (r *reader) lint() {
	if r.file == nil || r.refused {
		return
	}
	if r.wishes(); r.refused {
		return
	}
	r.exposed()
	for _, rt := range r.table.Routes {
		if rt.Fails != "" {
			r.book.Say(unusable, "", rt.From, finding.Args{"name": rt.Match, "key": "fails"})
		}
		for _, e := range rt.Endpoints() {
			r.endpointLint(rt, e)
		}
	}
	for _, h := range r.table.Hosts {
		r.judge(h.From, h.Name, h.TLS, h.Auth)
	}
	r.kept(r.doc.Root)
}

// exposed finds a file with secrets that everybody can read.
func (r *reader) exposed() {
	if len(r.password) > 0 && r.file.Mode.Perm()&0o004 != 0 {
		at := r.password[0].At
		r.book.Say(exposed, "", at, finding.Args{"mode": fmt.Sprintf("%04o", r.file.Mode.Perm())})
	}
}

func (r *reader) endpointLint(rt route.Route, e route.Endpoint) {
	host := e.Host
	if host == "" {
		host = rt.Match
	}
	if !e.From.IsZero() {
		r.judge(e.From, host, e.TLS, e.Auth)
	}
	if parts := strings.Split(e.Path, "/"); e.Host != "" && !slices.Contains(parts, "v2") && strings.Trim(e.Path, "/") != "" {
		r.book.Say(oddRoot, "", e.From, finding.Args{"url": spell(e), "want": e.Scheme + "://" + e.Host + "/v2" + e.Path})
	}
}

// judge looks at how a host is spoken to.
func (r *reader) judge(at source.Pos, name string, tls route.TLS, auth route.Auth) {
	if tls.SkipVerify {
		r.book.Say(unverified, "", at, finding.Args{"host": name})
	}
	if slices.Contains(wellKnown, auth.Password.Reveal()) {
		r.book.Say(defaultPassword, "", at, finding.Args{"name": name})
	}
}

// wellKnown are passwords that registries are installed with.
var wellKnown = []string{"Harbor12345", "Harbor@12345", "admin", "admin123", "123456", "password", "changeme", "registry"}

// kept finds what was written down as unusable.
func (r *reader) kept(n *yamldoc.Node) {
	for _, section := range []string{"registries", "hosts"} {
		if s := get(n, section); s != nil {
			r.keptIn(s)
		}
	}
}

func (r *reader) keptIn(n *yamldoc.Node) {
	for _, p := range n.Pairs {
		if p.Key.Value == "unusable" && p.Value.Kind == yamldoc.Scalar {
			r.book.Say(unusable, "", p.Key.At, finding.Args{"name": "this host", "key": "unusable"})
		}
		r.keptIn(p.Value)
	}
	for _, item := range n.Items {
		r.keptIn(item)
	}
}

// sound reports PEM whose first block can be read; a certificate has to be one.
func sound(data []byte) bool {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return block != nil
	}
	_, err := x509.ParseCertificate(block.Bytes)
	return err == nil
}
