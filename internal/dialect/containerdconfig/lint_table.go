package containerdconfig

import (
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
		if len(l.Fatal) == 0 {
			l.ignoredTable(ig)
		}
	}
	for _, ly := range l.layers {
		l.serverTables(ly)
		l.bothTables(ly)
		l.runtimeTable(ly)
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

// runtimeTable: containerd 2 has split the CRI plugin in two, and only the half
// for images has registry settings.
func (l *lint) runtimeTable(ly *layer) {
	v, ok := ly.value("plugins", criRuntime, "registry")
	if l.old() || !ok || isEmpty(v) || slices.ContainsFunc(l.Ignored, func(ig Ignored) bool { return ig.id == criRuntime && ig.At.File == ly.file.Path }) {
		return
	}
	l.wrongTable(ly, criRuntime, ly.at("plugins", criRuntime, "registry"), finding.Args{"table": tableName(criRuntime, "registry")}, l.idsIn(ly))
}

// lostToDropIn: 2.0 to 2.2 leave tables of version 2 alone once any file is of
// version 3.
func (l *lint) lostToDropIn(ly *layer, id string) bool {
	return !l.old() && l.Target.Containerd.Before("2.3.0") && id == grpcCRI && ly.daemon.Version == 2 &&
		slices.ContainsFunc(l.layers, func(o *layer) bool { return o.daemon.Version >= 3 })
}

func (l *lint) noVersion(ly *layer, variant string, at source.Pos, args finding.Args, edits []source.Edit) {
	edits = l.try(edits, func(after Config) bool { return !ignores(after, ly.file.Path) && !after.Dead() })
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
	edits, variant := ly.renameTable(id, want), ""
	if highest := maxVersion(l.Target); ly.daemon.Version > highest {
		edits, variant = append(edits, ly.setVersion(highest)...), "version"
		args["max"] = highest
	}
	edits = l.try(edits, func(after Config) bool { return !ignores(after, ly.file.Path) && len(after.CRIDead) == 0 })
	if edits == nil || !onlyRegistry(ly, id) {
		edits, variant = nil, "hand"
	}
	l.say(wrongTable, variant, at, args)
	l.cure(edits)
}

// onlyRegistry reports a plugin's table that holds nothing but registry
// settings, which are spelled alike in all versions.
func onlyRegistry(ly *layer, id string) bool {
	table, _ := ly.plugins[id].(map[string]any)
	return len(table) == 1 && table["registry"] != nil
}

// replacedTable names what the main file loses to a drop-in of containerd 1.x.
func (l *lint) replacedTable(ly *layer, id string, ig Ignored) {
	mine, _ := ly.plugins[id].(map[string]any)
	theirs, _ := ig.by.plugins[id].(map[string]any)
	var lost []string
	for _, key := range slices.Sorted(maps.Keys(mine)) {
		was, inner := mine[key].(map[string]any)
		now, both := theirs[key].(map[string]any)
		if _, there := theirs[key]; !there && !isEmpty(mine[key]) {
			lost = append(lost, key)
		}
		if inner && both {
			lost = append(lost, missing(was, now, key+".")...)
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

// missing lists what one table says and another does not.
func missing(was, now map[string]any, prefix string) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(was)) {
		if _, there := now[key]; !there && !isEmpty(was[key]) {
			out = append(out, prefix+key)
		}
	}
	return out
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
			l.cure(l.try([]source.Edit{ly.removal(*e)}, func(after Config) bool { return after.ConfigPath.Value == l.ConfigPath.Value }))
		}
	}
}
