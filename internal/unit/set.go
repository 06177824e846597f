package unit

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// Change is what gives a service another environment. The service has to be
// restarted after it.
type Change struct {
	Edits  []source.Edit
	Reload bool // systemd has to read its unit files again before the restart
}

// Set returns the change after which the program that pulls sees a variable
// with a value: in the line that sets it now, else where the distribution
// expects it. It is empty for a program that no unit runs.
func (s Service) Set(key, value string) Change {
	if s.Name == "" {
		return Change{}
	}
	if v, ok := s.Lookup(key); ok && mayEdit(v.At.File) && source.Find(s.Manager, v.At.File) == nil {
		text := quoteEnv(value)
		if v.Form == UnitFile {
			text = quote(v.Key + "=" + value)
		}
		edit := source.Edit{File: v.At.File, Start: v.Span.Start, End: v.Span.End, New: text}
		return Change{Edits: []source.Edit{edit}, Reload: v.Form == UnitFile}
	}
	name, form := s.Place(key)
	text := quoteEnv(value)
	if form == EnvFile {
		text = s.Prefix + key + "=" + text + "\n"
	} else {
		text = "Environment=" + quote(s.Prefix+key+"="+value) + "\n"
	}
	return Change{Edits: []source.Edit{s.add(name, text, form)}, Reload: form == UnitFile}
}

// Place is the file in which a variable that is not set yet goes: an environment
// file where the distribution's unit names one for this, else a drop-in.
//
// | runtime         | file                                             |
// |-----------------|--------------------------------------------------|
// | containerd, k0s | /etc/systemd/system/UNIT.d/http-proxy.conf       |
// | k3s             | /etc/systemd/system/UNIT.env                     |
// | rke2            | /etc/default/NAME, or another that its unit names |
func (s Service) Place(key string) (string, Form) {
	if s.Prefix != "" {
		files := slices.DeleteFunc(s.EnvFiles(), func(name string) bool { return !mayEdit(name) || strings.ContainsAny(name, "*?[") })
		for _, name := range files {
			if source.Find(s.Env, name) != nil {
				return name, EnvFile
			}
		}
		own := "/etc/systemd/system/" + s.Name + ".env"
		switch {
		case slices.Contains(files, own):
			return own, EnvFile
		case len(files) > 0:
			return files[0], EnvFile
		}
	}
	dropin := "environment.conf"
	if IsProxy(key) {
		dropin = "http-proxy.conf"
	}
	return path.Join("/etc/systemd/system", s.Name+".d", dropin), UnitFile
}

// mayEdit reports whether a file is the administrator's. Packages and systemd
// itself own the others and replace them.
func mayEdit(name string) bool {
	return strings.HasPrefix(name, "/etc/") || strings.HasPrefix(name, "/usr/local/") || strings.HasPrefix(name, "/var/")
}

// add puts a line at the end of a file, or of its last [Service] section, or
// makes the file.
func (s Service) add(name, text string, form Form) source.Edit {
	have := source.Find(s.Env, name)
	if form == UnitFile {
		have = source.Find(s.Parts, name)
	}
	if have == nil {
		e := source.Edit{Op: source.Create, File: name, New: text}
		if form == UnitFile {
			e.New = "[Service]\n" + text
		}
		if form == EnvFile || strings.Contains(text, "@") {
			e.Mode = 0o600 // the URL of a proxy may hold a password
		}
		return e
	}
	at := len(have.Data)
	if form == UnitFile && lastSection(*have) != "Service" {
		text = "[Service]\n" + text
	}
	if at > 0 && !bytes.HasSuffix(have.Data, []byte("\n")) {
		text = "\n" + text
	}
	if bytes.HasSuffix(bytes.TrimSuffix(have.Data, []byte("\n")), []byte(`\`)) {
		text = "\n" + text // an empty line ends what the last one continues
	}
	return source.Edit{File: name, Start: at, End: at, New: text}
}

func lastSection(f source.File) string {
	section := ""
	for l := range lines(f.Data) {
		text := strings.Trim(strings.Join(l.parts, " "), blanks)
		if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
			section = text[1 : len(text)-1]
		}
	}
	return section
}
