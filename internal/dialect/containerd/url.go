package containerd

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

var sloppy = regexp.MustCompile(`(?i)^(http:s/|https?|htt?ps?|htttps?)[:/]+(?:https?[:/]+)?(.+)$`)

// tidy is the URL that was probably meant, the text itself when nobody can tell.
func tidy(written string) string {
	text := strings.TrimSpace(written)
	if m := sloppy.FindStringSubmatch(text); m != nil {
		scheme := "https"
		if strings.EqualFold(m[1], "http") {
			scheme = "http"
		}
		text = scheme + "://" + strings.TrimLeft(m[2], "/:")
	} else if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || !plausible(u.Host) || u.Scheme != "http" && u.Scheme != "https" {
		return written
	}
	return text
}

var hostname = regexp.MustCompile(`^(?:[a-zA-Z0-9](?:[a-zA-Z0-9_-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9_-]*[a-zA-Z0-9])?)*\.?|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?$`)

// plausible reports that a host[:port] can exist.
func plausible(host string) bool { return hostname.MatchString(host) }

// respell replaces a URL wherever the file writes it: in the headers of its
// tables, or as server.
func (h *hostsFile) respell(old, now string) []source.Edit {
	var out []source.Edit
	for _, e := range h.doc.Entries {
		switch {
		case len(e.Path) > 1 && e.Path[0] == "host" && e.Path[1] == old && e.Kind == tomldoc.Header:
			part := second(h.doc.Text(e.Key))
			out = append(out, h.edit(e.Key.Start+part.Start, e.Key.Start+part.End, tomlString(now)))
		case len(e.Path) == 1 && e.Path[0] == "server" && e.Kind == tomldoc.Value && h.content != nil && h.content.server == old:
			out = append(out, h.edit(e.Value.Start, e.Value.End, tomlString(now)))
		}
	}
	return out
}

// second is the range of the second part of a dotted key.
func second(key string) tomldoc.Span {
	first := part(key, 0)
	return part(key, first.End+strings.IndexByte(key[first.End:]+".", '.')+1)
}

// part is the range of the part of a dotted key that begins at or behind a place.
func part(key string, at int) tomldoc.Span {
	for at < len(key) && (key[at] == ' ' || key[at] == '\t') {
		at++
	}
	s := tomldoc.Span{Start: min(at, len(key)), End: len(key)}
	rest := key[s.Start:]
	switch {
	case strings.HasPrefix(rest, "'"):
		if i := strings.IndexByte(rest[1:], '\''); i >= 0 {
			s.End = s.Start + i + 2
		}
	case strings.HasPrefix(rest, `"`):
		for i := 1; i < len(rest); i++ {
			if rest[i] == '\\' {
				i++
			} else if rest[i] == '"' {
				s.End = s.Start + i + 1
				break
			}
		}
	default:
		if i := strings.IndexAny(rest, ". \t"); i >= 0 {
			s.End = s.Start + i
		}
	}
	return s
}

// same reports that two endpoints are one to a registry.
func same(a, b route.Endpoint) bool {
	return a.Scheme == b.Scheme && a.Host == b.Host && a.Path == b.Path
}
