package play

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// readTree adds every file and link below a directory to out.
func readTree(root string, out map[string]string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (slices.Contains(volatile, path) || path == "/usr/local/bin"):
			return filepath.SkipDir
		case d.IsDir():
			out[path] = d.Type().String()
		case d.Type()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			out[path] = "-> " + to
			return err
		case d.Type().IsRegular():
			info, err := d.Info()
			if err != nil {
				return err
			}
			data, err := os.ReadFile(path)
			out[path] = info.Mode().String() + "\n" + string(data)
			return err
		}
		return nil
	})
}

// different lists the paths whose entries differ: "+" is new, "-" is gone.
func different(before, after map[string]string) []string {
	out := []string{}
	for path, data := range after {
		was, ok := before[path]
		if !ok {
			out = append(out, "+"+path)
		} else if was != data {
			out = append(out, path)
		}
	}
	for path := range before {
		if _, ok := after[path]; !ok {
			out = append(out, "-"+path)
		}
	}
	sort.Slice(out, func(i, j int) bool { return strings.TrimLeft(out[i], "+-") < strings.TrimLeft(out[j], "+-") })
	return out
}
