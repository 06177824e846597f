// Package dialecttest holds dialects to the laws that are the same for all of
// them: what a dialect can say comes back from it as the same requests, what it
// cannot say is told, what is none of our business survives byte by byte, and
// writing what is there changes nothing. It also brings the hostile files that
// every parser has to survive, and the format of lint cases. It is for tests
// alone; package hostscheck does the same for hosts.toml against containerd.
package dialecttest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Laws says how a dialect is held to the laws.
type Laws struct {
	Dialect dialect.Dialect
	Tables  []route.Table
	Least   int // of the tables, so many have to be without loss

	// Foreign adds to files what is none of our business, and says which bytes
	// of it have to survive.
	Foreign func(files []source.File) (with []source.File, kept []string)
}

// Check holds a dialect to the laws.
func Check(t *testing.T, l Laws) {
	t.Helper()
	t.Run("what it can say comes back as the same requests", l.roundTrip)
	t.Run("what it cannot say is told", l.losses)
	t.Run("writing what is there changes nothing", l.fixedPoint)
	t.Run("foreign bytes survive", l.foreign)
}

func (l Laws) roundTrip(t *testing.T) {
	n := 0
	for i, table := range l.Tables {
		if len(l.Dialect.Losses(table)) > 0 {
			continue
		}
		n++
		files := l.Dialect.Render(table, nil)
		reading := l.Dialect.Parse(files, table.Target)
		if got, want := Asked(reading.Table), Asked(table); got != want {
			t.Fatalf("table %d:\n%s\nfrom%s", i, udiff.Unified("want", "got", want, got), Show(files))
		}
	}
	t.Logf("%d of %d tables without loss", n, len(l.Tables))
	if n < l.Least {
		t.Errorf("only %d of %d tables without loss", n, len(l.Tables))
	}
}

// losses: a table that comes back otherwise has a loss.
func (l Laws) losses(t *testing.T) {
	told := 0
	for i, table := range l.Tables {
		back := l.Dialect.Parse(l.Dialect.Render(table, nil), table.Target).Table
		if got, want := Asked(back), Asked(table); got == want {
			continue
		}
		told++
		if len(l.Dialect.Losses(table)) == 0 {
			t.Fatalf("table %d is changed in silence:\n%s", i, Asked(table))
		}
		for _, f := range l.Dialect.Losses(table) {
			if strings.Contains(f.Text, "{") || f.Text == "" {
				t.Fatalf("loss without a text: %+v", f)
			}
		}
	}
	t.Logf("%d of %d tables are changed, and it is told", told, len(l.Tables))
}

func (l Laws) fixedPoint(t *testing.T) {
	for i, table := range l.Tables {
		files := l.Dialect.Render(table, nil)
		again := l.Dialect.Render(l.Dialect.Parse(files, table.Target).Table, files)
		if got, want := Show(again), Show(files); got != want {
			t.Fatalf("table %d:\n%s", i, udiff.Unified("once", "twice", want, got))
		}
		if other := Show(l.Dialect.Render(table, nil)); other != Show(files) {
			t.Fatalf("table %d is not written the same each time", i)
		}
	}
}

// foreign changes the files of one table into those of the next.
func (l Laws) foreign(t *testing.T) {
	n := 0
	for i := 1; i < len(l.Tables); i++ {
		from, to := l.lossless(l.Tables[i-1]), l.lossless(l.Tables[i])
		if len(from.Routes) == 0 || len(l.Dialect.Losses(from))+len(l.Dialect.Losses(to)) > 0 {
			continue
		}
		have, kept := l.Foreign(l.Dialect.Render(from, nil))
		if got, want := Asked(l.Dialect.Parse(have, from.Target).Table), Asked(from); got != want {
			t.Fatalf("table %d: what is foreign changes the reading:\n%s\nof%s", i, udiff.Unified("want", "got", want, got), Show(have))
		}
		after := l.Dialect.Render(to, have)
		n++
		if got, want := Asked(l.Dialect.Parse(after, to.Target).Table), Asked(to); got != want {
			t.Fatalf("table %d:\n%s\nfrom%s\nto%s", i, udiff.Unified("want", "got", want, got), Show(have), Show(after))
		}
		var all bytes.Buffer
		for _, f := range after {
			all.Write(f.Data)
		}
		for _, k := range kept {
			if !strings.Contains(all.String(), k) {
				t.Fatalf("table %d: lost %q\nfrom%s\nto%s", i, k, Show(have), Show(after))
			}
		}
	}
	if n < l.Least/2 {
		t.Errorf("only %d files were reworked", n)
	}
}

// lossless leaves out the routes that cannot be said.
func (l Laws) lossless(t route.Table) route.Table {
	out := t
	out.Routes = nil
	for _, r := range t.Routes {
		one := t
		one.Routes = []route.Route{r}
		if len(l.Dialect.Losses(one)) == 0 {
			out.Routes = append(out.Routes, r)
		}
	}
	return out
}

const digest = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"

// Asked is every request for a set of images, with all that decides how it is
// made. Certificates are compared by their content, as far as it is known.
func Asked(t route.Table) string {
	var out strings.Builder
	for _, registry := range append(slices.Clone(Registries), "other.example") {
		if why := t.Route(registry).Fails; why != "" {
			fmt.Fprintln(&out, registry, "fails")
		}
		for _, object := range []string{":1.2", "@" + digest} {
			ref, err := route.ParseRef(registry + "/team/app" + object)
			if err != nil {
				panic(err)
			}
			asked := map[string]bool{} // the same request again makes no difference
			for _, r := range t.Resolve(ref) {
				if line := fmt.Sprintln(r.Method, r.URL, Manner(t, r.Endpoint)); !asked[line] {
					asked[line] = true
					out.WriteString(line)
				}
			}
		}
	}
	return out.String()
}

// Manner is how an endpoint is spoken to. TLS settings of plain HTTP, which
// nothing uses, do not count.
func Manner(t route.Table, e route.Endpoint) string {
	var out strings.Builder
	if e.Broken != "" {
		return "broken"
	}
	if e.PlainFallback {
		out.WriteString(" falls back")
	}
	if e.Scheme == "https" {
		for _, ca := range e.TLS.CA {
			fmt.Fprintf(&out, " ca %s", contents(t, ca))
		}
		for _, p := range e.TLS.Client {
			fmt.Fprintf(&out, " client %s %s", contents(t, p.Cert), contents(t, p.Key))
		}
		if e.TLS.SkipVerify {
			out.WriteString(" unverified")
		}
	}
	for _, h := range e.Header {
		for _, v := range h.Values {
			fmt.Fprintf(&out, " %s=%s", h.Key, v.Reveal())
		}
	}
	if e.DialTimeout != 0 || e.NoDialLimit {
		fmt.Fprintf(&out, " dials %v %v", e.DialTimeout, e.NoDialLimit)
	}
	if !e.Auth.IsZero() {
		fmt.Fprintf(&out, " as %q %q %q", e.Auth.User, e.Auth.Password.Reveal(), e.Auth.IdentityToken.Reveal())
	}
	return out.String()
}

func contents(t route.Table, path string) string {
	if f := source.Find(t.Files, path); f != nil {
		return fmt.Sprintf("%x", sha256.Sum256(f.Data))[:8]
	}
	return path
}

// Show is the text of files.
func Show(files []source.File) string {
	var out strings.Builder
	for _, f := range files {
		fmt.Fprintf(&out, "\n-- %s --\n%s", f.Path, f.Data)
	}
	return out.String()
}
