package doctor

import (
	"encoding/pem"
	"runtime"
)

// Platform is that of this machine, as image indexes write it.
func Platform() string {
	p := runtime.GOOS + "/" + runtime.GOARCH
	switch runtime.GOARCH {
	case "arm64":
		return p + "/v8"
	case "arm":
		return p + "/v7"
	}
	return p
}

func pemOf(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
