package candidate

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// like is a mirror without fault, changed.
func like(name string, change func(*Measure)) Measure {
	m := Measure{
		Endpoint: "https://" + name + "/v2", Host: name, Latency: 10 * time.Millisecond, Ranges: Honoured,
		Tags: []Tag{{Image: "r/a:1", Digest: "sha256:1", State: Same}, {Image: "r/b:1", Digest: "sha256:2", State: Same}}, Sample: &Sample{Bytes: 10 << 20, Took: time.Second, Whole: true},
	}
	if change != nil {
		change(&m)
	}
	return m
}

// ladder is one mirror for each thing that decides, the best first.
func ladder() []Measure {
	return []Measure{
		like("best", nil),
		like("later", func(m *Measure) { m.Latency = time.Second }),
		like("unranged", func(m *Measure) { m.Ranges = Ignored }),
		like("slower", func(m *Measure) { m.Sample.Bytes = 1 << 20 }),
		like("older", func(m *Measure) { m.Tags[0].State, m.Tags[0].Behind = Stale, time.Hour }),
		like("oldest", func(m *Measure) { m.Tags[0].State, m.Tags[0].Behind = Stale, 40*24*time.Hour }),
		like("repacked", func(m *Measure) { m.Tags[0].State = Repacked }),
		like("lacking", func(m *Measure) { m.Tags[0].State = Missing }),
		like("corrupt", func(m *Measure) { m.Unfit = BadContent }),
	}
}

func TestTheOrderIsThatOfWhatDecides(t *testing.T) {
	want := ladder()
	var reasons []string
	for _, p := range Rank(Comparison{Mirrors: want})[1:8] {
		reasons = append(reasons, p.Why)
	}
	for i, text := range []string{
		"best answers sooner", "later gives ranges", "unranged is faster", "slower is less far behind",
		"1 older, by up to 40 days, 10.0 MiB/s; older is less far behind", "oldest has the index", "repacked has more of the images",
	} {
		if !strings.Contains(reasons[i], text) {
			t.Errorf("place %d: %q lacks %q", i+2, reasons[i], text)
		}
	}
	for range 200 {
		c := Comparison{Mirrors: slices.Clone(want)}
		rand.Shuffle(len(c.Mirrors), func(i, j int) { c.Mirrors[i], c.Mirrors[j] = c.Mirrors[j], c.Mirrors[i] })
		for i, p := range Rank(c) {
			if got := c.Mirrors[p.Index].Host; got != want[i].Host || (p.Rank == 0) != (got == "corrupt") || p.Rank > 0 && p.Rank != i+1 || p.Why == "" {
				t.Fatalf("place %d has %s with rank %d (%s)", i+1, got, p.Rank, p.Why)
			}
		}
	}
}

func TestWhatIsUnfitIsNeverRanked(t *testing.T) {
	for why := range reasons {
		c := Comparison{Mirrors: []Measure{like("a", func(m *Measure) { m.Unfit = why }), like("b", func(m *Measure) { m.Sample = nil })}}
		got := Rank(c)
		if got[0].Index != 1 || got[0].Rank != 1 || got[1].Rank != 0 || got[1].Why == "" || strings.Contains(got[1].Why, "{") {
			t.Errorf("%s: %+v", why, got)
		}
	}
}

func TestEqualMirrorsKeepTheirOrder(t *testing.T) {
	c := Comparison{Mirrors: []Measure{like("a", nil), like("b", nil), like("c", func(m *Measure) { m.Sample.Bytes += 1000 })}}
	for i, p := range Rank(c) {
		if p.Index != i {
			t.Errorf("place %d has %s", i, c.Mirrors[p.Index].Host)
		}
	}
	if got := Rank(c)[1].Why; !strings.HasSuffix(got, "no worse than a, but named after it") {
		t.Errorf("got %s", got)
	}
	if got := Rank(Comparison{}); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}
