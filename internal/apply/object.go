package apply

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"time"
)

// shape is what stands at a path.
type shape string

const (
	file      shape = "file"
	directory shape = "directory"
	link      shape = "symbolic link"
	other     shape = "special file"
)

// object is one path as it is on disk, complete enough to make it again. A nil
// object is a path where nothing is.
type object struct {
	Shape  shape             `json:"shape"`
	Data   []byte            `json:"data,omitempty"`   // of a file
	Target string            `json:"target,omitempty"` // of a link
	Mode   uint32            `json:"mode"`             // permission bits, setuid, setgid, sticky
	UID    int               `json:"uid"`
	GID    int               `json:"gid"`
	Time   time.Time         `json:"time,omitzero"`  // of its last modification; zero: whenever it is made
	Xattrs map[string][]byte `json:"xattrs"`         // nil: whatever they are
	Twin   string            `json:"twin,omitempty"` // another name of the same file

	inode identity // as it was found
	links uint64   // how many names it had
}

// differs tells in what the object found is not the one wanted; empty when it
// is. The time does not count: touching a file changes nothing that matters.
func differs(want, got *object) string {
	switch {
	case want == nil && got == nil:
		return ""
	case want == nil:
		return "it exists"
	case got == nil:
		return "it is gone"
	case want.Shape != got.Shape:
		return fmt.Sprintf("it is a %s and not a %s", got.Shape, want.Shape)
	}
	var what []string
	if !bytes.Equal(want.Data, got.Data) {
		what = append(what, "content")
	}
	if want.Target != got.Target {
		what = append(what, fmt.Sprintf("target %q instead of %q", got.Target, want.Target))
	}
	if want.Mode != got.Mode && want.Shape != link {
		what = append(what, fmt.Sprintf("mode %04o instead of %04o", got.Mode, want.Mode))
	}
	if want.UID != got.UID || want.GID != got.GID {
		what = append(what, fmt.Sprintf("owner %d:%d instead of %d:%d", got.UID, got.GID, want.UID, want.GID))
	}
	if want.Xattrs != nil && !maps.EqualFunc(want.Xattrs, got.Xattrs, bytes.Equal) {
		what = append(what, "extended attributes")
	}
	return strings.Join(what, ", ")
}
