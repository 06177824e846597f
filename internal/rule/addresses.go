package rule

import (
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// deadAddress is an address that does not answer, and that the runtime tries
// before the one that does.
type deadAddress struct {
	fault
	addr string
	wait time.Duration // until the runtime gives it up
}

// deadAddresses looks at the hosts that serve the image all the same. The runtime
// shares its 30 seconds out among the addresses of a family. Source: net/dial.go,
// partialDeadline.
func deadAddresses(s *snapshot.Snapshot) []deadAddress {
	var out []deadAddress
	for _, h := range hops(s) {
		for i := range h.Steps {
			a := &h.Steps[i].Attempt
			if h.Failure != nil || a.Reused || a.Proxy != "" || h.Steps[i].Stage == snapshot.Token {
				continue
			}
			used := slices.IndexFunc(a.Dials, func(d snapshot.Dial) bool { return d.Used })
			family := slices.DeleteFunc(slices.Clone(a.Dials), func(d snapshot.Dial) bool { return used < 0 || six(d) != six(a.Dials[used]) })
			dead := slices.IndexFunc(family, func(d snapshot.Dial) bool { return d.Err != nil && d.Err.Cause == snapshot.DialTimeout })
			if dead < 0 || dead > slices.IndexFunc(family, func(d snapshot.Dial) bool { return d.Used }) {
				continue
			}
			x := fault{hop: h, try: a, why: *family[dead].Err, host: h.Host}
			out = append(out, deadAddress{x, family[dead].Addr, max(2*time.Second, 30*time.Second/time.Duration(len(family)))})
			break
		}
	}
	return out
}

func six(d snapshot.Dial) bool { return strings.HasPrefix(d.Addr, "[") }
