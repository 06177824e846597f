package fulfil

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/desired"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/unit"
)

// trust puts certificates into the trust store, a file for each: Debian's tool
// makes links for files with one certificate alone. The command that makes the
// bundle and the restart follow from the files.
func (m *maker) trust() error {
	if len(m.ask.Wishes.Trust) == 0 {
		return nil
	}
	h := m.node.Host
	if h.Store == nil {
		return fmt.Errorf("trust %s: %s has no trust store that towpath knows: %s", m.ask.Wishes.Trust[0].Name, or(h.Name, "this node"), h.NoStore)
	}
	taken := map[string][]byte{}
	for _, ca := range m.ask.Wishes.Trust {
		certs, err := Certificates(ca.PEM)
		if err != nil {
			return fmt.Errorf("trust %s: %w", ca.Name, err)
		}
		for i, cert := range certs {
			name := "towpath-" + fileName(ca.Name)
			if i > 0 {
				name += fmt.Sprint("-", i+1)
			}
			if other := taken[name]; other != nil && !bytes.Equal(other, cert.Raw) {
				name += fmt.Sprintf("-%x", sha256.Sum256(cert.Raw))[:9] // two files of one name
			}
			taken[name] = cert.Raw
			data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
			m.set(source.File{Path: path.Join(h.Store.Dir, name+h.Store.Ext), Data: data}, false)
		}
	}
	return nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// fileName keeps of a name what every tool takes in the name of a file.
func fileName(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r) {
			return r
		}
		return '-'
	}, name)
	return or(strings.Trim(clean, "-."), "ca")
}

// Certificates reads those of a file in PEM or DER. Nothing else of it, such as
// a key, is kept.
func Certificates(data []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	rest := data
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d cannot be read: %w", len(out)+1, err)
		}
		out = append(out, cert)
	}
	if len(out) > 0 {
		return out, nil
	}
	if cert, err := x509.ParseCertificate(data); err == nil {
		return []*x509.Certificate{cert}, nil
	}
	return nil, fmt.Errorf("there is no certificate in it")
}

// variable is one that the process which pulls is to have.
type variable struct{ key, value string }

func variables(p desired.Proxy) []variable {
	var out []variable
	for _, v := range []variable{
		{"HTTPS_PROXY", p.HTTPS.Reveal()}, {"HTTP_PROXY", p.HTTP.Reveal()}, {"NO_PROXY", strings.Join(p.NoProxy, ",")},
	} {
		if v.value != "" {
			out = append(out, v)
		}
	}
	return out
}

// proxy sets variables where the process that pulls gets its environment from.
func (m *maker) proxy() error {
	p := m.ask.Wishes.Proxy
	if p == nil {
		return nil
	}
	for _, u := range []string{p.HTTP.Reveal(), p.HTTPS.Reveal()} {
		if _, err := url.Parse(u); err != nil {
			return fmt.Errorf("proxy: it is no URL") // the error would quote a password
		}
	}
	for _, v := range variables(*p) {
		var err error
		switch name := m.shell(); {
		case name != "":
			m.export(name, v)
		case m.node.Service.Name != "":
			err = m.environ(v)
		default:
			err = m.noService()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// noService tells what to do where nothing we know starts the runtime.
func (m *maker) noService() error {
	name := m.node.Input.Runtime.Target.Runtime
	return fmt.Errorf("proxy: no service manager that towpath knows starts %s: set HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the environment of whatever does, and start it again", name)
}

// shell is the file of shell assignments that a runtime gets its environment
// from; empty: from a unit. Sources: the service script of K3s' installer,
// openrc-run(8), the start scripts of the snap of MicroK8s.
func (m *maker) shell() string {
	runtime := m.node.Input.Runtime.Target.Runtime
	switch {
	case runtime == "microk8s":
		return "/var/snap/microk8s/current/args/containerd-env"
	case m.node.Host.Manager != "openrc":
		return ""
	case isRancher(runtime):
		return "/etc/rancher/" + runtime + "/" + runtime + ".env"
	}
	return "/etc/conf.d/" + strings.TrimSuffix(m.unit(), ".service")
}

// export sets a variable in a file of shell assignments.
func (m *maker) export(name string, v variable) {
	line := "export " + v.key + "='" + strings.ReplaceAll(v.value, "'", `'\''`) + "'\n"
	if m.node.Host.Manager == "openrc" && strings.HasSuffix(name, ".env") {
		line = strings.TrimPrefix(line, "export ")
	}
	f := source.File{Path: name}
	if have := source.Find(m.files, name); have != nil {
		f = *have
	}
	var out []byte
	done := false
	for l := range bytes.Lines(f.Data) {
		key, _, assigns := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(l)), "export "), "=")
		switch {
		case !assigns || strings.TrimSpace(key) != v.key:
			out = append(out, l...)
		case !done:
			out, done = append(out, line...), true
		}
	}
	if !done {
		if len(out) > 0 && out[len(out)-1] != '\n' {
			out = append(out, '\n')
		}
		out = append(out, line...)
	}
	f.Data = out
	m.set(f, strings.Contains(v.value, "@"))
}

// service is the unit as the plan so far leaves it.
func (m *maker) service() unit.Service {
	s := m.node.Service
	s.Parts, s.Env = m.latest(s.Parts), m.latest(s.Env)
	for _, f := range m.files {
		switch {
		case source.Find(s.Parts, f.Path) != nil || source.Find(s.Env, f.Path) != nil:
		case path.Dir(f.Path) == "/etc/systemd/system/"+s.Name+".d" && path.Ext(f.Path) == ".conf":
			s.Parts = append(s.Parts, f)
		case slices.Contains(s.EnvFiles(), f.Path):
			s.Env = append(s.Env, f)
		}
	}
	return s
}

func (m *maker) latest(files []source.File) []source.File {
	var out []source.File
	for _, f := range files {
		if now := source.Find(m.files, f.Path); now != nil {
			out = append(out, *now)
		}
	}
	return out
}

// environ sets a variable in the unit.
func (m *maker) environ(v variable) error {
	s := m.service()
	if now, set := s.Lookup(v.key); set && now.Value == v.value {
		return nil
	}
	p, err := plan.FromEdits(m.files, s.Set(v.key, v.value).Edits)
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	m.files = p.After(m.files)
	return nil
}

// clock has a time daemon run, if none does.
func (m *maker) clock() error {
	h := m.node.Host
	switch {
	case !m.ask.Wishes.SyncTime || slices.ContainsFunc(h.Clocks, func(c Clock) bool { return c.Enabled }):
		return nil
	case len(h.Clocks) == 0:
		return fmt.Errorf("synchronise the clock: no time daemon is installed: %s", h.NoClock)
	}
	name, why := h.Clocks[0].Unit, "it keeps the clock by the network, and nothing else does here"
	if h.Manager == "openrc" {
		m.switched = append(m.switched,
			plan.Command{Do: []string{"rc-update", "add", name, "default"}, Undo: []string{"rc-update", "del", name, "default"}, Why: why},
			plan.Command{Do: []string{"rc-service", name, "start"}, Undo: []string{"rc-service", "--ifstarted", name, "stop"}, Why: why})
		return nil
	}
	m.switched = append(m.switched, plan.Command{
		Do: []string{"systemctl", "enable", "--now", name}, Undo: []string{"systemctl", "disable", "--now", name}, Why: why,
	})
	return nil
}
