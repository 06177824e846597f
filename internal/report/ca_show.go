package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/ca"
	"github.com/towpath-dev/towpath/internal/finding"
)

// Shown is what ca show has to say.
type Shown struct {
	Taken    time.Time
	Inputs   []ca.Input
	Failures []string // of hosts: why nothing was presented; empty: it was
	Verdict  ca.Verdict
	Findings []finding.Finding
}

// Show is the document of ca show.
type Show struct {
	Schema   string      `json:"schema"`
	Kind     string      `json:"kind"` // "ca-show"
	Inputs   []ShowInput `json:"inputs"`
	Chains   []ShowChain `json:"chains"`
	Findings []Finding   `json:"findings"`
}

// ShowInput is one file or host.
type ShowInput struct {
	Name  string     `json:"name"`
	Error *string    `json:"error"`
	Items []ShowItem `json:"items"`
}

// ShowItem is one thing in it.
type ShowItem struct {
	What        string  `json:"what"` // "certificate", "key", "request", "recipe"
	Line        *int    `json:"line"`
	Counts      bool    `json:"counts"` // Go programs see it where it stands
	Text        string  `json:"text"`
	Certificate *Cert   `json:"certificate"`
	KeyKind     *string `json:"keyKind"`
}

// ShowChain is how a certificate is verified.
type ShowChain struct {
	Path     []string `json:"path"`     // titles, leaf first
	Accepted bool     `json:"accepted"` // by Go, at this moment
	Anchor   *string  `json:"anchor"`   // "system", "named", "given"
	Why      *string  `json:"why"`      // Go's words against it
}

// NewShow is the document for what was shown.
func NewShow(x Shown) Show {
	d := Show{Schema: Schema, Kind: "ca-show", Inputs: []ShowInput{}, Chains: []ShowChain{}, Findings: Findings(x.Findings)}
	for n, in := range x.Inputs {
		out := ShowInput{Name: in.File.Path, Items: []ShowItem{}, Error: text(x.Failures[n])}
		for _, i := range in.Items {
			out.Items = append(out.Items, showItem(i, x.Taken))
		}
		d.Inputs = append(d.Inputs, out)
	}
	for _, c := range x.Verdict.Chains {
		chain := ShowChain{Path: []string{}, Accepted: c.Why == "", Anchor: text(string(c.Anchor)), Why: text(c.Why)}
		for _, p := range c.Path {
			chain.Path = append(chain.Path, ca.Title(p))
		}
		d.Chains = append(d.Chains, chain)
	}
	return d
}

func showItem(i ca.Item, now time.Time) ShowItem {
	s := ShowItem{Counts: i.Counts}
	if i.At.Line > 0 {
		s.Line = &i.At.Line
	}
	switch {
	case i.Cert != nil:
		s.What, s.Certificate = "certificate", cert(i.Cert, now)
		s.Text = s.Certificate.Kind + " certificate " + quote(s.Certificate.Title)
	case i.Key != nil && i.Key.Encrypted:
		s.What, s.Text = "key", "private key, locked with a pass phrase"
	case i.Key != nil:
		s.What, s.KeyKind = "key", text(i.Key.Public.String())
		s.Text = "private key, " + *s.KeyKind
	case i.Request != nil:
		names := i.Request.DNSNames
		for _, ip := range i.Request.IPAddresses {
			names = append(names, ip.String())
		}
		s.What, s.Text = "request", "signing request for "+printable(i.Request.Subject.String())+", names: "+printable(orNone(names))
	case i.Recipe != nil && i.Recipe.Name != "":
		s.What, s.Text = "recipe", "request of cfssl for "+quote(i.Recipe.Name)+", names: "+printable(orNone(i.Recipe.Hosts))
	default:
		s.What, s.Text = "recipe", "profiles of an authority of cfssl"
	}
	return s
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func quote(s string) string { return fmt.Sprintf("%q", s) }

// Show prints files and hosts with what they hold, the chains, the findings.
func (t *Terminal) Show(x Shown) {
	d := NewShow(x)
	for _, in := range d.Inputs {
		t.print("%s\n", t.paint(bold, in.Name))
		if in.Error != nil {
			t.print("  %s %s\n", t.no(), t.fold(*in.Error, "    "))
		}
		for n, i := range in.Items {
			if n == mostShown {
				t.print("  … and %d more\n", len(in.Items)-n)
				break
			}
			t.showItem(n+1, i)
		}
		t.print("\n")
	}
	for n, c := range d.Chains {
		if n == mostShown {
			break
		}
		t.chain(c)
	}
	if len(d.Chains) > 0 {
		t.print("\n")
	}
	t.Findings(x.Findings, nil)
	t.print("%s\n", Summary(x.Findings))
}

// mostShown bounds what of a bundle is printed for people.
const mostShown = 20

func (t *Terminal) showItem(n int, i ShowItem) {
	note := ""
	if i.Line != nil {
		note = fmt.Sprintf("  line %d", *i.Line)
	}
	if !i.Counts {
		note += "  not seen by Go"
	}
	t.print("  %d  %s%s\n", n, i.Text, t.paint(grey, note))
	if c := i.Certificate; c != nil {
		if len(c.Names) > 0 {
			t.line("     names      ", strings.Join(c.Names, ", "))
		}
		if c.Subject != c.Issuer {
			t.line("     issuer     ", c.Issuer)
		}
		t.line("     valid      ", c.NotBefore[:10]+" to "+c.NotAfter[:10]+", "+daysLeft(c.DaysLeft))
		t.line("     key        ", c.Key+", signed with "+c.Signature)
		t.line("     SHA-256    ", c.Fingerprint)
	}
}

// anchors say what it means for a node how a chain ends.
var anchors = map[string]string{
	"system": "in the system's store",
	"named":  "named as ca",
	"given":  "trusted by no node for being here: name it as ca of the registry",
}

func (t *Terminal) chain(c ShowChain) {
	path := strings.Join(c.Path, t.symbol(" ← ", " <- "))
	switch {
	case !c.Accepted:
		t.print("%s %s\n", t.no(), t.fold(path, "  "))
		t.line("    Go says  ", *c.Why)
	default:
		t.print("%s %s\n", t.yes(), t.fold(path+"  ("+anchors[*c.Anchor]+")", "  "))
	}
}
