package docker

import (
	"crypto/x509"
	"fmt"
	"math/big"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/jsondoc"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// lint says what an accepted configuration does without meaning it.
func (r *reader) lint() {
	if r.doc != nil && r.doc.Root != nil && r.doc.Root.Kind == jsondoc.Object {
		r.lintKeys(r.doc.Root)
		r.lintRepeated(r.doc.Root)
		r.lintMirrors()
		r.lintInsecure()
		if r.opts.Beside && len(r.set.Mirrors)+len(r.set.Insecure) > 0 {
			r.found(otherRuntime, "", r.place("registry-mirrors", "insecure-registries"), nil)
		}
	}
	r.lintCerts()
}

// lintKeys finds keys that are accepted and then disregarded.
func (r *reader) lintKeys(object *jsondoc.Node) {
	for _, m := range object.Members {
		at := r.doc.Pos(m.Name)
		if want := singular[m.Key]; want != "" && m.Key != "allow-nondistributable-artifacts" {
			f := r.found(singularKey, "", at, finding.Args{"key": m.Key, "want": want})
			if object.Get(want) == nil {
				r.edit(f, r.doc.Replace(m.Name, jsondoc.Write(want)))
			}
		}
		if slices.Contains([]string{"http-proxy", "https-proxy", "no-proxy"}, m.Key) {
			r.found(topProxy, "", at, finding.Args{"key": m.Key})
		}
	}
}

// lintRepeated finds lists of registries that a later one of the same key replaces.
func (r *reader) lintRepeated(object *jsondoc.Node) {
	for i, m := range object.Members {
		if m.Key != "registry-mirrors" && m.Key != "insecure-registries" || len(m.Value.Items) == 0 {
			continue
		}
		for _, later := range object.Members[i+1:] {
			if later.Key == m.Key {
				r.found(repeatedKey, "", r.doc.Pos(m.Name), finding.Args{"key": m.Key, "line": r.doc.Pos(later.Name).Line})
				break
			}
		}
	}
}

// dead are mirrors that were shut down, or serve only their own cloud.
var dead = regexp.MustCompile(`(?i)(hub-mirror\.c\.163\.com|f1361db2\.m\.daocloud\.io|registry\.docker-cn\.com|docker\.mirrors\.ustc\.edu\.cn|mirror\.ccs\.tencentyun\.com|\.mirror\.aliyuncs\.com|dockerhub\.azk8s\.cn|reg-mirror\.qiniu\.com)$`)

// others are registries whose name in a mirror's URL tells what was meant.
var others = regexp.MustCompile(`(?i)\b(ghcr|quay|gcr|registry\.k8s|k8s\.gcr|mcr\.microsoft|nvcr)\b`)

func (r *reader) lintMirrors() {
	containerdStore := r.target.Engine() == route.Containerd
	for i, text := range r.set.Mirrors {
		scheme, rest, _ := strings.Cut(text, "://")
		if low := strings.ToLower(scheme); low != scheme && badMirror(text) == "" {
			want := low + "://" + rest
			f := r.found(upperScheme, "", r.item("registry-mirrors", i), finding.Args{"mirror": mask(text), "want": mask(want)})
			if n := r.node("registry-mirrors", i); n != nil {
				r.edit(f, r.doc.Replace(n, jsondoc.Write(want)))
			}
		}
	}
	for _, e := range r.mirrors() {
		loose := r.insecure(e.Host)
		args := finding.Args{"mirror": e.Scheme + "://" + e.Host}
		if e.Scheme == "http" && !route.IsLocalhost(e.Host) || loose && !route.IsLocalhost(e.Host) {
			r.found(plainMirror, "", e.From, args)
		}
		if loose && containerdStore {
			r.found(looseHub, "", e.From, finding.Args{"mirror": e.Host, "dir": path.Join(certsDir, e.Host)})
		}
		if dead.MatchString(strings.Split(e.Host, ":")[0]) {
			r.found(retired, "", e.From, args)
		}
		if name := others.FindString(e.Host + e.Path); name != "" && e.Host != "mirror.gcr.io" { // Google's cache of Docker Hub
			r.found(hubOnly, "", e.From, finding.Args{"mirror": e.Scheme + "://" + e.Host, "registry": name})
		}
	}
}

func (r *reader) lintInsecure() {
	for i, text := range r.set.Insecure {
		at, entry := r.item("insecure-registries", i), unschemed(text)
		if entry != text {
			f := r.found(schemeCut, "", at, finding.Args{"entry": mask(text), "want": mask(entry)})
			if n := r.node("insecure-registries", i); n != nil {
				r.edit(f, r.doc.Replace(n, jsondoc.Write(entry)))
			}
		}
		if entry == hub || entry == "index.docker.io" {
			r.found(lostHub, "", at, finding.Args{"entry": entry})
		}
		if p, ok := addresses(entry); ok {
			if p.Addr().Is4() && p.Bits() < 16 || p.Addr().Is6() && p.Bits() < 48 {
				n := new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits()))
				r.found(broadRange, "", at, finding.Args{"entry": entry, "count": "all " + n.String()})
			}
			continue
		}
		r.lintPort(entry, at)
	}
}

// lintPort finds an entry without a port beside another setting with one.
func (r *reader) lintPort(entry string, at source.Pos) {
	if route.Port(entry) != "" {
		return
	}
	near := r.certHosts()
	for _, e := range r.mirrors() {
		near = append(near, e.Host)
	}
	for _, host := range near {
		if strings.HasPrefix(host, entry+":") && !slices.ContainsFunc(r.set.Insecure, func(o string) bool { return unschemed(o) == host }) {
			r.found(portLess, "", at, finding.Args{"entry": entry, "near": host})
			return
		}
	}
}

var portName = regexp.MustCompile(`^(.*[^_])_([0-9]{1,5})_?$`)

func (r *reader) lintCerts() {
	hosts := r.target.Engine() == route.Containerd
	for _, host := range r.certHosts() {
		dir := path.Join(certsDir, host)
		toml := r.byPath[dir+"/hosts.toml"]
		if toml != nil && !hosts {
			r.found(hostsWin, "unread", source.Pos{File: toml.Path}, finding.Args{"file": toml.Path})
		}
		if !hosts {
			r.certsName(dir, host)
		} else if toml != nil && r.refused == nil {
			r.hostsWin(host, toml)
		}
		if _, broken := r.certsIn(host); broken != "" && !hosts && !r.insecure(host) && host != hub {
			f := r.found(certsPair, "", source.Pos{File: dir}, finding.Args{"host": host, "why": broken})
			f.Registry = host
		}
		for _, name := range r.children[dir] {
			r.certFile(r.byPath[path.Join(dir, name)])
		}
	}
}

// hostsWin tells that a hosts.toml with mirrors leaves daemon.json without effect.
func (r *reader) hostsWin(host string, toml *source.File) {
	touched := host == hub && len(r.set.Mirrors) > 0 || slices.ContainsFunc(r.set.Insecure, func(o string) bool { return unschemed(o) == host })
	if rt := r.table.Route(host); touched && len(rt.Mirrors) > 0 && strings.HasPrefix(rt.From.File, certsDir) {
		r.found(hostsWin, "", source.Pos{File: toml.Path}, finding.Args{"registry": host, "file": toml.Path})
	}
}

// certsName finds directories whose name no registry has, or that are not read.
func (r *reader) certsName(dir, host string) {
	switch m := portName.FindStringSubmatch(host); {
	case host == hub || host == hubHost || host == "index.docker.io":
		r.found(certsName, "hub", source.Pos{File: dir}, finding.Args{"dir": dir})
	case m != nil:
		want := m[1] + ":" + m[2]
		f := r.found(certsName, "", source.Pos{File: dir}, finding.Args{"dir": dir, "want": want})
		if to := path.Join(certsDir, want); r.byPath[to] == nil && len(r.children[to]) == 0 {
			f.Fix.Edits = []source.Edit{{Op: source.Rename, File: dir, To: to}}
		}
	case r.insecure(host) && !route.IsLocalhost(host):
		f := r.found(certsName, "insecure", source.Pos{File: dir}, finding.Args{"dir": dir, "host": host})
		f.Severity = finding.Warning
	}
}

func (r *reader) certFile(f *source.File) {
	if f == nil || f.Kind != source.Regular {
		return
	}
	ext, at := path.Ext(f.Path), source.Pos{File: f.Path}
	switch {
	case ext == ".crt" && !f.Unread && f.Problem == "" && !x509.NewCertPool().AppendCertsFromPEM(f.Data):
		r.found(certsEmpty, "", at, finding.Args{"path": f.Path})
	case slices.Contains([]string{".pem", ".ca", ".cer"}, ext):
		want := strings.TrimSuffix(f.Path, ext) + ".crt"
		x := r.found(certsSuffix, "", at, finding.Args{"path": f.Path, "want": path.Base(want)})
		if r.byPath[want] == nil && strings.Contains(string(f.Data), "BEGIN CERTIFICATE") {
			x.Fix.Edits = []source.Edit{{Op: source.Rename, File: f.Path, To: want}}
		}
	}
}

// mistake names the usual slips in JSON.
func (r *reader) mistake(at source.Pos) string {
	i := min(source.Offset(r.text, at), len(r.text))
	rest, before := string(r.text[i:]), strings.TrimRight(string(r.text[:i]), " \t\r\n")
	switch {
	case strings.HasPrefix(rest, "“") || strings.HasPrefix(rest, "”") || strings.HasPrefix(rest, "‘") || strings.HasPrefix(rest, "’"):
		return "quotes"
	case strings.HasPrefix(rest, "#") || strings.HasPrefix(rest, "/"):
		return "comment"
	case strings.HasSuffix(before, ",") && (strings.HasPrefix(rest, "}") || strings.HasPrefix(rest, "]")):
		return "comma"
	case strings.HasPrefix(rest, `"`) && strings.HasSuffix(before, `"`), strings.HasPrefix(rest, `"`) && strings.HasSuffix(before, "]"):
		return "missing"
	}
	return ""
}

var userInfo = regexp.MustCompile(`[^\s"'/@]+:[^\s"'/@]*@`)

// mask hides what may be a password in a URL.
func mask(text string) string { return userInfo.ReplaceAllString(text, "***@") }

// widest is how much of a line is shown.
const widest = 400

// about makes a finding about a place, with its line as evidence.
func (r *reader) about(k finding.Kind, variant string, at source.Pos, args finding.Args) finding.Finding {
	f := k.Vary(variant, at.File, args).In(at)
	f.Stage = "config"
	saw, command := at.File, "ls -l "+at.File
	if r.file != nil && at.File == r.file.Path && at.Line > 0 {
		if saw = source.Line(r.text, at.Line); len(saw) > widest {
			saw = saw[:widest] + "…"
		}
		saw, command = mask(saw), fmt.Sprintf("sed -n %dp %s", at.Line, at.File)
	}
	if f.Fix != nil {
		if f.Fix.Live = strings.HasPrefix(at.File, certsDir); !f.Fix.Live {
			f.Fix.Run = []string{"systemctl reload docker"}
		}
		if f.Stops {
			f.Fix.Run = []string{"systemctl restart docker"}
		}
	}
	return f.Saw(saw, at.String(), command)
}

// found adds a finding and returns its place in the list, to add to it.
func (r *reader) found(k finding.Kind, variant string, at source.Pos, args finding.Args) *finding.Finding {
	r.findings = append(r.findings, r.about(k, variant, at, args))
	return &r.findings[len(r.findings)-1]
}

// edit gives a finding's fix its edits. A file in UTF-16 is not edited.
func (r *reader) edit(f *finding.Finding, edits ...source.Edit) {
	if f.Fix != nil && !r.wide {
		f.Fix.Edits = edits
	}
}

// place is the position of the first key that is there, or of the file.
func (r *reader) place(keys ...string) source.Pos {
	for _, key := range keys {
		if r.doc == nil {
			break
		}
		if m := r.doc.Root.Get(key); m != nil {
			return r.doc.Pos(m.Name)
		}
	}
	set := r.flags()
	if slices.ContainsFunc(keys, func(key string) bool { _, there := set[flagOf(key)]; return there }) {
		return r.flagAt
	}
	if r.file == nil {
		return source.Pos{}
	}
	return source.Pos{File: r.file.Path}
}

// node is an element of a list; nil: it has no place.
func (r *reader) node(key string, i int) *jsondoc.Node {
	if r.doc == nil {
		return nil
	}
	if m := r.doc.Root.Get(key); m != nil && i < len(m.Value.Items) {
		return m.Value.Items[i]
	}
	return nil
}

func (r *reader) item(key string, i int) source.Pos {
	if n := r.node(key, i); n != nil {
		return r.doc.Pos(n)
	}
	return r.place(key)
}
