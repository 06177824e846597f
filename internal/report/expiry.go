package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/towpath-dev/towpath/internal/ca"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Expiry is the document of ca watch.
type Expiry struct {
	Schema       string       `json:"schema"`
	Kind         string       `json:"kind"` // "ca-expiry"
	Runtime      *Runtime     `json:"runtime"`
	Taken        string       `json:"taken"`
	Hosts        []ExpiryHost `json:"hosts"`
	Certificates []ExpiryCert `json:"certificates"` // those that end first before the others
	Findings     []Finding    `json:"findings"`
}

// ExpiryHost is one configured host.
type ExpiryHost struct {
	Host     string  `json:"host"`
	From     *Place  `json:"from"`
	Plain    bool    `json:"plain"`    // plain HTTP: it has no certificate
	Verified bool    `json:"verified"` // by what the runtime trusts for it
	Error    *string `json:"error"`    // why no certificate was seen, or why it is not trusted
}

// ExpiryCert is one certificate at one place.
type ExpiryCert struct {
	Where string `json:"where"` // host[:port] or file
	Role  string `json:"role"`  // "server", "chain", "ca", "client", "system"
	Cert
}

// NewExpiry is the document of a watch.
func NewExpiry(w ca.Watch, target route.Target, found []finding.Finding) Expiry {
	d := Expiry{
		Schema: Schema, Kind: "ca-expiry", Runtime: RuntimeOf(target), Taken: stamp(w.Taken), Hosts: []ExpiryHost{}, Certificates: []ExpiryCert{}, Findings: Findings(found),
	}
	for _, h := range w.Hosts {
		why := h.Failure
		if why == "" {
			why = h.Verify
		}
		d.Hosts = append(d.Hosts, ExpiryHost{Host: h.Name, From: lineOf(h.From), Plain: h.Plain, Verified: h.Verified, Error: text(printable(why))})
	}
	for _, s := range w.Sightings() {
		d.Certificates = append(d.Certificates, ExpiryCert{Where: s.Where, Role: s.Role, Cert: *cert(s.Cert, w.Taken)})
	}
	return d
}

// Expiry prints a watch as a table, those that end first at the top.
func (t *Terminal) Expiry(d Expiry, found []finding.Finding) {
	where, names := len("where"), len("certificate")
	for _, c := range d.Certificates {
		where, names = max(where, runewidth.StringWidth(c.Where)), max(names, runewidth.StringWidth(c.Title))
	}
	names = min(names, 40)
	if len(d.Certificates) > 0 {
		t.print("%s\n", t.paint(grey, fmt.Sprintf("%6s  %-10s  %s  %s  %s", "days", "until", pad("role", 6), pad("where", where), "certificate")))
	}
	for _, c := range d.Certificates {
		row := fmt.Sprintf("%6d  %s  %s  %s  %s", c.DaysLeft, c.NotAfter[:10], pad(c.Role, 6), pad(c.Where, where), cut(c.Title, names))
		if c := urgency(c, found); c != "" {
			t.print("%s\n", t.paint(c, row))
		} else {
			t.print("%s\n", row)
		}
	}
	for _, h := range d.Hosts {
		switch {
		case h.Plain:
			t.print("%6s  %-10s  %s  %s  plain HTTP, no certificate\n", "-", "-", pad("server", 6), pad(h.Host, where))
		case h.Error != nil && !hasCert(d, h.Host):
			t.print("%6s  %-10s  %s  %s  %s\n", "?", "?", pad("server", 6), pad(h.Host, where), "not seen")
		}
	}
	if len(d.Certificates)+len(d.Hosts) == 0 {
		t.print("the configuration names no host and no certificate\n")
	}
	t.print("\n")
	t.Findings(found, nil)
	t.print("%s\n", Summary(found))
}

// lineOf is the place of a host in the configuration; nil: somebody typed it.
func lineOf(p source.Pos) *Place {
	if p.File == "" {
		return nil
	}
	out := &Place{File: p.File}
	if p.Line > 0 {
		out.Line = &p.Line
	}
	return out
}

func hasCert(d Expiry, host string) bool {
	for _, c := range d.Certificates {
		if c.Where == host {
			return true
		}
	}
	return false
}

// urgency colours a row by the finding about it.
func urgency(c ExpiryCert, found []finding.Finding) colour {
	for _, f := range found {
		if f.Subject == c.Where && strings.Contains(f.Text, quote(c.Title)) {
			switch f.Severity {
			case finding.Error:
				return red
			case finding.Warning:
				return yellow
			}
		}
	}
	return ""
}

// metric is one metric of the text format of Prometheus.
type metric struct{ name, help string }

var (
	notAfterMetric  = metric{"towpath_certificate_not_after_timestamp_seconds", "When a certificate that pulls depend on ends, in seconds since 1970."}
	notBeforeMetric = metric{"towpath_certificate_not_before_timestamp_seconds", "When a certificate that pulls depend on begins, in seconds since 1970."}
	remainingMetric = metric{"towpath_certificate_remaining_seconds", "How long a certificate was still valid when it was looked at; negative once it has expired."}
	seenMetric      = metric{"towpath_host_certificate_seen", "Whether a configured host presented a certificate (1) or not (0); hosts with plain HTTP are left out."}
	verifiedMetric  = metric{"towpath_host_certificate_verified", "Whether the runtime trusts the certificate of a configured host (1) or not (0)."}
	takenMetric     = metric{"towpath_certificate_watch_timestamp_seconds", "When the certificates were looked at, in seconds since 1970."}
)

// Prometheus writes a watch in the text format of Prometheus, version 0.0.4, as
// the textfile collector of its node exporter takes it.
func Prometheus(out io.Writer, d Expiry) error {
	var b strings.Builder
	for _, m := range []struct {
		metric
		value func(ExpiryCert) int64
	}{
		{notAfterMetric, func(c ExpiryCert) int64 { return seconds(c.NotAfter) }},
		{notBeforeMetric, func(c ExpiryCert) int64 { return seconds(c.NotBefore) }},
		{remainingMetric, func(c ExpiryCert) int64 { return seconds(c.NotAfter) - seconds(d.Taken) }},
	} {
		m.head(&b)
		for _, c := range d.Certificates {
			fmt.Fprintf(&b, "%s{where=%s,role=%s,title=%s,issuer=%s,fingerprint=%s} %d\n",
				m.name, label(c.Where), label(c.Role), label(c.Title), label(c.Issuer), label(c.Fingerprint), m.value(c))
		}
	}
	for _, m := range []struct {
		metric
		value func(ExpiryHost) bool
	}{
		{seenMetric, func(h ExpiryHost) bool { return hasCert(d, h.Host) }},
		{verifiedMetric, func(h ExpiryHost) bool { return h.Verified }},
	} {
		m.head(&b)
		done := map[string]bool{}
		for _, h := range d.Hosts {
			if !h.Plain && !done[h.Host] {
				done[h.Host] = true
				fmt.Fprintf(&b, "%s{host=%s} %d\n", m.name, label(h.Host), bit(m.value(h)))
			}
		}
	}
	takenMetric.head(&b)
	fmt.Fprintf(&b, "%s %d\n", takenMetric.name, seconds(d.Taken))
	_, err := io.WriteString(out, b.String())
	return err
}

func (m metric) head(b *strings.Builder) {
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s gauge\n", m.name, m.help, m.name)
}

func seconds(stamp string) int64 {
	t, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return 0 // years beyond 9999 have no such form
	}
	return t.Unix()
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// label quotes the value of a label, in which a backslash, a quote and a line
// feed are escaped and nothing else is.
func label(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(s, "�")) + `"`
}
