package registriesconf

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/jsondoc"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// logins are the files with credentials, the strongest first: the first that
// has any for a name counts. A global_auth_file of crio.conf takes the place of
// all. Source: image/pkg/docker/config.
var loginFiles = []string{"/run/containers/0/auth.json", home + "/auth.json", "/root/.docker/config.json", "/root/.dockercfg"}

func (r *reader) loginFiles() []string {
	if r.crio.authFile != "" {
		return []string{r.crio.authFile}
	}
	return loginFiles
}

// logins adds the credentials of all files. A file that is no JSON ends every pull.
func (r *reader) logins() {
	for _, name := range r.loginFiles() {
		f := r.byPath[name]
		if f == nil || f.Kind != source.Regular || f.Unread || f.Problem != "" {
			continue
		}
		r.login(*f)
	}
}

type loginEntry struct {
	Auth          string `json:"auth"`
	IdentityToken string `json:"identitytoken"`
}

func (r *reader) login(f source.File) {
	auths, problem := entriesOf(f)
	if problem != "" {
		r.findings = append(r.findings, r.about(badLogins, "", source.Pos{File: f.Path}, finding.Args{"why": problem}))
		if !r.dead() {
			r.fails(f.Path+" is refused: "+problem, source.Pos{File: f.Path})
		}
		return
	}
	doc, _ := jsondoc.Parse(f.Path, f.Data)
	earlier := len(r.table.Hosts)
	for _, key := range sortedKeys(auths) {
		at := source.Pos{File: f.Path}
		if doc != nil && doc.Root != nil {
			holder := doc.Root
			if m := holder.Get("auths"); m != nil {
				holder = m.Value
			}
			if m := holder.Get(key); m != nil {
				at = doc.Pos(m.Name)
			}
		}
		r.entry(key, auths, at, earlier)
	}
}

// entriesOf decodes a file: auths of auth.json, all of a .dockercfg.
func entriesOf(f source.File) (map[string]loginEntry, string) {
	if strings.HasSuffix(f.Path, ".dockercfg") {
		var out map[string]loginEntry
		if err := json.Unmarshal(f.Data, &out); err != nil {
			return nil, "it is no JSON of the right shape"
		}
		return out, ""
	}
	var into struct {
		Auths   map[string]loginEntry `json:"auths"`
		Helpers map[string]string     `json:"credHelpers"`
	}
	if len(f.Data) > jsondoc.MaxBytes {
		return nil, "it is too large to be read"
	}
	if err := json.Unmarshal(f.Data, &into); err != nil {
		return nil, "it is no JSON of the right shape"
	}
	return into.Auths, ""
}

// entry adds one name with its credentials, unless a stronger file has some for
// it or for what it is a part of.
func (r *reader) entry(key string, all map[string]loginEntry, at source.Pos, earlier int) {
	name, ok := hostOf(key, all)
	if !ok {
		return
	}
	for _, h := range r.table.Hosts[:earlier] {
		if !h.Auth.IsZero() && (name == h.Name || strings.HasPrefix(name, h.Name+"/")) {
			return
		}
	}
	host := route.Host{Name: name, From: at}
	decoded, err := base64.StdEncoding.DecodeString(all[key].Auth)
	if err != nil {
		host.Broken = "the credentials for " + mask(key) + " in " + at.File + " are no base64"
		r.table.Hosts = append(r.table.Hosts, host)
		return
	}
	user, password, pair := strings.Cut(string(decoded), ":")
	if !pair {
		return
	}
	host.Auth = route.Auth{
		User: user, Password: route.NewSecret(strings.Trim(password, "\x00")), IdentityToken: route.NewSecret(all[key].IdentityToken),
		Source: at.File, From: at,
	}
	if !host.Auth.IsZero() {
		r.table.Hosts = append(r.table.Hosts, host)
	}
}

// hostOf is the name that a key is for: itself, unless it is one of the old
// spellings, a URL or a name of Docker Hub, which count for the whole host
// where it has no entry of its own.
func hostOf(key string, all map[string]loginEntry) (string, bool) {
	host := strings.TrimPrefix(strings.TrimPrefix(key, "http://"), "https://")
	if host == key && !hubNames[key] {
		if rest, ok := strings.CutPrefix(key, hub+"/"); ok {
			return hubHost + "/" + rest, true
		}
		return key, key != "" && !strings.HasSuffix(key, "/")
	}
	host, _, _ = strings.Cut(host, "/")
	if !hubNames[host] {
		_, own := all[host]
		return host, !own && host != ""
	}
	_, own := all[hub]
	return hubHost, key == hub || !own
}

var hubNames = map[string]bool{hub: true, "index.docker.io": true, hubHost: true}
