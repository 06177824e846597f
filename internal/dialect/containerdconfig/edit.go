package containerdconfig

import (
	"slices"
	"strconv"

	"github.com/towpath-dev/towpath/internal/source"
)

// SetConfigPath gives the edits after which the containerd looks for hosts.toml
// files in one directory. Like all edits here they are none when the files
// cannot be edited so that it comes true.
func (c Config) SetConfigPath(dir string) []source.Edit {
	edits := c.set(strconv.Quote(dir), "registry", "config_path")
	return c.proven(edits, func(after Config) bool { return after.ConfigPath.Value == dir })
}

// SetSandbox gives the edits that name another image for the pause container.
func (c Config) SetSandbox(image string) []source.Edit {
	edits := c.set(strconv.Quote(image), "pinned_images", "sandbox")
	return c.proven(edits, func(after Config) bool { return after.Sandbox.Value == image })
}

// SetLocalPull gives the edits after which the CRI plugin pulls by itself, for
// containerd 2.1 and later.
func (c Config) SetLocalPull() []source.Edit {
	return c.proven(c.set("true", "use_local_image_pull"), func(after Config) bool { return after.LocalPull.Value })
}

// EnableCRI gives the edits that take the CRI plugin off every list of disabled
// plugins.
func (c Config) EnableCRI() []source.Edit {
	var edits []source.Edit
	for _, ly := range c.layers {
		edits = append(edits, ly.without("disabled_plugins", func(id string) bool {
			return slices.Contains([]string{grpcCRI, criImages, criRuntime}, fullName(id))
		})...)
	}
	return c.proven(edits, func(after Config) bool {
		return !slices.ContainsFunc(after.CRIDead, func(f Failure) bool { return f.Cause == DisabledCRI })
	})
}

// proven returns edits that were tried on the files and did what they should.
func (c Config) proven(edits []source.Edit, done func(Config) bool) []source.Edit {
	if len(edits) == 0 {
		return nil
	}
	after, err := c.after(edits)
	if err != nil || len(after.Fatal) > 0 || !done(after) {
		return nil
	}
	return edits
}

// after reads the files as they would be after edits.
func (c Config) after(edits []source.Edit) (Config, error) {
	files := slices.Clone(c.files)
	by := map[string][]source.Edit{}
	for _, e := range edits {
		if e.Op == source.Create {
			files = append(files, source.File{Path: e.File, Data: []byte(e.New)})
			continue
		}
		by[e.File] = append(by[e.File], e)
	}
	for i, f := range files {
		data, err := source.Apply(f.Data, by[f.Path])
		if err != nil {
			return Config{}, err
		}
		files[i].Data = data
	}
	return Read(files, c.Main, c.Target), nil
}

// set writes a setting of the image service where this containerd reads it:
// over its old value, else into its table, else into a new table.
func (c Config) set(literal string, keys ...string) []source.Edit {
	if s, ok := c.find(keys...); ok {
		return s.layer.replace(literal, s.keys)
	}
	if len(c.layers) == 0 {
		return c.create(literal, keys)
	}
	ly, id := c.home(keys)
	if id != criImages {
		keys = oldPath(keys)
	}
	return ly.add(literal, append([]string{"plugins", id}, keys...))
}

// home is the file and the plugin id under which a new setting belongs: where
// the plugin is already spoken to, else in the main file.
func (c Config) home(keys []string) (*layer, string) {
	if spots := c.spots(keys...); len(spots) > 0 {
		return spots[0].layer, spots[0].keys[1]
	}
	main := c.layers[0]
	ids := c.idsIn(main)
	if main.daemon.Version == 2 {
		return main, ids[0]
	}
	return main, ids[len(ids)-1]
}

// create makes the default file, which is not there yet. Version 3 is read by
// every containerd 2.
func (c Config) create(literal string, keys []string) []source.Edit {
	if c.Main != DefaultPath || len(c.Unseen) > 0 {
		return nil
	}
	version, id := "3", criImages
	if c.old() {
		version, id, keys = "2", grpcCRI, oldPath(keys)
	}
	path := append([]string{"plugins", id}, keys...)
	return []source.Edit{{
		Op: source.Create, File: c.Main,
		New: "version = " + version + "\n\n" + newTable("", path, literal, "\n"),
	}}
}
