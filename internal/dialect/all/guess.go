package all

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/k3s"
	"github.com/towpath-dev/towpath/internal/source"
)

// Guess names the dialect of a file by its name, else by what stands in it;
// empty: it cannot be told. A broken file is recognised as well.
func Guess(f source.File) string {
	base := strings.ToLower(path.Base(f.Path))
	switch {
	case f.Kind == source.Directory:
		return ""
	case base == "hosts.toml":
		return containerd.Dialect.Name
	case strings.HasPrefix(base, "registries.y"):
		return rancher(f.Path)
	case base == "config.toml" && !looksLike(hostsLine, f):
		return containerdconfig.Dialect.Name
	}
	switch ext := path.Ext(base); {
	case ext == ".toml" && looksLike(pluginLine, f):
		return containerdconfig.Dialect.Name
	case ext == ".toml" && looksLike(hostsLine, f):
		return containerd.Dialect.Name
	case (ext == ".yaml" || ext == ".yml") && looksLike(registriesLine, f):
		return rancher(f.Path)
	}
	return ""
}

// rancher is whose registries.yaml a path is: the two share one format.
func rancher(name string) string {
	if strings.Contains(name, k3s.RKE2.Name) {
		return k3s.RKE2.Name
	}
	return k3s.K3s.Name
}

// The lines by which formats are recognised.
var (
	hostsLine      = regexp.MustCompile(`(?m)^\s*(server\s*=|\[\s*host\b)`)
	pluginLine     = regexp.MustCompile(`(?m)^\s*(\[\s*(plugins|grpc|ttrpc|proxy_plugins|stream_processors)\b|(imports|disabled_plugins|required_plugins|oom_score)\s*=)`)
	registriesLine = regexp.MustCompile(`(?m)^["']?(mirrors|configs)["']?\s*:`)
)

// looksLike looks for a line near the beginning of a file.
func looksLike(line *regexp.Regexp, f source.File) bool {
	const near = 64 << 10
	return line.Match(bytes.ToValidUTF8(f.Data[:min(len(f.Data), near)], nil))
}
