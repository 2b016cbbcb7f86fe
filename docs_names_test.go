package upsert_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/dialect"
)

// errorName is how docs/errors.md names an error.
var errorName = regexp.MustCompile("`(\\*?(?:upsert|keys|dialect)\\.(?:Err[A-Z]\\w*|[A-Z]\\w*Error))`")

// exportedErrors returns the names of a package's exported error variables and types.
func exportedErrors(t *testing.T, name, folder string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				names = append(names, errorsIn(name, g)...)
			}
		}
	}
	return names
}

func errorsIn(pkg string, g *ast.GenDecl) (names []string) {
	for _, spec := range g.Specs {
		switch s := spec.(type) {
		case *ast.ValueSpec:
			for _, id := range s.Names {
				if g.Tok == token.VAR && strings.HasPrefix(id.Name, "Err") {
					names = append(names, pkg+"."+id.Name)
				}
			}
		case *ast.TypeSpec:
			if s.Name.IsExported() && strings.HasSuffix(s.Name.Name, "Error") {
				names = append(names, "*"+pkg+"."+s.Name.Name)
			}
		}
	}
	return names
}

func TestDocsNameEveryError(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for name, folder := range map[string]string{"upsert": ".", "keys": "keys", "dialect": "dialect"} {
		there = append(there, exportedErrors(t, name, folder)...)
	}
	if len(there) == 0 {
		t.Fatal("the packages export no errors: the test looks at the wrong place")
	}
	for _, name := range there {
		if !strings.Contains(string(text), "\n| `"+name+"` |") {
			t.Errorf("docs/errors.md has no row for `%s`", name)
		}
	}
	for _, m := range errorName.FindAllStringSubmatch(string(text), -1) {
		if !slices.Contains(there, m[1]) {
			t.Errorf("docs/errors.md names %s, which no package exports", m[1])
		}
	}
}

func TestDocsNameEveryRule(t *testing.T) {
	t.Parallel()
	for doc, row := range map[string]string{"docs/rules.md": "\n| `%` |", "README.md": "`%`"} {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range dialect.Rules() {
			if rule != "replace" && !strings.Contains(string(text), strings.ReplaceAll(row, "%", rule)) {
				t.Errorf("%s has no row for the rule %s", doc, rule)
			}
		}
	}
}

// figure is a number with a decimal point, or a comma between thousands.
var figure = regexp.MustCompile(`\d+\.\d+|\d{1,3}(?:,\d{3})+`)

// Figures of speed are measured: what docs/performance.md says is in the results.
func TestDocsFiguresAreMeasured(t *testing.T) {
	t.Parallel()
	texts := docs(t)
	results, err := os.ReadFile("bench/RESULTS.md")
	if err != nil {
		t.Fatal(err)
	}
	measured := figure.FindAllString(string(results), -1)
	for _, f := range figure.FindAllString(texts["docs/performance.md"], -1) {
		if !slices.Contains(measured, f) {
			t.Errorf("docs/performance.md has the figure %s, and bench/RESULTS.md has not", f)
		}
	}
}
