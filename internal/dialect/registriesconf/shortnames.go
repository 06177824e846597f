package registriesconf

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

// shortLosses tells where names without a registry lead, when that is elsewhere
// than to Docker Hub, where every other runtime looks for them. No table of
// routes can hold that.
func (r *reader) shortLosses() []finding.Finding {
	var out []finding.Finding
	lost := func(at source.Pos, what string) {
		f := r.about(dialect.Loss, "names", at, dialect.NamesLost(what))
		f.Subject = "names without a registry"
		out = append(out, f)
	}
	var searched, aliased source.Pos
	var search []string
	aliases := map[string]string{}
	for _, d := range r.docs {
		if len(d.spec.Search) > 0 {
			search, searched = d.spec.Search, d.top("unqualified-search-registries")
		}
		if len(d.spec.Aliases) > 0 {
			aliased = d.top("aliases")
			maps.Copy(aliases, d.spec.Aliases)
		}
	}
	if len(search) > 0 && !slices.Equal(search, []string{"docker.io"}) {
		lost(searched, "unqualified-search-registries ("+mask(strings.Join(search, ", "))+")")
	}
	var elsewhere []string
	for _, name := range sortedKeys(aliases) {
		if hub, err := reference.ParseNormalizedNamed(name); err == nil && aliases[name] != "" && aliases[name] != hub.Name() {
			elsewhere = append(elsewhere, name)
		}
	}
	switch n := len(elsewhere); {
	case n == 1:
		lost(aliased, "what is meant by the alias "+elsewhere[0])
	case n > 1:
		lost(aliased, fmt.Sprintf("what is meant by %d aliases such as %s", n, elsewhere[0]))
	}
	return out
}
