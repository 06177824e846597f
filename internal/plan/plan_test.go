package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/source"
)

func file(path, data string) source.File {
	return source.File{Path: path, Data: []byte(data), Mode: 0o644}
}

func TestDiffListsWhatDiffers(t *testing.T) {
	have := []source.File{
		{Path: "/c/old", Kind: source.Directory, Mode: 0o755}, file("/c/old/hosts.toml", "x"),
		{Path: "/c", Kind: source.Directory, Mode: 0o755}, file("/c/same", "s"), {Path: "/c/mode", Data: []byte("m"), Mode: 0o600, UID: 7, Xattrs: map[string][]byte{"user.a": []byte("1")}},
	}
	want := []source.File{file("/c/same", "s"), {Path: "/c/mode", Data: []byte("n")}, file("/c/new", "n")}
	var got []string
	for _, c := range Diff(have, want).Changes {
		switch {
		case c.Before == nil:
			got = append(got, "+"+c.Path())
		case c.After == nil:
			got = append(got, "-"+c.Path())
		default:
			got = append(got, fmt.Sprintf("%s %v %d %d", c.Path(), c.After.Mode, c.After.UID, len(c.After.Xattrs)))
		}
	}
	if g, w := strings.Join(got, ", "), "-/c/old/hosts.toml, -/c/old, /c/mode -rw------- 7 1, +/c/new"; g != w {
		t.Errorf("got %s, want %s", g, w)
	}
}

func TestEditsNameFilesAsTheyAreNow(t *testing.T) {
	have := []source.File{
		{Path: "/c/docker", Kind: source.Directory, Mode: 0o755},
		file("/c/docker/hosts.toml", "a = 1\n"), file("/c/dead", "x"), file("/c/dock", "y"),
	}
	p, err := FromEdits(have, []source.Edit{
		{Op: source.Rename, File: "/c/docker", To: "/c/docker.io"},
		{File: "/c/docker/hosts.toml", Start: 4, End: 5, New: "2"},
		{Op: source.Remove, File: "/c/dead"},
		{Op: source.Create, File: "/c/dead", New: "again"},
		{Op: source.Create, File: "/c/docker.io/more", New: "m", Mode: 0o600},
	})
	if err != nil {
		t.Fatal(err)
	}
	files := play(t, have, p)
	want := map[string]string{
		"/c/docker.io": "", "/c/docker.io/hosts.toml": "a = 2\n", "/c/dead": "again", "/c/docker.io/more": "m", "/c/dock": "y",
	}
	if got := contents(files); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := contents(play(t, files, p.Reverse())); !reflect.DeepEqual(got, contents(have)) {
		t.Errorf("back: got %v, want %v", got, contents(have))
	}
}

func TestImpossibleEditsAreRefused(t *testing.T) {
	have := []source.File{file("/a", "x"), file("/b", "y"), {Path: "/big", Unread: true}, {Path: "/d", Kind: source.Directory}}
	for name, edits := range map[string][]source.Edit{
		"edit of nothing":    {{File: "/none"}},
		"edit of a unread":   {{File: "/big"}},
		"edit of a folder":   {{File: "/d"}},
		"edit out of bounds": {{File: "/a", Start: 0, End: 9}},
		"create over a file": {{Op: source.Create, File: "/a"}},
		"create twice":       {{Op: source.Create, File: "/c"}, {Op: source.Create, File: "/c"}},
		"remove twice":       {{Op: source.Remove, File: "/a"}, {Op: source.Remove, File: "/a"}},
		"rename over a file": {{Op: source.Rename, File: "/a", To: "/b"}},
		"rename of nothing":  {{Op: source.Rename, File: "/none", To: "/c"}},
		"unknown":            {{Op: "chmod", File: "/a"}},
	} {
		if _, err := FromEdits(have, edits); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if string(have[0].Data) != "x" || have[0].Path != "/a" {
		t.Errorf("the files given changed: %v", have[0])
	}
}

func TestImpossiblePlansAreRefused(t *testing.T) {
	a, dir := file("/a", "x"), source.File{Path: "/d", Kind: source.Directory}
	moved := file("/b", "other")
	in := source.File{Path: "/d/e", Kind: source.Directory}
	for name, c := range map[string]Change{
		"nothing":            {},
		"relative":           {After: &source.File{Path: "etc/x"}},
		"not clean":          {After: &source.File{Path: "/etc/../x"}},
		"root":               {Before: &source.File{Path: "/", Kind: source.Directory}},
		"NUL":                {After: &source.File{Path: "/a\x00b"}},
		"not UTF-8":          {After: &source.File{Path: "/a\xff"}},
		"link not UTF-8":     {After: &source.File{Path: "/a", Link: "\xff"}},
		"special":            {Before: &source.File{Path: "/dev/null", Kind: source.Special}},
		"unread":             {Before: &source.File{Path: "/a", Unread: true}, After: &a},
		"broken":             {Before: &source.File{Path: "/a", Problem: "permission denied"}},
		"dangling, no link":  {Before: &source.File{Path: "/a", Kind: source.Dangling}},
		"file for directory": {Before: &dir, After: &source.File{Path: "/d"}},
		"target of a link":   {Before: &source.File{Path: "/l", Link: "x", Data: []byte("x")}, After: &source.File{Path: "/l", Link: "x", Kind: source.Dangling}},
		"unread target":      {Before: &source.File{Path: "/l", Link: "x", Unread: true}, After: &source.File{Path: "/l", Link: "x", Data: []byte("x")}},
		"half a move":        {Before: &a, Moved: true},
		"move with a change": {Before: &a, After: &moved, Moved: true},
		"move to itself":     {Before: &a, After: &a, Moved: true},
		"move into itself":   {Before: &dir, After: &in, Moved: true},
	} {
		if err := (Plan{Changes: []Change{c}}).Validate(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestLinksMayLeadAnywhere(t *testing.T) {
	masked := source.File{Path: "/etc/x.service", Kind: source.Special, Link: "/dev/null"}
	unread := source.File{Path: "/etc/l", Link: "secret", Unread: true, Problem: "permission denied"}
	dir := source.File{Path: "/etc/d", Kind: source.Directory, Link: "elsewhere"}
	other := source.File{Path: "/etc/d", Kind: source.Dangling, Link: "nowhere"}
	p := Plan{Changes: []Change{{Before: &masked}, {Before: &unread}, {Before: &dir, After: &other}}}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	if got := p.Unified(); !strings.Contains(got, "-elsewhere") || !strings.Contains(got, "+nowhere") {
		t.Error(got)
	}
}

func TestReverseOfReverseIsThePlan(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		have, p := randomPlan(rng)
		after := play(t, have, p)
		if got := play(t, after, p.Reverse()); !reflect.DeepEqual(sorted(got), sorted(have)) {
			t.Fatalf("plan %+v\ngot  %v\nwant %v", p, got, have)
		}
		if back := p.Reverse().Reverse(); !reflect.DeepEqual(back.Changes, p.Changes) {
			t.Fatalf("got %v, want %v", back.Changes, p.Changes)
		}
	}
}

func TestPlansSurviveJSON(t *testing.T) {
	before := source.File{
		Path: "/etc/ca.der", Data: []byte{0, 0xff, 0xfe, '\n', 0x80}, Mode: 0o640, UID: 3, GID: 4,
		ModTime: time.Date(2026, 11, 20, 1, 2, 3, 456789, time.UTC), Xattrs: map[string][]byte{"user.x": {0xff, 0}},
	}
	after := before
	after.Data = bytes.Repeat([]byte{0xc3, 0x28}, 1000)
	link := source.File{Path: "/etc/l", Kind: source.Dangling, Link: "../run/x"}
	p := Plan{
		Reason: "doctor --fix x", Run: []string{"systemctl daemon-reload"}, Restart: []Restart{{Unit: "containerd.service", Why: "w"}},
		Changes: []Change{{Before: &before, After: &after}, {After: &link}, {Before: &link}},
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var got Plan
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, p) {
		t.Errorf("got %+v, want %+v", got, p)
	}
}

// play carries out a plan on files in memory.
func play(t *testing.T, files []source.File, p Plan) []source.File {
	t.Helper()
	out := map[string]source.File{}
	for _, f := range files {
		out[f.Path] = f
	}
	for _, c := range p.Changes {
		if c.Before != nil {
			if got, ok := out[c.Before.Path]; !ok || got.Kind != c.Before.Kind || !bytes.Equal(got.Data, c.Before.Data) {
				t.Fatalf("%s: before is %v, on disk is %v", c.Before.Path, c.Before, got)
			}
		}
		switch {
		case c.Moved:
			for p, f := range out {
				if rest, under := strings.CutPrefix(p, c.Before.Path); under && (rest == "" || rest[0] == '/') {
					delete(out, p)
					f.Path = c.After.Path + rest
					out[f.Path] = f
				}
			}
		case c.After == nil:
			delete(out, c.Before.Path)
		default:
			out[c.After.Path] = *c.After
		}
	}
	var list []source.File
	for _, f := range out {
		list = append(list, f)
	}
	return list
}

func contents(files []source.File) map[string]string {
	out := map[string]string{}
	for _, f := range files {
		out[f.Path] = string(f.Data)
	}
	return out
}

func sorted(files []source.File) map[string]source.File {
	out := map[string]source.File{}
	for _, f := range files {
		out[f.Path] = f
	}
	return out
}

// randomPlan makes some files and edits of all kinds that fit them.
func randomPlan(rng *rand.Rand) ([]source.File, Plan) {
	var have []source.File
	for d := range 1 + rng.IntN(4) {
		dir := fmt.Sprintf("/c/d%d", d)
		have = append(have, source.File{Path: dir, Kind: source.Directory, Mode: 0o755})
		for i := range rng.IntN(4) {
			have = append(have, file(fmt.Sprintf("%s/f%d", dir, i), strings.Repeat("line\n", rng.IntN(5))))
		}
	}
	var edits []source.Edit
	for i, f := range have {
		to := path.Dir(f.Path) + fmt.Sprintf("/renamed%d", i)
		switch rng.IntN(6) {
		case 0:
			if f.Kind == source.Regular {
				edits = append(edits, source.Edit{File: f.Path, Start: rng.IntN(len(f.Data) + 1), End: len(f.Data), New: "new\n"})
			}
		case 1:
			if f.Kind == source.Regular {
				edits = append(edits, source.Edit{Op: source.Remove, File: f.Path})
			}
		case 2:
			edits = append(edits, source.Edit{Op: source.Create, File: to, New: "made"})
		case 3:
			if f.Kind == source.Regular {
				edits = append(edits, source.Edit{Op: source.Rename, File: f.Path, To: to})
			}
		}
	}
	edits = append(edits, source.Edit{Op: source.Rename, File: have[0].Path, To: "/c/moved"})
	p, err := FromEdits(have, edits)
	if err != nil {
		panic(err)
	}
	return have, p
}
