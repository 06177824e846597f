package containerdconfig

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
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
	case m.Name == route.Any || m.Name == hubName:
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
	l.cure(l.proven(edits, func(after Config) bool {
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

// endpoint judges one entry of an endpoint list.
func (l *lint) endpoint(m Mirror, s Setting[string]) {
	text := userinfo.ReplaceAllString(s.Value, "//***@")
	args := finding.Args{"endpoint": text, "registry": m.Name}
	e, err := endpoint(s.Value)
	switch {
	case err != nil:
		args["why"] = userinfo.ReplaceAllString(reasonOf(err), "//***@")
		l.say(badEndpoint, "", s.At, args)
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
		l.cure(l.proven(l.replaceEndpoint(s, e.Scheme+"://"+s.Value), func(Config) bool { return true }))
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

// host judges one entry of registry.configs.
func (l *lint) host(h Host) {
	l.hostKey(h)
	if h.Dropped != nil {
		l.say(tlsRemoved, "", h.TLSAt, finding.Args{"host": h.Name})
	}
	if h.BadTLS != "" && l.ConfigPath.Value == "" {
		l.say(halfPair, "", h.TLSAt, finding.Args{"host": h.Name, "why": h.BadTLS})
	}
	if h.BadAuth != "" {
		l.say(badLogin, "", h.AuthAt, finding.Args{"host": h.Name, "why": h.BadAuth})
	}
	if h.TLS != nil && l.ConfigPath.Value == "" {
		l.tlsUse(h)
	}
}

// tlsUse: what the TLS settings of a host are good for.
func (l *lint) tlsUse(h Host) {
	plain, secure := "", h.Name == hubHost
	for _, m := range l.Mirrors {
		for _, e := range m.Endpoints {
			end, err := endpoint(e.Value)
			switch {
			case err != nil || end.Host != h.Name:
			case end.Scheme == "http":
				plain = end.String()
			default:
				secure = true
			}
		}
	}
	if plain != "" && !secure {
		l.say(plainTLS, "", h.TLSAt, finding.Args{"host": h.Name, "endpoint": plain})
		return
	}
	if h.TLS.SkipVerify {
		l.say(verificationOff, "", l.place("registry", "configs", h.Name, "tls", "insecure_skip_verify"), finding.Args{"host": h.Name})
	}
}

// place is where a setting of the image service stands, its table otherwise.
func (l *lint) place(keys ...string) source.Pos { return (&loading{Config: &l.Config}).place(keys...) }

// hostKey: keys of registry.configs that name no endpoint.
func (l *lint) hostKey(h Host) {
	if slices.ContainsFunc(l.Auths, func(a Host) bool { return a.At == h.At }) {
		return
	}
	want := ""
	switch {
	case h.Name == route.Any:
		l.say(hubKey, "any", h.At, finding.Args{"name": h.Name})
		return
	case h.Name == hubName || h.Name == "index.docker.io":
		want = hubHost
	case strings.Contains(h.Name, "/"):
		want = hostIn(h.Name)
	}
	if want == "" {
		l.mirrorKey(h)
		return
	}
	var edits []source.Edit
	for _, s := range l.spots("registry", "configs", h.Name) {
		edits = append(edits, s.layer.rename(s.keys, want)...)
	}
	edits = l.proven(edits, func(after Config) bool {
		return slices.ContainsFunc(after.Hosts, func(n Host) bool { return n.Name == want })
	})
	variant := ""
	if want != hubHost {
		variant = "url"
	}
	if variant == "" && edits == nil {
		variant = "hand"
	}
	l.say(hubKey, variant, h.At, finding.Args{"name": h.Name, "want": want})
	l.cure(edits)
}

// mirrorKey: the key is a registry's name, and its mirror has another.
func (l *lint) mirrorKey(h Host) {
	i := slices.IndexFunc(l.Mirrors, func(m Mirror) bool { return m.Name == h.Name })
	if i < 0 {
		return
	}
	var others []string
	for _, e := range l.Mirrors[i].Endpoints {
		end, err := endpoint(e.Value)
		if err != nil || end.Host == h.Name || slices.ContainsFunc(l.Hosts, func(o Host) bool { return o.Name == end.Host }) {
			return
		}
		others = append(others, end.Host)
	}
	if len(others) > 0 {
		l.say(mirrorKey, "", h.At, finding.Args{"name": h.Name, "host": strings.Join(others, ", ")})
	}
}

func (l *lint) deprecated() {
	if l.old() {
		return
	}
	for _, table := range []string{"mirrors", "configs", "auths"} {
		used := map[string]int{"mirrors": len(l.Mirrors), "configs": len(l.Hosts) - len(l.Auths), "auths": len(l.Auths)}[table]
		if s, ok := l.find("registry", table); ok && used > 0 && l.Target.Containerd.Since("2.1.0") {
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

// directories judges where hosts.toml files are looked for, and what lies about.
func (l *lint) directories() {
	l.imports()
	l.instances()
	if len(l.Fatal) > 0 {
		return
	}
	l.transferPath()
	if l.ConfigPath.Value == "" {
		l.pathUnset()
		return
	}
	if l.ListBug() {
		l.listBug()
		return
	}
	for _, p := range l.List() {
		if p != "" && !path.IsAbs(p) && !l.ConfigPath.At.IsZero() {
			l.relative(p)
		}
	}
	if len(l.List()) == 1 {
		l.pathWrong(l.Roots("/")[0])
	}
}

func (l *lint) relative(p string) {
	list := l.List()
	for i := range list {
		if list[i] == p {
			list[i] = path.Join("/", p)
		}
	}
	want := strings.Join(list, ":")
	l.say(relativePath, "", l.ConfigPath.At, finding.Args{"path": l.ConfigPath.Value, "want": want})
	l.cure(l.SetConfigPath(want))
}

func (l *lint) listBug() {
	var used []string
	for _, p := range l.List() {
		if l.holdsHosts(p) {
			used = append(used, p)
		}
	}
	args := finding.Args{"path": l.ConfigPath.Value, "dirs": strings.Join(used, " and ")}
	at, byDefault := l.ConfigPath.At, l.ConfigPath.At.IsZero()
	if byDefault {
		at = source.Pos{File: l.Main}
	}
	switch {
	case len(used) > 1:
		l.say(listBug, "both", at, args)
		l.cure(l.SetLocalPull())
		return
	case len(used) == 0 && byDefault:
		return
	case len(used) == 0:
		args["dirs"], args["dir"] = strings.Join(l.List(), " and "), l.List()[0]
		l.say(listBug, "empty", at, args)
		l.found[len(l.found)-1].Severity = finding.Warning
	case byDefault:
		args["dir"] = used[0]
		l.say(listBug, "default", at, args)
	default:
		args["dir"] = used[0]
		l.say(listBug, "", at, args)
	}
	dir := fmt.Sprint(args["dir"])
	l.cure(l.SetConfigPath(dir))
}

func (l *lint) pathWrong(root string) {
	f := source.Find(l.files, root)
	args := finding.Args{"path": l.ConfigPath.Value, "want": ""}
	switch {
	case f != nil && f.Kind == source.Regular:
		variant := "hand"
		dir := path.Dir(root)
		if path.Base(root) == "hosts.toml" {
			dir, variant = path.Dir(dir), "file"
		}
		args["want"] = dir
		l.say(pathWrong, variant, l.ConfigPath.At, args)
		l.found[len(l.found)-1].Ignores = false
		if variant == "file" {
			l.cure(l.SetConfigPath(dir))
		}
	case l.absent(root) || f != nil && f.Kind == source.Dangling:
		if l.Target.Runtime == "k0s" && l.holdsHosts(k0sCerts) {
			return // told as a matter of k0s
		}
		if l.holdsHosts(StandardDir) {
			args["want"] = StandardDir
			l.say(pathWrong, "other", l.ConfigPath.At, args)
			l.cure(l.SetConfigPath(StandardDir))
			return
		}
		l.say(pathWrong, "", l.ConfigPath.At, args)
	}
}

func (l *lint) pathUnset() {
	if l.Target.Runtime == "k0s" || !l.holdsHosts(StandardDir) {
		return
	}
	at := source.Pos{File: l.Main}
	if s, ok := l.find("registry"); ok {
		at = s.at()
	}
	if len(l.Mirrors) > 0 {
		l.say(pathUnset, "mirrors", at, finding.Args{"dir": StandardDir})
		return
	}
	l.say(pathUnset, "", at, finding.Args{"dir": StandardDir})
	l.cure(l.SetConfigPath(StandardDir))
}

func (l *lint) transferPath() {
	for _, ly := range l.layers {
		v, ok := ly.value("plugins", transferV1, "config_path")
		dir, _ := v.(string)
		if !ok || dir == "" || dir == l.ConfigPath.Value {
			continue
		}
		want := "config_path of the CRI plugin, which is " + strconv.Quote(l.ConfigPath.Value)
		args := finding.Args{"want": want, "path": dir}
		if !l.ConfigPath.At.IsZero() || len(l.Mirrors) > 0 {
			l.say(transferPath, "hand", ly.at("plugins", transferV1, "config_path"), args)
			continue
		}
		l.say(transferPath, "", ly.at("plugins", transferV1, "config_path"), args)
		l.cure(l.SetConfigPath(dir))
	}
}
