package yamldoc

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

var (
	utf8BOM  = []byte("\ufeff")
	utf16BOM = map[bool][]byte{false: {0xFF, 0xFE}, true: {0xFE, 0xFF}} // by whether the big end comes first
)

// HasBOM reports a byte order mark of UTF-8. YAML parsers accept it.
func HasBOM(data []byte) bool { return bytes.HasPrefix(data, utf8BOM) }

// narrow returns UTF-16 data as UTF-8. Only data with a byte order mark counts,
// as for the parsers.
func narrow(data []byte) ([]byte, bool) {
	for big, bom := range utf16BOM {
		if bytes.HasPrefix(data, bom) {
			return fromUTF16(data[2:], big), true
		}
	}
	return data, false
}

func fromUTF16(data []byte, big bool) []byte {
	units := make([]uint16, 0, len(data)/2)
	for i := 0; i+1 < len(data); i += 2 {
		low, high := data[i], data[i+1]
		if big {
			low, high = high, low
		}
		units = append(units, uint16(high)<<8|uint16(low))
	}
	return []byte(string(utf16.Decode(units)))
}

// badByte finds the first byte that is not UTF-8.
func badByte(data []byte) (int, bool) {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i, true
		}
		i += n
	}
	return 0, false
}

// badRune finds the first character that YAML 1.1 does not allow.
func badRune(data []byte) (int, rune, bool) {
	for i, r := range string(data) {
		switch {
		case r == '\t' || r == '\n' || r == '\r' || r == 0x85:
		case r < 0x20, r >= 0x7F && r < 0xA0, r == 0xFFFE, r == 0xFFFF, r == 0xFEFF && i > 0:
			return i, r, true
		}
	}
	return 0, 0, false
}
