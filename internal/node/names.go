package node

import (
	"bytes"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// Hosts reads /etc/hosts as Go does: lines whose address does not parse count
// for nothing. Source: net/hosts.go.
func Hosts(r *Root) []snapshot.HostsLine {
	f, _ := r.ReadFile("/etc/hosts")
	return parseHosts(f)
}

func parseHosts(f source.File) []snapshot.HostsLine {
	var out []snapshot.HostsLine
	n := 0
	for l := range bytes.Lines(f.Data) {
		n++
		text, _, _ := strings.Cut(string(l), "#")
		fields := strings.Fields(text)
		if len(fields) < 2 {
			continue
		}
		if _, err := netip.ParseAddr(fields[0]); err != nil {
			continue
		}
		out = append(out, snapshot.HostsLine{At: source.Pos{File: f.Path, Line: n}, Addr: fields[0], Names: fields[1:]})
	}
	return out
}

// Go's limits for resolv.conf. Source: net/dnsconfig_unix.go.
const (
	maxServers  = 3
	maxNdots    = 15
	dnsTimeout  = 5 * time.Second
	dnsAttempts = 2
)

// ReadResolv reads /etc/resolv.conf as Go does. Without a usable server Go asks
// the loopback addresses; here the list stays empty and Problem says why.
// hostname stands in for a search list that is not given.
func ReadResolv(r *Root, hostname string) snapshot.Resolv {
	const name = "/etc/resolv.conf"
	f, ok := r.ReadFile(name)
	c := parseResolv(source.File{Path: name, Data: f.Data})
	if _, domain, ok := strings.Cut(hostname, "."); ok && c.Search == nil {
		c.Search = []string{domain}
	}
	switch {
	case !ok:
		c.Problem = "it does not exist"
	case f.Kind == source.Dangling:
		c.Problem = "it is a link to " + f.Link + ", which does not exist"
	case f.Problem != "":
		c.Problem = f.Problem
	case f.Kind != source.Regular:
		c.Problem = "it is not a regular file"
	case len(bytes.TrimSpace(f.Data)) == 0:
		c.Problem = "it is empty"
	case len(c.Servers) == 0:
		c.Problem = "no line gives the address of one"
	}
	return c
}

func parseResolv(f source.File) snapshot.Resolv {
	c := snapshot.Resolv{File: f.Path, Ndots: 1, Timeout: dnsTimeout, Attempts: dnsAttempts}
	n := 0
	for l := range bytes.Lines(f.Data) {
		n++
		if text := string(l); text[0] != ';' && text[0] != '#' {
			resolvLine(&c, strings.Fields(text), source.Pos{File: f.Path, Line: n})
		}
	}
	return c
}

func resolvLine(c *snapshot.Resolv, fields []string, at source.Pos) {
	if len(fields) == 0 {
		return
	}
	switch args := fields[1:]; fields[0] {
	case "nameserver":
		if len(args) == 0 || len(c.Servers) == maxServers {
			return
		}
		if _, err := netip.ParseAddr(args[0]); err == nil {
			c.Servers = append(c.Servers, snapshot.NameServer{Addr: net.JoinHostPort(args[0], "53"), Node: true, At: at})
		}
	case "domain":
		if len(args) > 0 {
			c.Search = args[:1]
		}
	case "search":
		c.Search = []string{}
		for _, name := range args {
			if name != "." {
				c.Search = append(c.Search, name)
			}
		}
	case "options":
		for _, word := range args {
			resolvOption(c, word)
		}
	}
}

func resolvOption(c *snapshot.Resolv, word string) {
	key, value, _ := strings.Cut(word, ":")
	n, err := strconv.Atoi(value)
	if err != nil {
		return
	}
	switch key {
	case "ndots":
		c.Ndots = min(max(n, 0), maxNdots)
	case "timeout":
		c.Timeout = time.Duration(max(n, 1)) * time.Second
	case "attempts":
		c.Attempts = max(n, 1)
	}
}

// Sources lists where nsswitch.conf has host names looked up, in order: "files",
// "dns". It is empty when the file does not say; Go then takes the hosts file
// first and DNS second.
func Sources(r *Root) []string {
	f, _ := r.ReadFile("/etc/nsswitch.conf")
	return parseSources(f.Data)
}

func parseSources(data []byte) []string {
	for l := range bytes.Lines(data) {
		text, _, _ := strings.Cut(string(l), "#")
		key, value, ok := strings.Cut(text, ":")
		if !ok || strings.TrimSpace(key) != "hosts" {
			continue
		}
		return strings.Fields(bare(value))
	}
	return nil
}

// bare takes the actions, "[NOTFOUND=return]", out of a line of nsswitch.conf.
func bare(text string) string {
	for {
		from := strings.IndexByte(text, '[')
		if from < 0 {
			return text
		}
		to := strings.IndexByte(text[from:], ']')
		if to < 0 {
			return text[:from]
		}
		text = text[:from] + " " + text[from+to+1:]
	}
}
