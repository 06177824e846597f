package dialecttest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"unicode/utf16"
)

// Mutate makes n texts out of sound ones by what happens to a file between the
// wish and the disk, the same for the same seed. Swaps are pairs of texts of
// which the first is replaced by the second now and then.
func Mutate(sound []string, swaps [][2]string, seed uint64, n int) []string {
	r := rand.New(rand.NewPCG(seed, 13))
	var out []string
	for len(out) < n {
		text := sound[r.IntN(len(sound))]
		for range 1 + r.IntN(2) {
			if len(swaps) > 0 && r.IntN(3) == 0 {
				s := swaps[r.IntN(len(swaps))]
				text = strings.Replace(text, s[0], s[1], 1+r.IntN(3))
				continue
			}
			text = accidents[r.IntN(len(accidents))](r, text, sound)
		}
		out = append(out, text)
	}
	return out
}

var accidents = []func(r *rand.Rand, s string, all []string) string{
	func(r *rand.Rand, s string, _ []string) string { return "\ufeff" + s },
	func(r *rand.Rand, s string, _ []string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
	func(r *rand.Rand, s string, _ []string) string { return strings.ReplaceAll(s, "\n", "\r") },
	func(r *rand.Rand, s string, _ []string) string { return strings.Replace(s, `"`, "“", 2) },
	func(r *rand.Rand, s string, _ []string) string { return strings.Replace(s, `"`, "'", 2) },
	func(r *rand.Rand, s string, _ []string) string { return strings.Replace(s, `"`, "", 2) },
	func(r *rand.Rand, s string, _ []string) string { return strings.Replace(s, "  ", "\t", 1) },
	func(r *rand.Rand, s string, _ []string) string { return strings.Replace(s, "true", `"true"`, 1) },
	func(r *rand.Rand, s string, _ []string) string { return strings.Replace(s, "true", "yes", 1) },
	func(r *rand.Rand, s string, _ []string) string { return strings.Replace(s, ": ", ":", 1) },
	func(r *rand.Rand, s string, _ []string) string { return strings.Replace(s, "[", "", 1) },
	func(r *rand.Rand, s string, _ []string) string { return strings.Replace(s, "]", "", 1) },
	func(r *rand.Rand, s string, _ []string) string { return s + "# caf\xe9\n" },
	func(r *rand.Rand, s string, all []string) string { return s + all[r.IntN(len(all))] },
	func(r *rand.Rand, s string, _ []string) string { return s[:r.IntN(len(s)+1)] },
	wide, cutLine, doubleLine, swapLines, indentLine, cutByte, cutByte, addByte, addByte,
}

func wide(_ *rand.Rand, s string, _ []string) string {
	out := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

func lines(s string) []string { return strings.SplitAfter(s, "\n") }

func cutLine(r *rand.Rand, s string, _ []string) string {
	l := lines(s)
	i := r.IntN(len(l))
	return strings.Join(slices.Delete(l, i, i+1), "")
}

func doubleLine(r *rand.Rand, s string, _ []string) string {
	l := lines(s)
	i := r.IntN(len(l))
	return strings.Join(slices.Insert(l, i, l[i]), "")
}

func swapLines(r *rand.Rand, s string, _ []string) string {
	l := lines(s)
	i, j := r.IntN(len(l)), r.IntN(len(l))
	l[i], l[j] = l[j], l[i]
	return strings.Join(l, "")
}

func indentLine(r *rand.Rand, s string, _ []string) string {
	l := lines(s)
	i := r.IntN(len(l))
	l[i] = " " + l[i]
	return strings.Join(l, "")
}

func cutByte(r *rand.Rand, s string, _ []string) string {
	if s == "" {
		return s
	}
	i := r.IntN(len(s))
	return s[:i] + s[i+1:]
}

func addByte(r *rand.Rand, s string, _ []string) string {
	const marks = " :-#\"'{}[]*&!|>%@\n\t,?~=.\\/"
	i, j := r.IntN(len(s)+1), r.IntN(len(marks))
	return s[:i] + marks[j:j+1] + s[i:]
}
