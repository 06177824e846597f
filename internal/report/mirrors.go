package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/towpath-dev/towpath/internal/candidate"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
)

// Mirrors is the document of the mirrors command.
type Mirrors struct {
	Schema   string        `json:"schema"`
	Kind     string        `json:"kind"` // "mirrors"
	Registry string        `json:"registry"`
	Runtime  *Runtime      `json:"runtime"`
	Images   []string      `json:"images"`  // that were compared
	Default  bool          `json:"default"` // nobody chose them
	Upstream MirrorHost    `json:"upstream"`
	Mirrors  []MirrorHost  `json:"mirrors"` // the best first, those that cannot be used last
	Before   []string      `json:"before"`  // the mirrors as they are configured, in order
	After    []string      `json:"after"`   // as --write has them
	Change   *MirrorChange `json:"change"`  // null: nothing was to be written
	Findings []Finding     `json:"findings"`
}

// MirrorChange tells what became of --write.
type MirrorChange struct {
	Change
	Out *string `json:"out"` // the directory that the files went to instead of the node
}

// MirrorHost is one host that was measured.
type MirrorHost struct {
	Rank       *int           `json:"rank"` // null: it cannot be used, or is the registry itself
	Endpoint   string         `json:"endpoint"`
	Configured bool           `json:"configured"`
	Unfit      *string        `json:"unfit"` // "unreachable", "tls", "api", "login", "throttled", "wrong", "content"
	Why        string         `json:"why"`
	LatencyMs  *float64       `json:"latencyMs"` // to the header of the first answer
	AsksLogin  bool           `json:"asksLogin"`
	Tags       []MirrorTag    `json:"tags"`
	Ranges     *string        `json:"ranges"` // "honoured", "ignored", "wrong", "refused"
	Sample     *MirrorSample  `json:"sample"`
	Redirects  []string       `json:"redirects"` // origins
	RateLimits []MirrorHeader `json:"rateLimits"`
	Error      *string        `json:"error"`
}

// MirrorTag is what a host has under a tag.
type MirrorTag struct {
	Image         string  `json:"image"`
	State         *string `json:"state"` // "same", "repacked", "stale", "wrong", "missing", "failed", "unknown"; null: of the registry itself
	Digest        *string `json:"digest"`
	Created       *string `json:"created"`
	BehindSeconds *int64  `json:"behindSeconds"`
	Error         *string `json:"error"`
}

// MirrorSample is what was read of a blob.
type MirrorSample struct {
	Digest         string  `json:"digest"`
	Bytes          int64   `json:"bytes"`
	Ms             float64 `json:"ms"`
	BytesPerSecond int64   `json:"bytesPerSecond"`
	Verified       bool    `json:"verified"` // all of it was read, and it is what its digest says
}

// MirrorHeader is a header line about rate limits.
type MirrorHeader struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// NewMirrors is the document of a comparison and its ranking.
func NewMirrors(c candidate.Comparison, target route.Target, found []finding.Finding) Mirrors {
	d := Mirrors{
		Schema: Schema, Kind: "mirrors", Registry: c.Registry, Runtime: RuntimeOf(target), Images: []string{}, Mirrors: []MirrorHost{},
		Upstream: mirrorHost(c.Upstream), Before: []string{}, After: []string{}, Findings: Findings(found),
	}
	for i, t := range c.Upstream.Tags {
		d.Images = append(d.Images, t.Image)
		d.Upstream.Tags[i].State = nil
	}
	for _, p := range candidate.Rank(c) {
		h := mirrorHost(c.Mirrors[p.Index])
		h.Why = printable(p.Why)
		if p.Rank > 0 {
			h.Rank = &p.Rank
		}
		d.Mirrors = append(d.Mirrors, h)
	}
	return d
}

func mirrorHost(m candidate.Measure) MirrorHost {
	h := MirrorHost{
		Endpoint: m.Endpoint, Configured: m.Configured, Unfit: text(string(m.Unfit)), AsksLogin: m.Asked, Tags: []MirrorTag{},
		Ranges: text(string(m.Ranges)), Redirects: append([]string{}, m.Redirects...), RateLimits: []MirrorHeader{},
	}
	if m.Latency > 0 {
		ms := inMs(m.Latency)
		h.LatencyMs = &ms
	}
	for _, l := range m.Limits {
		h.RateLimits = append(h.RateLimits, MirrorHeader{printable(l.Key), printable(l.Value)})
	}
	if m.Failure != nil {
		h.Error = text(printable(m.Failure.Text))
	}
	if s := m.Sample; s != nil {
		h.Sample = &MirrorSample{Digest: s.Digest, Bytes: s.Bytes, Ms: inMs(s.Took), BytesPerSecond: int64(s.Rate()), Verified: s.Whole}
	}
	for _, t := range m.Tags {
		h.Tags = append(h.Tags, mirrorTag(t))
	}
	return h
}

func mirrorTag(t candidate.Tag) MirrorTag {
	out := MirrorTag{Image: t.Image, State: text(string(t.State)), Digest: text(t.Digest)}
	if !t.Created.IsZero() {
		out.Created = text(stamp(t.Created))
	}
	if t.State == candidate.Stale {
		behind := int64(t.Behind / time.Second)
		out.BehindSeconds = &behind
	}
	if t.Failure != nil {
		out.Error = text(printable(t.Failure.Text))
	}
	return out
}

// inMs is a span in milliseconds, to the microsecond.
func inMs(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

// wideTable is the least width for all columns; below it the reasons say it.
const wideTable = 100

// Mirrors prints a ranking as a table, with the reason for each place below it.
func (t *Terminal) Mirrors(d Mirrors, found []finding.Finding) {
	chosen := ""
	if d.Default {
		chosen = " (nobody chose; --image does)"
	}
	t.print("%s: compared by %s%s\n\n", d.Registry, strings.Join(d.Images, ", "), chosen)
	width := runewidth.StringWidth("registry itself")
	for _, m := range d.Mirrors {
		width = max(width, runewidth.StringWidth(m.Endpoint))
	}
	width = min(width, 60)
	wide := t.Width == 0 || t.Width >= wideTable
	if wide {
		t.print("%s\n", t.paint(grey, fmt.Sprintf("%4s  %s  %-6s  %-8s  %-11s  %-8s  %s", "rank", pad("mirror", width), "same", "behind", "speed", "ranges", "first byte")))
	}
	for _, m := range d.Mirrors {
		t.mirror(m, width, wide)
	}
	own := d.Upstream
	own.Why = "the registry itself, for comparison: " + own.Endpoint
	if own.Error != nil {
		own.Why += ": " + *own.Error
	}
	t.mirror(MirrorHost{Endpoint: "registry itself", Why: own.Why, Sample: own.Sample, Ranges: own.Ranges, LatencyMs: own.LatencyMs}, width, wide)
	t.print("\n")
	t.Findings(found, nil)
	t.print("%s\n", Summary(found))
}

// mirror prints one host.
func (t *Terminal) mirror(m MirrorHost, width int, wide bool) {
	rank := "-"
	if m.Rank != nil {
		rank = fmt.Sprint(*m.Rank)
	}
	row := fmt.Sprintf("%4s  %s", rank, pad(cut(m.Endpoint, width), width))
	if wide {
		row += "  " + strings.Join(m.columns(), "  ")
	}
	row = strings.TrimRight(row, " ")
	if m.Unfit != nil {
		t.print("%s\n", t.paint(red, row))
	} else {
		t.print("%s\n", row)
	}
	why := m.Why
	for _, to := range m.Redirects {
		why += "; sends blobs or requests to " + to
	}
	for _, l := range m.RateLimits {
		why += "; " + l.Key + ": " + l.Value
	}
	t.print("      %s\n", t.fold(why, "      "))
}

func (m MirrorHost) columns() []string {
	same, behind, speed, latency := "-", "-", "-", "-"
	if len(m.Tags) > 0 {
		n := 0
		var most int64
		for _, x := range m.Tags {
			if x.State != nil && *x.State == string(candidate.Same) {
				n++
			}
			if x.BehindSeconds != nil {
				most = max(most, *x.BehindSeconds)
			}
		}
		same = fmt.Sprintf("%d/%d", n, len(m.Tags))
		if most > 0 {
			behind = candidate.Age(time.Duration(most) * time.Second)
		}
	}
	if m.Sample != nil && (&candidate.Sample{Bytes: m.Sample.Bytes}).Tells() {
		speed = candidate.Speed(float64(m.Sample.BytesPerSecond))
	}
	if m.LatencyMs != nil {
		latency = fmt.Sprintf("%.0f ms", *m.LatencyMs)
	}
	ranges := "-"
	if m.Ranges != nil {
		ranges = map[bool]string{true: "yes", false: "no"}[*m.Ranges == string(candidate.Honoured)]
	}
	return []string{pad(same, 6), pad(behind, 8), pad(speed, 11), pad(ranges, 8), latency}
}
