package node

import (
	"debug/buildinfo"
	"go/version"
	"os"
	"slices"
	"strings"
)

// classicHello reports whether a Go program offers no post-quantum key exchange
// in TLS, and closes its file. Go does since 1.23, unless the program's build or
// its environment says otherwise. A program of which nothing is known does.
// Source: crypto/tls, and the GODEBUG history of the Go documentation.
func classicHello(file *os.File, godebug string) bool {
	if switchedOff(godebug) {
		return true
	}
	if file == nil {
		return false
	}
	defer file.Close()
	info, err := buildinfo.Read(file)
	if err != nil {
		return false
	}
	for _, s := range info.Settings {
		if s.Key == "DefaultGODEBUG" && switchedOff(s.Value) {
			return true
		}
	}
	return version.IsValid(info.GoVersion) && version.Compare(info.GoVersion, "go1.23") < 0
}

func switchedOff(godebug string) bool {
	return slices.ContainsFunc(strings.Split(godebug, ","), func(s string) bool { return s == "tlsmlkem=0" || s == "tlskyber=0" })
}
