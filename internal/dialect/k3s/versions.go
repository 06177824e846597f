package k3s

import "github.com/towpath-dev/towpath/internal/route"

// generation is how a release renders registries.yaml for containerd.
type generation uint8

const (
	inConfigToml generation = iota // [registry.mirrors] and [registry.configs] in config.toml
	firstHosts                     // hosts.toml; "*" gets a directory of that name, which nobody looks up
	rootHosts                      // TLS of the registry itself at the root of the file; "*" is _default
	fullHosts                      // and a bare [host], without which containerd 1 drops a file with no host
)

// The releases that brought a generation. Sources: k3s#5568 and its backports,
// k3s#9341 with k3s#9728, k3s#9853.
var (
	hostsSince = []string{"1.26.13", "1.27.10", "1.28.6", "1.29.1"}
	rootSince  = []string{"1.26.15", "1.27.12", "1.28.8", "1.29.3"}
	fullSince  = []string{"1.27.13", "1.28.9", "1.29.4"}
)

func generationOf(v route.Version) generation {
	switch {
	case v.Since(fullSince...):
		return fullHosts
	case v.Since(rootSince...):
		return rootHosts
	case v.Since(hostsSince...):
		return firstHosts
	}
	return inConfigToml
}

// Releases of Feb 2025 brought containerd 2.0.2, whose fork did not fall back
// to the registry itself for a wildcard. Source: k3s#11857.
func wildcardLosesFallback(v route.Version) bool {
	return v.Known() && v.Since("1.31.6", "1.32.2") && !v.Since("1.31.7", "1.32.3")
}

// clearsCertsD reports a release that deletes all of certs.d at each start; the
// later ones delete only what they generated or are about to. Source: k3s#10787.
func clearsCertsD(v route.Version) bool { return !v.Since("1.28.14", "1.29.9", "1.30.5", "1.31.1") }

// release is the containerd inside a release and the ones after it, up to the
// next row of the same series.
type release struct{ since, containerd string }

// containers lists which containerd is in which release of K3s. RKE2 takes the
// same one in the same month (compared for 1.32). Source: the tables of the
// release notes, docs.k3s.io/release-notes; the rows of 1.27, 1.33 and those
// behind a comment were not read but taken from the neighbour series' release
// of the same month. Series before 1.26 are known only roughly.
var containers = []release{
	{"1.0.0", "1.3"}, {"1.19.0", "1.4"}, {"1.22.0", "1.5"}, {"1.24.0", "1.6"},
	{"1.26.0", "1.6.12"}, {"1.26.1", "1.6.15"}, {"1.26.3", "1.6.19"}, {"1.26.5", "1.7.1"}, {"1.26.8", "1.7.3"}, {"1.26.9", "1.7.6"}, {"1.26.10", "1.7.7"},
	{"1.26.12", "1.7.11"}, // December 2023
	{"1.27.1", "1.6.19"}, {"1.27.2", "1.7.1"}, {"1.27.5", "1.7.3"}, {"1.27.6", "1.7.6"}, {"1.27.7", "1.7.7"}, {"1.27.9", "1.7.11"}, {"1.27.13", "1.7.15"}, {"1.27.15", "1.7.17"},
	{"1.28.1", "1.7.3"}, {"1.28.2", "1.7.6"}, {"1.28.3", "1.7.7"},
	{"1.28.5", "1.7.11"}, {"1.28.9", "1.7.15"}, {"1.28.11", "1.7.17"}, {"1.28.13", "1.7.20"}, {"1.28.14", "1.7.21"}, {"1.28.15", "1.7.22"}, // from December 2023
	{"1.29.0", "1.7.11"}, {"1.29.4", "1.7.15"}, {"1.29.6", "1.7.17"}, {"1.29.8", "1.7.20"}, {"1.29.9", "1.7.21"}, {"1.29.10", "1.7.22"}, {"1.29.11", "1.7.23"},
	{"1.30.0", "1.7.15"}, {"1.30.2", "1.7.17"}, {"1.30.4", "1.7.20"}, {"1.30.5", "1.7.21"}, {"1.30.6", "1.7.22"}, {"1.30.7", "1.7.23"},
	{"1.31.0", "1.7.20"}, {"1.31.1", "1.7.21"}, {"1.31.2", "1.7.22"}, {"1.31.3", "1.7.23"}, {"1.31.6", "2.0.2"}, {"1.31.7", "2.0.4"}, {"1.31.9", "2.0.5"},
	{"1.31.13", "2.1.4"}, // September 2025
	{"1.32.0", "1.7.23"}, {"1.32.2", "2.0.2"}, {"1.32.3", "2.0.4"}, {"1.32.5", "2.0.5"}, {"1.32.9", "2.1.4"}, {"1.32.10", "2.1.5"},
	{"1.33.0", "2.0.4"}, {"1.33.1", "2.0.5"}, {"1.33.5", "2.1.4"}, {"1.33.6", "2.1.5"},
	{"1.34.1", "2.1.4"}, {"1.34.2", "2.1.5"},
	{"1.35.0", "2.1.5"},
	{"1.36.0", "2.2.3"},
}

// Fill completes a target of K3s or RKE2 with the containerd inside its
// version, where that was not found on the node: it is a fork that knows
// rewrites and a hosts.toml without a server.
func Fill(t route.Target) route.Target {
	if t.Runtime == "" {
		t.Runtime = nameK3s
	}
	t.Fork = true
	if t.Containerd.Known() || !t.Version.Known() {
		return t
	}
	for _, r := range containers {
		if t.Version.Before(r.since) {
			break
		}
		t.Containerd = route.MustVersion(r.containerd)
	}
	return t
}
