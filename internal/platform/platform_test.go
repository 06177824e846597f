package platform

import "testing"

func TestANodeRunsWhatContainerdChoosesForIt(t *testing.T) {
	tests := []struct {
		node, image string
		rank        int
	}{
		{"linux/amd64", "linux/amd64", 0},
		{"linux/amd64", "linux/amd64/v1", 0},
		{"linux/amd64", "linux/x86_64", 0},
		{"linux/amd64", "linux/amd64/v3", -1},
		{"linux/amd64/v3", "linux/amd64/v3", 0},
		{"linux/amd64/v3", "linux/amd64", 2},
		{"linux/amd64", "linux/386", 1},
		{"linux/386", "linux/amd64", -1},
		{"linux/amd64", "windows/amd64", -1},
		{"linux/arm64", "linux/arm64/v8", 0},
		{"linux/arm64", "linux/arm/v7", 2},
		{"linux/arm/v6", "linux/arm/v7", -1},
		{"linux/arm/v7", "linux/arm", 0},
		{"linux/arm/v7", "linux/armel", 1},
		{"linux/amd64", "unknown/unknown", -1},
		{"linux/amd64", "", -1},
		{"linux/riscv64", "linux/riscv64", 0},
	}
	for _, tt := range tests {
		if got := Parse(tt.node).Rank(Parse(tt.image)); got != tt.rank {
			t.Errorf("%s on %s: rank %d, want %d", tt.image, tt.node, got, tt.rank)
		}
	}
}

func TestAPlatformIsWrittenAsItWasRead(t *testing.T) {
	for _, text := range []string{"linux/amd64", "linux/arm/v7", "windows/amd64"} {
		if got := Parse(text).String(); got != text {
			t.Errorf("%s became %s", text, got)
		}
	}
}
