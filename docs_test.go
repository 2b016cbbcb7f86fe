package upsert_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/dialect"
)

var (
	hazardRow  = regexp.MustCompile(`(?m)^\| <a id="(\w+)"></a>.*$`)
	hazardList = regexp.MustCompile(`(?i:hazards?)[\s/]+[PSHEK]\d+(?:(?:,|,? and)[\s/]+[PSHEK]\d+)*`)
	hazardNum  = regexp.MustCompile(`[PSHEK]\d+`)
	hazardTest = regexp.MustCompile(`(?m)^func (TestHazard_([A-Za-z0-9]+)_\w+)\(`)
	anyTest    = regexp.MustCompile(`(?m)^func ((?:Test|Example)\w+)\(`)
	namedTest  = regexp.MustCompile(`\b(?:Test[A-Z]|Example(?:_[a-z]|[A-Z]))\w*[A-Za-z0-9]\b`) // not the prefix TestHazard_
)

// hazardRows returns the text of docs/hazards.md and the rows of its tables by hazard number.
func hazardRows(t *testing.T) (doc string, rows map[string]string) {
	t.Helper()
	text, err := os.ReadFile("docs/hazards.md")
	if err != nil {
		t.Fatal(err)
	}
	rows = map[string]string{}
	for _, m := range hazardRow.FindAllStringSubmatch(string(text), -1) {
		if rows[m[1]] != "" {
			t.Errorf("docs/hazards.md has two rows for %s", m[1])
		}
		rows[m[1]] = m[0]
	}
	return string(text), rows
}

// goFiles returns the repository's Go files by path. The files of the nested modules are included.
func goFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && strings.HasPrefix(d.Name(), "."):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		text, err := os.ReadFile(path)
		files[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestDocsHaveEveryHazard(t *testing.T) {
	t.Parallel()
	_, rows := hazardRows(t)
	for path, text := range goFiles(t) {
		for _, list := range hazardList.FindAllString(text, -1) {
			for _, number := range hazardNum.FindAllString(list, -1) {
				if rows[number] == "" {
					t.Errorf("%s mentions hazard %s: docs/hazards.md has no row for it", path, number)
				}
			}
		}
		for _, m := range hazardTest.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(rows[m[2]], "`"+m[1]+"`") {
				t.Errorf("%s has %s: docs/hazards.md does not name it in a row for %s", path, m[1], m[2])
			}
		}
	}
}

func TestDocsNameTestsThatExist(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for path, text := range goFiles(t) {
		if strings.HasSuffix(path, "_test.go") {
			for _, m := range anyTest.FindAllStringSubmatch(text, -1) {
				there[m[1]] = true
			}
		}
	}
	for doc, text := range docs(t) {
		for _, name := range namedTest.FindAllString(text, -1) {
			if !there[name] {
				t.Errorf("%s names %s: no test file has it", doc, name)
			}
		}
	}
}

// errorName matches the name of an error in docs/errors.md.
var errorName = regexp.MustCompile("`(\\*?(?:upsert|keys|httpkeys|dialect)\\.(?:Err[A-Z]\\w*|[A-Z]\\w*Error))`")

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
	for name, folder := range map[string]string{"upsert": ".", "keys": "keys", "httpkeys": "keys/httpkeys", "dialect": "dialect"} {
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

// figure matches a number that has a decimal point or commas between the thousands.
var figure = regexp.MustCompile(`\d+\.\d+|\d{1,3}(?:,\d{3})+`)

// TestDocsFiguresAreMeasured checks that bench/RESULTS.md has each figure of speed in docs/performance.md.
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

var (
	fence        = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
	lineComment  = regexp.MustCompile(`(^|\s)//.*$`)
	relativeLink = regexp.MustCompile(`\]\(([^)#:]+)(?:#([\w-]+))?\)`)
)

// block is a piece of code in a document.
type block struct{ doc, language, text string }

// docs returns the documents for users by path.
func docs(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, path := range append(paths, "README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = string(text)
	}
	return texts
}

func blocksOf(doc, text string) (all []block) {
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		all = append(all, block{doc, m[1], m[2]})
	}
	return all
}

// isComplete reports whether the block is a program.
func (b block) isComplete() bool { return strings.HasPrefix(b.text, "package main\n") }

// withoutComments returns Go code without indentation, comments and blank lines.
func withoutComments(code string) string {
	var lines []string
	for line := range strings.SplitSeq(code, "\n") {
		if line = strings.TrimSpace(lineComment.ReplaceAllString(line, "")); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// TestDocsProgramsRun checks that a program in a document prints the text of the block that follows the program.
func TestDocsProgramsRun(t *testing.T) {
	t.Parallel()
	programs := 0
	for doc, text := range docs(t) {
		blocks := blocksOf(doc, text)
		for i, b := range blocks {
			if b.language != "go" || !b.isComplete() {
				continue
			}
			programs++
			if i+1 == len(blocks) || blocks[i+1].language != "text" {
				t.Errorf("%s: the program is not followed by a block of its output", doc)
				continue
			}
			t.Run(fmt.Sprint(doc, " block ", i), func(t *testing.T) {
				t.Parallel()
				if got, want := runProgram(t, b.text), blocks[i+1].text; got != want {
					t.Errorf("it prints\n%s\nand the document says\n%s", got, want)
				}
			})
		}
	}
	if programs == 0 {
		t.Error("README.md has no complete program")
	}
}

// runProgram compiles a program as a part of this module and returns the program's output.
func runProgram(t *testing.T, code string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(path, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", path)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go run: %v\n%s", err, errs.String())
	}
	return string(out)
}

// TestDocsCodeIsThatOfTheTests checks code that is not a complete program: each part between blank lines must be in a Go
// file. Most such code comes from an example that runs. Comments are ignored.
func TestDocsCodeIsThatOfTheTests(t *testing.T) {
	t.Parallel()
	var files []string
	for path, text := range goFiles(t) {
		if path != "docs_test.go" {
			files = append(files, withoutComments(text))
		}
	}
	source := "\n" + strings.Join(files, "\n\n") + "\n"
	for doc, text := range docs(t) {
		for _, b := range blocksOf(doc, text) {
			if b.language != "go" || b.isComplete() {
				continue
			}
			for part := range strings.SplitSeq(b.text, "\n\n") {
				if !strings.Contains(source, "\n"+withoutComments(part)+"\n") {
					t.Errorf("%s: no Go file has\n%s", doc, part)
				}
			}
		}
	}
}

// TestDocsReportsAreThoseOfTheExamples checks each report of upserttest in a document: an example must print the report.
func TestDocsReportsAreThoseOfTheExamples(t *testing.T) {
	t.Parallel()
	var printed strings.Builder
	for _, text := range goFiles(t) {
		for _, m := range exampleOutput.FindAllStringSubmatch(text, -1) {
			printed.WriteString(strings.TrimRight(commentMark.ReplaceAllString(m[1], ""), " ") + "\n")
		}
	}
	reports := 0
	for doc, text := range docs(t) {
		for _, b := range blocksOf(doc, text) {
			if strings.HasPrefix(b.text, "upserttest: ") {
				reports++
				if !strings.Contains(printed.String(), b.text) {
					t.Errorf("%s: no example prints\n%s", doc, b.text)
				}
			}
		}
	}
	if reports == 0 {
		t.Error("README.md has no report of upserttest")
	}
}

var (
	exampleOutput = regexp.MustCompile(`(?m)^\t// Output:\n((?:\t//.*\n)+)`)
	commentMark   = regexp.MustCompile(`(?m)^\t// ?`)
)

// TestDocsLinksLead checks that the target of each link exists. If the link has an anchor, the target must have the anchor
// too.
func TestDocsLinksLead(t *testing.T) {
	t.Parallel()
	for doc, text := range docs(t) {
		for _, m := range relativeLink.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			path := filepath.Join(filepath.Dir(doc), m[1])
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s links to %s: %v", doc, m[1], err)
				continue
			}
			if m[2] == "" {
				continue
			}
			target, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(target), `<a id="`+m[2]+`">`) {
				t.Errorf("%s links to %s#%s, which %s does not have", doc, m[1], m[2], path)
			}
		}
	}
}
