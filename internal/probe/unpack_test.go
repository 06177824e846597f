package probe

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func archive(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	body := bytes.Repeat([]byte("towpath"), 5000)
	if err := w.WriteHeader(&tar.Header{Name: "f", Mode: 0o644, Size: int64(len(body)), Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func packed(t *testing.T, data []byte, with func(io.Writer) io.WriteCloser) []byte {
	t.Helper()
	var b bytes.Buffer
	w := with(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }

func zstandard(w io.Writer) io.WriteCloser {
	z, _ := zstd.NewWriter(w) // without options it cannot fail
	return z
}

func taken(t *testing.T, blob []byte) (diff, broken string) {
	t.Helper()
	u := startUnpacking(t.Context())
	for len(blob) > 0 {
		n := min(len(blob), 333)
		if _, err := u.Write(blob[:n]); err != nil {
			t.Fatal(err)
		}
		blob = blob[n:]
	}
	return u.end()
}

func TestALayerIsTakenApartWhateverItsCompression(t *testing.T) {
	plain := archive(t)
	hash := sha256.Sum256(plain)
	want := "sha256:" + hex.EncodeToString(hash[:])
	for name, blob := range map[string][]byte{"plain": plain, "gzip": packed(t, plain, zipped), "zstd": packed(t, plain, zstandard)} {
		if diff, broken := taken(t, blob); diff != want || broken != "" {
			t.Errorf("%s: %s, %q; want %s", name, diff, broken, want)
		}
	}
}

func TestALayerThatCannotBeTakenApartSaysWhy(t *testing.T) {
	plain := archive(t)
	gz, zs := packed(t, plain, zipped), packed(t, plain, zstandard)
	flipped := bytes.Clone(gz)
	flipped[len(flipped)-6] ^= 1 // in the checksum
	for name, c := range map[string]struct {
		blob []byte
		want string
	}{
		"cut gzip":         {gz[:len(gz)/2], "unexpected EOF"},
		"cut zstd":         {zs[:len(zs)/2], "EOF"},
		"cut archive":      {plain[:2000], "unexpected EOF"},
		"wrong checksum":   {flipped, "checksum"},
		"no archive":       {packed(t, []byte(strings.Repeat("no archive ", 100)), zipped), "invalid tar header"},
		"a page":           {[]byte("<html></html>"), "unexpected EOF"},
		"a broken zstd":    {append(bytes.Clone(zs[:4]), 0xff, 0xff, 0xff), ""},
		"compressed twice": {packed(t, gz, zipped), ""},
	} {
		if diff, broken := taken(t, c.blob); broken == "" || !strings.Contains(broken, c.want) || diff != "" {
			t.Errorf("%s: %q, %q; want %q", name, diff, broken, c.want)
		}
	}
}
