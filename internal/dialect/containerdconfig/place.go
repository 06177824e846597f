package containerdconfig

import (
	"slices"

	"github.com/towpath-dev/towpath/internal/source"
)

// topPlace is where a key of the daemon was last written.
func (l *loading) topPlace(keys ...string) source.Pos {
	for _, ly := range slices.Backward(l.layers) {
		if _, ok := ly.value(keys...); ok {
			return ly.at(keys...)
		}
	}
	return source.Pos{File: l.Main}
}

// elementPlace is where a list of the daemon has an element, under whichever
// name of it.
func (l *loading) elementPlace(element, key string) source.Pos {
	for _, ly := range l.layers {
		list, _ := ly.raw[key].([]any)
		at := elementPlaces(ly.doc, key)
		for i, v := range list {
			name, _ := v.(string)
			if name != element && fullName(name) != element {
				continue
			}
			if len(at) == len(list) {
				return at[i]
			}
			return ly.at(key)
		}
	}
	return l.topPlace(key)
}

// spot is a path in one file at which a setting of the CRI plugin may stand.
type spot struct {
	layer *layer
	keys  []string
}

func (s spot) at() source.Pos { return s.layer.at(s.keys...) }

func (s spot) value() (any, bool) { return s.layer.value(s.keys...) }

// spots lists where a setting of the images part of the CRI plugin may have
// been written, the one that counts first. Keys are those of containerd 2.
func (c *Config) spots(keys ...string) []spot {
	var out []spot
	for _, ly := range slices.Backward(c.layers) {
		for _, id := range c.idsIn(ly) {
			if _, ok := ly.plugins[id]; !ok {
				continue
			}
			path := keys
			if id != criImages {
				path = oldPath(keys)
			}
			out = append(out, spot{ly, append([]string{"plugins", id}, path...)})
			if c.old() && !ly.patch {
				return out // the last file's table replaces all others
			}
		}
	}
	return out
}

// idsIn are the plugin ids under which a file can speak to the CRI plugin and
// is heard, the one that wins first.
func (c *Config) idsIn(ly *layer) []string {
	switch {
	case c.old() && c.Version.Value == 1:
		return []string{shortCRI}
	case c.old():
		return []string{grpcCRI}
	case !ly.migrated:
		return []string{criImages}
	case ly.daemon.Version < 2 && c.Target.Containerd.Since("2.3.0"):
		return []string{grpcCRI, shortCRI, criImages}
	}
	return []string{grpcCRI, criImages}
}

// oldPath is what a setting of the image service was called in versions 1 and 2.
func oldPath(keys []string) []string {
	switch {
	case slices.Equal(keys, []string{"pinned_images", "sandbox"}):
		return []string{"sandbox_image"}
	case slices.Contains(containerdKeys, keys[0]):
		return append([]string{"containerd"}, keys...)
	}
	return keys
}

// place is where a setting of the image service was written last; its table, or
// the main file, when it was not.
func (l *loading) place(keys ...string) source.Pos {
	if s, ok := l.find(keys...); ok {
		return s.at()
	}
	for n := len(keys) - 1; n > 0; n-- {
		if s, ok := l.find(keys[:n]...); ok {
			return s.at()
		}
	}
	return source.Pos{File: l.Main}
}

// find is the spot that counts among those where something stands.
func (c *Config) find(keys ...string) (spot, bool) {
	for _, s := range c.spots(keys...) {
		if _, ok := s.value(); ok {
			return s, true
		}
	}
	return spot{}, false
}

// setBy is the place of a value if that is really what stands there; the zero
// Pos if it is a default.
func (c *Config) setBy(value any, keys ...string) source.Pos {
	for _, s := range c.spots(keys...) {
		if v, ok := s.value(); ok && equal(v, value) {
			return s.at()
		}
	}
	return source.Pos{}
}

// place2 is where a key of any plugin's table stands, the image service's own
// old names included.
func (l *loading) place2(id string, keys ...string) source.Pos {
	if id == criImages {
		if len(keys) == 0 {
			keys = []string{"registry"}
		}
		return l.place(keys...)
	}
	for _, ly := range slices.Backward(l.layers) {
		for _, name := range []string{id, grpcCRI, shortCRI} {
			path := append([]string{"plugins", name}, keys...)
			if _, ok := ly.value(path...); ok {
				return ly.at(path...)
			}
		}
	}
	return source.Pos{File: l.Main}
}
