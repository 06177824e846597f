package source

// Lines finds the lines of files without passing each file anew for every line.
// The zero Lines is ready; it is not for several goroutines at once.
type Lines struct {
	starts map[string][]int // where the lines begin, by the file's path
}

// Line is Line of a file's data.
func (l *Lines) Line(f *File, n int) string {
	starts, known := l.starts[f.Path]
	if !known {
		starts = []int{0}
		for i, c := range f.Data {
			if c == '\n' {
				starts = append(starts, i+1)
			}
		}
		if l.starts == nil {
			l.starts = map[string][]int{}
		}
		l.starts[f.Path] = starts
	}
	if n < 1 || n > len(starts) || starts[n-1] > len(f.Data) {
		return ""
	}
	return Line(f.Data[starts[n-1]:], 1)
}
