package containerd

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
)

// headers judges the header lines of a host.
func (h *hostsFile) headers(e entry) []finding.Finding {
	var out []finding.Finding
	for _, line := range e.endpoint.Header {
		at, x := h.setting(e, "header", line.Key)
		args := finding.Args{"host": e.endpoint.Host, "key": fmt.Sprintf("%q", line.Key)}
		if e.endpoint.Host == "" {
			args["host"] = spoken(h.match)
		}
		if !validHeader(line) {
			out = append(out, h.found(forbiddenHeader, "", at, args))
		}
		if !strings.EqualFold(line.Key, "authorization") {
			continue
		}
		if line.Key != "Authorization" {
			f := h.found(headerCase, "", at, args)
			if x != nil {
				f = with(f, h.curing(h.renameKey(x, "Authorization")...))
			}
			out = append(out, f)
		}
		if why := badBasic(line); why != "" {
			args["why"] = why
			out = append(out, h.found(malformedBasic, "", at, args))
		}
		if h.match == route.Any {
			out = append(out, h.found(credentialsForAll, "", at, args))
		}
	}
	return out
}

// badBasic says what is wrong with Basic credentials, without showing them.
func badBasic(line route.Header) string {
	for _, v := range line.Values {
		scheme, secret, _ := strings.Cut(v.Reveal(), " ")
		if !strings.EqualFold(scheme, "basic") {
			continue
		}
		text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(secret))
		switch {
		case strings.ContainsAny(secret, "<>${}"):
			return "holds a placeholder"
		case err != nil:
			return "is not base64"
		case !strings.Contains(string(text), ":"):
			return "has no colon between user and password"
		case strings.HasSuffix(string(text), "\n"):
			return "has a line end behind the password"
		}
	}
	return ""
}

// readable reports a file with credentials that everybody can read.
func (r *reader) readable(h *hostsFile) {
	f := r.tree.files[h.path]
	if f == nil || f.Mode.Perm()&0o004 == 0 {
		return
	}
	for _, e := range h.entries {
		for _, line := range e.endpoint.Header {
			if strings.EqualFold(line.Key, "authorization") {
				at, _ := h.setting(e, "header", line.Key)
				found := h.found(readableSecret, "", at, finding.Args{"mode": fmt.Sprintf("%#o", f.Mode.Perm())})
				r.add(with(found, nil, "chmod 600 "+quote(h.path)))
				return
			}
		}
	}
}
