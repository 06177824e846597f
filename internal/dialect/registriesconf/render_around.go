package registriesconf

import (
	"encoding/base64"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/jsondoc"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// certificates writes the certificates of hosts whose contents are known into
// their directory, unless they lie in it already.
func (d *draft) certificates(want route.Table) {
	byHost := map[string]route.TLS{}
	for _, h := range want.Hosts {
		byHost[h.Name] = h.TLS
	}
	for _, r := range want.Routes {
		for _, e := range r.Endpoints() {
			if e.Host != "" && len(certFiles(e.TLS)) > 0 {
				byHost[e.Host] = e.TLS
			}
		}
	}
	for _, host := range sortedKeys(byHost) {
		name := host
		if host == hubHost {
			name = hub
		}
		dir := d.certsDir(name)
		if dir == "" {
			dir = "/etc/containers/certs.d/" + name
		}
		for i, ca := range byHost[host].CA {
			d.copy(want, ca, path.Join(dir, numbered(ca, i)+".crt"), host)
		}
		for i, p := range byHost[host].Client {
			d.copy(want, p.Cert, path.Join(dir, numbered(p.Cert, i)+".cert"), host)
			d.copy(want, p.Key, path.Join(dir, numbered(p.Cert, i)+".key"), host)
		}
	}
}

// numbered is the name of a file without its suffix, distinct by number.
func numbered(name string, i int) string {
	stem := strings.TrimSuffix(path.Base(name), path.Ext(name))
	if i > 0 {
		stem += fmt.Sprint("-", i+1)
	}
	return stem
}

func (d *draft) copy(want route.Table, from, to, host string) {
	f := source.Find(want.Files, from)
	if inCerts(from, host) || f == nil || len(f.Data) == 0 {
		return
	}
	d.put(to, f.Data, strings.HasSuffix(to, ".key"))
}

// logins writes the credentials that are not there yet.
func (d *draft) logins(want route.Table) {
	type login struct {
		name string
		auth route.Auth
	}
	var all []login
	for _, h := range want.Hosts {
		if h.Name != route.Any {
			all = append(all, login{h.Name, h.Auth})
		}
	}
	for _, r := range want.Routes {
		for _, e := range r.Endpoints() {
			all = append(all, login{e.Host, e.Auth})
		}
	}
	seen := map[string]bool{}
	for _, l := range all {
		if l.name == "" || l.auth.IsZero() || seen[l.name] {
			continue
		}
		seen[l.name] = true
		same := slices.ContainsFunc(d.table.Hosts, func(h route.Host) bool { return h.Name == l.name && plain(h.Auth) == plain(l.auth) })
		if !same {
			d.login(l.name, l.auth)
		}
	}
}

// login writes one entry into the file that is looked into first of those that
// are there, else into root's own.
func (d *draft) login(name string, auth route.Auth) {
	if rest, ok := strings.CutPrefix(name, hubHost); ok {
		name = hub + rest
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(auth.User + ":" + auth.Password.Reveal()))
	value := map[string]string{"auth": encoded}
	if !auth.IdentityToken.IsZero() {
		value["identitytoken"] = auth.IdentityToken.Reveal()
	}
	file := d.loginFile()
	f := source.Find(d.files, file)
	if f == nil || len(f.Data) == 0 {
		d.put(file, []byte("{\n  \"auths\": {\n    "+jsondoc.Write(name)+": "+jsondoc.Write(value)+"\n  }\n}\n"), true)
		return
	}
	doc, bad := jsondoc.Parse(file, f.Data)
	if bad != nil || doc.Root == nil || doc.Root.Kind != jsondoc.Object {
		return
	}
	edit := doc.Add(doc.Root, "auths", jsondoc.Write(map[string]map[string]string{name: value}))
	if auths := doc.Root.Get("auths"); auths != nil && auths.Value.Kind == jsondoc.Object {
		edit = doc.Add(auths.Value, name, jsondoc.Write(value))
		if have := auths.Value.Get(name); have != nil {
			edit = doc.Replace(have.Value, jsondoc.Write(value))
		}
	}
	if data, err := source.Apply(f.Data, []source.Edit{edit}); err == nil {
		d.put(file, data, true)
	}
}

func (d *draft) loginFile() string {
	files := d.loginFiles()
	for _, name := range files {
		if source.Find(d.files, name) != nil && !strings.HasSuffix(name, ".dockercfg") {
			return name
		}
	}
	if len(files) == 1 {
		return files[0]
	}
	return home + "/auth.json"
}
