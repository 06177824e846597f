// Package platform says which of an image's variants a node can run, by the
// rules that containerd chooses by. It knows nothing of manifests.
package platform

import (
	"slices"
	"strings"
)

// Platform is what an image is built for, or what a node is.
type Platform struct {
	OS      string `json:"os"`
	Arch    string `json:"architecture"`
	Variant string `json:"variant"`
}

// Parse reads "linux/arm/v7".
func Parse(text string) Platform {
	part := append(strings.SplitN(text, "/", 3), "", "")
	return Platform{part[0], part[1], part[2]}
}

// String is the form that Parse reads.
func (p Platform) String() string {
	s := p.OS + "/" + p.Arch
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// Rank tells how well an image for another platform suits this node: 0 best,
// -1 not at all. Source: github.com/containerd/platforms, Only.
func (p Platform) Rank(image Platform) int {
	node, image := p.normal(), image.normal()
	if node.OS != image.OS {
		return -1
	}
	return slices.Index(node.runs(), image)
}

// runs lists what a node runs, the best first.
func (p Platform) runs() []Platform {
	out := []Platform{p}
	switch p.Arch {
	case "amd64":
		for _, v := range []string{"v3", "v2", ""} {
			if p.Variant > v {
				out = append(out, Platform{p.OS, "amd64", v})
			}
		}
		out = append(out, Platform{p.OS, "386", ""})
	case "arm64":
		out = append(out, Platform{p.OS, "arm", "v8"}.runs()...)
	case "arm":
		for _, v := range []string{"v7", "v6", "v5"} {
			if p.Variant > v {
				out = append(out, Platform{p.OS, "arm", v})
			}
		}
	}
	return out
}

var aliases = map[string]Platform{
	"x86_64": {Arch: "amd64"}, "x86-64": {Arch: "amd64"}, "i386": {Arch: "386"}, "aarch64": {Arch: "arm64"},
	"armhf": {Arch: "arm", Variant: "v7"}, "armel": {Arch: "arm", Variant: "v6"},
}

// normal gives one platform one spelling.
func (p Platform) normal() Platform {
	p.OS, p.Arch, p.Variant = strings.ToLower(p.OS), strings.ToLower(p.Arch), strings.ToLower(p.Variant)
	if a, ok := aliases[p.Arch]; ok {
		p.Arch, p.Variant = a.Arch, a.Variant
	}
	switch p.Arch + "/" + p.Variant {
	case "amd64/v1", "arm64/8", "arm64/v8":
		p.Variant = ""
	case "arm/", "arm/7":
		p.Variant = "v7"
	case "arm/5", "arm/6", "arm/8":
		p.Variant = "v" + p.Variant
	}
	return p
}
