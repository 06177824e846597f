package route

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is the version of a runtime, as far as it is known. A part that was
// not given counts as the newest of its series: "1.6" is the last 1.6 release.
type Version struct {
	Major, Minor, Patch int
	Text                string // as it was found; empty: nothing is known
}

const newest = 1 << 20

// ParseVersion reads "1.6.20~ds1", "v2.4.2", "1.31.6+k3s1", "1.7" and the like.
func ParseVersion(text string) (Version, error) {
	v := Version{Text: text, Minor: newest, Patch: newest}
	core := strings.TrimPrefix(strings.TrimSpace(text), "v")
	if i := strings.IndexFunc(core, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }); i >= 0 {
		core = core[:i]
	}
	parts := strings.Split(strings.TrimSuffix(core, "."), ".")
	for i, into := range []*int{&v.Major, &v.Minor, &v.Patch} {
		if i >= len(parts) {
			break
		}
		n, err := strconv.Atoi(parts[i])
		if err != nil || n >= newest {
			return Version{}, fmt.Errorf("version %q is not of the form 1.2.3", text)
		}
		*into = n
	}
	return v, nil
}

// MustVersion is ParseVersion for constants.
func MustVersion(text string) Version {
	v, err := ParseVersion(text)
	if err != nil {
		panic(err)
	}
	return v
}

// Known reports whether there is a version at all.
func (v Version) Known() bool { return v.Text != "" }

// String is the text that was found.
func (v Version) String() string { return v.Text }

// Compare orders two versions; an unknown one is newer than every other.
func (v Version) Compare(w Version) int {
	if !v.Known() || !w.Known() {
		return boolToInt(w.Known()) - boolToInt(v.Known())
	}
	for _, d := range []int{v.Major - w.Major, v.Minor - w.Minor, v.Patch - w.Patch} {
		if d != 0 {
			return max(-1, min(1, d))
		}
	}
	return 0
}

// Before reports whether v is older than the release named.
func (v Version) Before(release string) bool { return v.Compare(MustVersion(release)) < 0 }

// Since reports whether a change that landed in the given releases, one per
// series and oldest first, is in this version: Since("1.6.17", "1.7.0") is true
// for 1.6.20, 1.7.1 and 2.0, false for 1.6.9 and 1.5.
func (v Version) Since(releases ...string) bool {
	if !v.Known() {
		return true
	}
	for _, r := range releases {
		w := MustVersion(r)
		if w.Major == v.Major && w.Minor == v.Minor {
			return v.Compare(w) >= 0
		}
	}
	return v.Compare(MustVersion(releases[len(releases)-1])) >= 0
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Target is the program that reads a configuration: the same file means
// different things to containerd 1.6 and 2.4.
type Target struct {
	Runtime    string  // "containerd", "k3s", "rke2", "k0s"; empty: not known
	Version    Version // of Runtime
	Containerd Version // of the containerd inside; equals Version for plain containerd
	Fork       bool    // the k3s-io fork of containerd, which knows rewrite and an absent server
}

// Everything is what an endpoint is trusted with when nobody restricts it.
func (g Target) Everything() Serves {
	if g.Containerd.Since("2.2.0") {
		return Pull | Resolve | Push | Referrers
	}
	return Pull | Resolve | Push
}
