package parse_test

import (
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/syntaxtest"
	pg "github.com/pganalyze/pg_query_go/v6"
)

// catalogTexts calls f with each statement of the catalog's cases on a variant.
func catalogTexts(t *testing.T, variant string, f func(name, text string)) {
	t.Helper()
	variants, err := syntaxtest.Variants()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, v := range variants {
		if v.Name != variant {
			continue
		}
		for _, c := range syntaxtest.CatalogCases() {
			if text, err := c.SQL(v.Dialect); err == nil && text != "" {
				f(c.Name, text)
				n++
			}
		}
	}
	if n < 10 {
		t.Errorf("%d statements of %s", n, variant)
	}
}

// TestCatalogPostgres: PostgreSQL's parser takes the questions of Verify and the text of Schema, and no question calls a function
// that anybody can put before PostgreSQL's own (hazard P29).
func TestCatalogPostgres(t *testing.T) {
	t.Parallel()
	for _, variant := range []string{"postgres", "postgres-18"} {
		catalogTexts(t, variant, func(name, text string) {
			tree, err := pg.Parse(text)
			if err != nil {
				t.Errorf("%s: %v\n%s", name, err, text)
				return
			}
			for _, function := range replaceable(tree) {
				if name != "find-duplicates" || function != "count" {
					t.Errorf("%s: hazard P29: anybody's %s can be meant\n%s", name, function, text)
				}
			}
		})
	}
}

// TestCatalogMySQL: MySQL's grammar takes the same of MySQL, and of MariaDB but for the collation that only MariaDB has.
func TestCatalogMySQL(t *testing.T) {
	t.Parallel()
	parser := mysqlParser(t)
	for _, variant := range []string{"mysql", "mysql-8.0.36", "mariadb-10.11"} {
		catalogTexts(t, variant, func(name, text string) {
			text = strings.ReplaceAll(text, "utf8mb4_nopad_bin", "utf8mb4_bin")
			if _, err := parser.Parse(text); err != nil {
				t.Errorf("%s: %v\n%s", name, err, text)
			}
		})
	}
}
