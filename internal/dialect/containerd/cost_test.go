package containerd

import (
	"fmt"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

func manyFiles(n int) []source.File {
	var out []source.File
	for i := range n {
		text := fmt.Sprintf("# registry %d\nserver = \"https://r%d.example\"\n\n[host.\"https://mirror.lab:5000/v2/r%d\"]\n  capabilities = [\"pull\", \"resolve\"]\n  override_path = true\n  ca = \"/etc/ssl/lab.pem\"\n", i, i, i)
		out = append(out, source.File{Path: fmt.Sprintf("/certs.d/r%d.example/hosts.toml", i), Data: []byte(text)})
	}
	return out
}

func BenchmarkParseOf10000Files(b *testing.B) {
	files := manyFiles(10000)
	for _, version := range []string{"1.7.35", "2.4.2"} {
		b.Run(version, func(b *testing.B) {
			for b.Loop() {
				if got := Parse(files, route.Target{Containerd: route.MustVersion(version)}); len(got.Table.Routes) != 10000 || len(got.Findings) != 0 {
					b.Fatal(len(got.Table.Routes), len(got.Findings))
				}
			}
		})
	}
}

// TestBadInputIsAFinding feeds what nobody should write. It must neither panic
// nor be passed over; the size of the inputs is such that anything worse than
// linear would not come back.
func TestBadInputIsAFinding(t *testing.T) {
	big := func(s string, n int) string { return strings.Repeat(s, n) }
	for name, text := range map[string]string{
		"10 MB line":           "# " + big("x", 10<<20),
		"10 MB key":            big("x", 10<<20),
		"10,000 deep array":    "a = " + big("[", 10000) + big("]", 10000),
		"10,000 deep table":    "a = " + big("{a = ", 10000),
		"10,000 dots":          "[host." + big("a.", 10000) + "b]",
		"undecodable":          "server = \"\xff\xfe\xfd\"\n",
		"UTF-16":               "\xff\xfes\x00e\x00r\x00",
		"UTF-16 the other way": "\xfe\xff\x00s\x00e\x00r",
		"NUL":                  "server = \"https://r.example\"\x00\n",
		"NULs alone":           big("\x00", 1000),
		"duplicate key":        "server = \"a\"\nserver = \"b\"\n",
		"9,000 duplicate keys": big("server = \"a\"\n", 9000),
		"9,000 unknown keys":   numbered(9000, "key%d = 1\n"),
		"2,000 hosts":          numbered(2000, "[host.\"https://m%d.example\"]\nca = \"/gone%d\"\n"),
		"2,000 equal hosts":    numbered(2000, "[host.\"https://m.example?%d\"]\n"),
		"4,000 inline hosts":   "[host]\n" + numbered(4000, "\"https://m%d.example\" = {}\n"),
		"smart quotes":         big("“", 100000),
		"unclosed":             big("[host.\"x\n", 5000),
	} {
		for _, version := range []string{"1.7.35", "2.4.2"} {
			files := []source.File{{Path: "/certs.d/r.example/hosts.toml", Data: []byte(text)}}
			target := route.Target{Containerd: route.MustVersion(version)}
			got := Parse(files, target)
			if len(got.Findings) == 0 {
				t.Errorf("%s, containerd %s: nothing is found", name, version)
			}
			if len(got.Findings) > 2000 {
				t.Errorf("%s, containerd %s: %d findings", name, version, len(got.Findings))
			}
			Render(got.Table, files)
		}
	}
}

func numbered(n int, format string) string {
	var out strings.Builder
	for i := range n {
		out.WriteString(strings.ReplaceAll(format, "%d", fmt.Sprint(i)))
	}
	return out.String()
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"server = \"https://u.example\"\n[host.\"https://m.example\"]\n  capabilities = [\"pull\"]\n  ca = [\"a\"]\n  client = [[\"c\", \"k\"]]\n[host.\"https://m.example\".header]\n  x = \"1\"\n",
		"[host]\nfoo = 1\n[host.\"a\"]\n", "host = { \"a\" = {} }\n", "\xef\xbb\xbfserver = \"x\"", "server: x\n", "[[host]]\n", "[host.“x”]\n", "dial_timeout = 5\n", "[host.a.b]\nserver = \"x\"\n",
		"[host.\"https://a/v2/x\"]\r\noverride_path=false\r\nskip_verify = true\r\n[host.\"https://b\"]\r\n[host.\"https://a/v2/x\".header]\r\nAuthorization = \"Basic a\"\r\n",
	} {
		for version := range byte(4) {
			f.Add([]byte(s), version)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, version byte) {
		target := route.Target{Containerd: route.MustVersion([]string{"1.6.20", "1.7.35", "2.4.2", "1.7.23"}[version%4]), Fork: version%4 == 3}
		files := []source.File{{Path: "/certs.d/r.example/hosts.toml", Data: data, Mode: 0o644}}
		got := Parse(files, target)
		for _, found := range got.Findings {
			if len(found.Evidence) == 0 || found.Text == "" {
				t.Fatalf("%+v", found)
			}
			if found.Fix != nil {
				apply(t, data, found)
			}
		}
		once := Render(got.Table, files)
		twice := Render(Parse(once, target).Table, once)
		if a, b := fmt.Sprintf("%+v", once), fmt.Sprintf("%+v", twice); a != b {
			t.Fatalf("no fixed point:\n%s\n%s", a, b)
		}
	})
}

// apply checks that the edits of a fix can be carried out.
func apply(t *testing.T, data []byte, f finding.Finding) {
	t.Helper()
	if len(f.Fix.Edits) == 0 || f.Fix.Edits[0].Op != source.Replace {
		return
	}
	if _, err := source.Apply(data, f.Fix.Edits); err != nil {
		t.Fatalf("%s: %v", f.ID, err)
	}
}
