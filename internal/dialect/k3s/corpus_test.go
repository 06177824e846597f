package k3s

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// A story is one txtar file below testdata: files of a node, and what is made
// of them. Its comment holds settings, one a line: target, args, started,
// changed (when registries.yaml was), mode, whole. UPDATE=1 rewrites what is
// expected.
type story struct {
	name    string
	archive *txtar.Archive
	files   []source.File
	target  route.Target
	opts    Options
}

func stories(t *testing.T, dir string) []story {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", dir, "*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no stories in %s: %v", dir, err)
	}
	var out []story
	for _, name := range names {
		out = append(out, tell(t, name))
	}
	return out
}

func tell(t *testing.T, name string) story {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	s := story{name: name, archive: archive, target: route.Target{Runtime: nameK3s}}
	mode, changed := fs.FileMode(0o600), time.Time{}
	for line := range strings.Lines(string(archive.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "target":
			runtime, version, _ := strings.Cut(value, "@")
			s.target.Runtime = runtime
			if version != "" {
				s.target.Version = route.MustVersion(version)
			}
		case "args":
			s.opts.Args = strings.Fields(value)
		case "whole":
			s.opts.Whole = true
		case "started":
			s.opts.Started = instant(t, value)
		case "changed":
			changed = instant(t, value)
		case "mode":
			n, err := strconv.ParseUint(value, 8, 32)
			if err != nil {
				t.Fatal(err)
			}
			mode = fs.FileMode(n)
		}
	}
	for _, f := range archive.Files {
		path := f.Name
		if path == "registries.yaml" {
			path = "/etc/rancher/" + s.target.Runtime + "/registries.yaml"
		}
		if !strings.HasPrefix(path, "/") {
			continue
		}
		file := source.File{Path: path, Data: unescape(f.Data), Mode: mode, ModTime: changed}
		if strings.Contains(path, "certs.d") && !s.opts.Started.IsZero() {
			file.ModTime = s.opts.Started.Add(time.Hour)
		}
		s.files = append(s.files, file)
	}
	return s
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// unescape lets stories hold what editors do not show: \t, \r and \xNN.
func unescape(data []byte) []byte {
	text := string(data)
	for _, pair := range [][2]string{{`<TAB>`, "\t"}, {`<CR>`, "\r"}, {`<BOM>`, "\ufeff"}, {`<E9>`, "\xe9"}, {`<C1>`, "\u0093"}} {
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	return []byte(text)
}

func escape(data []byte) []byte {
	text := string(data)
	for _, pair := range [][2]string{{`<TAB>`, "\t"}, {`<CR>`, "\r"}, {`<BOM>`, "\ufeff"}, {`<E9>`, "\xe9"}, {`<C1>`, "\u0093"}} {
		if utf8.ValidString(pair[1]) || !utf8.ValidString(text) {
			text = strings.ReplaceAll(text, pair[1], pair[0])
		}
	}
	return []byte(text)
}

// section returns or, with UPDATE=1, sets a section of the story.
func (s story) check(t *testing.T, section, got string) {
	t.Helper()
	got = string(escape([]byte(got)))
	i := slices.IndexFunc(s.archive.Files, func(f txtar.File) bool { return f.Name == section })
	if os.Getenv("UPDATE") != "" {
		switch {
		case got == "" && i < 0:
		case got == "":
			s.archive.Files = slices.Delete(s.archive.Files, i, i+1)
		case i < 0:
			s.archive.Files = append(s.archive.Files, txtar.File{Name: section, Data: []byte(got)})
		default:
			s.archive.Files[i].Data = []byte(got)
		}
		if err := os.WriteFile(s.name, txtar.Format(s.archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := ""
	if i >= 0 {
		want = string(s.archive.Files[i].Data)
	}
	if got != want {
		t.Errorf("%s:\n%s\nwant:\n%s", section, got, want)
	}
}

func report(findings []finding.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		ignores := ""
		if f.Ignores {
			ignores = " ignored"
		}
		fmt.Fprintf(&b, "%s %s %s %s%s\n  %s\n", f.Severity, f.ID, f.Code, f.At, ignores, f.Text)
		for _, e := range f.Evidence {
			fmt.Fprintf(&b, "  | %s\n", e.Saw)
		}
		if f.Fix != nil {
			fmt.Fprintf(&b, "  > %s%s\n", f.Fix.Text, map[bool]string{true: " [edits]"}[len(f.Fix.Edits) > 0])
		}
	}
	return b.String()
}

func (s story) read(files []source.File) []finding.Finding {
	return Read(files, s.target, s.opts).Findings
}

// repaired applies the edits of one finding after the other until none is left.
func (s story) repaired(t *testing.T) []source.File {
	t.Helper()
	files := slices.Clone(s.files)
	for range 30 {
		i := -1
		found := s.read(files)
		i = slices.IndexFunc(found, func(f finding.Finding) bool { return f.Fix != nil && len(f.Fix.Edits) > 0 })
		if i < 0 {
			return files
		}
		files = apply(t, files, found[i].Fix.Edits)
		after := s.read(files)
		for _, f := range after {
			if f.ID == found[i].ID && f.Text == found[i].Text && f.Fix != nil && len(f.Fix.Edits) > 0 {
				t.Errorf("%s is still there after its fix: %s", f.ID, f.Text)
				return files
			}
		}
	}
	t.Error("fixes do not come to an end")
	return files
}

func apply(t *testing.T, files []source.File, edits []source.Edit) []source.File {
	t.Helper()
	out := slices.Clone(files)
	byFile := map[string][]source.Edit{}
	for _, e := range edits {
		if e.Op == source.Rename {
			i := slices.IndexFunc(out, func(f source.File) bool { return f.Path == e.File })
			out[i].Path = e.To
			continue
		}
		byFile[e.File] = append(byFile[e.File], e)
	}
	for path, list := range byFile {
		i := slices.IndexFunc(out, func(f source.File) bool { return f.Path == path })
		data, err := source.Apply(out[i].Data, list)
		if err != nil {
			t.Fatal(err)
		}
		out[i].Data = data
	}
	return out
}

func TestFindings(t *testing.T) {
	for _, s := range stories(t, "lint") {
		t.Run(filepath.Base(s.name), func(t *testing.T) {
			s.check(t, "findings", report(s.read(s.files)))
			fixed := ""
			for i, f := range s.repaired(t) {
				if f.Path != s.files[i].Path || string(f.Data) != string(s.files[i].Data) {
					fixed += "# " + f.Path + "\n" + string(f.Data)
				}
			}
			s.check(t, "fixed", fixed)
		})
	}
}

// Every kind and every variant has a story in which it is found, and its
// templates get all their arguments.
func TestEveryKindIsFound(t *testing.T) {
	texts := map[string]bool{}
	for _, s := range stories(t, "lint") {
		for _, f := range s.read(s.files) {
			texts[f.Text] = true
			said := f.Text
			if f.Fix != nil {
				said += f.Fix.Text
			}
			if names := finding.Names(said); len(names) > 0 {
				t.Errorf("%s: no value for %v in %q", s.name, names, said)
			}
			if len(f.Evidence) == 0 {
				t.Errorf("%s: %s has no evidence", s.name, f.ID)
			}
		}
	}
	huge := source.File{Path: "/etc/rancher/k3s/registries.yaml", Data: make([]byte, yamldoc.MaxSize+1)}
	wide := source.File{Path: huge.Path, Data: []byte("\xff\xfea\x00:\x00 \x001\x00")}
	shut := source.File{Path: huge.Path, Problem: "permission denied", Unread: true}
	for _, f := range []source.File{huge, wide, shut} {
		for _, found := range Read([]source.File{f}, route.Target{}, Options{}).Findings {
			texts[found.Text] = true
		}
	}
	for _, k := range Kinds() {
		variants := map[string]string{"": k.Text}
		for name, v := range k.Variants {
			variants[name] = v.Text
		}
		for name, template := range variants {
			if !slices.ContainsFunc(keys(texts), func(text string) bool { return fits(template, text) }) {
				t.Errorf("no story finds %s %s %q: %s", k.ID, k.Code, name, template)
			}
		}
	}
}

func keys(m map[string]bool) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	return out
}

// fits reports whether a text can come from a template.
func fits(template, text string) bool {
	rest := text
	for i, piece := range pieces(template) {
		at := strings.Index(rest, piece)
		if at < 0 || i == 0 && at > 0 {
			return false
		}
		rest = rest[at+len(piece):]
	}
	return true
}

func pieces(template string) []string {
	args := finding.Args{}
	for _, name := range finding.Names(template) {
		args[name] = "\x00"
	}
	return strings.Split(finding.Say(template, args), "\x00")
}

func TestSecretsStayHidden(t *testing.T) {
	const secret = "s3cr3t"
	seen := 0
	for _, s := range stories(t, "lint") {
		for _, f := range s.files {
			seen += strings.Count(string(f.Data), secret)
		}
		reading := Read(s.files, s.target, s.opts)
		all := fmt.Sprintf("%+v %#v", reading.Table, reading.Table)
		for _, f := range reading.Findings {
			all += f.Text + fmt.Sprint(f.Evidence)
			if f.Fix != nil {
				all += f.Fix.Text
			}
		}
		if i := strings.Index(all, secret); i >= 0 {
			t.Errorf("%s tells a secret: %s", s.name, all[max(0, i-80):i+20])
		}
	}
	if seen < 20 {
		t.Errorf("only %d secrets in the stories", seen)
	}
}

func TestRendering(t *testing.T) {
	for _, s := range stories(t, "rendered") {
		t.Run(filepath.Base(s.name), func(t *testing.T) {
			var b strings.Builder
			for _, f := range Rendered(s.files, s.target, s.opts) {
				fmt.Fprintf(&b, "# file %s\n%s", f.Path, f.Data)
			}
			s.check(t, "rendered", b.String())
			s.check(t, "routes", routesOf(Read(s.files, s.target, s.opts).Table))
		})
	}
}

// routesOf prints the endpoints of each route as containerd would ask them.
func routesOf(t route.Table) string {
	var b strings.Builder
	for _, r := range t.Routes {
		fmt.Fprintf(&b, "%s", r.Match)
		if r.Fails != "" {
			fmt.Fprintf(&b, " FAILS %s", r.Fails)
		}
		b.WriteByte('\n')
		name := r.Match
		if name == route.Any {
			name = "any.example"
		}
		for _, e := range t.Endpoints(name) {
			fmt.Fprintf(&b, "  %s %s", map[route.Role]string{route.Mirror: "mirror", route.Upstream: "upstream"}[e.Role], e)
			if e.PlainFallback {
				b.WriteString(" or-http")
			}
			if e.TLS.Set {
				fmt.Fprintf(&b, " tls=%v%v skip=%v", e.TLS.CA, e.TLS.Client, e.TLS.SkipVerify)
			}
			if !e.Auth.IsZero() {
				fmt.Fprintf(&b, " login=%q", e.Auth.User)
			}
			for _, rw := range e.Rewrites {
				fmt.Fprintf(&b, " rewrite=%s=>%s", rw.Pattern, rw.Replacement)
			}
			if e.Broken != "" {
				fmt.Fprintf(&b, " BROKEN %s", e.Broken)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}
