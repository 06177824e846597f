package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/towpath-dev/towpath/internal/"

// rows is who may import whom: a package imports only from rows above its own.
// Packages of one row do not know each other, but for those under one of them
// (dialect/k3s may use dialect). A package without a row fails the test: that
// is the moment to ask where it belongs.
var rows = [][]string{
	{"source", "platform", "mediatype"},
	{"route", "finding", "tomldoc", "yamldoc", "jsondoc"},
	{"snapshot", "plan", "unit", "ca", "dialect/evidence", "desired", "keyring", "kubeyaml"},
	{"rule", "dialect", "apply", "node", "upstream", "world", "ca/store", "booted", "machine"},
	{"dialect/containerd", "dialect/containerdconfig", "dialect/k3s", "dialect/buildkit", "dialect/registriesconf", "diagnosis", "probe", "pull", "candidate", "runtime", "rule/specimen", "dialect/towpath", "dialect/pullsecret", "dialect/credentialprovider", "dialect/runbook"},
	{"dialect/embedded", "dialect/commands", "dialect/talos", "dialect/bottlerocket", "dialect/docker"},
	{"dialect/daemon"},
	{"dialect/k0s", "dialect/microk8s", "dialect/kind"},
	{
		"dialect/all", "dialect/dialecttest", "dialect/hostscheck", "dialect/containerdconfig/corpus", "dialect/registriesconf/corpus",
		"dialect/docker/corpus", "dialect/containerdconfig/outcome", "effective", "report", "convert", "suppress",
	},
	{"survey", "repair", "dialect/daemon/written"},
	{"doctor", "fulfil"},
	{"demo", "expiry"},
	{"cli"},
}

// pure packages do no I/O: they import none of these.
var (
	pure = []string{
		"source", "platform", "mediatype", "route", "finding", "tomldoc", "yamldoc", "jsondoc", "snapshot", "plan", "unit", "rule", "dialect",
		"dialect/containerd", "dialect/containerdconfig", "dialect/k3s", "dialect/registriesconf", "dialect/docker", "dialect/all", "diagnosis",
		"dialect/evidence", "dialect/embedded", "dialect/talos", "dialect/buildkit", "dialect/bottlerocket", "dialect/k0s", "dialect/microk8s", "dialect/kind", "dialect/daemon", "dialect/runbook",
		"effective", "repair", "convert", "dialect/towpath", "dialect/commands", "fulfil", "desired", "suppress", "machine", "dialect/credentialprovider", "dialect/pullsecret", "kubeyaml", "keyring",
	}
	forbidden = []string{"os", "os/exec", "net", "net/http", "syscall"}
)

// only says which package alone may import a module.
var only = map[string][]string{
	"github.com/spf13/cobra":     {"cli"},
	"google.golang.org/grpc":     {"runtime"},
	"k8s.io/cri-api":             {"runtime"},
	"github.com/containerd":      {}, // the binary links no runtime's own code
	"github.com/rancher/wharfie": {},
	"github.com/docker/docker":   {},
	"github.com/containers":      {},
	"go.podman.io":               {},
	"github.com/moby/buildkit":   {},
	"github.com/siderolabs":      {},
}

func rowOf(pkg string) int {
	for i, row := range rows {
		if slices.Contains(row, pkg) {
			return i
		}
	}
	return -1
}

func TestImports(t *testing.T) {
	for pkg, imports := range packages(t) {
		row := rowOf(pkg)
		if row < 0 {
			t.Errorf("internal/%s has no row in arch_test.go: say where it belongs", pkg)
			continue
		}
		for _, imp := range imports {
			if dep, ours := strings.CutPrefix(imp, module); ours {
				under := strings.HasPrefix(pkg, dep+"/")
				if rowOf(dep) >= row && !under {
					t.Errorf("internal/%s imports internal/%s, which is not in a row above it", pkg, dep)
				}
				continue
			}
			if slices.Contains(pure, pkg) && slices.Contains(forbidden, imp) {
				t.Errorf("internal/%s is pure and imports %q", pkg, imp)
			}
			for mod, who := range only {
				if (imp == mod || strings.HasPrefix(imp, mod+"/")) && !slices.Contains(who, pkg) {
					t.Errorf("internal/%s imports %q; only %v may", pkg, imp, who)
				}
			}
		}
	}
}

func TestPackageComments(t *testing.T) {
	for pkg := range packages(t) {
		if !slices.ContainsFunc(goFiles(t, filepath.Join("internal", pkg)), func(path string) bool {
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
			return err == nil && f.Doc != nil
		}) {
			t.Errorf("internal/%s has no package comment", pkg)
		}
	}
}

// sizes: tables and tests are exempt, and what is generated.
const maxFile = 600

func TestFileSizes(t *testing.T) {
	for pkg := range packages(t) {
		for _, path := range goFiles(t, filepath.Join("internal", pkg)) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(data), "\n"); n > maxFile {
				t.Errorf("%s has %d lines; above %d a file hides a boundary", path, n, maxFile)
			}
		}
	}
}

// packages returns the imports of every package under internal, tests left out.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	err := filepath.WalkDir("internal", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if d.Name() == "testdata" {
			return filepath.SkipDir
		}
		pkg := strings.TrimPrefix(filepath.ToSlash(path), "internal/")
		for _, file := range goFiles(t, path) {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			for _, imp := range f.Imports {
				p, err := strconv.Unquote(imp.Path.Value)
				if err != nil {
					return err
				}
				out[pkg] = append(out[pkg], p)
			}
			out[pkg] = append(out[pkg], []string{}...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func goFiles(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(path string) bool { return strings.HasSuffix(path, "_test.go") })
}
