package tomldoc

import "bytes"

// skipValue returns the offset behind the value that begins at a place of a
// valid document: strings and nested arrays and tables are stepped over.
func skipValue(data []byte, at int) int {
	if at >= len(data) {
		return at
	}
	switch data[at] {
	case '"', '\'':
		return skipString(data, at)
	case '[', '{':
		return skipNested(data, at)
	}
	for at < len(data) && bytes.IndexByte([]byte(" \t\r\n,]}#"), data[at]) < 0 {
		at++
	}
	return at
}

func skipNested(data []byte, at int) int {
	depth := 0
	for at < len(data) {
		switch data[at] {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
			if depth == 0 {
				return at + 1
			}
		case '"', '\'':
			at = skipString(data, at)
			continue
		case '#':
			for at < len(data) && data[at] != '\n' {
				at++
			}
			continue
		}
		at++
	}
	return at
}

func skipString(data []byte, at int) int {
	quote := data[at]
	long := bytes.Repeat([]byte{quote}, 3)
	if bytes.HasPrefix(data[at:], long) {
		return skipLong(data, at+3, long)
	}
	for at++; at < len(data); at++ {
		switch {
		case data[at] == '\\' && quote == '"':
			at++
		case data[at] == quote:
			return at + 1
		}
	}
	return at
}

// skipLong steps over a multi-line string; up to two quotes may stand directly
// before its end and belong to it.
func skipLong(data []byte, at int, long []byte) int {
	for ; at < len(data); at++ {
		if data[at] == '\\' && long[0] == '"' {
			at++
			continue
		}
		if bytes.HasPrefix(data[at:], long) {
			at += 3
			for n := 0; n < 2 && at < len(data) && data[at] == long[0]; n++ {
				at++
			}
			return at
		}
	}
	return at
}
