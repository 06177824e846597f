package hostscheck

import (
	"strings"

	"github.com/towpath-dev/towpath/internal/route"
)

// difference is where Towpath's reading differs from containerd's on purpose.
type difference struct {
	why  string
	hits func(route.Endpoint) bool
}

// known lists all of them.
var known = []difference{
	{
		why: "A path with an encoded ? or # is no path of a registry: behind it the name of the image is lost. " +
			"containerd 1 drops the rest, 2 turns it into a query; Towpath calls the endpoint broken.",
		hits: func(e route.Endpoint) bool { return strings.ContainsAny(e.Path, "?#") },
	},
}
