package registriesconf_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"

	"github.com/towpath-dev/towpath/internal/dialect/registriesconf"
	"github.com/towpath-dev/towpath/internal/dialect/registriesconf/corpus"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

var crio = route.Target{Runtime: "crio"}

// asked is every request for a set of images, with all that decides how it is made.
func asked(t *testing.T, table route.Table) string {
	t.Helper()
	var out strings.Builder
	for _, image := range corpus.Images {
		ref, err := route.ParseRef(image)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&out, image, table.RouteFor(ref).Fails != "")
		for _, r := range table.Resolve(ref) {
			e := r.Endpoint
			fmt.Fprintln(&out, " ", r.Ping, r.Method, r.URL, e.PlainFallback, e.TLS.SkipVerify, e.Auth.User, e.Auth.Password.Reveal(), e.Broken != "")
		}
	}
	return out.String()
}

func show(files []source.File) string {
	var out strings.Builder
	for _, f := range files {
		fmt.Fprintf(&out, "\n-- %s --\n%s", f.Path, f.Data)
	}
	return out.String()
}

func TestWhatRendersWithoutLossComesBackEqual(t *testing.T) {
	r, lossless := corpus.New(21), 0
	for i := range 1500 {
		table := r.Table(crio)
		if len(registriesconf.Dialect.Losses(table)) > 0 {
			continue
		}
		lossless++
		files := registriesconf.Render(table, nil)
		back := registriesconf.Parse(files, crio).Table
		if got, want := asked(t, back), asked(t, table); got != want {
			t.Fatalf("table %d:\n%s\nfrom%s", i, udiff.Unified("want", "got", want, got), show(files))
		}
		again := registriesconf.Render(back, files)
		if show(again) != show(files) {
			t.Fatalf("table %d is no fixed point:%s\nwas%s", i, show(again), show(files))
		}
	}
	if lossless < 500 {
		t.Errorf("only %d tables without loss", lossless)
	}
}

// TestWhatIsSafeStaysSafe: even with a loss nothing that was verified is not.
func TestWhatIsVerifiedStaysVerified(t *testing.T) {
	table := route.Table{Target: crio, Routes: []route.Route{{
		Match: "r.example", Mirrors: []route.Endpoint{{Scheme: "https", Host: "m.example", Path: "/v2", Serves: route.Pull | route.Resolve, PlainFallback: true}},
		Upstream: &route.Endpoint{Scheme: "https", Host: "r.example", Path: "/v2", Serves: route.Pull | route.Resolve},
	}}}
	if len(registriesconf.Dialect.Losses(table)) == 0 {
		t.Error("no loss is told")
	}
	if text := show(registriesconf.Render(table, nil)); strings.Contains(text, "insecure") {
		t.Errorf("insecure: %s", text)
	}
}

func TestRenderingWhatIsThereChangesNoByte(t *testing.T) {
	g, m := corpus.New(22), corpus.New(23)
	for i := range 2000 {
		text := g.File()
		if i%2 == 0 {
			text = m.Mutated()
		}
		files := []source.File{{Path: "/etc/containers/registries.conf", Data: []byte(text)}}
		reading := registriesconf.Parse(files, crio)
		if len(reading.Table.Routes) == 1 && reading.Table.Routes[0].Match == route.Any {
			continue // refused: it is written anew
		}
		if after := registriesconf.Render(reading.Table, files); show(after) != show(files) {
			t.Fatalf("%s", udiff.Unified("had", "has", show(files), show(after)))
		}
	}
}

// TestForeignBytesSurvive turns one commented file into what another table wants.
func TestForeignBytesSurvive(t *testing.T) {
	r, reworked := corpus.New(24), 0
	for i := range 1000 {
		from, to := r.Table(crio), r.Table(crio)
		from.Hosts, to.Hosts = nil, nil
		to.Routes = to.Routes[:1]
		to.Routes[0].Match = from.Routes[0].Match
		if len(registriesconf.Dialect.Losses(from))+len(registriesconf.Dialect.Losses(to)) > 0 {
			continue
		}
		have := registriesconf.Render(from, nil)
		text := "# kept at the top\nunqualified-search-registries = ['r.example'] # why\n" + string(have[0].Data) + "\n# kept above\n[foreign]\nkey = \"kept\" # too\n"
		text = strings.Replace(text, "[[registry]]\n", "[[registry]] # this one\n  foreign-key = 1 # mine\n", 1)
		have[0].Data = []byte(strings.ReplaceAll(text, "\n", "\r\n"))
		after := registriesconf.Render(to, have)
		if got, want := asked(t, registriesconf.Parse(after, crio).Table), asked(t, to); got != want {
			t.Fatalf("table %d:\n%s\nfrom%s\nto%s", i, udiff.Unified("want", "got", want, got), show(have), show(after))
		}
		reworked++
		for _, kept := range []string{"# kept at the top\r\nunqualified-search-registries = ['r.example'] # why\r\n", "# kept above\r\n[foreign]\r\nkey = \"kept\" # too\r\n", "[[registry]] # this one\r\n", "  foreign-key = 1 # mine\r\n"} {
			if !bytes.Contains(after[0].Data, []byte(kept)) {
				t.Fatalf("lost %q: have%s\nafter%s", kept, show(have), show(after))
			}
		}
	}
	if reworked < 50 {
		t.Errorf("only %d files reworked", reworked)
	}
}
