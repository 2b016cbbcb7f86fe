package upsert_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	hazardRow  = regexp.MustCompile(`(?m)^\| <a id="(\w+)"></a>.*$`)
	hazardList = regexp.MustCompile(`(?i:hazards?)[\s/]+[PSHEK]\d+(?:(?:,|,? and)[\s/]+[PSHEK]\d+)*`)
	hazardNum  = regexp.MustCompile(`[PSHEK]\d+`)
	hazardTest = regexp.MustCompile(`(?m)^func (TestHazard_([A-Za-z0-9]+)_\w+)\(`)
	anyTest    = regexp.MustCompile(`(?m)^func ((?:Test|Example)\w+)\(`)
	namedTest  = regexp.MustCompile(`\b(?:Test[A-Z]|Example(?:_[a-z]|[A-Z]))\w*[A-Za-z0-9]\b`) // not the prefix TestHazard_
)

// hazardRows returns docs/hazards.md and its tables' rows by number.
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

// goFiles returns the repository's Go files by path, those of the nested modules among them.
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
