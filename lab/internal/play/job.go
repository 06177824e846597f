// Package play plays one variant of a scenario on one machine: it is the first
// process there, brings up the world, the files and the runtime in the order of
// the scenario, pulls, calls doctor, and reports what it saw. It judges nothing.
package play

import (
	"encoding/json"
	"time"

	"github.com/towpath-dev/towpath/lab/internal/containerd"
)

// Job is what a machine is told to play.
type Job struct {
	Path       string                // of the scenario
	Data       []byte                // its file
	Twin       bool                  // play the healthy twin
	Generation containerd.Generation //
	Used       []byte                // tar of a runtime's data that holds the sandbox image; empty: make it
	Doctor     bool                  // call towpath doctor
	Fix        bool                  // let it heal the node, where the scenario says that it can, and undo that
	Keep       bool                  // return the runtime's data after the pull
	Programs   map[string]string     // what is bound into the machine: from where, by where to
	Absent     []string              // what the real machine has and this one does not
}

// Where a machine finds the programs that are bound into it.
const Towpath = "/usr/local/bin/towpath"

// Result is what was seen.
type Result struct {
	Err    string            `json:"err,omitempty"` // the scenario could not be played
	Pull   Pull              `json:"pull"`
	Source *Run              `json:"source,omitempty"` // towpath explain, of what is converted
	Change *Run              `json:"change,omitempty"` // towpath convert
	Plan   *Run              `json:"plan,omitempty"`   // towpath explain, of engines that are no containerd and of what was converted
	Again  *Run              `json:"again,omitempty"`  // towpath pull, of engines that are no containerd and that pulled
	Doctor *Run              `json:"doctor,omitempty"`
	Fix    *Fix              `json:"fix,omitempty"`
	Logs   map[string]string `json:"logs,omitempty"`  // by program, the end of each
	Asked  map[string]string `json:"asked,omitempty"` // request log of each server at the end of the first pull
	Used   []byte            `json:"used,omitempty"`
	Took   time.Duration     `json:"took"`
}

// Pull is a pull as the kubelet sees it.
type Pull struct {
	OK      bool          `json:"ok"`
	Waiting bool          `json:"waiting"` // it was cut
	Text    string        `json:"text"`
	Took    time.Duration `json:"took"`
}

// Run is one call of towpath.
type Run struct {
	Args   []string        `json:"args"`
	Exit   int             `json:"exit"`
	Out    json.RawMessage `json:"out,omitempty"` // when it is JSON
	Raw    string          `json:"raw,omitempty"` // when it is not
	Stderr string          `json:"stderr"`
	Took   time.Duration   `json:"took"`
}

// Fix is what --fix did, and what came of undoing it.
type Fix struct {
	Run      Run      `json:"run"`
	Again    Run      `json:"again"`    // doctor afterwards
	Pull     Pull     `json:"pull"`     // and the real pull
	Rollback Run      `json:"rollback"` //
	Changed  []string `json:"changed"`  // files that --fix changed
	Left     []string `json:"left"`     // files that rollback did not restore
}
