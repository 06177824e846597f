package pull

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// platform is what an image runs on, in the words of the image specification.
type platform struct {
	OS      string `json:"os"`
	Arch    string `json:"architecture"`
	Variant string `json:"variant,omitempty"`
}

// String is "linux/arm64" or "linux/arm/v7".
func (p platform) String() string {
	s := p.OS + "/" + p.Arch
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// CheckPlatform reports whether a text names a platform.
func CheckPlatform(text string) error {
	_, err := parsePlatform(text)
	return err
}

// parsePlatform reads "linux/arm64/v8", the variant left out or not.
func parsePlatform(text string) (platform, error) {
	parts := strings.Split(text, "/")
	if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") || strings.ContainsFunc(text, strange) {
		return platform{}, fmt.Errorf("platform %q is not of the form os/architecture or os/architecture/variant", text)
	}
	p := platform{OS: parts[0], Arch: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p.normal(), nil
}

func strange(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-", r))
}

// normal spells a platform as containerd compares it. Source: containerd
// platforms/database.go, normalizeArch.
func (p platform) normal() platform {
	p.OS, p.Arch, p.Variant = strings.ToLower(p.OS), strings.ToLower(p.Arch), strings.ToLower(p.Variant)
	switch p.Arch {
	case "i386":
		p.Arch, p.Variant = "386", ""
	case "x86_64", "x86-64":
		p.Arch = "amd64"
	case "aarch64":
		p.Arch = "arm64"
	case "armhf":
		p.Arch, p.Variant = "arm", "v7"
	case "armel":
		p.Arch, p.Variant = "arm", "v6"
	}
	switch {
	case p.Arch == "amd64" && p.Variant == "v1", p.Arch == "arm64" && slices.Contains([]string{"8", "v8", "v8.0"}, p.Variant):
		p.Variant = ""
	case p.Arch == "arm64" && slices.Contains([]string{"9", "9.0", "v9.0"}, p.Variant):
		p.Variant = "v9"
	case p.Arch == "arm" && (p.Variant == "" || p.Variant == "7"):
		p.Variant = "v7"
	case p.Arch == "arm" && (p.Variant == "5" || p.Variant == "6" || p.Variant == "8"):
		p.Variant = "v" + p.Variant
	}
	return p
}

// accepts lists the platforms whose images run on p, the best first: 64-bit
// machines run 32-bit images, newer ones those of older ones. Source:
// containerd platforms/compare.go, platformVector.
func (p platform) accepts() []platform {
	out := []platform{p}
	older := func(from, to int, arch string) {
		for v := from; v >= to; v-- {
			out = append(out, platform{p.OS, arch, "v" + strconv.Itoa(v)}.normal())
		}
	}
	version, _ := strconv.Atoi(strings.TrimPrefix(p.Variant, "v"))
	version = min(version, 16) // nobody has made a newer one
	switch p.Arch {
	case "amd64":
		older(version-1, 1, "amd64")
		out = append(out, platform{OS: p.OS, Arch: "386"})
	case "arm":
		older(version-1, 5, "arm")
	case "arm64":
		older(max(version, 8), 5, "arm")
	}
	return out
}

// choose picks the entry of an index that the runtime would take on p: the best
// match, else the first of those that say no platform. Source: containerd
// core/images/image.go, Manifest.
func (p platform) choose(index document) (descriptor, error) {
	accepted := p.accepts()
	rank := func(d descriptor) int {
		if d.Platform == nil {
			return len(accepted)
		}
		if i := slices.Index(accepted, d.Platform.normal()); i >= 0 {
			return i
		}
		return len(accepted) + 1
	}
	if len(index.manifests) > 0 {
		best := slices.MinFunc(index.manifests, func(a, b descriptor) int { return cmp.Compare(rank(a), rank(b)) })
		if rank(best) <= len(accepted) {
			return best, nil
		}
	}
	return descriptor{}, fmt.Errorf("%s has no image for %s, only for %s", index.short(), p, offered(index))
}

// offered lists the platforms of an index for people.
func offered(index document) string {
	var out []string
	for _, d := range index.manifests {
		if d.Platform != nil && d.Platform.OS != "unknown" && d.Platform.OS != "" {
			out = append(out, d.Platform.String())
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	switch {
	case len(out) == 0:
		return "none that it names"
	case len(out) > 12:
		return fmt.Sprintf("%s and %d more", strings.Join(out[:12], ", "), len(out)-12)
	}
	return strings.Join(out, ", ")
}
