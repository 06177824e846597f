package talos

import "github.com/towpath-dev/towpath/internal/route"

// hubAuth reports a release that sends the credentials of docker.io to Docker
// Hub. Source: github.com/siderolabs/talos pull 10627.
func hubAuth(v route.Version) bool { return !v.Before("1.10.0") }

// documents reports a release that knows the kinds RegistryMirrorConfig,
// RegistryAuthConfig and RegistryTLSConfig. Source: pkg/machinery of 1.11.5,
// which does not, and of 1.12.0.
func documents(v route.Version) bool { return !v.Before("1.12.0") }

// Fill completes what is known of a Talos release with the containerd inside.
// Source: go.mod of the releases since 1.11; before, their release notes.
func Fill(t route.Target) route.Target {
	t.Runtime = "talos"
	if t.Containerd.Known() {
		return t
	}
	for _, x := range []struct{ talos, containerd string }{
		{"1.8.0", "1.7.22"}, {"1.10.0", "2.0"}, {"1.11.0", "2.0"}, {"1.13.0", "2.1"},
	} {
		if t.Version.Known() && t.Version.Before(x.talos) {
			t.Containerd = route.MustVersion(x.containerd)
			return t
		}
	}
	t.Containerd = route.MustVersion("2.2")
	return t
}
