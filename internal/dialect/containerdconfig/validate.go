package containerdconfig

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	v2 "github.com/pelletier/go-toml/v2"

	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// validate is what containerd checks before it looks at plugins.
// Source: ValidateV2 (1.x), ValidateVersion (2.x), CreateTopLevelDirectories
// and New of the server package.
func (l *loading) validate() {
	l.validateVersion()
	if len(l.Fatal) > 0 {
		return
	}
	l.migrateAll()
	if l.main.Root == l.main.State {
		l.fail(BadSetting, l.topPlace("state"), "root and state must be different paths")
	}
	if f := l.main.Debug.Format; f != "" && f != "text" && f != "json" {
		l.fail(BadSetting, l.topPlace("debug", "format"), "unknown log format: %s", f)
	}
	for _, key := range slices.Sorted(maps.Keys(l.main.Timeouts)) {
		if v := l.main.Timeouts[key]; !isDuration(v) {
			l.fail(BadSetting, l.topPlace("timeouts", key), "unable to parse %s into a time duration", v)
		}
	}
}

func isDuration(s string) bool {
	_, err := time.ParseDuration(s)
	return err == nil
}

func (l *loading) validateVersion() {
	v := l.main.Version
	switch {
	case !l.old() && v > maxVersion(l.Target):
		l.fail(BadVersion, l.topPlace("version"), "expected containerd config version equal to or less than `%d`, got `%d`", maxVersion(l.Target), v)
		return
	case l.old() && v > 2 && l.Target.Containerd.Since("1.6.32", "1.7.17"):
		l.fail(BadVersion, l.topPlace("version"), "unsupported config version `%d`", v)
		return
	case l.old() && v < 2:
		return
	}
	for _, key := range []string{"disabled_plugins", "required_plugins"} {
		list, kind := l.main.DisabledPlugins, "disabled"
		if key == "required_plugins" {
			list, kind = l.main.RequiredPlugins, "required"
		}
		if i := slices.IndexFunc(list, func(id string) bool { return !l.fullID(id) }); i >= 0 {
			l.fail(BadPluginID, l.elementPlace(list[i], key), "invalid %s plugin URI %q expect io.containerd.x.vx", kind, list[i])
			return
		}
	}
	for _, id := range slices.Sorted(maps.Keys(l.trees)) {
		if !l.fullID(id) {
			l.fail(BadPluginID, l.owners[id].at("plugins", id), "invalid plugin key URI %q expect io.containerd.x.vx", id)
			return
		}
	}
}

// fullID reports whether containerd takes a text for a plugin id.
func (l *loading) fullID(id string) bool {
	switch {
	case !l.old():
		return strings.Contains(id, ".")
	case l.Target.Containerd.Since("1.7.0"):
		return strings.HasPrefix(id, "io.containerd.") && strings.Count(id, ".") >= 3
	}
	return strings.Count(id, ".") >= 3
}

// pluginID is the id by which the configuration calls a plugin.
func (l *loading) pluginID(p pluginTable) string {
	if l.old() && l.version() == 1 {
		return p.short()
	}
	return p.id
}

// version is the version of the whole; a file of version 0 counts as 1 to 1.x.
func (l *loading) version() int {
	if l.old() && l.main.Version == 0 {
		return 1
	}
	return l.main.Version
}

func (l *loading) criID() string { return l.pluginID(pluginTable{id: grpcCRI}) }

func (l *loading) disabled(id string) bool { return slices.Contains(l.main.DisabledPlugins, id) }

// plugins decodes every plugin table that containerd would.
func (l *loading) plugins() {
	for _, p := range others() {
		if p.since != "" && !l.Target.Containerd.Since(p.since) || p.until != "" && l.Target.Containerd.Since(p.until) {
			continue
		}
		if id := l.pluginID(p); !l.disabled(id) {
			l.decode(id, p.empty())
		}
	}
	if l.old() {
		l.plugins1()
	} else {
		l.plugins2()
	}
	l.required()
}

// decode fills a value with a plugin's table, when there is one. A value of the
// wrong type is fatal.
func (l *loading) decode(id string, into any) {
	if tree, ok := l.trees[id]; ok {
		file := l.owners[id].file
		if bad := tomldoc.Try(tomldoc.V1, file.Path, file.Data, func() error { return tree.Unmarshal(into) }); bad != nil {
			l.Fatal = append(l.Fatal, *failure(WrongType, bad))
		}
		return
	}
	tbl, ok := l.tables[id]
	if !ok {
		return
	}
	data, err := v2.Marshal(tbl)
	if err == nil {
		err = v2.Unmarshal(data, into)
	}
	if err == nil {
		return
	}
	f := Failure{Cause: WrongType, Text: withoutValue(err.Error()), At: l.place2(id)}
	if d, ok := errors.AsType[*v2.DecodeError](err); ok {
		f.At = l.place2(id, d.Key()...)
	}
	l.Fatal = append(l.Fatal, f)
}

// wouldBe reads the table of a plugin that is disabled: what would count without
// that. Nothing in it is fatal.
func (l *loading) wouldBe(id string, into any) {
	before := l.Fatal
	l.decode(id, into)
	l.Fatal = before
}

func (l *loading) plugins1() {
	id := l.criID()
	l.cri, l.newer = default1(l.Target), default17()
	if l.disabled(id) {
		l.dead(DisabledCRI, l.elementPlace(id, "disabled_plugins"), "disabled_plugins has %q", id)
		l.wouldBe(id, l.cri)
		return
	}
	l.decode(id, l.cri)
	if l.Target.Containerd.Since("1.7.0") {
		l.decode(id, l.newer)
	}
	l.validateRuntimes1()
	l.validateRegistry("invalid plugin config: ")
	l.checkDuration("stream idle timeout", l.cri.StreamIdleTimeout, "stream_idle_timeout")
	if l.Target.Containerd.Since("1.7.0") {
		l.checkDuration("image pull progress timeout", l.newer.ImagePullProgressTimeout, "image_pull_progress_timeout")
		l.checkDuration("`drain_exec_sync_io_timeout`", l.newer.DrainExecSyncIOTimeout, "drain_exec_sync_io_timeout")
	}
}

func (l *loading) plugins2() {
	runtime, server := default2(), &server2{StreamIdleTimeout: "4h0m0s"}
	l.images = defaultImages(l.Target)
	for id, into := range map[string]any{criImages: l.images, criRuntime: runtime, grpcCRI: server} {
		if l.disabled(id) {
			l.dead(DisabledCRI, l.elementPlace(id, "disabled_plugins"), "disabled_plugins has %q", id)
			l.wouldBe(id, into)
			continue
		}
		l.decode(id, into)
	}
	l.images.fillConfigPath(l.Target)
	l.validateRegistry("invalid cri image config: ")
	l.checkDuration("image pull progress timeout", l.images.ImagePullProgressTimeout, "image_pull_progress_timeout")
	l.validateRuntimes2(runtime)
	l.checkDuration("stream idle timeout", server.StreamIdleTimeout, "stream_idle_timeout")
}

func (l *loading) dead(cause Cause, at source.Pos, format string, args ...any) {
	l.CRIDead = append(l.CRIDead, Failure{Cause: cause, Text: fmt.Sprintf(format, args...), At: at})
}

func (l *loading) checkDuration(what, value, key string) {
	if value != "" && !isDuration(value) {
		_, err := time.ParseDuration(value)
		l.dead(BadTimeout, l.place(key), "invalid %s: %v", what, err)
	}
}

// required: a plugin that has to be there and is not keeps the daemon down.
func (l *loading) required() {
	if len(l.Fatal) > 0 {
		return
	}
	for _, id := range l.main.RequiredPlugins {
		if l.disabled(id) || l.unknownName(id) {
			l.fail(RequiredPlugin, l.elementPlace(id, "required_plugins"), "required plugin [%s] not included", id)
			return
		}
	}
	if len(l.CRIDead) == 0 {
		return
	}
	cri := []string{l.criID()}
	if !l.old() {
		cri = []string{grpcCRI, criImages, criRuntime}
	}
	for _, id := range l.main.RequiredPlugins {
		if slices.Contains(cri, id) && (id == cri[0] || l.deadPlugin(id)) {
			l.fail(RequiredPlugin, l.elementPlace(id, "required_plugins"), "load required plugin %s: %s", id, l.CRIDead[0].Text)
			return
		}
	}
}

// unknownName reports a name of the other kind than those by which plugins go:
// short in a configuration of version 1, full in all others.
func (l *loading) unknownName(id string) bool {
	return l.old() && (l.version() == 1) == strings.HasPrefix(id, "io.containerd.")
}

// deadPlugin reports whether it is this one of the three CRI plugins of 2.x
// that does not load; the CRI server itself needs both of the others.
func (l *loading) deadPlugin(id string) bool {
	images := []Cause{MirrorsAndPath, BadAuths, BadTimeout}
	for _, f := range l.CRIDead {
		if id == criImages && slices.Contains(images, f.Cause) || f.Cause == DisabledCRI && strings.Contains(f.Text, id) ||
			id == criRuntime && f.Cause == BadSetting {
			return true
		}
	}
	return false
}
