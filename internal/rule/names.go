package rule

import "strings"

// publicRegistries are names that people mean when they mistype one. Source:
// the registries' own documentation.
var publicRegistries = []string{
	"docker.io", "registry-1.docker.io", "ghcr.io", "quay.io", "registry.k8s.io", "gcr.io", "mcr.microsoft.com",
	"public.ecr.aws", "registry.gitlab.com", "registry.access.redhat.com", "registry.redhat.io", "nvcr.io", "docker.elastic.co", "cgr.dev",
}

// nearest is the word of a list that a mistyped one most likely stands for:
// at most two edits away, and less than a third of its length. Empty: none.
func nearest(word string, list []string) string {
	best, least := "", 3
	for _, w := range list {
		if d := distance(strings.ToLower(word), w); d > 0 && d < least && d*3 < len(w) {
			best, least = w, d
		}
	}
	return best
}

// distance is the number of edits between two words, a swap of neighbours
// counted as one (optimal string alignment).
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row := rows[(i-1)%3], rows[i%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}
