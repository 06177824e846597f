package doctor

import (
	"context"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/pullsecret"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/jsondoc"
	"github.com/towpath-dev/towpath/internal/keyring"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// Entries are the credentials of a secret for an image, as the kubelet would
// send them, and what is wrong with the secret if it sends none.
func Entries(c *pullsecret.Config, ref route.Ref) ([]keyring.Login, []finding.Finding) {
	var out []keyring.Login
	for _, l := range c.Ring.Lookup(ref.Registry + "/" + ref.Repository) {
		if l.User != "" || !l.Password.IsZero() {
			out = append(out, l)
		}
	}
	if c.Fails == "" && len(out) > 0 {
		return out, nil
	}
	found := slices.Clone(c.Findings())
	for i, f := range found {
		if f.ID == inStore {
			found[i].Severity = finding.Error // who pulls with this file needs what it leaves out
		}
	}
	return nil, slices.DeleteFunc(found, func(f finding.Finding) bool {
		return f.Severity < finding.Error || f.Registry != "" && f.Registry != ref.Registry
	})
}

// inStore is the finding that a file holds no passwords, which is as it should be
// where somebody has logged in.
const inStore = "CD003"

// Used are the credentials with which a look got the image, as they were asked
// for; nil: none.
func (q Request) Used(s *snapshot.Snapshot) *route.Auth {
	for i, e := range s.Entries {
		if e.Tried && e.Refused == "" && i < len(q.Entries) {
			return auth(q.Entries[i])
		}
	}
	return q.Login
}

func auth(l keyring.Login) *route.Auth {
	return &route.Auth{User: l.User, Password: l.Password, Source: l.Source, From: l.From}
}

// kubeletFiles are where the kubelet itself looks for credentials, whatever its
// environment.
var kubeletFiles = []string{"/var/lib/kubelet/config.json", "/.docker/config.json", "/var/lib/kubelet/.dockercfg", "/.dockercfg"}

// nodeEntries are the credentials that the kubelet has for the image from files
// of the node.
func (l *looker) nodeEntries() []keyring.Login {
	if l.s.Node.Kubelet == nil {
		return nil
	}
	var files []source.File
	for _, name := range kubeletFiles {
		if f, ok := l.Survey.Root.ReadFile(name); ok && f.Kind == source.Regular {
			f.Path = name
			files = append(files, f)
		}
	}
	out, _ := Entries(pullsecret.Read(files), l.s.Ref)
	return out
}

// attempts is how many entries are tried: each that is wrong is a failed login.
const attempts = 4

// credentials tries the entries that come with the pull one after the other, as
// the kubelet does. What the pull was like that worked counts, else the first.
func (l *looker) credentials(ctx context.Context, ref route.Ref) {
	entries := l.Entries
	if l.Login == nil && len(entries) == 0 {
		entries = l.nodeEntries()
	}
	for i, e := range entries[:min(len(entries), attempts)] {
		p := l.probe(ref)
		p.Login, p.Deep, p.Watch = auth(e), l.Deep, l.Watch
		got := p.Pull(ctx)
		one := snapshot.Entry{Key: e.Key, Source: e.Source, From: e.From, Tried: true, Refused: refusal(got)}
		l.s.Entries = append(l.s.Entries, one)
		if i == 0 || got.Serving() >= 0 {
			l.s.Pull = got
		}
		if one.Refused == "" || ctx.Err() != nil {
			break
		}
	}
	for _, e := range entries[len(l.s.Entries):] {
		l.s.Entries = append(l.s.Entries, snapshot.Entry{Key: e.Key, Source: e.Source, From: e.From})
	}
	if len(entries) == 0 {
		p := l.probe(ref)
		p.Login, p.Deep, p.Watch = l.Login, l.Deep, l.Watch
		l.s.Pull = p.Pull(ctx)
	}
	l.tokens(entries)
	l.logins()
}

// refusal is what the registry itself said to credentials; empty: nothing
// against them.
func refusal(p *snapshot.Pull) string {
	if p.Serving() >= 0 {
		return ""
	}
	for _, h := range p.Hops {
		step := h.Failed()
		if h.Mirror || step == nil || h.Auth == nil || !h.Auth.Sent {
			continue
		}
		st, cause := step.Attempt.Status(), step.Attempt.Fault().Cause
		if st == 401 || st == 403 || cause == snapshot.TokenDenied {
			return h.Failure.Text
		}
	}
	return ""
}

// tokens notes the short-lived passwords of clouds among all credentials for the
// image.
func (l *looker) tokens(entries []keyring.Login) {
	for _, e := range l.s.Table.EndpointsFor(l.s.Ref) {
		all := slices.Clone(entries)
		if e.Role != route.Upstream {
			all = nil
		}
		all = append(all, keyring.Login{Key: e.Host, User: e.Auth.User, Password: e.Auth.Password, Source: e.Auth.Source, From: e.Auth.From})
		for _, one := range all {
			if t, ok := one.Token(); ok {
				l.s.Tokens = append(l.s.Tokens, snapshot.CloudToken{Host: e.Host, Cloud: t.Cloud, Source: one.Source, Expires: t.Expires, From: one.From})
			}
		}
	}
}

// programs are where other programs keep their logins, by glob.
var programs = []struct{ name, files string }{
	{"docker or nerdctl", "/root/.docker/config.json"}, {"docker or nerdctl", "/home/*/.docker/config.json"},
	{"podman", "/run/containers/0/auth.json"}, {"podman", "/root/.config/containers/auth.json"}, {"podman", "/run/user/*/containers/auth.json"},
}

// logins notes what other programs are logged in to, as far as this pull goes
// there and was refused.
func (l *looker) logins() {
	if l.s.Pull == nil || l.s.Pull.Serving() >= 0 {
		return
	}
	for _, p := range programs {
		names, _ := l.Survey.Root.Glob(p.files)
		for _, name := range names {
			if f, ok := l.Survey.Root.ReadFile(name); ok && f.Kind == source.Regular {
				l.login(p.name, name, f.Data)
			}
		}
	}
}

// login looks into one file, as Docker's own programs do.
func (l *looker) login(program, file string, data []byte) {
	var into struct {
		Auths       map[string]map[string]any `json:"auths"`
		Store       string                    `json:"credsStore"`
		Helpers     map[string]string         `json:"credHelpers"`
		HTTPHeaders any                       `json:"HttpHeaders"`
	}
	if len(data) > jsondoc.MaxBytes || json.Unmarshal(data, &into) != nil {
		return
	}
	for _, h := range l.s.Pull.Hops {
		for _, key := range keysOf(into.Auths) {
			if hostOf(key) != h.Host || !covers(key, l.s.Ref) {
				continue
			}
			one := snapshot.Login{Program: program, Host: h.Host, From: keyAt(file, data, key)}
			if len(into.Auths[key]) == 0 {
				if one.Helper = into.Helpers[key]; one.Helper == "" {
					one.Helper = into.Store
				}
				if one.Helper == "" {
					continue
				}
				one.Helper = "docker-credential-" + path.Base(one.Helper)
			}
			l.s.Logins = append(l.s.Logins, one)
			break
		}
	}
}

func keysOf(m map[string]map[string]any) []string {
	var out []string
	for key := range m {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}

// hostOf is the host that a key of Docker's is asked at.
func hostOf(key string) string {
	host := strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	host, _, _ = strings.Cut(host, "/")
	if host == "docker.io" || host == keyring.Hub {
		return "registry-1.docker.io"
	}
	return host
}

// covers: a key of podman's may be for a part of a registry.
func covers(key string, ref route.Ref) bool {
	if strings.Contains(key, "://") {
		return true
	}
	_, part, deeper := strings.Cut(key, "/")
	return !deeper || ref.Repository == part || strings.HasPrefix(ref.Repository, part+"/")
}

func keyAt(file string, data []byte, key string) source.Pos {
	doc, _ := jsondoc.Parse(file, data)
	if doc != nil && doc.Root != nil {
		if m := doc.Root.Get("auths"); m != nil {
			if e := m.Value.Get(key); e != nil {
				return doc.Pos(e.Name)
			}
		}
	}
	return source.Pos{File: file}
}
