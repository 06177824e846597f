package talos

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/siderolabs/talos/pkg/machinery/config"
	coreconfig "github.com/siderolabs/talos/pkg/machinery/config/config"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// agree compares what the two make of an accepted configuration.
func agree(theirs config.Provider, ours route.Table, counts map[string]int) string {
	if diff := credentials(theirs, ours, counts); diff != "" {
		return diff
	}
	mirrors, tlses := theirs.RegistryMirrorConfigs(), theirs.RegistryTLSConfigs()
	barren := barren(mirrors, tlses)
	names := slices.Sorted(maps.Keys(mirrors))
	for name := range tlses {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		registry := cmp.Or(strings.ReplaceAll(name, "*", "other.example"), "?")
		if ref, err := route.ParseRef(registry + "/team/app:1"); err != nil || ref.Registry != registry {
			continue // no image has that name
		}
		want := expected(name, mirrors[name], tlses)
		if barren {
			want = "the registry itself\n"
		}
		counts["mirrors"]++
		if name != "*" && barren || want == "" {
			continue
		}
		if got := described(ours, registry); got != want {
			return fmt.Sprintf("%s:\n  Talos\n%s  Towpath\n%s", name, want, got)
		}
	}
	counts["tlses"] += len(tlses)
	return ""
}

// barren reports a configuration of which nothing is rendered.
func barren(mirrors map[string]coreconfig.RegistryMirrorConfig, tlses map[string]coreconfig.RegistryTLSConfig) bool {
	for _, m := range mirrors {
		for _, e := range m.Endpoints() {
			if _, err := url.Parse(e.Endpoint()); err != nil {
				return true
			}
		}
	}
	_, covered := mirrors["*"]
	any := tlses["*"]
	return any != nil && !covered && says(any)
}

func says(t coreconfig.RegistryTLSConfig) bool {
	return t.CA() != nil || t.ClientIdentity() != nil || t.InsecureSkipVerify()
}

// expected is what containerd asks of what Talos renders, line by line.
func expected(name string, m coreconfig.RegistryMirrorConfig, tlses map[string]coreconfig.RegistryTLSConfig) string {
	var lines []string
	if m == nil {
		if t := tlses[name]; says(t) {
			return line("https", host(name), "/v2", t)
		}
		return ""
	}
	seen := map[string]bool{}
	list := m.Endpoints()
	for i, e := range list {
		if server := m.SkipFallback() && i == len(list)-1; !server && seen[e.Endpoint()] {
			return "the registry itself\n" // the file is no TOML
		}
		seen[e.Endpoint()] = true
		lines = append(lines, asked(e, tlses))
	}
	if !m.SkipFallback() || len(list) == 0 {
		lines = append(lines, "the registry itself\n")
	}
	return strings.Join(lines, "")
}

func asked(e coreconfig.RegistryEndpointConfig, tlses map[string]coreconfig.RegistryTLSConfig) string {
	u, err := url.Parse(e.Endpoint())
	if err != nil {
		return "no URL\n" // of which nothing is rendered
	}
	t := tlses[u.Host]
	if !strings.HasPrefix(e.Endpoint(), "http") {
		u, _ = url.Parse("https://" + e.Endpoint())
	}
	if u == nil {
		return "no URL\n"
	}
	root := u.Path
	if root != "" {
		root = path.Clean(root)
	}
	if !e.OverridePath() && !strings.HasSuffix(root, "/v2") {
		root += "/v2"
	}
	scheme := u.Scheme
	if scheme == "http" && t != nil && says(t) && u.Port() != "80" {
		scheme = "https or http"
	}
	return line(scheme, u.Host, strings.TrimSuffix(path.Join("/", root), "/"), t)
}

func line(scheme, host, root string, t coreconfig.RegistryTLSConfig) string {
	out := scheme + " " + host + root
	if t == nil || scheme == "http" {
		return out + "\n"
	}
	if t.CA() != nil {
		out += fmt.Sprintf(" ca %x", t.CA())
	}
	if c := t.ClientIdentity(); c != nil {
		out += fmt.Sprintf(" client %x %x", c.Crt, c.Key)
	}
	if t.InsecureSkipVerify() {
		out += " unverified"
	}
	return out + "\n"
}

// described is the same of our table.
func described(t route.Table, registry string) string {
	var out strings.Builder
	r := t.Route(registry)
	all := t.Endpoints(registry)
	for i, e := range all {
		if i == len(r.Mirrors) && r.Upstream.Host == "" {
			out.WriteString("the registry itself\n")
			continue
		}
		scheme := e.Scheme
		if e.PlainFallback {
			scheme = "https or http"
		}
		out.WriteString(scheme + " " + e.Host + e.Path)
		if scheme != "http" {
			for _, ca := range e.TLS.CA {
				fmt.Fprintf(&out, " ca %x", contents(t, ca))
			}
			for _, p := range e.TLS.Client {
				fmt.Fprintf(&out, " client %x %x", contents(t, p.Cert), contents(t, p.Key))
			}
			if e.TLS.SkipVerify {
				out.WriteString(" unverified")
			}
		}
		out.WriteString("\n")
	}
	return out.String()
}

func contents(t route.Table, path string) []byte {
	if f := source.Find(t.Files, path); f != nil {
		return f.Data
	}
	return nil
}

func host(name string) string {
	if name == "docker.io" {
		return "registry-1.docker.io"
	}
	return name
}

// credentials compares what is sent to each host. Source of the order in which
// the fields count: containerd's ParseAuth.
func credentials(theirs config.Provider, ours route.Table, counts map[string]int) string {
	auths := theirs.RegistryAuthConfigs()
	want := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(auths)) {
		a := auths[name]
		counts["auths"]++
		login := ""
		switch data, _ := base64.StdEncoding.DecodeString(a.Auth()); {
		case a.Username() != "":
			login = a.Username() + " " + a.Password()
		case a.IdentityToken() != "":
			login = "token " + a.IdentityToken()
		case bytes.Contains(data, []byte(":")):
			user, password, _ := strings.Cut(string(data), ":")
			login = user + " " + strings.Trim(password, "\x00")
		}
		if login != "" {
			want[host(name)] = login
		}
	}
	got := map[string]string{}
	for _, h := range ours.Hosts {
		got[h.Name] = h.Auth.User + " " + h.Auth.Password.Reveal()
		if !h.Auth.IdentityToken.IsZero() {
			got[h.Name] = "token " + h.Auth.IdentityToken.Reveal()
		}
	}
	if !maps.Equal(want, got) {
		return fmt.Sprintf("credentials: Talos %v, Towpath %v", want, got)
	}
	return ""
}
