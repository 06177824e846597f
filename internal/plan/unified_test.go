package plan

import (
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/source"
)

func TestUnifiedShowsEveryKindOfChange(t *testing.T) {
	old := file("/c/hosts.toml", "server = \"https://r\"\n\n[host.\"https://m\"]\n  a = 1\n  b = 2\n  c = 3\n  d = 4\n  e = 5\n  f = 6\n  g = 7\n  password = \"old\"")
	edited := old
	edited.Data = []byte("server = \"https://s\"\n\n[host.\"https://m\"]\n  a = 1\n  b = 2\n  c = 3\n  d = 4\n  e = 5\n  f = 6\n  g = 7\n  password = \"new\"\n")
	made := source.File{Path: "/c/made", Data: []byte("esc \x1b[2J\r\n"), Mode: 0o600}
	dir := source.File{Path: "/c/d", Kind: source.Directory}
	moved := dir
	moved.Path = "/c/e"
	link := source.File{Path: "/c/l", Link: "../x", Data: []byte("same\n"), Mode: 0o644}
	through := link
	through.Data = []byte("other\n")
	relinked := source.File{Path: "/c/l", Kind: source.Dangling, Link: "../y"}
	owned := file("/c/o", "")
	owned.UID, owned.Mode = 7, 0o600
	plain := file("/c/o", "")
	binary := source.File{Path: "/c/b", Data: []byte{0, 1}}
	got := Plan{Changes: []Change{
		{Before: &old, After: &edited}, {After: &made}, {After: &dir}, {Before: &dir, After: &moved, Moved: true},
		{Before: &moved}, {Before: &link, After: &through}, {Before: &link, After: &relinked},
		{Before: &owned, After: &plain}, {After: &binary},
	}}.Unified()
	const want = `diff /c/hosts.toml /c/hosts.toml
--- /c/hosts.toml
+++ /c/hosts.toml
@@ -1,4 +1,4 @@
-server = "https://r"
+server = "https://s"
 
 [host."https://m"]
   a = 1
@@ -8,4 +8,4 @@
   e = 5
   f = 6
   g = 7
-  password = "***"
\ No newline at end of file
+  password = "***"
diff /dev/null /c/made
new file mode 100600
--- /dev/null
+++ /c/made
@@ -0,0 +1 @@
+esc \x1b[2J\r
diff /dev/null /c/d
new file mode 040755
diff /c/d /c/e
rename from /c/d
rename to /c/e
diff /c/e /dev/null
deleted file mode 040755
diff /c/l /c/l
--- /c/l
+++ /c/l
@@ -1 +1 @@
-same
+other
diff /c/l /c/l
--- /c/l
+++ /c/l
@@ -1 +1 @@
-../x
\ No newline at end of file
+../y
\ No newline at end of file
diff /c/o /c/o
old mode 100600
new mode 100644
old owner 7:0
new owner 0:0
diff /dev/null /c/b
new file mode 100644
Files /dev/null and /c/b differ
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestHunksAreTheChange(t *testing.T) {
	for _, c := range [][2]string{
		{"", "a\n"}, {"a\n", ""}, {"a", "a\n"}, {"a\nb\nc\n", "a\nc\n"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "0\n1\n2\n3\n4\n5\n6\n7\n9\n8\n9\n"},
		{strings.Repeat("x\n", 40), strings.Repeat("x\n", 7) + "y\nz\n" + strings.Repeat("x\n", 3) + "w\n" + strings.Repeat("x\n", 25)},
	} {
		checkHunks(t, c[0], c[1])
	}
}

func FuzzHunksAreTheChange(f *testing.F) {
	f.Add("a\nb\n", "a\nc")
	f.Fuzz(func(t *testing.T, before, after string) {
		hunks("/a", "/b", before, after)
		checkHunks(t, before, after)
	})
}

// checkHunks replays the spans: the old text with them applied is the new one.
func checkHunks(t *testing.T, before, after string) {
	t.Helper()
	cut := func(s string) []string {
		all := strings.SplitAfter(s, "\n")
		if all[len(all)-1] == "" {
			all = all[:len(all)-1]
		}
		return all
	}
	old, new := cut(before), cut(after)
	var got []string
	at := 0
	for _, h := range grouped(spans(before, after)) {
		for _, s := range h {
			got = append(got, old[at:s.a]...)
			if len(got) != s.c {
				t.Fatalf("%q to %q: span %v starts at new line %d", before, after, s, len(got))
			}
			got = append(got, new[s.c:s.d]...)
			at = s.b
		}
	}
	got = append(got, old[at:]...)
	if strings.Join(got, "") != after {
		t.Fatalf("%q to %q: the spans give %q", before, after, got)
	}
}
