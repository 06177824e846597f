package containerd_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"

	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/dialect/hostscheck"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

var targets = []route.Target{target("containerd", "1.6.20"), target("containerd", "1.7.23"), target("containerd", "1.7.35"), target("containerd", "2.4.2"), target("k3s", "1.7.23")}

func target(name, version string) route.Target {
	v := route.MustVersion(version)
	return route.Target{Runtime: name, Version: v, Containerd: v, Fork: name == "k3s"}
}

const digest = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"

// asked is every request for a set of images, with all that decides how it is
// made.
func asked(t *testing.T, table route.Table) string {
	t.Helper()
	var out strings.Builder
	for _, registry := range []string{"docker.io/library", "ghcr.io", "r.example", "r.example:5000", "r.example:443", "localhost", "localhost:5000", "localhost:80", "127.0.0.1:5000", "[::1]:5000", "[fd00::1]:5000", "192.168.0.4:5500", "other.example"} {
		for _, object := range []string{":1.2", "@" + digest} {
			ref, err := route.ParseRef(registry + "/team/app" + object)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range table.Resolve(ref) {
				e := r.Endpoint
				fmt.Fprintln(&out, r.Method, r.URL, e.PlainFallback, e.TLS.CA, e.TLS.Client, e.TLS.SkipVerify, e.DialTimeout, e.NoDialLimit, headers(e.Header))
			}
		}
	}
	return out.String()
}

func headers(lines []route.Header) string {
	var out []string
	for _, l := range lines {
		for _, v := range l.Values {
			out = append(out, l.Key+"="+v.Reveal())
		}
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

func TestWhatRendersWithoutLossComesBackEqual(t *testing.T) {
	for _, target := range targets {
		lossless := 0
		for i, table := range hostscheck.Tables(target, 11, 200) {
			if len(containerd.Dialect.Losses(table)) > 0 {
				continue
			}
			lossless++
			files := containerd.Render(table, nil)
			back := containerd.Parse(files, target).Table
			if got, want := asked(t, back), asked(t, table); got != want {
				t.Fatalf("%s %s, table %d:\n%s\nfrom%s", target.Runtime, target.Version, i, udiff.Unified("want", "got", want, got), show(files))
			}
			for _, f := range files {
				if !bytes.HasPrefix(f.Data, []byte("# written by towpath\n")) {
					t.Fatalf("%s does not say who wrote it", f.Path)
				}
			}
		}
		if lossless < 30 {
			t.Errorf("%s %s: only %d tables without loss", target.Runtime, target.Version, lossless)
		}
	}
}

func TestRenderIsAFixedPoint(t *testing.T) {
	for _, target := range targets {
		for i, table := range hostscheck.Tables(target, 12, 60) {
			files := containerd.Render(table, nil)
			again := containerd.Render(containerd.Parse(files, target).Table, files)
			if show(files) != show(again) {
				t.Fatalf("%s %s, table %d: got%s\nwant%s", target.Runtime, target.Version, i, show(again), show(files))
			}
			if once, twice := show(containerd.Render(table, nil)), show(files); once != twice {
				t.Fatalf("not deterministic: %s\n%s", once, twice)
			}
		}
	}
}

// TestForeignBytesSurvive changes one commented table into another one and
// looks for the comments and unknown keys of what stays.
func TestForeignBytesSurvive(t *testing.T) {
	for _, target := range targets {
		reworked := 0
		tables := hostscheck.Tables(target, 13, 120)
		for i := 1; i < len(tables); i++ {
			from, to := lossless(tables[i-1]), lossless(tables[i])
			if len(from.Routes) == 0 || len(to.Routes) == 0 {
				continue
			}
			to.Routes[0].Match = from.Routes[0].Match
			to.Routes = to.Routes[:1]
			to.Routes[0].Mirrors = append(to.Routes[0].Mirrors, from.Routes[0].Mirrors...)
			if len(containerd.Dialect.Losses(to)) > 0 {
				continue
			}
			have := commented(containerd.Render(from, nil))
			after := containerd.Render(to, have)
			if got, want := asked(t, containerd.Parse(after, target).Table), asked(t, to); got != want {
				t.Fatalf("%s %s, table %d:\n%s\nfrom%s\nto%s", target.Runtime, target.Version, i, udiff.Unified("want", "got", want, got), show(have), show(after))
			}
			for _, f := range after {
				if old := source.Find(have, f.Path); old != nil && len(old.Data) > 0 {
					reworked++
					if !bytes.Contains(f.Data, []byte("# kept at the top\r\n")) || !bytes.Contains(f.Data, []byte("[foreign]\r\nkey = \"kept\" # too\r\n")) {
						t.Fatalf("lost foreign bytes: have%s\nafter%s", show(have), show(after))
					}
				}
			}
		}
		if reworked < 15 {
			t.Errorf("%s %s: only %d files reworked", target.Runtime, target.Version, reworked)
		}
	}
}

// lossless leaves out the routes that cannot be said.
func lossless(t route.Table) route.Table {
	out := t
	out.Routes = nil
	for _, r := range t.Routes {
		one := t
		one.Routes = []route.Route{r}
		if len(containerd.Dialect.Losses(one)) == 0 {
			out.Routes = append(out.Routes, r)
		}
	}
	return out
}

// commented adds what is none of our business, with the line ends of Windows.
func commented(files []source.File) []source.File {
	for i := range files {
		text := "# kept at the top\n" + string(files[i].Data) + "\n[foreign]\nkey = \"kept\" # too\n"
		files[i].Data = []byte(strings.ReplaceAll(text, "\n", "\r\n"))
	}
	return files
}

func show(files []source.File) string {
	var out strings.Builder
	for _, f := range files {
		fmt.Fprintf(&out, "\n-- %s --\n%s", f.Path, f.Data)
	}
	return out.String()
}
