package containerdconfig

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

// vocabulary is what the tables of a registry know, by depth.
var vocabulary = map[string][]string{
	"registry": {"config_path", "mirrors", "configs", "auths", "headers"},
	"mirrors":  {"endpoint"},
	"configs":  {"auth", "tls"},
	"auth":     {"username", "password", "auth", "identitytoken"},
	"tls":      {"insecure_skip_verify", "ca_file", "cert_file", "key_file"},
}

// unknownKeys looks for keys of a registry table that containerd does not know.
func (l *lint) unknownKeys(s spot) {
	table, _ := s.value()
	registry, _ := table.(map[string]any)
	l.checkKeys(s, registry, "registry")
	for _, of := range []string{"mirrors", "configs"} {
		hosts, _ := registry[of].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(hosts)) {
			at := spot{s.layer, append(slices.Clone(s.keys), of, name)}
			host, _ := hosts[name].(map[string]any)
			if tail := nested(host, vocabulary[of]); tail != nil {
				l.unquoted(at, append([]string{name}, tail...))
				continue
			}
			l.checkKeys(at, host, of)
			for _, part := range []string{"auth", "tls"} {
				if inner, ok := host[part].(map[string]any); ok && of == "configs" {
					l.checkKeys(spot{s.layer, append(slices.Clone(at.keys), part)}, inner, part)
				}
			}
		}
	}
}

// nested finds the rest of a host name that was written without quotes: tables
// in tables, down to one that has a key that means something.
func nested(table map[string]any, known []string) []string {
	for k, v := range table {
		inner, ok := v.(map[string]any)
		if !ok || slices.Contains(known, k) {
			continue
		}
		for _, want := range known {
			if _, ok := inner[want]; ok {
				return []string{k}
			}
		}
		if tail := nested(inner, known); tail != nil {
			return append([]string{k}, tail...)
		}
	}
	return nil
}

func (l *lint) unquoted(s spot, parts []string) {
	host := strings.Join(parts, ".")
	n := len(s.keys) - 1
	path := append(slices.Clone(s.keys[:n]), parts...)
	edits := s.layer.rewrite(path, func(keys []string) []string {
		return append(append(slices.Clone(keys[:n]), host), keys[n+len(parts):]...)
	})
	edits = l.try(edits, func(after Config) bool {
		return slices.ContainsFunc(after.Mirrors, func(m Mirror) bool { return m.Name == host }) ||
			slices.ContainsFunc(after.Hosts, func(h Host) bool { return h.Name == host })
	})
	l.say(unquotedHost, "", s.layer.at(path...), finding.Args{"name": tableName(path[1:]...), "host": host})
	l.cure(edits)
}

func (l *lint) checkKeys(s spot, table map[string]any, kind string) {
	known := vocabulary[kind]
	for _, key := range slices.Sorted(maps.Keys(table)) {
		if l.knows(known, key) || kind == "mirrors" && key == "rewrite" && l.Target.Fork {
			continue
		}
		at := append(slices.Clone(s.keys), key)
		want := nearest(key, known)
		if want == "" || table[want] != nil {
			l.say(unknownKey, "hand", s.layer.at(at...), finding.Args{"key": key, "table": kind, "known": strings.Join(known, ", ")})
			l.found[len(l.found)-1].Severity = finding.Warning
			continue
		}
		l.say(unknownKey, "", s.layer.at(at...), finding.Args{"key": key, "want": want})
		l.cure(l.try(s.layer.rename(at, want), func(after Config) bool { return len(after.CRIDead) == 0 }))
	}
}

// knows reports whether containerd finds a key: v1 also in capitals, v2 in any case.
func (l *lint) knows(known []string, key string) bool {
	return slices.ContainsFunc(known, func(k string) bool {
		return k == key || l.old() && strings.ToUpper(k) == key || !l.old() && strings.EqualFold(k, key)
	})
}

var separators = strings.NewReplacer("-", "", "_", "")

// nearest is the known key that somebody meant, if that can be told.
func nearest(key string, known []string) string {
	plain := func(s string) string {
		return strings.TrimSuffix(separators.Replace(strings.ToLower(s)), "s")
	}
	for _, k := range known {
		if plain(k) == plain(key) || strings.HasPrefix(plain(k), plain(key)) && len(key) > 3 || distance(plain(k), plain(key)) == 1 {
			return k
		}
	}
	return ""
}

// distance counts the letters to add, drop or change between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := last
			if a[i] != b[j] {
				cost = 1 + min(last, row[j], row[j+1])
			}
			last, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// sandboxKey: the name that the sandbox image had in versions 1 and 2, in a
// table of version 3.
func (l *lint) sandboxKey() {
	for _, ly := range l.layers {
		v, ok := ly.value("plugins", criImages, "sandbox_image")
		image, _ := v.(string)
		if !ok || l.old() {
			continue
		}
		at := ly.at("plugins", criImages, "sandbox_image")
		l.say(unknownKey, "sandbox", at, finding.Args{"table": tableName(criImages)})
		e := ly.entry("plugins", criImages, "sandbox_image")
		if _, set := l.Config.find("pinned_images", "sandbox"); e == nil || set || image == "" {
			continue
		}
		edits := append([]source.Edit{ly.removal(*e)}, l.set(fmt.Sprintf("%q", image), "pinned_images", "sandbox")...)
		l.cure(l.try(edits, func(after Config) bool { return after.Sandbox.Value == image }))
	}
}
