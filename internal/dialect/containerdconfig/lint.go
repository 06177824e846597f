package containerdconfig

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Dialect is config.toml with all that it imports.
var Dialect = dialect.Dialect{
	Name:   "containerd-config",
	Title:  "containerd config.toml",
	Docs:   "https://github.com/containerd/containerd/blob/main/docs/cri/config.md",
	Proof:  "the configuration code of containerd 1.6.20, 1.7.35 and 2.4.2, on generated and on mutated files; the three of them pull by these files in the lab",
	Paths:  paths,
	Reload: reload,
	Parse:  Parse,
	Kinds:  kinds,
}

// paths is where nodes keep these files. What a main file imports besides is
// found by Collect.
var paths = []string{
	DefaultPath,
	"/etc/containerd/conf.d/*.toml",
	k0sMain,
	k0sDropIns + "/*.toml",
	"/run/k0s/containerd-cri.toml",
	"/var/lib/rancher/k3s/agent/etc/containerd/config.toml",
	"/var/lib/rancher/rke2/agent/etc/containerd/config.toml",
}

// reload: containerd reads its configuration when it starts. k0s restarts its
// own whenever a drop-in changes.
func reload(t route.Target) string {
	switch t.Runtime {
	case "k3s":
		return "k3s"
	case "rke2":
		return "rke2-server"
	case "k0s":
		return "k0sworker"
	}
	return "containerd"
}

// Parse reads the main file that the target would read, or the only candidate,
// and what it imports. The table is that of Config.Table.
func Parse(files []source.File, t route.Target) dialect.Reading {
	c := Read(files, MainFile(files, t), t)
	return dialect.Reading{Table: c.Table(), Findings: Lint(c)}
}

// MainFile is the file among those given that the target starts with: the one
// of its distribution, containerd's default, or else the first TOML file.
func MainFile(files []source.File, t route.Target) string {
	own := []string{DefaultPath}
	switch t.Runtime {
	case "k3s", "rke2":
		own = []string{"/var/lib/rancher/" + t.Runtime + "/agent/etc/containerd/config.toml"}
	case "k0s":
		own = []string{k0sMain}
	}
	for _, p := range own {
		if source.Find(files, p) != nil {
			return p
		}
	}
	for _, f := range files {
		if f.Kind == source.Regular && strings.HasSuffix(f.Path, ".toml") && !slices.Contains(paths, f.Path) &&
			!strings.HasSuffix(path.Dir(f.Path), ".d") && path.Base(f.Path) != "hosts.toml" {
			return f.Path
		}
	}
	return own[0]
}

// Lint says what is wrong with a configuration, or not what it looks like. A
// directory among the files stands for all that it holds: what is not among
// them then is not there.
func Lint(c Config) []finding.Finding {
	l := &lint{Config: c}
	l.start()
	l.tables()
	if len(c.Fatal) == 0 {
		l.registry()
	}
	l.directories()
	l.k0s()
	l.spegel()
	return l.found
}

type lint struct {
	Config
	found []finding.Finding
	tried int // bytes that were read once more to prove edits
}

// try proves edits, which reads everything again. After some tries there are
// only texts: a file with thousands of mistakes is not worth minutes.
func (l *lint) try(edits []source.Edit, done func(Config) bool) []source.Edit {
	const enough = 2 << 20
	if l.tried > enough || len(edits) == 0 {
		return nil
	}
	for _, ly := range l.layers {
		l.tried += 1<<10 + len(ly.file.Data)
	}
	return l.proven(edits, done)
}

// say adds a finding about a place, with the line that stands there as evidence.
func (l *lint) say(k finding.Kind, variant string, at source.Pos, args finding.Args) {
	all := finding.Args{"file": at.File, "containerd": l.spoken(), "dir": l.newDir()}
	for name, v := range args {
		all[name] = v
	}
	for name, v := range all {
		if text, ok := v.(string); ok {
			all[name] = oneLine(text)
		}
	}
	f := k.Vary(variant, at.File, all).In(at)
	f.Stage = "config"
	saw, command := l.evidence(at)
	l.found = append(l.found, f.Saw(saw, at.String(), command))
}

// oneLine keeps what a file says from breaking the line that quotes it.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// cure adds the edits that cure what was said last. Without edits only the
// text of the fix remains.
func (l *lint) cure(edits []source.Edit, run ...string) {
	if f := l.found[len(l.found)-1].Fix; f != nil {
		f.Edits, f.Run = edits, run
	}
}

// newDir is where mirrors would be moved to.
func (l *lint) newDir() string {
	if l.ConfigPath.Value != "" && !l.ConfigPath.At.IsZero() {
		return l.List()[0]
	}
	if l.Target.Runtime == "k0s" {
		return k0sCerts
	}
	return StandardDir
}

// spoken is the version of containerd as texts name it.
func (l *lint) spoken() string {
	if l.Target.Containerd.Known() {
		return l.Target.Containerd.String()
	}
	return "2.4"
}

// evidence is the line at a place and a command that shows it.
func (l *lint) evidence(at source.Pos) (saw, command string) {
	f := source.Find(l.files, at.File)
	inside := l.under(at.File)
	switch {
	case f == nil && len(inside) > 0:
		return inside[0].Path, "find " + quote(at.File) + " -type f"
	case f == nil:
		return at.File + ": no such file or directory", "ls -l " + quote(at.File)
	case at.Line == 0:
		return at.File, "ls -l " + quote(at.File)
	}
	return shown(f.Data, at.Line), fmt.Sprintf("sed -n %dp %s", at.Line, quote(at.File))
}

var (
	secretKey = regexp.MustCompile(`(?i)((?:passw[a-z]*|\bauth|[a-z-]*token|authorization|secret|cookie|api-?key)["']?\s*[=:\s]\s*)[^\s\]].*`)
	userinfo  = regexp.MustCompile(`//[^/\s"'@]*@`)
	private   = regexp.MustCompile(`(?i)^\s*\[.*\b(headers|auth["']?|auths["']?\s*\..*)\s*\]`)
	userKey   = regexp.MustCompile(`^\s*["']?user(name)?\b`)
	anyKey    = regexp.MustCompile(`^(\s*(?:"[^"]*"|'[^']*'|[\w-]+)\s*=\s*).*`)
)

// shown is a line as it may be shown: what is or may be a secret is masked.
func shown(data []byte, n int) string {
	line := source.Line(data, n)
	masked := userinfo.ReplaceAllString(secretKey.ReplaceAllString(line, "${1}***"), "//***@")
	switch inHeader, inText := around(data, n); {
	case inText:
		return "***"
	case inHeader && userKey.MatchString(line):
	case inHeader && anyKey.MatchString(masked):
		masked = anyKey.ReplaceAllString(masked, "${1}***")
	case inHeader && !strings.HasPrefix(strings.TrimSpace(line), "["):
		return "***"
	}
	const long = 300
	if len(masked) > long {
		masked = strings.ToValidUTF8(masked[:long], "") + "…"
	}
	return masked
}

// around reports whether a line belongs to a table of headers or a login, and whether it
// continues a text of several lines.
func around(data []byte, n int) (inHeader, inText bool) {
	var header []byte // the last one above
	for range n - 1 {
		raw, rest, more := bytes.Cut(data, []byte("\n"))
		if !more {
			break
		}
		if !inText && bytes.HasPrefix(bytes.TrimLeft(raw, " \t"), []byte("[")) {
			header = raw
		}
		if odd(raw, `"""`) || odd(raw, "'''") {
			inText = !inText
		}
		data = rest
	}
	return header != nil && private.Match(header), inText
}

// odd reports whether a mark stands an odd number of times in a line.
func odd(line []byte, mark string) bool {
	return bytes.IndexByte(line, mark[0]) >= 0 && bytes.Count(line, []byte(mark))%2 == 1
}

// quote makes a path safe to paste into a shell.
func quote(p string) string {
	if strings.Trim(p, bareKey+"./:@%+,=") == "" {
		return p
	}
	return "'" + strings.ReplaceAll(p, "'", `'\''`) + "'"
}

// under lists the files below a directory.
func (l *lint) under(dir string) []source.File {
	var out []source.File
	for _, f := range l.files {
		if strings.HasPrefix(f.Path, strings.TrimSuffix(dir, "/")+"/") {
			out = append(out, f)
		}
	}
	return out
}

// unread shows the hosts.toml files below directories that nobody reads.
func (l *lint) unread(dirs ...string) {
	f := &l.found[len(l.found)-1]
	for _, dir := range dirs {
		for _, file := range l.under(dir) {
			if path.Base(file.Path) == "hosts.toml" {
				*f = f.Saw(file.Path, file.Path, "find "+quote(dir)+" -name hosts.toml")
				break
			}
		}
	}
}

// holdsHosts reports whether hosts.toml files lie below a directory.
func (l *lint) holdsHosts(dir string) bool {
	return slices.ContainsFunc(l.under(dir), func(f source.File) bool {
		return path.Base(f.Path) == "hosts.toml" && f.Kind == source.Regular
	})
}

// absent reports that a path is certainly not there: its directory was listed.
func (l *lint) absent(p string) bool {
	if source.Find(l.files, p) != nil || len(l.under(p)) > 0 {
		return false
	}
	parent := source.Find(l.files, path.Dir(p))
	return parent != nil && parent.Kind == source.Directory && !parent.Unread && parent.Problem == ""
}
