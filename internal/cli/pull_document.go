package cli

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/towpath-dev/towpath/internal/pull"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/survey"
)

// pullDocument is the document of the pull command.
type pullDocument struct {
	Schema    string           `json:"schema"`
	Kind      string           `json:"kind"` // "pull"
	Image     string           `json:"image"`
	Reference string           `json:"reference"`
	Runtime   *report.Runtime  `json:"runtime"`
	Via       string           `json:"via"` // "cri" or "self"
	Out       *string          `json:"out"`
	State     string           `json:"state"`    // "done" or "failed"
	Digest    *string          `json:"digest"`   // what the reference stands for
	Manifest  *string          `json:"manifest"` // of the one platform
	Platform  *string          `json:"platform"`
	Ms        float64          `json:"ms"`
	Hosts     []pullHost       `json:"hosts"`   // that gave something or failed, in the order of the route
	Present   pullShare        `json:"present"` // what was there before
	Kept      *pullKept        `json:"kept"`    // for the next run
	Error     *string          `json:"error"`
	Try       *string          `json:"try"`
	Findings  []report.Finding `json:"findings"`

	ref   route.Ref
	order []string    // the endpoints of the route
	what  string      // that no host gave
	asked []pull.Left // the hosts that did not
}

type pullHost struct {
	Endpoint string `json:"endpoint"`
	pullShare
	Error *string `json:"error"`
}

type pullShare struct {
	Blobs int   `json:"blobs"`
	Bytes int64 `json:"bytes"`
}

type pullKept struct {
	Dir string `json:"dir"`
	pullShare
}

func newPullDocument(image string, ref route.Ref, f pullFlags, s *survey.Survey) pullDocument {
	d := pullDocument{
		Schema: report.Schema, Kind: "pull", Image: image, Reference: ref.String(), Runtime: report.RuntimeOf(s.Reading.Table.Target),
		Via: f.via, Out: optional(f.out), State: "done", Hosts: []pullHost{}, Findings: []report.Finding{}, ref: ref,
	}
	for _, e := range s.Reading.Table.EndpointsFor(ref) {
		d.order = append(d.order, e.String())
	}
	return d
}

// fill takes over what a pull came to.
func (d *pullDocument) fill(r pull.Result) {
	d.Digest, d.Manifest, d.Platform = optional(r.Digest), optional(r.Manifest), optional(r.Platform)
	d.Present = pullShare(r.Had)
	for _, s := range r.Served {
		d.Hosts = append(d.Hosts, pullHost{Endpoint: s.Endpoint, pullShare: pullShare(s.Share)})
	}
	d.failed(r.Left)
	if r.Kept.Dir != "" {
		d.Kept = &pullKept{r.Kept.Dir, pullShare(r.Kept.Share)}
	}
}

// refused takes over what all hosts said to the request that ended a pull.
func (d *pullDocument) refused(said *pull.Refusals) {
	d.what, d.asked = said.What(), said.Hosts()
	d.failed(d.asked)
}

func (d *pullDocument) failed(list []pull.Left) {
	for _, l := range list {
		i := slices.IndexFunc(d.Hosts, func(h pullHost) bool { return h.Endpoint == l.Endpoint })
		if i < 0 {
			d.Hosts = append(d.Hosts, pullHost{Endpoint: l.Endpoint})
			i = len(d.Hosts) - 1
		}
		d.Hosts[i].Error = optional(l.Failure.Text)
	}
	slices.SortStableFunc(d.Hosts, func(a, b pullHost) int {
		return cmp.Compare(slices.Index(d.order, a.Endpoint), slices.Index(d.order, b.Endpoint))
	})
}

// pulled is the image by its digest, as it can be pulled again.
func (d *pullDocument) pulled() string {
	if d.Digest == nil {
		return d.Reference
	}
	return d.ref.Registry + "/" + d.ref.Repository + "@" + *d.Digest
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// size is a number of bytes for people: "12.3 MiB".
func size(n int64) string {
	value, unit := float64(n), "B"
	for _, bigger := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if value < 1000 {
			break
		}
		value, unit = value/1024, bigger
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
