package registriesconf

import (
	"strings"
)

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// fresh is a whole file: what stood above the registries, and these.
func fresh(all []registrySpec, keep *fileSpec) string {
	var b strings.Builder
	b.WriteString(written)
	if keep != nil {
		keep.head(&b)
	}
	for _, w := range all {
		b.WriteString("\n" + strings.TrimPrefix(w.text(), "\n"))
	}
	if keep != nil && len(keep.Aliases) > 0 {
		b.WriteString("\n[aliases]\n")
		for _, name := range sortedKeys(keep.Aliases) {
			b.WriteString(quote(name) + " = " + quote(keep.Aliases[name]) + "\n")
		}
	}
	return b.String()
}

// head spells the keys at the root of a file.
func (s *fileSpec) head(b *strings.Builder) {
	list := func(key string, values []string) {
		if values == nil {
			return
		}
		quoted := make([]string, len(values))
		for i, v := range values {
			quoted[i] = quote(v)
		}
		b.WriteString(key + " = [" + strings.Join(quoted, ", ") + "]\n")
	}
	list("unqualified-search-registries", s.Search)
	list("credential-helpers", s.CredentialHelpers)
	if s.ShortNameMode != "" {
		b.WriteString("short-name-mode = " + quote(s.ShortNameMode) + "\n")
	}
	if s.LayerStoreHelper != "" {
		b.WriteString("additional-layer-store-auth-helper = " + quote(s.LayerStoreHelper) + "\n")
	}
}

// text spells a registry with its mirrors.
func (s registrySpec) text() string {
	var b strings.Builder
	b.WriteString("\n[[registry]]\n")
	if s.Prefix != s.Location {
		b.WriteString("prefix = " + quote(s.Prefix) + "\n")
	}
	s.keys(&b, s.Location != "")
	if s.Blocked {
		b.WriteString("blocked = true\n")
	}
	for _, m := range s.Mirrors {
		b.WriteString(mirrorText(m))
	}
	return b.String()
}

func mirrorText(m endpointSpec) string {
	var b strings.Builder
	b.WriteString("[[registry.mirror]]\n")
	m.keys(&b, true)
	if m.PullFromMirror != "" {
		b.WriteString("pull-from-mirror = " + quote(m.PullFromMirror) + "\n")
	}
	return b.String()
}

func (s endpointSpec) keys(b *strings.Builder, location bool) {
	if location {
		b.WriteString("location = " + quote(s.Location) + "\n")
	}
	if s.Insecure {
		b.WriteString("insecure = true\n")
	}
	if s.NamespaceProxy != "" {
		b.WriteString("namespace-proxy = " + quote(s.NamespaceProxy) + "\n")
	}
}
