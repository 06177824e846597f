package containerdconfig

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// tables says which tables and keys are not heard.
func (l *lint) tables() {
	for _, ig := range l.Ignored {
		l.ignoredTable(ig)
	}
	for _, ly := range l.layers {
		l.serverTables(ly)
		l.bothTables(ly)
	}
	for _, s := range l.spots("registry") {
		l.unknownKeys(s)
	}
	l.sandboxKey()
}

// speaks reports whether a plugin's table says something that matters to pulls.
func speaks(ly *layer, id string) bool {
	table, _ := ly.plugins[id].(map[string]any)
	for _, key := range []string{"registry", "sandbox_image", "pinned_images", "containerd", "use_local_image_pull"} {
		if v, ok := table[key]; ok && !isEmpty(v) {
			return true
		}
	}
	return false
}

func isEmpty(v any) bool {
	m, ok := v.(map[string]any)
	if !ok {
		return v == ""
	}
	for _, inner := range m {
		if !isEmpty(inner) {
			return false
		}
	}
	return true
}

func (l *lint) ignoredTable(ig Ignored) {
	ly := l.fileOf(ig.At.File)
	id := ig.id
	if !speaks(ly, id) {
		return
	}
	args := finding.Args{"table": ig.What, "version": ly.daemon.Version}
	switch heard := l.idsIn(ly); {
	case ig.by != nil:
		l.replacedTable(ly, id, ig)
	case l.otherTableSays(ly, id, heard):
		// One file for two generations: the table for this one says the same.
	case l.lostToDropIn(ly, id):
		args["other"] = l.layers[slices.IndexFunc(l.layers, func(o *layer) bool { return o.daemon.Version >= 3 })].file.Path
		l.say(dropInVersion, "", ig.At, args)
	case ly.daemon.Version == 0 && id == grpcCRI:
		l.noVersion(ly, "", ig.At, args, ly.setVersion(2))
	case ly.daemon.Version < 2 && id == shortCRI:
		args["want"] = tableName(grpcCRI)
		l.noVersion(ly, "short", ig.At, args, append(ly.setVersion(2), ly.renameTable(shortCRI, grpcCRI)...))
	default:
		l.wrongTable(ly, id, ig.At, args, heard)
	}
}

// otherTableSays: a table that is heard sets what this one sets.
func (l *lint) otherTableSays(ly *layer, id string, heard []string) bool {
	mine, _ := ly.plugins[id].(map[string]any)
	for _, h := range heard {
		table, _ := ly.plugins[h].(map[string]any)
		if table != nil && (isEmpty(mine["registry"]) || !isEmpty(table["registry"])) {
			return true
		}
	}
	return false
}

// lostToDropIn: 2.0 to 2.2 leave tables of version 2 alone once any file is of
// version 3.
func (l *lint) lostToDropIn(ly *layer, id string) bool {
	return !l.old() && l.Target.Containerd.Before("2.3.0") && id == grpcCRI && ly.daemon.Version == 2 &&
		slices.ContainsFunc(l.layers, func(o *layer) bool { return o.daemon.Version >= 3 })
}

func (l *lint) noVersion(ly *layer, variant string, at source.Pos, args finding.Args, edits []source.Edit) {
	edits = l.proven(edits, func(after Config) bool { return !ignores(after, ly.file.Path) && !after.Dead() })
	if edits == nil {
		variant = "hand"
	}
	l.say(noVersion, variant, at, args)
	l.cure(edits)
}

func ignores(c Config, file string) bool {
	return slices.ContainsFunc(c.Ignored, func(ig Ignored) bool { return ig.At.File == file })
}

// wrongTable offers the name under which the table is heard, where the two
// tables spell the same.
func (l *lint) wrongTable(ly *layer, id string, at source.Pos, args finding.Args, heard []string) {
	if at.IsZero() || len(heard) == 0 {
		return
	}
	want := heard[len(heard)-1]
	if l.old() || ly.daemon.Version == 2 {
		want = heard[0]
	}
	args["want"] = tableName(want)
	args["version"] = l.Version.Value
	if !l.old() {
		args["version"] = ly.daemon.Version
	}
	edits := l.proven(ly.renameTable(id, want), func(after Config) bool { return !ignores(after, ly.file.Path) && len(after.CRIDead) == 0 })
	if table, _ := ly.plugins[id].(map[string]any); edits != nil && len(table) == 1 && table["registry"] != nil {
		l.say(wrongTable, "", at, args)
		l.cure(edits)
		return
	}
	l.say(wrongTable, "hand", at, args)
}

// replacedTable names what the main file loses to a drop-in of containerd 1.x.
func (l *lint) replacedTable(ly *layer, id string, ig Ignored) {
	mine, _ := ly.plugins[id].(map[string]any)
	theirs, _ := ig.by.plugins[id].(map[string]any)
	var lost []string
	for _, key := range slices.Sorted(maps.Keys(mine)) {
		if _, there := theirs[key]; !there && !isEmpty(mine[key]) {
			lost = append(lost, key)
		}
	}
	if len(lost) == 0 {
		return
	}
	l.say(replacedTable, "", ig.by.at("plugins", id), finding.Args{
		"table": ig.What, "other": ig.by.file.Path, "file": ly.file.Path, "lost": strings.Join(lost, ", "),
	})
	l.found[len(l.found)-1].Evidence = append(l.found[len(l.found)-1].Evidence, l.proof(ig.At))
}

func (l *lint) proof(at source.Pos) finding.Evidence {
	saw, command := l.evidence(at)
	return finding.Evidence{Saw: saw, Where: at.String(), Command: command}
}

// serverTables: in version 4 the sockets are configured as plugins, and what
// stands in the old tables is dropped.
func (l *lint) serverTables(ly *layer) {
	if ly.daemon.Version < 4 || l.Target.Containerd.Before("2.3.0") {
		return
	}
	for table, want := range map[string]string{"grpc": grpcServer, "ttrpc": "io.containerd.server.v1.ttrpc"} {
		if v, ok := ly.value(table, "address"); ok && v != "" {
			l.say(wrongTable, "server", ly.at(table, "address"), finding.Args{"table": table, "want": tableName(want)})
		}
	}
}

// bothTables: one key in the old and the new table of one file of version 2.
func (l *lint) bothTables(ly *layer) {
	if l.old() || !ly.migrated {
		return
	}
	for _, keys := range [][]string{{"registry", "config_path"}, {"registry", "mirrors"}, {"pinned_images", "sandbox"}, {"image_pull_progress_timeout"}} {
		newer := append([]string{"plugins", criImages}, keys...)
		older := append([]string{"plugins", grpcCRI}, oldPath(keys)...)
		mine, a := ly.value(newer...)
		theirs, b := ly.value(older...)
		if _, whole := ly.value("plugins", grpcCRI, keys[0]); keys[0] == "registry" && whole {
			b = true // the old registry table replaces the new one as a whole
		}
		if !a || !b || equal(mine, theirs) || isEmpty(mine) {
			continue
		}
		l.say(bothTables, "", ly.at(newer...), finding.Args{"key": keys[len(keys)-1]})
		l.found[len(l.found)-1].Evidence = append(l.found[len(l.found)-1].Evidence, l.proof(ly.at(older...)))
		if e := ly.entry(newer...); e != nil && e.Kind == tomldoc.Value {
			l.cure(l.proven([]source.Edit{ly.removal(*e)}, func(after Config) bool { return after.ConfigPath.Value == l.ConfigPath.Value }))
		}
	}
}

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
	edits = l.proven(edits, func(after Config) bool {
		return slices.ContainsFunc(after.Mirrors, func(m Mirror) bool { return m.Name == host }) ||
			slices.ContainsFunc(after.Hosts, func(h Host) bool { return h.Name == host })
	})
	l.say(smartQuotes, "nested", s.layer.at(path...), finding.Args{"name": tableName(path[1:]...), "host": host})
	l.found[len(l.found)-1].Ignores = true
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
			continue
		}
		l.say(unknownKey, "", s.layer.at(at...), finding.Args{"key": key, "want": want})
		l.cure(l.proven(s.layer.rename(at, want), func(after Config) bool { return len(after.CRIDead) == 0 }))
	}
}

// knows reports whether containerd finds a key: v1 also in capitals, v2 in any case.
func (l *lint) knows(known []string, key string) bool {
	return slices.ContainsFunc(known, func(k string) bool {
		return k == key || l.old() && strings.ToUpper(k) == key || !l.old() && strings.EqualFold(k, key)
	})
}

// nearest is the known key that somebody meant, if that can be told.
func nearest(key string, known []string) string {
	plain := func(s string) string {
		return strings.TrimSuffix(strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(s)), "s")
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
		l.cure(l.proven(edits, func(after Config) bool { return after.Sandbox.Value == image }))
	}
}
