package candidate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
)

// Place is where a host comes to stand.
type Place struct {
	Index int    // in Comparison.Mirrors
	Rank  int    // from 1; 0: it is not ranked
	Why   string // one line
}

// Rank orders the mirrors of a comparison, the best first; those that cannot be
// used come last and have no rank. What decides, in this order:
//
//	the images that it has, in the index that the registry itself has
//	how far they are behind
//	speed, where it differs by a half or more
//	ranged reads, with which a download can be resumed
//	how soon it answers, where that differs by a half or more
//	the order in which they were named
//
// It is pure: equal comparisons have equal ranks.
func Rank(c Comparison) []Place {
	keys := make([]key, len(c.Mirrors))
	out := make([]Place, len(c.Mirrors))
	for i, m := range c.Mirrors {
		keys[i], out[i] = keyOf(m), Place{Index: i}
	}
	slices.SortStableFunc(out, func(a, b Place) int {
		x, y := c.Mirrors[a.Index].Unfit != "", c.Mirrors[b.Index].Unfit != ""
		if x != y {
			return map[bool]int{true: 1, false: -1}[x]
		}
		if x {
			return 0
		}
		order, _ := keys[a.Index].compare(keys[b.Index])
		return order
	})
	for n := range out {
		m := c.Mirrors[out[n].Index]
		if m.Unfit != "" {
			out[n].Why = cannot(m)
			continue
		}
		out[n].Rank = n + 1
		out[n].Why = summary(m)
		if n > 0 {
			ahead := out[n-1].Index
			_, by := keys[ahead].compare(keys[out[n].Index])
			out[n].Why += "; " + behind(by, c.Mirrors[ahead])
		}
	}
	return out
}

// key is what a host is ranked by; less is better.
type key struct {
	lacking, repacked int
	behind            time.Duration
	slowness          int // steps of a half
	ranges            int
	latency           int // steps of a half
}

func keyOf(m Measure) key {
	k := key{ranges: 1}
	for _, t := range m.Tags {
		switch t.State {
		case Missing, Failed, Wrong:
			k.lacking++
		case Repacked:
			k.repacked++
		case Stale:
			k.behind = max(k.behind, t.Behind)
		}
	}
	if m.Sample.Tells() {
		k.slowness = -steps(m.Sample.Rate())
	}
	k.latency = steps(m.Latency.Seconds() * 1e6)
	if m.Ranges == Honoured {
		k.ranges = 0
	}
	return k
}

// steps puts numbers that differ by less than a half into one class.
func steps(x float64) int {
	if x < 1 {
		return 0
	}
	return 1 + int(math.Log(x)/math.Log(1.5))
}

// compare orders two hosts and names what decided.
func (k key) compare(o key) (order int, by string) {
	for _, c := range []struct {
		by    string
		order int
	}{
		{"images", cmp.Compare(k.lacking, o.lacking)},
		{"index", cmp.Compare(k.repacked, o.repacked)},
		{"age", cmp.Compare(k.behind, o.behind)},
		{"speed", cmp.Compare(k.slowness, o.slowness)},
		{"ranges", cmp.Compare(k.ranges, o.ranges)},
		{"latency", cmp.Compare(k.latency, o.latency)},
	} {
		if c.order != 0 {
			return c.order, c.by
		}
	}
	return 0, "place"
}

// verdicts are how a host stands to the one ahead of it.
var verdicts = map[string]string{
	"images":  "{ahead} has more of the images",
	"index":   "{ahead} has the index of the registry itself",
	"age":     "{ahead} is less far behind",
	"speed":   "{ahead} is faster",
	"ranges":  "{ahead} gives ranges",
	"latency": "{ahead} answers sooner",
	"place":   "no worse than {ahead}, but named after it",
}

func behind(by string, ahead Measure) string {
	return finding.Say(verdicts[by], finding.Args{"ahead": ahead.Host})
}

// summary is what counts for a host that can be used.
func summary(m Measure) string {
	var parts []string
	n := count(m.Tags)
	for _, s := range []struct {
		state State
		text  string
	}{
		{Same, "{n} of {all} as the registry has them"}, {Unknown, "{n} of {all} that nothing can be compared with"},
		{Repacked, "{n} in another index"}, {Stale, "{n} older, by up to {age}"}, {Missing, "{n} not there"}, {Failed, "{n} not told"},
	} {
		if n[s.state] > 0 {
			parts = append(parts, finding.Say(s.text, finding.Args{"n": n[s.state], "all": len(m.Tags), "age": Age(keyOf(m).behind)}))
		}
	}
	switch {
	case m.Sample.Tells():
		parts = append(parts, Speed(m.Sample.Rate()))
	case m.Sample != nil:
		parts = append(parts, "too little to read for a speed")
	default:
		parts = append(parts, "nothing to read for a speed")
	}
	if m.Ranges != Honoured && m.Ranges != Untried {
		parts = append(parts, "no ranges")
	}
	return strings.Join(parts, ", ")
}

func count(tags []Tag) map[State]int {
	out := map[State]int{}
	for _, t := range tags {
		out[t.State]++
	}
	return out
}

// reasons say why a host is not ranked.
var reasons = map[Unfit]string{
	Unreachable: "cannot be reached: {why}",
	BadTLS:      "no TLS that this node accepts: {why}",
	NoAPI:       "what answers is no registry",
	Locked:      "wants other credentials: {why}",
	Throttled:   "refuses for now, its rate limit is used up: {why}",
	WrongTag:    "has another image under {tag}",
	BadContent:  "its content cannot be had as its digest says: {why}",
}

func cannot(m Measure) string {
	args := finding.Args{"why": "", "tag": ""}
	if m.Failure != nil {
		args["why"] = m.Failure.Text
	}
	for _, t := range m.Tags {
		if t.State == Wrong {
			args["tag"] = t.Image
			break
		}
	}
	return strings.TrimSuffix(finding.Say(reasons[m.Unfit], args), ": ")
}

// Speed is a rate for people.
func Speed(rate float64) string {
	switch {
	case rate <= 0:
		return "-"
	case rate < 1<<20:
		return fmt.Sprintf("%.0f KiB/s", rate/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB/s", rate/(1<<20))
}

// Age is a span of time for people, in the unit that fits.
func Age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%d days", d/day)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}
