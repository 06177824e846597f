package containerd

import (
	"crypto/x509"
	"encoding/pem"
	"path"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// elsewhere finds a file that is missing where a relative path leads, in a
// directory from which people count; empty: it is in none.
func (r *reader) elsewhere(h *hostsFile, missing string) (written, other string) {
	rel, below := strings.CutPrefix(missing, h.dir+"/")
	if !below {
		return "", ""
	}
	for _, p := range countedFrom(h.dir, rel) {
		if f := r.tree.files[p]; f != nil && f.Kind == source.Regular && f.Problem == "" {
			return rel, p
		}
	}
	return "", ""
}

// countedFrom are the places where people expect the file of a relative path:
// from the root of the tree, from the directory around it, from /.
func countedFrom(dir, rel string) []string {
	return []string{path.Join(path.Dir(dir), rel), path.Join(path.Dir(path.Dir(dir)), rel), path.Join("/", rel)}
}

// relative words a relative path that is meant from elsewhere; nil: it is none.
func (r *reader) relative(h *hostsFile, e entry, bad *flaw) *finding.Finding {
	rel, other := r.elsewhere(h, bad.file)
	if other == "" || !r.tree.missing(bad.file) {
		return nil
	}
	key := "ca"
	if bad.client {
		key = "client"
	}
	at, x := h.setting(e, key)
	f := h.found(relativePath, "", at, finding.Args{"path": bad.file, "other": other, "dir": h.dir, "want": other})
	if x != nil {
		if i := strings.Index(h.doc.Text(x.Value), tomlString(rel)); i >= 0 {
			start := x.Value.Start + i
			f = with(f, h.curing(h.edit(start, start+len(tomlString(rel)), tomlString(other))))
		}
	}
	return &f
}

// leaf is the subject of the first certificate in a file in which no certificate
// is that of an authority; empty: one is, or it cannot be told.
func (i *inspector) leaf(p string) string {
	data, why := i.read(p)
	if why != "" {
		return ""
	}
	subject := ""
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil || c.IsCA || c.Version < 3 {
			return ""
		}
		if subject == "" {
			subject = c.Subject.CommonName
		}
		if subject == "" && len(c.DNSNames) > 0 {
			subject = c.DNSNames[0]
		}
	}
	return strings.Map(printable, subject)
}

// printable drops what a terminal may act on.
func printable(r rune) rune {
	if r < ' ' || r >= 0x7f && r < 0xa0 {
		return -1
	}
	return r
}

// leaves reports files of ca that hold no authority.
func (r *reader) leaves(h *hostsFile) {
	if h.verdict != used {
		return
	}
	seen := map[string]bool{}
	for _, e := range h.entries[:min(len(h.entries), maxEndpoints)] {
		for _, p := range e.endpoint.TLS.CA {
			if seen[p] {
				continue
			}
			seen[p] = true
			if subject := r.inspect.leaf(p); subject != "" {
				at, _ := h.setting(e, "ca")
				r.add(about(h.found(notAuthority, "", at, finding.Args{"path": p, "subject": subject}), e.endpoint))
			}
		}
	}
}

// localAuthority reports a Docker-style directory of a registry on this machine,
// whose certificates do not make containerd verify it.
func (r *reader) localAuthority(registry string, set route.TLS) {
	if len(set.CA) > 0 && trustsLocal(registry, r.target) {
		r.add(r.inTree(localUpstream, "file", spot{set.CA[0], registry}, nil))
	}
}
