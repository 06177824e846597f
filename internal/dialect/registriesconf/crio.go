package registriesconf

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// crioSettings is what crio.conf says that matters here.
type crioSettings struct {
	authFile string
	insecure source.Pos // of insecure_registries; zero: it is not set
}

// crioConf reads [crio.image] of crio.conf and its drop-ins, the last one wins.
func (r *reader) crioConf() crioSettings {
	var out crioSettings
	for _, f := range r.crioFiles() {
		var into struct {
			Crio struct {
				Image struct {
					AuthFile string   `toml:"global_auth_file"`
					Insecure []string `toml:"insecure_registries"`
				} `toml:"image"`
			} `toml:"crio"`
		}
		if f.Data == nil || tomldoc.Guard(f.Path, f.Data) != nil {
			continue
		}
		if _, err := safely(f.Data, &into); err != nil {
			continue
		}
		if into.Crio.Image.AuthFile != "" {
			out.authFile = into.Crio.Image.AuthFile
		}
		if len(into.Crio.Image.Insecure) > 0 {
			out.insecure = lineWith(f, "insecure_registries")
		}
	}
	return out
}

func (r *reader) crioFiles() []source.File {
	var out []source.File
	for _, f := range r.files {
		if f.Path == "/etc/crio/crio.conf" || path.Dir(f.Path) == "/etc/crio/crio.conf.d" && f.Kind == source.Regular {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b source.File) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// lineWith is the first line that begins with a key.
func lineWith(f source.File, key string) source.Pos {
	for i, line := range strings.Split(string(f.Data), "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), key) {
			return source.Pos{File: f.Path, Line: i + 1}
		}
	}
	return source.Pos{File: f.Path}
}
