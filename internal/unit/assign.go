package unit

import (
	"path"

	"github.com/towpath-dev/towpath/internal/source"
)

// Assign returns the change after which a setting of the [Service] section has a
// value, such as LimitNOFILE: in the administrator's file that sets it now, else
// in a drop-in of the given name. It is empty for a program that no unit runs.
func (s Service) Assign(key, value, dropin string) Change {
	if s.Name == "" {
		return Change{}
	}
	var last *Setting
	for _, f := range s.Parts {
		for _, set := range Parse(f) {
			if set.Section == "Service" && set.Key == key {
				last = &set
			}
		}
	}
	if last != nil && mayEdit(last.At.File) {
		edit := source.Edit{File: last.At.File, Start: last.Span.Start, End: last.Span.End, New: value}
		return Change{Edits: []source.Edit{edit}, Reload: true}
	}
	name := path.Join("/etc/systemd/system", s.Name+".d", dropin)
	return Change{Edits: []source.Edit{s.add(name, key+"="+value+"\n", UnitFile)}, Reload: true}
}
