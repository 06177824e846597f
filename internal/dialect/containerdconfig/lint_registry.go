package containerdconfig

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// registry judges what the registry table says.
func (l *lint) registry() {
	for _, m := range l.Mirrors {
		l.mirrorName(m)
		for _, e := range m.Endpoints {
			l.endpoint(m, e)
		}
	}
	for _, h := range l.Hosts {
		l.host(h)
	}
	for _, a := range l.Auths {
		if u, err := url.Parse(a.Name); err == nil && (u.Scheme == "" || u.Host == "") {
			l.authsKey(a.At, "")
		}
	}
	l.deprecated()
	l.secrets()
	l.sandbox()
}

func (l *lint) mirrorName(m Mirror) {
	want, variant := "", ""
	switch {
	case m.Name == route.Any || m.Name == hubName || len(m.Endpoints) == 0:
		return
	case m.Name == hubHost || m.Name == "index.docker.io":
		want, variant = hubName, "hub"
	case isImageHost(m.Name) && strings.ContainsAny(m.Name, ".:") || m.Name == "localhost":
		return
	default:
		if want = hostIn(m.Name); want == "" || l.hasMirror(want) {
			variant = "hand"
		}
	}
	var edits []source.Edit
	if !l.hasMirror(want) {
		for _, s := range l.spots("registry", "mirrors", m.Name) {
			edits = append(edits, s.layer.rename(s.keys, want)...)
		}
	}
	l.say(neverMatches, variant, m.At, finding.Args{"name": m.Name, "want": want})
	l.found[len(l.found)-1].Registry = want
	l.cure(l.try(edits, func(after Config) bool {
		return slices.ContainsFunc(after.Mirrors, func(n Mirror) bool { return n.Name == want })
	}))
}

func (l *lint) hasMirror(name string) bool {
	return slices.ContainsFunc(l.Mirrors, func(m Mirror) bool { return m.Name == name })
}

// hostIn is the host and port of a text that has a scheme or a path besides.
func hostIn(text string) string {
	if _, rest, ok := strings.Cut(text, "://"); ok {
		text = rest
	}
	host, _, _ := strings.Cut(text, "/")
	if !isImageHost(host) || !strings.ContainsAny(host, ".:") {
		return ""
	}
	return strings.ToLower(host)
}

// endpoint judges one entry of an endpoint list. All that it finds touches the
// pulls of that registry only.
func (l *lint) endpoint(m Mirror, s Setting[string]) {
	quiet := len(l.found)
	defer func() {
		for i := quiet; i < len(l.found) && m.Name != route.Any; i++ {
			l.found[i].Registry = m.Name
		}
	}()
	text := userinfo.ReplaceAllString(s.Value, "//***@")
	args := finding.Args{"endpoint": text, "registry": m.Name}
	e, err := endpoint(s.Value)
	switch {
	case err != nil:
		args["why"] = userinfo.ReplaceAllString(reasonOf(err), "//***@")
		l.say(badEndpoint, "", s.At, args)
		l.found[len(l.found)-1].Stops = true
		return
	case e.Broken != "":
		l.say(badEndpoint, "host", s.At, args)
		return
	case e.Scheme != "https" && e.Scheme != "http":
		l.say(badEndpoint, "scheme", s.At, args)
		return
	}
	if text != s.Value {
		args["host"] = e.Host
		l.say(badEndpoint, "login", s.At, args)
	}
	if !strings.Contains(s.Value, "://") {
		args["scheme"] = e.Scheme
		l.say(noScheme, "", s.At, args)
		l.cure(l.try(l.replaceEndpoint(s, e.Scheme+"://"+s.Value), func(Config) bool { return true }))
	}
	if p := strings.Trim(e.Path, "/"); p != "v2" && !strings.HasPrefix(p, "v2/") && !strings.HasSuffix(p, "/v2") && p != "" {
		l.say(literalPath, "", s.At, args)
		l.found[len(l.found)-1].Endpoint = e.String()
		l.found[len(l.found)-1].Confidence = finding.Likely
	}
}

func reasonOf(err error) string {
	if e, ok := err.(*url.Error); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// replaceEndpoint writes one element of an endpoint list anew.
func (l *lint) replaceEndpoint(s Setting[string], now string) []source.Edit {
	f := source.Find(l.files, s.At.File)
	start := source.Offset(f.Data, s.At)
	for _, quote := range []string{`"`, `'`} {
		old := quote + s.Value + quote
		if strings.HasPrefix(string(f.Data[start:min(len(f.Data), start+len(old))]), old) {
			return []source.Edit{{File: f.Path, Start: start, End: start + len(old), New: quote + now + quote}}
		}
	}
	return nil
}

func (l *lint) deprecated() {
	if l.Target.Containerd.Before("2.1.0") || len(l.CRIDead) > 0 {
		return
	}
	for _, table := range []string{"mirrors", "configs", "auths"} {
		used := map[string]int{"mirrors": len(l.Mirrors), "configs": len(l.Hosts) - len(l.Auths), "auths": len(l.Auths)}[table]
		if s, ok := l.find("registry", table); ok && used > 0 {
			l.say(deprecated, "", s.at(), finding.Args{"table": table})
		}
	}
}

// secrets in a file that others may read.
func (l *lint) secrets() {
	for _, ly := range l.layers {
		mode := ly.file.Mode.Perm()
		if mode&0o044 == 0 {
			continue
		}
		for _, h := range append(slices.Clone(l.Hosts), l.Auths...) {
			if !h.Auth.IsZero() && h.AuthAt.File == ly.file.Path {
				l.say(readable, "", h.AuthAt, finding.Args{"mode": fmt.Sprintf("%04o", mode)})
				f := &l.found[len(l.found)-1]
				f.Evidence = append(f.Evidence, finding.Evidence{
					Saw: fmt.Sprintf("%v %s", mode, ly.file.Path), Where: ly.file.Path, Command: "ls -l " + quote(ly.file.Path),
				})
				f.Fix.Run = []string{"chmod 600 " + quote(ly.file.Path)}
				break
			}
		}
	}
}

func (l *lint) sandbox() {
	image, retired := strings.CutPrefix(l.Sandbox.Value, "k8s.gcr.io/")
	if !retired || l.Sandbox.At.IsZero() {
		return
	}
	want := "registry.k8s.io/" + image
	l.say(retiredSandbox, "", l.Sandbox.At, finding.Args{"image": l.Sandbox.Value, "want": want})
	l.cure(l.SetSandbox(want))
}
