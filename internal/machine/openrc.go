package machine

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/unit"
)

// exported is the word that begins a line of a shell's environment.
var exported = regexp.MustCompile(`(?m)^[ \t]*export[ \t]`)

// openRC judges the proxy variables of /etc/conf.d/NAME, which a shell reads
// before it starts the service.
func (l *lint) openRC() {
	if l.systemd() {
		return // conf.d means something else there
	}
	for _, f := range l.Machine.Files {
		name := path.Base(f.Path)
		if path.Dir(f.Path) != "/etc/conf.d" || f.Kind != source.Regular || !slices.Contains(Units, name+".service") {
			continue
		}
		s := unit.Service{Name: name}
		// Blanks in place of the word leave every place where it is.
		plain := source.File{Path: f.Path, Mode: f.Mode, Data: exported.ReplaceAllFunc(f.Data, func(b []byte) []byte {
			return []byte(strings.Repeat(" ", len(b)))
		})}
		var vars []unit.Variable
		for _, v := range unit.ParseEnv(plain) {
			if unit.IsProxy(v.Key) && !strings.ContainsAny(v.Value, "$`") { // what a shell puts there nobody knows
				vars = append(vars, v)
			}
		}
		s.Env = []source.File{f}
		l.variables(s, vars)
	}
}
