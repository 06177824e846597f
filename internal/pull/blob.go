package pull

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
)

// blob is one blob on its way into the stage. It is hashed while it is written.
type blob struct {
	d     descriptor
	whole bool // all of it is there, verified; nothing is open any more
	have  int64

	file   *os.File
	hash   hash.Hash
	watch  func(have int64)
	skip   int64           // bytes of the answer that are there already
	giver  *host           // whose bytes are written
	givers map[*host]int64 // who gave how much of what is there
	err    error           // of this machine, not of a host
}

// errTooLong stops a host that sends more than the manifest declares.
var errTooLong = errors.New("more bytes come than the manifest declares")

// blob opens a blob. It is whole at once when the output has it, or an earlier
// run left it; both are read to be sure. What is only the beginning is gone on with.
func (s *stage) blob(ctx context.Context, d descriptor, watch func(have int64)) (*blob, error) {
	b := &blob{d: d, hash: newHash(d.Digest), watch: watch, givers: map[*host]int64{}}
	if f := s.out.find(d); f != nil {
		ok, err := b.check(ctx, f)
		f.Close()
		if ok || err != nil {
			return b, err
		}
	}
	var err error
	if b.file, err = s.home.OpenFile(s.path(blobName(d)), os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, err
	}
	if ok, err := b.check(ctx, b.file); ok || err != nil {
		b.close()
		return b, err
	}
	if b.have >= d.Size {
		if err := b.restart(); err != nil {
			b.close()
			return nil, err
		}
	}
	return b, nil
}

// check reads a file from its beginning and reports whether it is the blob.
func (b *blob) check(ctx context.Context, f *os.File) (bool, error) {
	b.hash.Reset()
	b.have = 0
	info, err := f.Stat()
	if err != nil || info.Size() > b.d.Size {
		b.have = b.d.Size // whatever it is, it is not the beginning
		return false, err
	}
	for {
		n, err := io.CopyN(b.hash, f, 1<<20)
		b.have += n
		switch {
		case err == io.EOF:
			b.whole = b.have == b.d.Size && b.sum() == b.d.Digest
			return b.whole, nil
		case err != nil:
			return false, err
		case ctx.Err() != nil:
			return false, context.Cause(ctx)
		}
		b.told()
	}
}

// Write adds bytes of an answer.
func (b *blob) Write(data []byte) (int, error) {
	skipped := min(b.skip, int64(len(data)))
	b.skip -= skipped
	rest := data[skipped:]
	if int64(len(rest)) > b.d.Size-b.have {
		return 0, errTooLong
	}
	n, err := b.file.Write(rest)
	b.hash.Write(rest[:n])
	b.have += int64(n)
	b.givers[b.giver] += int64(n)
	if err != nil {
		b.err = err
		return int(skipped) + n, err
	}
	b.told()
	return len(data), nil
}

func (b *blob) told() {
	if b.watch != nil {
		b.watch(b.have)
	}
}

// restart throws away what is there.
func (b *blob) restart() error {
	b.hash.Reset()
	b.have, b.skip = 0, 0
	clear(b.givers)
	if _, err := b.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return b.file.Truncate(0)
}

// settle makes the blob whole if it is what it should be.
func (b *blob) settle() (bool, error) {
	if b.have != b.d.Size || b.sum() != b.d.Digest {
		return false, nil
	}
	if err := b.file.Sync(); err != nil {
		return false, err
	}
	b.whole = true
	return true, nil
}

func (b *blob) close() {
	if b.file != nil {
		_ = b.file.Close()
	}
}

func (b *blob) sum() string {
	algorithm, _, _ := strings.Cut(b.d.Digest, ":")
	return algorithm + ":" + hex.EncodeToString(b.hash.Sum(nil))
}

// newHash is the hash of a digest's algorithm, which is one of digestForm.
func newHash(digest string) hash.Hash {
	algorithm, _, _ := strings.Cut(digest, ":")
	switch algorithm {
	case "sha256":
		return sha256.New()
	case "sha384":
		return sha512.New384()
	case "sha512":
		return sha512.New()
	}
	panic(fmt.Sprintf("pull: no hash for %q", digest))
}
