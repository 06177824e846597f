package pull

import "time"

// State is where a pull or a part of it has got to.
type State string

// The states. The first group concerns the pull as a whole, the second a part.
const (
	Waiting   State = "waiting"   // another towpath works on the same output: Text
	Resolving State = "resolving" // asking what the reference stands for
	Resolved  State = "resolved"  // Text: the digest
	Refused   State = "refused"   // Endpoint did not give what it was asked for, and why: Text
	Pausing   State = "pausing"   // every host refused, some only for the moment; for Wait
	Writing   State = "writing"   // all is there, the output is being made

	Queued      State = "queued"
	Checking    State = "checking" // what an earlier run left is being read, Have bytes so far
	Downloading State = "downloading"
	Done        State = "done"
	Present     State = "present" // it was there already
)

// Event is one step of a pull. While a part is fetched, each piece of it is an
// event.
type Event struct {
	State    State
	Part     Part // zero: the pull as a whole
	Have     int64
	Endpoint string // where it comes from
	Text     string
	Wait     time.Duration
}

// Part is one blob of the image.
type Part struct {
	Name   string // "config", "layer 2 of 5"
	Digest string
	Size   int64
}
