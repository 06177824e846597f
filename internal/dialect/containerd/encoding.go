package containerd

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/towpath-dev/towpath/internal/source"
)

// typographic maps what word processors write to what was meant.
var typographic = map[rune]string{
	'“': `"`, '”': `"`, '„': `"`, '‟': `"`, '«': `"`, '»': `"`, '＂': `"`, '‘': "'", '’': "'", '‚': "'", '‛': "'", '＇': "'", '´': "'",
	'\u00a0': " ", '\u3000': " ", '\u2009': " ", '\u202f': " ", '\u200b': "", '\ufeff': "", '：': " =", '，': ",", '＝': "=",
	'［': "[", '］': "]", '｛': "{", '｝': "}", '．': ".",
}

// straighten lists the edits that replace typographic characters outside of
// comments, and the place of the first.
func (h *hostsFile) straighten() (edits []source.Edit, first int, was rune) {
	comment, open := false, rune(0)
	for i, r := range string(h.data) {
		plain, odd := typographic[r]
		switch {
		case r == '\n':
			comment, open = false, 0
		case comment || i == 0 && r == '\ufeff':
		case r == '#' && open == 0:
			comment = true
		case odd:
			if len(edits) == 0 {
				first, was = i, r
			}
			edits = append(edits, h.edit(i, i+utf8.RuneLen(r), plain))
		}
		if r == '"' || r == '\'' || plain == `"` || plain == "'" {
			open = toggle(open, r)
		}
	}
	return edits, first, was
}

func toggle(open, quote rune) rune {
	switch {
	case open == 0:
		return quote
	case open == quote || typographic[open] != "" && typographic[quote] != "":
		return 0
	}
	return open
}

// narrow is the text of a file in UTF-16; ok is false when it is not in it.
func narrow(data []byte) (text string, ok bool) {
	var at func(i int) uint16
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		at = func(i int) uint16 { return uint16(data[i]) | uint16(data[i+1])<<8 }
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		at = func(i int) uint16 { return uint16(data[i])<<8 | uint16(data[i+1]) }
	default:
		return "", false
	}
	var units []uint16
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, at(i))
	}
	return string(utf16.Decode(units)), true
}
