package containerd

import (
	"bytes"

	"github.com/towpath-dev/towpath/internal/source"
)

// maxTried bounds how much is read again to try fixes of one file, in bytes.
const maxTried = 1 << 20

// trial reads other bytes in the place of this file's. Its verdict is unknown
// once too much was tried.
func (h *hostsFile) trial(data []byte) *hostsFile {
	if h.tried == nil {
		h.tried = new(int)
	}
	t := &hostsFile{path: h.path, dir: h.dir, match: h.match, target: h.target, data: data, tried: h.tried}
	if *h.tried += len(data); *h.tried > maxTried {
		t.verdict = unknown
		return t
	}
	readHosts(t)
	return t
}

// cures reports that edits make containerd read the file, or stop further
// down. An edit that would repeat a secret is not given, so it cures nothing.
func (h *hostsFile) cures(edits []source.Edit) bool {
	if len(edits) == 0 {
		return false
	}
	for _, e := range edits {
		if h.shown().reveals(e.New) {
			return false
		}
	}
	data, err := source.Apply(h.data, edits)
	return err == nil && h.trial(data).beyond(h)
}

// beyond reports that this reading got further than another of the same file.
func (h *hostsFile) beyond(other *hostsFile) bool {
	switch {
	case h.verdict == used:
		return true
	case h.verdict != dropped || other.problem == nil:
		return false
	case h.problem == nil:
		return true
	}
	return h.problem.At.Line > other.problem.At.Line
}

// edit replaces a range of the file.
func (h *hostsFile) edit(start, end int, text string) source.Edit {
	return source.Edit{File: h.path, Start: start, End: end, New: text}
}

// newline is the line end that the file uses.
func (h *hostsFile) newline() string {
	if bytes.Contains(h.data, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// lineAround is the range of whole lines that hold a range, line end included.
func (h *hostsFile) lineAround(start, end int) (int, int) {
	start = bytes.LastIndexByte(h.data[:start], '\n') + 1
	if i := bytes.IndexByte(h.data[end:], '\n'); i >= 0 {
		return start, end + i + 1
	}
	return start, len(h.data)
}
