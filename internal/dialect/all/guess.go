package all

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/bottlerocket"
	"github.com/towpath-dev/towpath/internal/dialect/buildkit"
	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/dialect/credentialprovider"
	"github.com/towpath-dev/towpath/internal/dialect/docker"
	"github.com/towpath-dev/towpath/internal/dialect/k3s"
	"github.com/towpath-dev/towpath/internal/dialect/kind"
	"github.com/towpath-dev/towpath/internal/dialect/pullsecret"
	"github.com/towpath-dev/towpath/internal/dialect/registriesconf"
	"github.com/towpath-dev/towpath/internal/dialect/runbook"
	"github.com/towpath-dev/towpath/internal/dialect/talos"
	"github.com/towpath-dev/towpath/internal/dialect/towpath"
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
	case base == "crictl.yaml" || base == "nerdctl.toml" || slices.Contains(notes, path.Ext(base)) && looksLike(pullLine, f):
		return runbook.Dialect.Name
	case base == "config.toml" && !looksLike(hostsLine, f):
		return containerdconfig.Dialect.Name
	}
	if d := other(f, base); d != "" {
		return d
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

// other recognises the formats of engines and systems that are not containerd's.
func other(f source.File, base string) string {
	ext := path.Ext(base)
	yaml := ext == ".yaml" || ext == ".yml"
	for _, g := range []struct {
		is   bool
		line *regexp.Regexp
		name string
	}{
		{ext == ".json" || yaml, providerLine, credentialprovider.Dialect.Name},
		{base == "auth.json" && slices.Contains(registriesconf.Dialect.Paths, f.Path), nil, registriesconf.Dialect.Name},
		{slices.Contains(pullsecret.Dialect.Paths, f.Path) || base == ".dockercfg" || base == ".dockerconfigjson", nil, pullsecret.Dialect.Name},
		{ext == ".json" || yaml, secretLine, pullsecret.Dialect.Name},
		{base == "daemon.json", nil, docker.Dialect.Name},
		{ext == ".json", dockerLine, docker.Dialect.Name},
		{base == "registries.conf", nil, registriesconf.Dialect.Name},
		{ext == ".conf", searchLine, registriesconf.Dialect.Name},
		{strings.HasPrefix(base, "buildkitd") && ext == ".toml", nil, buildkit.Dialect.Name},
		{ext == ".toml", bottlerocketLine, bottlerocket.Dialect.Name},
		{base == "towpath.yaml" || base == "towpath.yml", nil, towpath.Dialect.Name},
		{yaml, towpathLine, towpath.Dialect.Name},
		{yaml, talosLine, talos.Dialect.Name},
		{yaml, kindLine, kind.Dialect.Name},
	} {
		if g.is && (g.line == nil || looksLike(g.line, f)) {
			return g.name
		}
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
	hostsLine        = regexp.MustCompile(`(?m)^\s*(server\s*=|\[\s*host\b)`)
	pluginLine       = regexp.MustCompile(`(?m)^\s*(\[\s*(plugins|grpc|ttrpc|proxy_plugins|stream_processors)\b|(imports|disabled_plugins|required_plugins|oom_score)\s*=)`)
	dockerLine       = regexp.MustCompile(`"(registry-mirrors|insecure-registries)"\s*:`)
	secretLine       = regexp.MustCompile(`(?m)(^|["'\s{:])kubernetes\.io/dockerc(onfigjson|fg)\b|^\s*["']?\.dockerc(onfigjson|fg)["']?\s*:|"(auths|credsStore|credHelpers)"\s*:`)
	providerLine     = regexp.MustCompile(`(?m)(^|["'\s{])kind["']?\s*:\s*["']?CredentialProviderConfig\b`)
	searchLine       = regexp.MustCompile(`(?m)^\s*(\[\[\s*registry\s*\]\]|\[registries\.\w+\]|\[aliases\]|(unqualified-search-registries|short-name-mode|credential-helpers)\s*=)`)
	bottlerocketLine = regexp.MustCompile(`(?m)^\s*\[+\s*settings\.container-registry\b`)
	talosLine        = regexp.MustCompile(`(?m)^(machine\s*:|kind\s*:\s*["']?Registry(Mirror|Auth|TLS)Config\b)`)
	towpathLine      = regexp.MustCompile(`(?m)^["']?version["']?\s*:\s*["']?towpath/`)
	kindLine         = regexp.MustCompile(`(?m)^apiVersion\s*:\s*["']?kind\.x-k8s\.io/`)
	registriesLine   = regexp.MustCompile(`(?m)^["']?(mirrors|configs)["']?\s*:`)
)

// notes are the endings of scripts and texts with command lines.
var notes = []string{".sh", ".bash", ".md", ".markdown", ".txt", ".adoc", ".rst"}

var pullLine = regexp.MustCompile(`\b(ctr|crictl|nerdctl)\b[^\n]*\bpull\b|\bminikube\s+start\b`)

// looksLike looks for a line near the beginning of a file.
func looksLike(line *regexp.Regexp, f source.File) bool {
	const near = 64 << 10
	data := bytes.TrimPrefix(f.Data[:min(len(f.Data), near)], []byte("\ufeff"))
	return line.Match(bytes.ToValidUTF8(data, nil))
}
