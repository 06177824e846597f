package tomldoc

import "bytes"

// Elements lists the elements of an array, as spans of the document. Anything
// but an array has none.
func (d *Doc) Elements(array Span) []Span {
	if array.End > len(d.Data) || array.Start >= array.End || d.Data[array.Start] != '[' {
		return nil
	}
	var out []Span
	at := array.Start + 1
	for at < array.End-1 {
		switch c := d.Data[at]; {
		case c == '#':
			for at < len(d.Data) && d.Data[at] != '\n' {
				at++
			}
		case bytes.IndexByte([]byte(" \t\r\n,"), c) >= 0:
			at++
		default:
			end := skipValue(d.Data, at)
			if end <= at {
				return out
			}
			out = append(out, Span{at, end})
			at = end
		}
	}
	return out
}
