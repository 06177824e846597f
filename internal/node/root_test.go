package node

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/source"
)

// tree writes files below a new directory: "/a/b": "content", "/a/l": "-> target".
// A name that ends in a slash is an empty directory, one below bin a program.
func writeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		target, link := strings.CutPrefix(content, "-> ")
		switch {
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(at, 0o755)
		case link:
			err = os.Symlink(target, at)
		case strings.Contains(name, "bin/"):
			err = os.WriteFile(at, []byte(content), 0o755)
		default:
			err = os.WriteFile(at, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func openRoot(t *testing.T, dir string) *Root {
	t.Helper()
	r, err := OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// bothWays runs a test with the kernel's own resolution and with ours.
func bothWays(t *testing.T, dir string, test func(*testing.T, *Root)) {
	for _, walks := range []bool{false, true} {
		t.Run(fmt.Sprintf("walks=%v", walks), func(t *testing.T) {
			r := openRoot(t, dir)
			if r.walks && !walks {
				t.Skip("not looked at: this kernel has no openat2")
			}
			r.walks = walks
			test(t, r)
		})
	}
}

func TestPathsResolveAsAfterChroot(t *testing.T) {
	dir := writeTree(t, map[string]string{
		"etc/hosts":            "inside",
		"etc/absolute":         "-> /etc/hosts",
		"etc/climbs":           "-> ../../../../../../etc/hosts",
		"etc/up":               "-> ..",
		"etc/chain":            "-> absolute",
		"etc/dangling":         "-> /nowhere",
		"etc/self":             "-> self",
		"etc/ping":             "-> pong",
		"etc/pong":             "-> ping",
		"etc/through":          "-> hosts/x",
		"etc/dir":              "-> /etc",
		"etc/empty":            "",
		"deep/a/b/c":           "-> /deep/a/../../etc/absolute",
		"outside":              "-> " + "/../../../../../../../../../../proc/self/status",
		"magic":                "-> /proc/self/root/etc/hosts",
		"etc/name with\nbreak": "odd",
	})
	tests := []struct {
		path, data, problem, link string
		kind                      source.Kind
		absent                    bool
	}{
		{path: "/etc/hosts", data: "inside"},
		{path: "etc/hosts", data: "inside"},
		{path: "/../../../etc/hosts", data: "inside"},
		{path: "/etc/../etc/./hosts", data: "inside"},
		{path: "/etc/absolute", data: "inside", link: "/etc/hosts"},
		{path: "/etc/climbs", data: "inside", link: "../../../../../../etc/hosts"},
		{path: "/etc/chain", data: "inside", link: "absolute"},
		{path: "/etc/up/etc/up/etc/hosts", data: "inside"},
		{path: "/etc/dir/dir/dir/hosts", data: "inside"},
		{path: "/deep/a/b/c", data: "inside", link: "/deep/a/../../etc/absolute"},
		{path: "/etc/dangling", kind: source.Dangling, link: "/nowhere"},
		{path: "/outside", kind: source.Dangling, link: "/../../../../../../../../../../proc/self/status"},
		{path: "/magic", kind: source.Dangling, link: "/proc/self/root/etc/hosts"},
		{path: "/etc/through", kind: source.Dangling, link: "hosts/x"},
		{path: "/etc/self", kind: source.Special, link: "self", problem: "too many levels of symbolic links"},
		{path: "/etc/ping", kind: source.Special, link: "pong", problem: "too many levels of symbolic links"},
		{path: "/etc/self/x", kind: source.Special, problem: "too many levels of symbolic links"},
		{path: "/etc", kind: source.Directory},
		{path: "/", kind: source.Directory},
		{path: "/etc/dir", kind: source.Directory, link: "/etc"},
		{path: "/etc/name with\nbreak", data: "odd"},
		{path: "/etc/hosts/x", absent: true},
		{path: "/etc/hosts/", absent: true},
		{path: "/etc/hosts/..", absent: true},
		{path: "/no/such", absent: true},
		{path: "/etc/\x00", problem: "invalid argument"},
		{path: "/" + strings.Repeat("n", 300), problem: "file name too long"},
	}
	bothWays(t, dir, func(t *testing.T, r *Root) {
		for _, tt := range tests {
			f, ok := r.ReadFile(tt.path)
			if ok == tt.absent {
				t.Errorf("%q: there %v, want %v", tt.path, ok, !tt.absent)
				continue
			}
			if string(f.Data) != tt.data || f.Kind != tt.kind || f.Link != tt.link || f.Problem != tt.problem {
				t.Errorf("%q: got %q kind %d link %q problem %q, want %q %d %q %q", tt.path,
					f.Data, f.Kind, f.Link, f.Problem, tt.data, tt.kind, tt.link, tt.problem)
			}
			if tt.problem != "" && !f.Unread {
				t.Errorf("%q has a problem and counts as read", tt.path)
			}
		}
	})
}

func TestRealNamesThePlaceOutside(t *testing.T) {
	dir := writeTree(t, map[string]string{"run/x.sock": "", "var/run": "-> /run", "var/up": "-> ../../../run"})
	bothWays(t, dir, func(t *testing.T, r *Root) {
		for _, name := range []string{"/run/x.sock", "/var/run/x.sock", "/var/up/x.sock", "/var/../run/x.sock"} {
			got, err := r.Real(name)
			if want := filepath.Join(dir, "run/x.sock"); err != nil || got != want {
				t.Errorf("%s: got %s, %v; want %s", name, got, err, want)
			}
		}
		if _, err := r.Real("/run/y"); err == nil {
			t.Error("a path that does not exist has a place")
		}
	})
}

func TestAFileCarriesAllThatDescribesIt(t *testing.T) {
	dir := writeTree(t, map[string]string{"f": "x"})
	at := filepath.Join(dir, "f")
	when := time.Date(2020, 2, 3, 4, 5, 6, 7000, time.UTC)
	if err := os.Chtimes(at, when, when); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(at, 0o640); err != nil {
		t.Fatal(err)
	}
	noXattrs := unix.Setxattr(at, "user.towpath", []byte("kept"), 0)
	bothWays(t, dir, func(t *testing.T, r *Root) {
		f, _ := r.ReadFile("/f")
		if f.Mode != 0o640 || !f.ModTime.Equal(when) || f.UID != os.Getuid() || f.GID != os.Getgid() {
			t.Errorf("got mode %o time %v owner %d:%d", f.Mode, f.ModTime, f.UID, f.GID)
		}
		if noXattrs != nil {
			t.Skipf("not looked at: extended attributes: %v", noXattrs)
		}
		if string(f.Xattrs["user.towpath"]) != "kept" {
			t.Errorf("extended attributes %q", f.Xattrs)
		}
	})
}

func TestOnlyRegularFilesAreOpened(t *testing.T) {
	dir := writeTree(t, map[string]string{"big": strings.Repeat("x", 1001), "fits": strings.Repeat("x", 1000)})
	if err := unix.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	bothWays(t, dir, func(t *testing.T, r *Root) {
		r.Limit(1000)
		if f, _ := r.ReadFile("/pipe"); f.Kind != source.Special || f.Data != nil {
			t.Errorf("a pipe is read as %+v", f)
		}
		if _, err := r.Open("/pipe"); err == nil {
			t.Error("a pipe was opened")
		}
		if f, _ := r.ReadFile("/big"); f.Data != nil || f.Problem != "larger than 1000 bytes, not read" {
			t.Errorf("too large a file has problem %q and %d bytes", f.Problem, len(f.Data))
		}
		if f, _ := r.ReadFile("/fits"); len(f.Data) != 1000 || f.Problem != "" {
			t.Errorf("a file of the limit's size: %d bytes, problem %q", len(f.Data), f.Problem)
		}
	})
	r := openRoot(t, "/")
	if f, ok := r.ReadFile("/proc/self/status"); !ok || !strings.HasPrefix(string(f.Data), "Name:") {
		t.Errorf("a file without a size is not read: %+v", f)
	}
	r.Limit(10)
	if f, _ := r.ReadFile("/proc/self/status"); f.Problem == "" || f.Data != nil {
		t.Errorf("a file without a size is read beyond the limit: %q", f.Data)
	}
}

func TestTreeIsCompleteOrderedAndFinite(t *testing.T) {
	dir := writeTree(t, map[string]string{
		"certs.d/b/hosts.toml":   "b",
		"certs.d/a/hosts.toml":   "a",
		"certs.d/a/client.key":   "secret",
		"certs.d/a/again":        "-> ..",
		"certs.d/empty/":         "",
		"certs.d/linked":         "-> /elsewhere",
		"certs.d/dangling":       "-> /nowhere",
		"certs.d/loop":           "-> loop",
		"elsewhere/hosts.toml":   "-> ..data/hosts.toml",
		"elsewhere/..data/":      "",
		"elsewhere/..data/x/y/z": "deep",
	})
	if err := unix.Mkfifo(filepath.Join(dir, "certs.d/pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"/certs.d dir",
		"/certs.d/a dir",
		"/certs.d/a/again dir !leads back to a directory that it stands in",
		"/certs.d/a/client.key file unread",
		"/certs.d/a/hosts.toml file a",
		"/certs.d/b dir",
		"/certs.d/b/hosts.toml file b",
		"/certs.d/dangling dangling",
		"/certs.d/empty dir",
		"/certs.d/linked dir",
		"/certs.d/linked/..data dir",
		"/certs.d/linked/..data/x dir !deeper than 2 directories, not read",
		"/certs.d/linked/hosts.toml dangling",
		"/certs.d/loop special !too many levels of symbolic links",
		"/certs.d/pipe special",
	}
	bothWays(t, dir, func(t *testing.T, r *Root) {
		skip := func(path string) bool { return strings.HasSuffix(path, ".key") }
		got := lines(r.Tree("/certs.d", Limits{Depth: 2, Skip: skip}))
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		got = lines(r.Tree("/certs.d", Limits{Files: 4}))
		if len(got) != 4 || !strings.Contains(got[0], "more than 4 files") {
			t.Errorf("with a limit of four files: %q", got)
		}
		if got := lines(r.Tree("/certs.d/a/hosts.toml", Limits{})); !slices.Equal(got, []string{"/certs.d/a/hosts.toml file a"}) {
			t.Errorf("the tree of a file: %q", got)
		}
		if got := r.Tree("/nowhere", Limits{}); got != nil {
			t.Errorf("the tree of nothing: %v", got)
		}
		got = lines(r.Tree("/certs.d/b", Limits{Bytes: 0}))
		if !slices.Equal(got, want[5:7]) {
			t.Errorf("a part of it: %q", got)
		}
	})
}

func lines(files []source.File) []string {
	kinds := map[source.Kind]string{source.Regular: "file", source.Directory: "dir", source.Dangling: "dangling", source.Special: "special"}
	var out []string
	for _, f := range files {
		line := f.Path + " " + kinds[f.Kind]
		switch {
		case f.Problem != "":
			line += " !" + f.Problem
		case f.Unread:
			line += " unread"
		case f.Data != nil:
			line += " " + string(f.Data)
		}
		out = append(out, line)
	}
	return out
}

func TestTreeBoundsWhatItHolds(t *testing.T) {
	files := map[string]string{}
	for i := range 5 {
		files[fmt.Sprintf("d/%d", i)] = strings.Repeat("x", 100)
	}
	r := openRoot(t, writeTree(t, files))
	var read int
	for _, f := range r.Tree("/d", Limits{Bytes: 250}) {
		read += len(f.Data)
	}
	if read != 200 {
		t.Errorf("%d bytes were kept of a tree that may hold 250", read)
	}
}

// manyDirectories makes a certs.d with a hosts.toml in each of n directories.
func manyDirectories(t testing.TB, n int) *Root {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		at := filepath.Join(dir, "certs.d", fmt.Sprintf("r%d.example:5000", i))
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(at, "hosts.toml"), []byte("server = \"https://x\"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, err := OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestManyDirectoriesAreReadWhole(t *testing.T) {
	if n := len(manyDirectories(t, 500).Tree("/certs.d", Limits{})); n != 1001 {
		t.Errorf("%d entries", n)
	}
}

func BenchmarkTreeOfTenThousandDirectories(b *testing.B) {
	r := manyDirectories(b, 10_000)
	for b.Loop() {
		if n := len(r.Tree("/certs.d", Limits{})); n != 20_001 {
			b.Fatalf("%d entries", n)
		}
	}
}

func TestGlobMatchesInsideTheRoot(t *testing.T) {
	dir := writeTree(t, map[string]string{
		"etc/conf.d/b.toml": "", "etc/conf.d/a.toml": "", "etc/conf.d/c.txt": "", "etc/conf.d/sub/d.toml": "",
		"etc/link.d": "-> /etc/conf.d", "etc/x/": "", "etc/conf.d/gone.toml": "-> /nowhere",
	})
	tests := []struct {
		pattern string
		want    []string
	}{
		{"/etc/conf.d/*.toml", []string{"/etc/conf.d/a.toml", "/etc/conf.d/b.toml", "/etc/conf.d/gone.toml"}},
		{"/etc/*.d/a.toml", []string{"/etc/conf.d/a.toml", "/etc/link.d/a.toml"}},
		{"/etc/conf.d/[bc].*", []string{"/etc/conf.d/b.toml", "/etc/conf.d/c.txt"}},
		{"/etc/conf.d/b.toml", []string{"/etc/conf.d/b.toml"}},
		{"/etc/conf.d/gone.toml", []string{"/etc/conf.d/gone.toml"}},
		{"/etc/nothing/*.toml", nil},
		{"/etc/conf.d/b.toml/*", nil},
	}
	bothWays(t, dir, func(t *testing.T, r *Root) {
		for _, tt := range tests {
			got, err := r.Glob(tt.pattern)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%s: got %q, %v; want %q", tt.pattern, got, err, tt.want)
			}
		}
		if _, err := r.Glob("/etc/[a"); err == nil {
			t.Error("a malformed pattern is no error")
		}
	})
}

func TestOpenRootNeedsADirectory(t *testing.T) {
	dir := writeTree(t, map[string]string{"f": ""})
	for _, name := range []string{filepath.Join(dir, "f"), filepath.Join(dir, "none")} {
		if _, err := OpenRoot(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnreadableFilesSayWhy(t *testing.T) {
	dir := writeTree(t, map[string]string{"d/f": "x", "f": "x"})
	for _, name := range []string{"d", "f"} {
		if err := os.Chmod(filepath.Join(dir, name), 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(dir, "d"), 0o755) })
	bothWays(t, dir, func(t *testing.T, r *Root) {
		look := func() {
			for _, name := range []string{"/f", "/d/f"} {
				if f, ok := r.ReadFile(name); !ok || f.Problem != "permission denied" || !f.Unread {
					t.Errorf("%s: %+v", name, f)
				}
			}
			if r.Exists("/d/f") {
				t.Error("a file that cannot be looked at exists")
			}
			got := lines(r.Tree("/d", Limits{}))
			if !slices.Equal(got, []string{"/d dir !permission denied"}) {
				t.Errorf("tree %q", got)
			}
		}
		if os.Geteuid() == 0 {
			asNobody(t, look)
		} else {
			look()
		}
	})
}
