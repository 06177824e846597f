package ca

import (
	"crypto/x509"
	"slices"

	"github.com/towpath-dev/towpath/internal/finding"
)

// arrangement judges in which order a chain stands in its file, and what does
// not belong there. A file with several leaves, or none, is no chain.
func (j *judge) arrangement(in Input) {
	var items, leaves []Item
	seen := map[string]bool{}
	for _, i := range in.Items {
		switch {
		case i.Cert == nil:
		case seen[string(i.Cert.Raw)]:
			j.add(duplicate, "", i, finding.Args{"title": quoted(Title(i.Cert)), "file": j.file.Path})
		default:
			seen[string(i.Cert.Raw)] = true
			items = append(items, i)
			if j.known.isLeaf(i.Cert) {
				leaves = append(leaves, i)
			}
		}
	}
	if len(leaves) != 1 || len(items) < 2 {
		return
	}
	j.order(items, leaves[0])
}

func (j *judge) order(items []Item, leaf Item) {
	path := j.known.walk(leaf.Cert)
	in := func(i Item) bool { return slices.ContainsFunc(path, i.Cert.Equal) }
	args := finding.Args{"file": j.file.Path, "title": quoted(Title(leaf.Cert)), "first": quoted(Title(items[0].Cert))}
	ordered := slices.DeleteFunc(slices.Clone(items), func(i Item) bool { return !in(i) })
	if !items[0].Cert.Equal(leaf.Cert) {
		j.add(chainOrder, "", items[0], args)
	} else {
		for n := 1; n < len(ordered); n++ {
			if place(path, ordered[n]) < place(path, ordered[n-1]) {
				args["first"], args["title"] = quoted(Title(ordered[n-1].Cert)), quoted(Title(ordered[n].Cert))
				j.add(chainOrder, "later", ordered[n], args).Severity = finding.Warning
				break
			}
		}
	}
	for _, i := range items { // a cross-signed twin of an authority in the chain is no stranger
		if !in(i) && !slices.ContainsFunc(path, func(c *x509.Certificate) bool { return signs(i.Cert, c) }) {
			j.add(chainStranger, "", i, finding.Args{"stranger": quoted(Title(i.Cert)), "title": quoted(Title(leaf.Cert))})
		}
	}
}

func place(path []*x509.Certificate, i Item) int { return slices.IndexFunc(path, i.Cert.Equal) }

// keys looks for the certificate or request of each key.
func (j *judge) keys() {
	var publics []Public
	title := ""
	for _, in := range j.inputs {
		for _, i := range in.Items {
			switch {
			case i.Cert != nil:
				publics = append(publics, Public{i.Cert.PublicKey})
				if title == "" || j.known.isLeaf(i.Cert) {
					title = quoted(Title(i.Cert))
				}
			case i.Request != nil:
				publics = append(publics, Public{i.Request.PublicKey})
			}
		}
	}
	if title == "" {
		return
	}
	for _, in := range j.inputs {
		for _, i := range in.Items {
			if i.Key != nil && !i.Key.Encrypted && !slices.ContainsFunc(publics, i.Key.Public.Equal) {
				j.file = in.File
				j.add(keyMismatch, "", i, finding.Args{"file": in.File.Path, "title": title})
			}
		}
	}
}

// Presented is the input that a server's chain makes, leaf first.
func Presented(host string, chain [][]byte) Input {
	in := Input{}
	in.File.Path = host
	for _, der := range chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			in.Findings = append(in.Findings, unparsable.New(host, finding.Args{"file": host, "why": reason(err)}))
			continue
		}
		in.Items = append(in.Items, Item{Cert: c, Counts: true})
	}
	return in
}
