package probe

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/towpath-dev/towpath/internal/mediatype"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// unpack says how the pull ends when all content has come: the runtime unpacks
// it, or what it is does not let it.
func (l *look) unpack() {
	c := l.hop.Manifest
	if l.hop.Failure != nil || c.Config == nil || l.endpoint.Engine != route.Containerd {
		return
	}
	u := mediatype.Unpacking{Major: 2, Minor: 4, Config: c.Config.Type, DiffIDs: len(c.DiffIDs)}
	if v := l.p.Table.Target.Containerd; v.Known() {
		u.Major, u.Minor = v.Major, v.Minor
	}
	for _, b := range c.Layers {
		u.Layers = append(u.Layers, b.Type)
	}
	if why := u.Fails(); why != "" {
		l.fail(snapshot.Blob, snapshot.Unpack, why)
		return
	}
	for i, b := range c.Layers {
		switch {
		case b.Broken != "":
			l.fail(snapshot.Blob, snapshot.Unpack, fmt.Sprintf("extract layer %s: %s", b.Digest, b.Broken))
		case b.Diff != "" && i < len(c.DiffIDs) && b.Diff != c.DiffIDs[i]:
			l.fail(snapshot.Blob, snapshot.Unpack, fmt.Sprintf("wrong diff id %s calculated on extraction of %s, the config has %s", b.Diff, b.Digest, c.DiffIDs[i]))
		}
	}
}

// mostUnpacked is the size above which a layer is not unpacked to its end. Bytes.
const mostUnpacked = 64 << 30

// unpacking takes a layer apart while it comes, and keeps nothing of it.
type unpacking struct {
	in   *io.PipeWriter
	done chan struct{}

	diff   string // digest of the archive
	broken string // why it is none
}

func startUnpacking(ctx context.Context) *unpacking {
	r, w := io.Pipe()
	u := &unpacking{in: w, done: make(chan struct{})}
	go func() {
		defer close(u.done)
		u.read(ctx, r)
		_, _ = io.Copy(io.Discard, r) // the download goes on to its end
	}()
	return u
}

func (u *unpacking) Write(p []byte) (int, error) { return u.in.Write(p) }

// end waits for what was written to be taken apart.
func (u *unpacking) end() (diff, broken string) {
	_ = u.in.Close() // of a pipe: cannot fail
	<-u.done
	return u.diff, u.broken
}

var errNotJudged = errors.New("too large to be judged")

// read does what the runtime does with a layer: it looks at the first bytes for
// the compression, whatever the media type says.
func (u *unpacking) read(ctx context.Context, r io.Reader) {
	plain, closing, err := decompressed(r)
	if err == nil {
		defer closing()
		hash := sha256.New()
		archive := io.TeeReader(&bounded{ctx: ctx, in: plain, left: mostUnpacked}, hash)
		if err = members(archive); err == nil {
			_, err = io.Copy(io.Discard, archive)
		}
		u.diff = "sha256:" + hex.EncodeToString(hash.Sum(nil))
	}
	if err == nil {
		return
	}
	u.diff = ""
	if ctx.Err() == nil && !errors.Is(err, errNotJudged) && !errors.Is(err, zstd.ErrWindowSizeExceeded) && !errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		u.broken = err.Error()
	}
}

func decompressed(r io.Reader) (plain io.Reader, closing func(), err error) {
	b := bufio.NewReader(r)
	magic, _ := b.Peek(4) // what is shorter is neither
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b, 0x08}):
		z, err := gzip.NewReader(b)
		return z, func() {}, err
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}), len(magic) == 4 && magic[0]&0xf0 == 0x50 && bytes.Equal(magic[1:], []byte{0x2a, 0x4d, 0x18}):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(256<<20))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	}
	return b, func() {}, nil
}

// members reads the headers of an archive to its end.
func members(r io.Reader) error {
	t := tar.NewReader(r)
	for {
		if _, err := t.Next(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// bounded stops at a size, and when the context ends.
type bounded struct {
	ctx  context.Context
	in   io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.in.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errNotJudged
	}
	return n, err
}
