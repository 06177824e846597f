package containerdconfig

// clone copies nested tables, so that merging never writes into a file's own.
func clone(tables map[string]any) map[string]any {
	out := make(map[string]any, len(tables))
	for k, v := range tables {
		if m, ok := v.(map[string]any); ok {
			v = clone(m)
		}
		out[k] = v
	}
	return out
}

// deepMerge adds the tables of a later file to those of the earlier ones, as
// containerd 2.x does: tables are merged key by key, every other value
// replaces, be it a list or empty. Only the lists of the daemon itself are
// added up. Source: mergeConfig with dario.cat/mergo, and `containerd config dump`.
func deepMerge(into, from map[string]any) {
	for k, v := range from {
		src, isTable := v.(map[string]any)
		dst, wasTable := into[k].(map[string]any)
		if isTable && wasTable && len(dst) > 0 {
			deepMerge(dst, src)
			continue
		}
		into[k] = v
	}
}
