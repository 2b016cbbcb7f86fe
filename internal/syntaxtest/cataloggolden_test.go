package syntaxtest_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/syntaxtest"
)

const catalogDir = "../../testdata/catalog"

// TestGoldenCatalog: the questions of Verify and the text of Schema are those in the golden files, as in TestGolden.
func TestGoldenCatalog(t *testing.T) {
	t.Parallel()
	var known []string
	for _, c := range syntaxtest.CatalogCases() {
		known = append(known, c.Name)
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			compareGolden(t, filepath.Join(catalogDir, c.Name+".txtar"), golden(t, c))
		})
	}
	files, err := filepath.Glob(filepath.Join(catalogDir, "*"))
	if err != nil || len(files) == 0 && !*update {
		t.Fatalf("no golden files in %s (error %v)", catalogDir, err)
	}
	for _, path := range files {
		if !slices.Contains(known, strings.TrimSuffix(filepath.Base(path), ".txtar")) {
			t.Errorf("%s belongs to no case: remove it", path)
		}
	}
}
