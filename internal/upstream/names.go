package upstream

import "strings"

// candidates are the names to ask for, in order. Source: net/dnsconfig.go, nameList.
func (c *Client) candidates(name string) []string {
	if !isDomainName(name) {
		return nil
	}
	if strings.HasSuffix(name, ".") {
		return []string{name}
	}
	asIs := name + "."
	var out []string
	typedFirst := strings.Count(name, ".") >= c.Resolv.Ndots
	if typedFirst {
		out = append(out, asIs)
	}
	for _, suffix := range c.Resolv.Search {
		fqdn := asIs + strings.Trim(suffix, ".") + "."
		if strings.Trim(suffix, ".") != "" && len(fqdn) <= 254 {
			out = append(out, fqdn)
		}
	}
	if !typedFirst {
		out = append(out, asIs)
	}
	return out
}

// isDomainName follows net.isDomainName: what it refuses Go never asks for.
func isDomainName(name string) bool {
	if name == "" || len(name) > 254 || len(name) == 254 && !strings.HasSuffix(name, ".") {
		return false
	}
	letters := false
	for _, label := range strings.Split(strings.TrimSuffix(name, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || strings.HasSuffix(label, "-") {
			return false
		}
		for _, c := range []byte(label) {
			digit := c >= '0' && c <= '9'
			if !digit && c != '-' && c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') {
				return false
			}
			letters = letters || !digit
		}
	}
	return letters
}
