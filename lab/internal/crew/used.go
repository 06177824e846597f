package crew

import _ "embed"

// used is the scenario whose pull gives every other node its sandbox image.
//
//go:embed used.txtar
var used []byte
