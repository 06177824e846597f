// Package desired is what somebody wishes of a node besides its routes: whom it
// trusts, through which proxy it pulls, that its clock is right. It holds values
// only; how a wish is fulfilled on a node is the work of package fulfil.
package desired

import (
	"cmp"
	"slices"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Wishes are what a node should be like. What is left out stays as it is.
type Wishes struct {
	Trust        []CA
	Proxy        *Proxy // nil: as it is
	SyncTime     bool   // the node keeps its clock by the network
	SandboxImage string // reference of the image of the pods' own containers
}

// CA are certificates that the whole node is to trust, beyond any one registry.
type CA struct {
	Name string     // letters, digits, "-", "_" and "."; names its file in the trust store
	PEM  []byte     // one or more certificates
	From source.Pos // where it was wished
}

// Proxy is what the process that pulls images is to be told. URLs may hold a
// password; an empty one is not set.
type Proxy struct {
	HTTP, HTTPS route.Secret
	NoProxy     []string   // as in NO_PROXY, one item each
	From        source.Pos // where it was wished
}

// With is what both wish. Of what there is only one, that of more counts.
func (w Wishes) With(more Wishes) Wishes {
	w.Trust = slices.Concat(w.Trust, more.Trust)
	if more.Proxy != nil {
		w.Proxy = more.Proxy
	}
	w.SyncTime = w.SyncTime || more.SyncTime
	w.SandboxImage = cmp.Or(more.SandboxImage, w.SandboxImage)
	return w
}

// IsZero reports whether nothing is wished.
func (w Wishes) IsZero() bool {
	return len(w.Trust) == 0 && w.Proxy == nil && !w.SyncTime && w.SandboxImage == ""
}
