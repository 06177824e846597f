package credentialprovider

import (
	"fmt"
	"path"

	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

// programs looks whether what is to be run is there and may be run. The kubelet
// looks when it starts.
func (c *Config) programs() {
	if c.opts.Bin == "" || c.opts.Programs == nil {
		return
	}
	dir := source.Find(c.opts.Programs, c.opts.Bin)
	for _, p := range c.Providers {
		if c.Refused {
			return
		}
		args := finding.Args{"name": evidence.OneLine(p.Name), "dir": c.opts.Bin}
		if dir == nil || dir.Kind == source.Dangling || dir.Problem != "" {
			c.book.Say(noProgram, "dir", p.From, args)
			return
		}
		f := source.Find(c.opts.Programs, path.Join(c.opts.Bin, p.Name))
		switch {
		case p.Name == "" || f == nil || f.Kind == source.Dangling:
			c.book.Say(noProgram, "", p.From, args)
		case f.Kind != source.Regular:
			c.book.Say(noProgram, "directory", p.From, args)
		case f.Mode.Perm()&0o111 == 0:
			args["mode"] = fmt.Sprintf("%04o", f.Mode.Perm())
			x := c.book.Say(noProgram, "mode", p.From, args)
			*x = x.Saw(fmt.Sprintf("mode %04o", f.Mode.Perm()), f.Path, "ls -l "+evidence.Quote(f.Path))
			x.Fix.Run = []string{"chmod 755 " + evidence.Quote(f.Path)}
		}
	}
}
