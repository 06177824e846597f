package containerd

import (
	"slices"

	v1 "github.com/pelletier/go-toml"
	v2 "github.com/pelletier/go-toml/v2"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/tomldoc"
)

// settings are the keys that the root of a file and every host table share.
// Names and types are those of containerd, because its parsers match keys and
// refuse values by them.
type settings struct {
	Capabilities []string       `toml:"capabilities"`
	CA           any            `toml:"ca"`
	Client       any            `toml:"client"`
	SkipVerify   *bool          `toml:"skip_verify"`
	Header       map[string]any `toml:"header"`
	OverridePath bool           `toml:"override_path"`
	DialTimeout  any            `toml:"dial_timeout"` // since 2.0.7 and 2.1.0
	Rewrite      any            `toml:"rewrite"`      // the fork of K3s
}

// content is a hosts.toml, decoded.
type content struct {
	root      settings
	server    string
	serverSet bool // the key is there, be it empty
	hosts     map[string]settings
	order     []string // keys of hosts as they are asked; 2.x may ask one twice
	random    []string // hosts of which containerd 1.x leaves the order to chance
	v1        *v1.Tree // places, where there is no tomldoc.Doc
}

// grammar is the parser that a containerd reads TOML with.
func grammar(t route.Target) tomldoc.Grammar {
	if t.Containerd.Before("2.0.0") {
		return tomldoc.V1
	}
	return tomldoc.V2
}

// decode reads a file as the target's parser would, the order of hosts included.
func decode(t route.Target, file string, data []byte, doc *tomldoc.Doc) (*content, *tomldoc.Problem) {
	if grammar(t) == tomldoc.V1 {
		return decodeV1(t, file, data)
	}
	var into struct {
		settings
		Server *string             `toml:"server"`
		Host   map[string]settings `toml:"host"`
	}
	if bad := tomldoc.Try(tomldoc.V2, file, data, func() error { return v2.Unmarshal(data, &into) }); bad != nil {
		return nil, bad
	}
	c := &content{root: into.settings, hosts: into.Host, order: headers(doc)}
	if into.Server != nil {
		c.server, c.serverSet = *into.Server, true
	}
	return c, nil
}

// headers lists the hosts of containerd 2.x: only real table headers count, and
// one that returns after another is a further host.
func headers(doc *tomldoc.Doc) []string {
	var out []string
	if doc == nil {
		return nil
	}
	last := ""
	for _, e := range doc.Entries {
		if e.Kind == tomldoc.Header && len(e.Path) > 1 && e.Path[0] == "host" && e.Path[1] != last {
			last = e.Path[1]
			out = append(out, last)
		}
	}
	return out
}

func decodeV1(t route.Target, file string, data []byte) (*content, *tomldoc.Problem) {
	c := &content{}
	var into struct {
		Server string              `toml:"server"`
		Host   map[string]settings `toml:"host"`
	}
	var refused *tomldoc.Problem
	bad := tomldoc.Try(tomldoc.V1, file, data, func() (err error) {
		if c.v1, err = v1.LoadBytes(data); err != nil {
			return err
		}
		if refused = c.sort(t, file); refused != nil {
			return nil
		}
		if err = c.v1.Unmarshal(&c.root); err != nil {
			return err
		}
		return c.v1.Unmarshal(&into)
	})
	if bad != nil || refused != nil {
		return nil, cmpProblem(bad, refused)
	}
	c.server, c.hosts, c.serverSet = into.Server, into.Host, c.v1.Has("server")
	return c, nil
}

func cmpProblem(a, b *tomldoc.Problem) *tomldoc.Problem {
	if a != nil {
		return a
	}
	return b
}

// What containerd 1.x itself finds wrong with a document that parses.
const (
	noHostTable  = "invalid `host` tree"
	hostNotTable = "interface conversion: a key under host is not a table"
)

// needsHostTable reports that a file without a table host is refused.
func needsHostTable(t route.Target) bool { return t.Containerd.Before("1.7.32") && !t.Fork }

// sort brings the hosts of containerd 1.x into order: by the line of their
// table, whatever is on one line in any order. Tables written inline have line
// 0 there. A host that is no table crashes the comparison.
func (c *content) sort(t route.Target, file string) *tomldoc.Problem {
	hosts, ok := c.v1.Get("host").(*v1.Tree)
	if !ok {
		if needsHostTable(t) {
			return &tomldoc.Problem{At: source.Pos{File: file}, Text: noHostTable}
		}
		return nil
	}
	c.order = hosts.Keys()
	line := map[string]v1.Position{}
	for _, key := range c.order {
		table, ok := hosts.GetPath([]string{key}).(*v1.Tree)
		if !ok && len(c.order) > 1 {
			p := c.v1.GetPositionPath([]string{"host", key})
			return &tomldoc.Problem{At: source.Pos{File: file, Line: p.Line, Column: p.Col}, Text: hostNotTable, Crash: true}
		}
		if ok {
			line[key] = table.Position()
		}
	}
	slices.SortFunc(c.order, func(a, b string) int {
		if d := line[a].Line - line[b].Line; d != 0 {
			return d
		}
		if d := line[a].Col - line[b].Col; d != 0 {
			return d
		}
		if a < b {
			return -1
		}
		return 1
	})
	for i := 1; i < len(c.order); i++ {
		if line[c.order[i]].Line == line[c.order[i-1]].Line {
			c.random = append(c.random, c.order[i-1], c.order[i])
		}
	}
	c.random = slices.Compact(c.random)
	return nil
}
