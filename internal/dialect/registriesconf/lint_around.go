package registriesconf

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/jsondoc"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// lintCerts looks at the certs.d directories. Those of Docker are read by this
// runtime too, but belong to Docker: what is odd there is Docker's to tell.
func (r *reader) lintCerts() {
	for _, host := range r.certHosts() {
		used := r.certsDir(host)
		for _, dir := range certsDirs {
			p := dir + "/" + host
			if p != used && (r.byPath[p] != nil || len(r.children[p]) > 0) && dir != dockerCerts {
				r.found(certsHidden, "", source.Pos{File: p}, finding.Args{"dir": p, "by": used})
			}
		}
		r.certsName(used, host)
		if _, broken := r.certsIn(used); broken != "" {
			f := r.found(certsPair, "", source.Pos{File: used}, finding.Args{"host": host, "why": broken})
			f.Registry = host
		}
		for _, name := range r.children[used] {
			r.certFile(r.byPath[path.Join(used, name)])
		}
	}
}

var (
	portName = regexp.MustCompile(`^(.*[^_])_([0-9]{1,5})_?$`)
	urlName  = regexp.MustCompile(`^https?:`)
)

// certsName finds directories whose name no host has.
func (r *reader) certsName(dir, host string) {
	want := ""
	switch m := portName.FindStringSubmatch(host); {
	case m != nil:
		want = m[1] + ":" + m[2]
	case host == "index.docker.io" || host == hubHost:
		want = hub
	case host == "_default" || urlName.MatchString(host):
		want = "the host of a location"
	default:
		return
	}
	if strings.HasPrefix(dir, dockerCerts) {
		return
	}
	f := r.found(certsName, "", source.Pos{File: dir}, finding.Args{"dir": dir, "want": want})
	if to := path.Join(path.Dir(dir), want); !strings.Contains(want, " ") && r.byPath[to] == nil && len(r.children[to]) == 0 {
		f.Fix.Edits = []source.Edit{{Op: source.Rename, File: dir, To: to}}
	}
}

func (r *reader) certFile(f *source.File) {
	if f == nil || f.Kind == source.Directory {
		return
	}
	ext, at := path.Ext(f.Path), source.Pos{File: f.Path}
	switch {
	case path.Base(f.Path) == "hosts.toml":
		r.found(hostsToml, "", at, finding.Args{"path": f.Path})
	case strings.HasPrefix(f.Path, dockerCerts):
	case ext == ".crt" && f.Kind == source.Regular && !f.Unread && f.Problem == "" && !x509.NewCertPool().AppendCertsFromPEM(f.Data):
		r.found(certsEmpty, "", at, finding.Args{"path": f.Path})
	case slices.Contains([]string{".pem", ".ca", ".cer"}, ext):
		want := strings.TrimSuffix(f.Path, ext) + ".crt"
		x := r.found(certsSuffix, "", at, finding.Args{"path": f.Path, "want": path.Base(want)})
		if r.byPath[want] == nil && bytesHave(f.Data, "BEGIN CERTIFICATE") {
			x.Fix.Edits = []source.Edit{{Op: source.Rename, File: f.Path, To: want}}
		}
	}
}

func bytesHave(data []byte, text string) bool { return strings.Contains(string(data), text) }

// lintLogins looks at the files with credentials. What is in them is never shown.
func (r *reader) lintLogins() {
	for _, name := range r.loginFiles() {
		f := r.byPath[name]
		if f == nil || f.Kind != source.Regular || f.Unread || f.Problem != "" {
			continue
		}
		auths, problem := entriesOf(*f)
		if problem != "" {
			continue
		}
		doc, _ := jsondoc.Parse(f.Path, f.Data)
		for _, key := range sortedKeys(auths) {
			r.lintLogin(key, auths, placeOfKey(doc, f.Path, key))
		}
	}
}

func placeOfKey(doc *jsondoc.Doc, file, key string) source.Pos {
	if doc == nil || doc.Root == nil {
		return source.Pos{File: file}
	}
	holder := doc.Root
	if m := holder.Get("auths"); m != nil {
		holder = m.Value
	}
	if m := holder.Get(key); m != nil {
		return doc.Pos(m.Name)
	}
	return source.Pos{File: file}
}

func (r *reader) lintLogin(key string, all map[string]loginEntry, at source.Pos) {
	decoded, err := base64.StdEncoding.DecodeString(all[key].Auth)
	shown := mask(key)
	switch {
	case err != nil:
		r.found(badLogin, "", at, finding.Args{"key": shown})
		return
	case len(decoded) == 0:
		f := r.found(badLogin, "helper", at, finding.Args{"key": shown})
		f.Severity = finding.Info
		return
	case !strings.Contains(string(decoded), ":"):
		r.found(badLogin, "colon", at, finding.Args{"key": shown})
		return
	}
	host := strings.TrimPrefix(strings.TrimPrefix(key, "http://"), "https://")
	if host == key || key == "https://index.docker.io/v1/" {
		return
	}
	host, _, _ = strings.Cut(host, "/")
	variant := ""
	if _, own := all[host]; own {
		variant = "shadowed"
	}
	r.found(loginScheme, variant, at, finding.Args{"key": shown, "host": mask(host)})
}

func (r *reader) lintCrio() {
	if !r.crio.insecure.IsZero() {
		r.found(crioInsecure, "", r.crio.insecure, nil)
	}
	for name := range r.byPath {
		if strings.HasPrefix(name, "/etc/containerd/certs.d/") && path.Base(name) == "hosts.toml" && r.target.Runtime == "crio" && r.main != nil {
			r.found(hostsToml, "", source.Pos{File: name}, finding.Args{"path": name})
		}
	}
	slices.SortStableFunc(r.findings, func(a, b finding.Finding) int {
		if a.ID == hostsToml.ID && b.ID == hostsToml.ID {
			return strings.Compare(a.At.File, b.At.File)
		}
		return 0
	})
}

// policyKeys are the keys of policy.json; any other is refused.
var policyKeys = []string{"default", "transports"}

// lintPolicy tells whether every pull fails with policy.json. Source: image/signature.
func (r *reader) lintPolicy() {
	for _, name := range []string{home + "/policy.json", "/etc/containers/policy.json"} {
		f := r.byPath[name]
		if f == nil || f.Unread || f.Kind != source.Regular || f.Problem != "" && f.Problem != "no such file or directory" {
			continue
		}
		if why, at := policyProblem(*f); why != "" {
			r.found(badTrustPolicy, "", at, finding.Args{"why": why})
		}
		return
	}
}

func policyProblem(f source.File) (string, source.Pos) {
	at := source.Pos{File: f.Path}
	if f.Problem != "" {
		return f.Path + " does not exist", at
	}
	doc, bad := jsondoc.Parse(f.Path, f.Data)
	if bad != nil {
		return "policy.json is no JSON: " + bad.Text, bad.At
	}
	if doc.Root == nil || doc.Root.Kind != jsondoc.Object {
		return "policy.json is no JSON object", at
	}
	for _, m := range doc.Root.Members {
		if !slices.Contains(policyKeys, m.Key) {
			return "policy.json has the unknown key " + m.Key, doc.Pos(m.Name)
		}
	}
	d := doc.Root.Get("default")
	if d == nil || d.Value.Kind != jsondoc.Array || len(d.Value.Items) == 0 {
		return "policy.json has no default", at
	}
	return "", at
}

// at1 is the entry that begins at a place.
func (d *document) at1(at source.Pos) *tomldoc.Entry {
	if d.toml == nil {
		return nil
	}
	for i := range d.toml.Entries {
		if e := &d.toml.Entries[i]; e.At == at && e.Kind == tomldoc.Value {
			return e
		}
	}
	return nil
}

// text is the value of an entry that is a text.
func (d *document) text(e *tomldoc.Entry) string {
	var into struct{ V string }
	if _, err := safely([]byte("V = "+d.toml.Text(e.Value)), &into); err != nil {
		return ""
	}
	return into.V
}

// quote spells a text in TOML.
func quote(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text)
	return strings.TrimSuffix(b.String(), "\n")
}
