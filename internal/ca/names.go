package ca

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// Name is one subject alternative name: a DNS name or an address.
type Name struct {
	DNS string // lower case, ASCII; "*.corp.example" for a wildcard
	IP  netip.Addr
}

// String is the name as people write it.
func (n Name) String() string {
	if n.DNS != "" {
		return n.DNS
	}
	return n.IP.String()
}

// Wildcard reports whether the name stands for many.
func (n Name) Wildcard() bool { return strings.HasPrefix(n.DNS, "*.") }

// ParseName reads a name that a certificate can be for. It refuses what some
// verifier would never match, and says what to write instead.
func ParseName(text string) (Name, error) {
	bare := strings.Trim(text, "[]")
	if ip, err := netip.ParseAddr(bare); err == nil {
		if ip.Zone() != "" {
			return Name{}, fmt.Errorf("%q: a certificate cannot be for an address with a zone", text)
		}
		return Name{IP: ip.Unmap()}, nil
	}
	switch host, _, _ := strings.Cut(text, ":"); {
	case text == "":
		return Name{}, fmt.Errorf("an empty name is none")
	case strings.Contains(text, "://"):
		return Name{}, fmt.Errorf("%q is a URL; a certificate is for a host name alone", text)
	case strings.ContainsAny(text, "/@"):
		return Name{}, fmt.Errorf("%q: a certificate is for a host name alone, without a path or user", text)
	case host != text:
		return Name{}, fmt.Errorf("%q: a certificate is for a host on all its ports; write %s", text, host)
	}
	rest, wild := strings.CutPrefix(strings.TrimSuffix(text, "."), "*.")
	dns, err := hostName(rest)
	switch {
	case err != nil:
		return Name{}, fmt.Errorf("%q: %w", text, err)
	case !wild:
		return Name{DNS: dns}, nil
	case !strings.Contains(dns, "."):
		return Name{}, fmt.Errorf("%q: OpenSSL and browsers match a wildcard only above two labels, as in *.corp.example", text)
	}
	return Name{DNS: "*." + dns}, nil
}

// hostName checks a name as RFC 1123 and Go do, underscores allowed.
func hostName(text string) (string, error) {
	if strings.Contains(text, "*") {
		return "", fmt.Errorf("an asterisk can only be the whole first label, as in *.corp.example")
	}
	name := strings.ToLower(text)
	if !ascii(name) {
		var err error
		if name, err = idna.Lookup.ToASCII(text); err != nil {
			return "", fmt.Errorf("no host name: %w", err)
		}
	}
	if len(name) > 253 {
		return "", fmt.Errorf("a host name has 253 characters at most")
	}
	labels := strings.Split(name, ".")
	for _, l := range labels {
		switch {
		case l == "":
			return "", fmt.Errorf("a label of it is empty")
		case len(l) > 63:
			return "", fmt.Errorf("a label has 63 characters at most")
		case strings.HasPrefix(l, "-") || strings.HasSuffix(l, "-"):
			return "", fmt.Errorf("a label cannot begin or end with a hyphen")
		case strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "":
			return "", fmt.Errorf("no host name")
		}
	}
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		return "", fmt.Errorf("neither an address nor a host name")
	}
	return name, nil
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// ParseNames reads several names; the same name twice counts once.
func ParseNames(texts []string) ([]Name, error) {
	var out []Name
	seen := map[Name]bool{}
	for _, text := range texts {
		n, err := ParseName(text)
		if err != nil {
			return nil, err
		}
		if !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	return out, nil
}
