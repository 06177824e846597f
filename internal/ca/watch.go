package ca

import (
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

// Watch is every certificate that a node's pulls depend on, as seen at one moment.
type Watch struct {
	Taken time.Time
	Hosts []Host
	Files []Input  // that the configuration names, or that an administrator added to the system's store
	Roles []string // of the files, in the same order: "ca", "client", "system"
}

// Host is what a configured host presented.
type Host struct {
	Name     string     // host[:port]
	From     source.Pos // where the configuration names it
	Chain    [][]byte   // DER, as presented
	Plain    bool       // it speaks plain HTTP and has no certificate
	Skip     bool       // the configuration does not want it verified
	Verified bool       // by what the runtime trusts for it
	Verify   string     // Go's words when it is not
	Failure  string     // why no certificate was seen
}

// Sighting is one certificate at one place.
type Sighting struct {
	Where string // host[:port] or file
	Host  bool
	Role  string // "server", "chain"; of files "ca", "client", "system"
	Cert  *x509.Certificate
	At    source.Pos

	Bundle bool // among several authorities, of which it may be one that nothing needs
}

// Sightings are all certificates of a watch, each once for each place, those
// that end first before the others.
func (w Watch) Sightings() []Sighting {
	out := []Sighting{}
	for _, h := range w.Hosts {
		for n, i := range Presented(h.Name, h.Chain).Items {
			role := "chain"
			if n == 0 {
				role = "server"
			}
			out = append(out, Sighting{h.Name, true, role, i.Cert, h.From, false})
		}
	}
	for n, in := range w.Files {
		bundle := isBundle(in)
		for _, i := range in.Items {
			if i.Cert != nil {
				out = append(out, Sighting{in.File.Path, false, w.Roles[n], i.Cert, i.At, bundle})
			}
		}
	}
	seen := map[string]bool{}
	out = slices.DeleteFunc(out, func(s Sighting) bool {
		key := s.Where + "\x00" + string(s.Cert.Raw)
		defer func() { seen[key] = true }()
		return seen[key]
	})
	slices.SortStableFunc(out, func(a, b Sighting) int { return a.Cert.NotAfter.Compare(b.Cert.NotAfter) })
	return out
}

var notSeen = finding.Kind{
	Code: "tls/certificate-not-seen", ID: "tls/certificate-not-seen", Severity: finding.Warning,
	Title: "The certificate of a configured host could not be looked at",
	Doc:   "The host did not answer, or not with TLS. How long its certificate is valid is not known; `towpath doctor` finds out why a pull from it fails.",
	Text:  "no certificate of {host} was seen: {why}",
}

// Judge says which certificates of a watch end soon, and which hosts could not
// be looked at or are not trusted.
func (w Watch) Judge(warn, alarm int) []finding.Finding {
	var out []finding.Finding
	for _, h := range w.Hosts {
		args := finding.Args{"host": h.Name, "title": h.Name}
		switch {
		case h.Failure != "":
			args["why"] = printable(h.Failure)
			out = append(out, notSeen.New(h.Name, args).In(h.From))
		case !h.Plain && !h.Skip && !h.Verified && !strings.Contains(h.Verify, "has expired or is not yet valid"):
			args["why"] = printable(h.Verify)
			out = append(out, refused.New(h.Name, args).In(h.From).Saw(printable(h.Verify), h.Name, "towpath ca show "+h.Name))
		}
	}
	for _, in := range w.Files {
		out = append(out, in.Findings...)
	}
	for _, s := range w.Sightings() {
		j := &judge{Question: Question{Now: w.Taken, Warn: warn, Alarm: alarm, Presented: s.Host}, faulty: map[*x509.Certificate]bool{}}
		j.file.Path, j.bundle = s.Where, s.Bundle
		if s.Host {
			j.Name = HostOf(s.Where)
		}
		j.dates(Item{Cert: s.Cert, At: s.At})
		out = append(out, j.out.Findings...)
	}
	return out
}

// HostOf is a host[:port] without its port and brackets.
func HostOf(hostport string) string {
	if end := strings.IndexByte(hostport, ']'); strings.HasPrefix(hostport, "[") && end > 0 {
		return hostport[1:end]
	}
	host, _, _ := strings.Cut(hostport, ":")
	return host
}
