package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/finding"
)

// Every name in braces in the texts of a package is given by its code, and what
// its code gives is in some text: a misspelt name would reach the user in braces.
func TestNamedArgumentsAreGivenAndUsed(t *testing.T) {
	for _, dir := range []string{
		"../rule", "../diagnosis", "../effective", "../dialect/containerd", "../dialect/containerdconfig", "../dialect/k3s",
	} {
		a := arguments{wanted: map[string]bool{}, given: map[string]bool{}}
		a.read(t, dir)
		if strings.HasPrefix(dir, "../dialect/") {
			a.read(t, "../dialect") // the texts of losses are shared
		}
		if len(a.wanted) == 0 || len(a.given) == 0 {
			t.Errorf("%s: no texts with arguments were found", dir)
		}
		for name := range a.wanted {
			if !a.given[name] {
				t.Errorf("%s: {%s} stands in a text and is never given", dir, name)
			}
		}
		for name := range a.given {
			if !a.wanted[name] {
				t.Errorf("%s: %q is given and stands in no text", dir, name)
			}
		}
	}
}

// arguments are the names that the texts of a package want and its code gives.
type arguments struct{ wanted, given map[string]bool }

func (a arguments) read(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
	if len(files) == 0 {
		t.Fatal(&fs.PathError{Op: "find sources in", Path: dir, Err: fs.ErrNotExist})
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, a.visit)
	}
}

func (a arguments) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CompositeLit:
		if isArgs(n.Type) {
			for _, e := range n.Elts {
				a.give(e.(*ast.KeyValueExpr).Key)
			}
		}
	case *ast.AssignStmt: // args["name"] = …
		for _, left := range n.Lhs {
			if index, ok := left.(*ast.IndexExpr); ok {
				if name, ok := index.X.(*ast.Ident); ok && strings.Contains(strings.ToLower(name.Name), "args") {
					a.give(index.Index)
				}
			}
		}
	case *ast.BasicLit:
		if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
			for _, name := range finding.Names(text) {
				a.wanted[name] = true
			}
		}
	}
	return true
}

func (a arguments) give(key ast.Expr) {
	if lit, ok := key.(*ast.BasicLit); ok {
		if name, err := strconv.Unquote(lit.Value); err == nil {
			a.given[name] = true
		}
	}
}

// isArgs reports whether a composite literal is of type finding.Args.
func isArgs(t ast.Expr) bool {
	sel, ok := t.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "Args"
}
