// Package corpus makes containerd configurations to hold a reader to the real
// parsers with: half written from what the format can say, half of those broken
// as people and tools break them. The same seed gives the same cases. It judges
// nothing.
package corpus

import (
	"math/rand/v2"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/source"
)

// Case is one set of files below one directory.
type Case struct {
	Main  string // the file for -c
	Files []source.File
}

// Cases makes n cases whose files lie in a directory, most of them in versions
// of the format up to highest. Every second one is broken.
func Cases(seed uint64, n int, dir string, highest int) []Case {
	g := &generator{rng: rand.New(rand.NewPCG(seed, seed)), dir: dir, highest: highest}
	out := make([]Case, 0, n)
	for i := range n {
		c := g.files()
		if i%2 == 1 {
			g.breakOne(c.Files)
		}
		out = append(out, c)
	}
	return out
}

type generator struct {
	rng *rand.Rand
	dir string
	era int // configuration version that most of one case is written in; 0: none is given

	highest int
}

// one picks one of several texts.
func (g *generator) one(texts ...string) string { return texts[g.rng.IntN(len(texts))] }

// rarely picks the first text one time in fifteen, else one of the others.
func (g *generator) rarely(bad string, good ...string) string {
	if g.in(15) {
		return bad
	}
	return g.one(good...)
}

// in reports true one time in n.
func (g *generator) in(n int) bool { return g.rng.IntN(n) == 0 }

// some keeps each of the parts one time in n, in any order.
func (g *generator) some(n int, parts ...func() string) string {
	var out []string
	for _, i := range g.rng.Perm(len(parts)) {
		if g.in(n) {
			out = append(out, parts[i]())
		}
	}
	return strings.Join(out, "")
}

func (g *generator) files() Case {
	g.era = min([]int{0, 1, 2, 2, 2, 3, 3, 4}[g.rng.IntN(8)], g.highest)
	main := path.Join(g.dir, "config.toml")
	c := Case{Main: main}
	imports := ""
	if g.in(2) {
		imports = g.imports()
		for _, name := range []string{"conf.d/10-registry.toml", "conf.d/20-more.toml", "extra.toml", "conf.d/notes.txt"} {
			if g.in(2) {
				c.Files = append(c.Files, g.file(path.Join(g.dir, name), ""))
			}
		}
	}
	c.Files = append([]source.File{g.file(main, imports)}, c.Files...)
	return c
}

func (g *generator) imports() string {
	var list []string
	for range 1 + g.rng.IntN(2) {
		list = append(list, `"`+g.rarely(g.one("missing.toml", "extra.toml", "conf.d/[*.toml", "conf.d/*"), path.Join(g.dir, "conf.d/*.toml"), path.Join(g.dir, "extra*.toml"),
			"conf.d/*.toml", "./conf.d/../conf.d/*.toml", "config.toml", "missing/*.toml")+`"`)
	}
	return "imports = [" + strings.Join(list, ", ") + "]\n"
}

func (g *generator) file(name, imports string) source.File {
	era := g.era
	if g.in(6) {
		era = g.rng.IntN(g.highest + 1)
	}
	head := ""
	if era > 0 && !g.in(8) {
		head = "version = " + string(rune('0'+era)) + "\n"
	}
	if g.in(100) {
		head = "version = " + g.one("5", "-1", "\"2\"", "2.0", "0") + "\n"
	}
	text := head + imports + g.some(6, g.root, g.lists, g.lists) + g.some(8, g.grpc, g.timeouts) + g.plugins(era)
	return source.File{Path: name, Data: []byte(text), Mode: 0o644}
}

func (g *generator) root() string {
	return g.rarely("root = \"/x\"\nstate = \"/x\"\n", "root = \"/var/lib/c\"\n", "state = \"/run/c\"\n", "root = \"\"\n", "oom_score = -999\n", "temp = \"/t\"\n")
}

func (g *generator) lists() string {
	cri, aufs, opt := `"io.containerd.grpc.v1.cri"`, `"io.containerd.snapshotter.v1.aufs"`, `"io.containerd.internal.v1.opt"`
	if short := g.era < 2; short != g.in(15) {
		cri, aufs, opt = `"cri"`, `"aufs"`, `"opt"`
	}
	if g.in(3) {
		return "required_plugins = [" + g.one(cri, cri, opt, ``) + "]\n"
	}
	return "disabled_plugins = [" + g.one(cri, cri, `"io.containerd.cri.v1.images"`, aufs, aufs, opt+`, "io.containerd.nri.v1.nri"`, ``) + "]\n"
}

func (g *generator) grpc() string {
	return "[grpc]\naddress = " + g.rarely(`5`, `"/run/c/c.sock"`, `""`) + "\n"
}

func (g *generator) timeouts() string {
	return "[timeouts]\n\"io.containerd.timeout.shim.load\" = " + g.rarely(g.one(`"5"`, `5`), `"5s"`) + "\n"
}

// ids are the plugin tables that belong to a version, as a rule.
func (g *generator) ids(era int) []string {
	own := []string{`io.containerd.grpc.v1.cri`}
	switch era {
	case 0, 1:
		own = []string{"cri"}
	case 3, 4:
		own = []string{"io.containerd.cri.v1.images"}
	}
	if g.in(5) {
		own = []string{g.one("cri", "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images")}
	}
	// With the short and the full id of one plugin in one file containerd 2 takes
	// whichever comes first out of a map.
	if g.in(8) && own[0] != "cri" {
		own = append(own, g.one("io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images"))
	}
	return slices.Compact(own)
}

func (g *generator) plugins(era int) string {
	var out []string
	for _, id := range g.ids(era) {
		quoted := `plugins."` + id + `"`
		if id == "cri" && g.in(2) {
			quoted = "plugins.cri"
		}
		out = append(out, g.cri(quoted, id)+g.registry(quoted+".registry"))
	}
	if g.in(4) {
		out = append(out, g.other())
	}
	return strings.Join(out, "")
}

func (g *generator) other() string {
	return g.one(
		"[plugins.\"io.containerd.gc.v1.scheduler\"]\npause_threshold = "+g.rarely(g.one("\"0.02\"", "1"), "0.02")+"\n",
		"[plugins.\"io.containerd.internal.v1.opt\"]\npath = "+g.rarely("5", "\"/opt\"")+"\n",
		"[plugins.\"io.containerd.transfer.v1.local\"]\nconfig_path = "+g.rarely("[\"/etc\"]", "\"/etc/containerd/certs.d\"")+"\n",
		"[plugins.\"io.containerd.internal.v1.restart\"]\ninterval = "+g.rarely("\"10\"", "\"10s\"")+"\n",
		"[plugins.\"io.containerd.cri.v1.runtime\".containerd]\ndefault_runtime_name = "+g.one("\"runc\"", "\"kata\"")+"\n",
		"[plugins.\"io.containerd.snapshotter.v1.overlayfs\"]\nroot_path = \"/o\"\n",
		"[plugins.\"io.containerd.nri.v1.nri\"]\ndisable = "+g.rarely("\"true\"", "true")+"\n",
		"[proxy_plugins.stargz]\ntype = \"snapshot\"\naddress = \"/run/s.sock\"\n",
	)
}
