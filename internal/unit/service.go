package unit

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// Service is a program that systemd runs, as far as its environment goes.
type Service struct {
	Name    string        // "k3s.service"; empty: nothing is known to run the program
	Manager []source.File // system.conf and its drop-ins
	Parts   []source.File // the unit file, then its drop-ins in the order in which systemd reads them
	Env     []source.File // the environment files that Parts name, those that exist

	// Prefix marks variables that the program hands to its containerd without
	// the prefix: "CONTAINERD_" for k3s, RKE2 and k0s, else empty. The program's
	// other variables are handed on as well, and lose to these.
	Prefix string
}

// EnvFiles returns the paths that EnvironmentFile= names, in order. They may
// be patterns, and a file need not exist.
func (s Service) EnvFiles() []string {
	var out []string
	for _, f := range s.Parts {
		for _, set := range Parse(f) {
			if set.Section != "Service" || set.Key != "EnvironmentFile" {
				continue
			}
			if set.Value == "" {
				out = nil
				continue
			}
			if text, ok := expand(set.Value, s.Name); ok {
				out = append(out, strings.TrimPrefix(text, "-"))
			}
		}
	}
	return out
}

// Command returns the words of the last ExecStart= line and where it is; nil
// when there is none.
func (s Service) Command() ([]string, source.Pos) {
	var out []string
	var at source.Pos
	for _, f := range s.Parts {
		for _, set := range Parse(f) {
			if set.Section != "Service" || set.Key != "ExecStart" {
				continue
			}
			out, at = nil, set.At
			for _, w := range words(f.Data, set.Span) {
				if text, ok := expand(w.text, s.Name); ok {
					out = append(out, text)
				}
			}
		}
	}
	if len(out) > 0 {
		out[0] = strings.TrimLeft(out[0], "@-:+!|")
	}
	return out, at
}

// Variables returns every assignment that counts, the last of a name winning:
// the manager's defaults, Environment=, then the environment files in their
// order. Source: systemd.exec(5).
func (s Service) Variables() []Variable {
	var out []Variable
	for _, f := range s.Manager {
		out = s.gather(out, f, Setting{Section: "Manager", Key: "DefaultEnvironment"})
	}
	defaults := len(out)
	for _, f := range s.Parts {
		out = append(out[:defaults:defaults], s.gather(out[defaults:], f, Setting{Section: "Service", Key: "Environment"})...)
	}
	for _, pattern := range s.EnvFiles() {
		for _, f := range s.Env {
			if ok, _ := path.Match(pattern, f.Path); ok {
				out = append(out, ParseEnv(f)...)
			}
		}
	}
	unset := s.unset()
	return slices.DeleteFunc(out, func(v Variable) bool {
		return slices.Contains(unset, v.Key) || slices.Contains(unset, v.Key+"="+v.Value)
	})
}

// gather adds what the settings of one kind in a file assign.
func (s Service) gather(out []Variable, f source.File, kind Setting) []Variable {
	more, reset := variables(f, kind, s.Name)
	if reset {
		return more
	}
	return append(out, more...)
}

// unset lists what UnsetEnvironment= takes back: names, or names with values.
func (s Service) unset() []string {
	var out []string
	for _, f := range s.Parts {
		for _, set := range Parse(f) {
			if set.Section != "Service" || set.Key != "UnsetEnvironment" {
				continue
			}
			if set.Value == "" {
				out = nil
			}
			for _, w := range words(f.Data, set.Span) {
				out = append(out, w.text)
			}
		}
	}
	return out
}

// Lookup returns the assignment that decides what the program that pulls sees
// under a name. For a proxy variable either case counts, upper case first, as
// Go reads them.
func (s Service) Lookup(key string) (Variable, bool) {
	all := s.Variables()
	for _, name := range s.spellings(key) {
		for _, v := range slices.Backward(all) {
			if v.Key == name {
				return v, true
			}
		}
	}
	return Variable{}, false
}

func (s Service) spellings(key string) []string {
	cases := []string{key}
	if IsProxy(key) {
		cases = []string{strings.ToUpper(key), strings.ToLower(key)}
	}
	var out []string
	for _, name := range cases {
		if s.Prefix != "" {
			out = append(out, s.Prefix+name)
		}
		out = append(out, name)
	}
	return out
}

// IsProxy reports whether a name is one of those that Go programs take their
// proxy from, in either case.
func IsProxy(key string) bool {
	switch strings.ToUpper(key) {
	case "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY":
		return key == strings.ToUpper(key) || key == strings.ToLower(key)
	}
	return false
}
