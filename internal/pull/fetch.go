package pull

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/upstream"
)

// parallel is how many layers are fetched at once, as containerd does by default.
const parallel = 3

// fetch brings every blob of an image into the stage: the configuration first,
// because it may show that the image is of no use, then the layers side by side.
func (p *pull) fetch(ctx context.Context, img *image, want platform) error {
	if err := p.part(ctx, img.parts[0]); err != nil {
		return err
	}
	if err := p.inspect(img, want); err != nil {
		return err
	}
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(parallel)
	for _, x := range img.parts[1:] {
		all.Go(func() error { return p.part(ctx, x) })
	}
	return all.Wait()
}

// inspect reads the platform out of the configuration, which artifacts that are
// no images lack.
func (p *pull) inspect(img *image, want platform) error {
	config := img.manifest.config
	runs := config.MediaType == ociConfig || config.MediaType == dockerConfig
	if p.Out.Format == DockerArchive && !runs {
		return fmt.Errorf("%s is no container image but %.100q, which a docker archive cannot hold; --out oci:DIR can", p.Ref, config.MediaType)
	}
	f, err := p.stage.open(*config)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxConfig)).Decode(&img.platform); err != nil && runs {
		return fmt.Errorf("the configuration %s is no JSON: %w", config.short(), err)
	}
	if !runs || img.platform.OS == "" {
		img.platform = platform{}
		return nil
	}
	p.result.Platform = img.platform.String()
	fits := false
	for _, accepted := range want.accepts() {
		fits = fits || accepted == img.platform.normal()
	}
	if p.Strict && !fits && p.result.Digest == p.result.Manifest {
		return fmt.Errorf("%s has no image for %s, only for %s", p.Ref, want, img.platform)
	}
	return nil
}

// part brings one blob into the stage.
func (p *pull) part(ctx context.Context, x part) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	state := Checking
	b, err := p.stage.blob(ctx, x.descriptor, func(have int64) { p.tell(Event{State: state, Part: x.shown(), Have: have}) })
	if err != nil {
		return fmt.Errorf("%s: %w", x.name, err)
	}
	if b.whole {
		p.had(1, x.Size)
		p.tell(Event{State: Present, Part: x.shown(), Have: x.Size})
		return nil
	}
	defer b.close()
	state = Downloading
	began := b.have
	p.tell(Event{State: Downloading, Part: x.shown(), Have: began})
	list := p.hosts.questions(p.Table.Fetch(p.Ref, route.Blobs, x.Digest))
	err = p.ask(ctx, "fetch "+x.name+" "+x.Digest, list, func(ctx context.Context, q question) (*refusal, error) {
		return p.fill(ctx, q, b)
	})
	if err != nil {
		return err
	}
	before := x.Size
	for giver, bytes := range b.givers {
		p.hosts.credit(giver, 0, bytes)
		before -= bytes
	}
	p.hosts.credit(b.giver, 1, 0)
	p.had(0, before)
	p.tell(Event{State: Done, Part: x.shown(), Have: x.Size, Endpoint: b.giver.endpoint.String()})
	return nil
}

// enough is how many bytes count as progress, so that a host which breaks off
// after each may be asked again without end.
const enough = 64 << 10

// fill gets from one host what is missing of a blob.
func (p *pull) fill(ctx context.Context, q question, b *blob) (*refusal, error) {
	began := b.have
	b.giver = q.host
	r := p.transfer(ctx, q, b, began > 0)
	if r != nil && r.ranges && b.err == nil {
		r = p.transfer(ctx, q, b, false)
	}
	if b.err != nil {
		return nil, fmt.Errorf("write %s: %w", b.d.short(), b.err)
	}
	if r != nil {
		r.gained = b.have-began >= enough
		return r, nil
	}
	ok, err := b.settle()
	if ok || err != nil {
		return nil, err
	}
	got := b.sum()
	if err := b.restart(); err != nil {
		return nil, err
	}
	if began > 0 {
		return p.fill(ctx, q, b) // what was there before may be at fault
	}
	return &refusal{Failure: snapshot.Failure{
		Stage: snapshot.Blob, Cause: snapshot.WrongDigest, Text: fmt.Sprintf("the bytes hash to %s, not to %s", got, b.d.Digest),
	}}, nil
}

// transfer makes one request. ranged: for the missing bytes alone; else those
// that are there already are skipped, and lost only if the blob was wrong.
func (p *pull) transfer(ctx context.Context, q question, b *blob, ranged bool) *refusal {
	req := upstream.Request{
		Method: http.MethodGet, URL: q.url, Stage: snapshot.Blob, Repository: q.endpoint.Repository(p.Ref),
		Accept: upstream.AcceptType(b.d.MediaType), Limit: max(b.d.Size, 1), Unhashed: true,
	}
	if ranged {
		req.Range = fmt.Sprintf("bytes=%d-", b.have)
	}
	var misfit *mismatch
	req.Into = func(r snapshot.Response) (io.Writer, error) {
		if misfit = b.receive(r); misfit != nil {
			return nil, misfit
		}
		return b, nil
	}
	e := q.session.Ask(ctx, req)
	r := refused(e)
	switch {
	case r == nil && b.have < b.d.Size:
		return &refusal{Failure: snapshot.Failure{
			Stage: snapshot.Blob, Cause: snapshot.Truncated, Text: fmt.Sprintf("the body ended after %d of %d bytes", b.have, b.d.Size),
		}}
	case r == nil:
	case misfit != nil:
		r.Cause, r.ranges = wrongSize, misfit.ranges
	case r.Cause == snapshot.TooLarge || strings.Contains(r.Text, errTooLong.Error()):
		r.Cause, r.Text = wrongSize, errTooLong.Error()
		b.err = errors.Join(b.err, b.restart())
	case ranged && r.status == http.StatusRequestedRangeNotSatisfiable:
		r.ranges = true
	}
	return r
}

// mismatch is why an answer cannot be the blob.
type mismatch struct {
	text   string
	ranges bool // the answer is another range than what was asked for
}

func (m *mismatch) Error() string { return m.text }

// receive prepares for an answer: what follows what is there, or everything.
func (b *blob) receive(r snapshot.Response) *mismatch {
	total := r.Length
	b.skip = b.have
	if r.Status == http.StatusPartialContent {
		from, size, ok := contentRange(r.Header["Content-Range"])
		if !ok || from != b.have {
			return &mismatch{"the server answers with another range than it was asked for", true}
		}
		total, b.skip = size, 0
	}
	if total >= 0 && total != b.d.Size {
		return &mismatch{fmt.Sprintf("the server has %d bytes, and the manifest declares %d", total, b.d.Size), false}
	}
	return nil
}

// contentRange reads "bytes 100-199/200"; size is -1 for "*".
func contentRange(lines []string) (from, size int64, ok bool) {
	if len(lines) != 1 {
		return 0, 0, false
	}
	span, total, _ := strings.Cut(strings.TrimPrefix(lines[0], "bytes "), "/")
	first, _, _ := strings.Cut(span, "-")
	begin, err := strconv.ParseUint(first, 10, 63)
	if err != nil {
		return 0, 0, false
	}
	from = int64(begin)
	if total == "*" {
		return from, -1, true
	}
	end, err := strconv.ParseUint(total, 10, 63)
	return from, int64(end), err == nil
}
