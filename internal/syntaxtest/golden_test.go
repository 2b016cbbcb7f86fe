package syntaxtest_test

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/syntaxtest"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files from what the code says now")

const goldenDir = "../../testdata/golden"

// TestGolden: every statement of every dialect is the one in its golden file, so that a change of text is seen in review.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, c := range syntaxtest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			compareGolden(t, filepath.Join(goldenDir, c.Name+".txtar"), golden(t, c))
		})
	}
}

// compareGolden compares a golden file with what the code says, or rewrites it.
func compareGolden(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if os.Getenv("CI") != "" {
			t.Fatal("-update is refused if CI is set: golden files are rewritten by hand and read before they are committed")
		}
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if diff := difference(txtar.Parse(have), txtar.Parse(want)); diff != "" {
		t.Errorf("%s is not what the code says; go test -run Golden -update rewrites it\n%s", path, diff)
	}
}

// golden is the case's file as the code would have it.
func golden(t *testing.T, c syntaxtest.Case) []byte {
	t.Helper()
	variants, err := syntaxtest.Variants()
	if err != nil {
		t.Fatal(err)
	}
	a := &txtar.Archive{Comment: []byte(c.Why + "\n\n")}
	for _, v := range variants {
		query, err := c.SQL(v.Dialect)
		text := syntaxtest.Layout(query)
		switch {
		case err != nil:
			text = err.Error()
		case query == "":
			text = "(none)"
		case text != query && syntaxtest.Unlay(text) != query:
			t.Errorf("%s on %s: its lines are\n%s\nbut the statement is\n%s", c.Name, v.Name, text, query)
		}
		a.Files = append(a.Files, txtar.File{Name: v.Name, Data: []byte(text + "\n")})
	}
	return txtar.Format(a)
}

// difference tells the first section in which two archives differ, or "".
func difference(have, want *txtar.Archive) string {
	if string(have.Comment) != string(want.Comment) {
		return "its comment says\n" + string(have.Comment) + "but should say\n" + string(want.Comment)
	}
	for i, w := range want.Files {
		if i >= len(have.Files) || have.Files[i].Name != w.Name {
			return "section " + w.Name + " is missing or not in its place"
		}
		if h := have.Files[i]; string(h.Data) != string(w.Data) {
			return w.Name + " has\n" + string(h.Data) + "but should have\n" + string(w.Data)
		}
	}
	if len(have.Files) > len(want.Files) {
		return "section " + have.Files[len(want.Files)].Name + " is of no dialect"
	}
	return ""
}

// TestGoldenFilesHaveCases: a file that no case writes would never be compared.
func TestGoldenFilesHaveCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(goldenDir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files in %s (error %v)", goldenDir, err)
	}
	var known []string
	for _, c := range syntaxtest.Cases() {
		if slices.Contains(known, c.Name) {
			t.Errorf("two cases are named %s", c.Name)
		}
		known = append(known, c.Name)
	}
	for _, path := range files {
		if name, ok := strings.CutSuffix(filepath.Base(path), ".txtar"); !ok || !slices.Contains(known, name) {
			t.Errorf("%s belongs to no case: remove it", path)
		}
	}
}
