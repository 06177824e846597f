package registriesconf

import (
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Render is a placeholder
func Render(want route.Table, have []source.File) []source.File { return have }
