package syntaxtest_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/syntaxtest"
)

// concurrently calls f a hundred times, ten at once.
func concurrently(f func()) {
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 10 {
				f()
			}
		})
	}
	wg.Wait()
}

// TestSQLIsTheSameEveryTime: prepared statements, logs and statement caches are keyed by the text.
func TestSQLIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	variants, err := syntaxtest.Variants()
	if err != nil {
		t.Fatal(err)
	}
	text := func(c syntaxtest.Case, d dialect.Dialect) string {
		query, err := c.SQL(d)
		if err != nil {
			return err.Error()
		}
		return query
	}
	for _, c := range syntaxtest.Cases() {
		for _, v := range variants {
			first := text(c, v.Dialect)
			concurrently(func() {
				if again := text(c, v.Dialect); again != first {
					t.Errorf("%s on %s: once\n%s\nand once\n%s", c.Name, v.Name, first, again)
				}
			})
		}
	}
}

type zeroRow struct {
	ID   int64  `db:"id" upsert:"key"`
	Name string `db:"name" upsert:"omitzero"`
	Size int64  `db:"size" upsert:"omitzero"`
}

// TestTableSQLIsTheSameEveryTime: one table, used by many at once with rows of different shapes.
func TestTableSQLIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	batches := [][]zeroRow{{{ID: 1}}, {{ID: 1, Name: "a"}}, {{ID: 1, Size: 1}}, {{ID: 1, Name: "a", Size: 1}, {ID: 2, Name: "b", Size: 1}}}
	texts := make([]string, len(batches))
	for i, rows := range batches {
		fresh, err := upsert.New[zeroRow](dialect.SQLite, "items")
		if err != nil {
			t.Fatal(err)
		}
		if texts[i], _, err = fresh.SQL(rows...); err != nil {
			t.Fatal(err)
		}
	}
	table, err := upsert.New[zeroRow](dialect.SQLite, "items")
	if err != nil {
		t.Fatal(err)
	}
	concurrently(func() {
		for i, rows := range batches {
			query, args, err := table.SQL(rows...)
			if err != nil || query != texts[i] || len(args) != strings.Count(query, "?") {
				t.Errorf("rows %v: want\n%s\nhave\n%s\nwith %d arguments and error %v", rows, texts[i], query, len(args), err)
			}
		}
	})
}

// TestVersionsOfOneText: versions that differ in nothing the statements need have the same text as the golden variant.
func TestVersionsOfOneText(t *testing.T) {
	t.Parallel()
	for banner, golden := range map[string]string{
		"PostgreSQL 9.6.24 on x86_64":   "postgres",
		"PostgreSQL 15.18 (Debian)":     "postgres",
		"PostgreSQL 17.10":              "postgres",
		"PostgreSQL 18.0":               "postgres-18",
		"5.7.44-log":                    "mysql",
		"8.0.18":                        "mysql",
		"8.0.19":                        "mysql-8.0.36",
		"8.4.3-commercial":              "mysql-8.0.36",
		"9.1.0":                         "mysql-8.0.36",
		"10.5.1-MariaDB":                "mariadb-10.11",
		"5.5.5-10.6.12-MariaDB-log":     "mariadb-10.11",
		"11.4.2-MariaDB-ubu2404":        "mariadb-10.11",
		"8.0.36-Vitess":                 "vitess",
		"8.0.11-TiDB-v8.5.0-serverless": "tidb",
	} {
		d, err := dialect.FromVersion(banner)
		if err != nil {
			t.Fatal(err)
		}
		statements, err := syntaxtest.Statements(golden)
		if err != nil || len(statements) == 0 {
			t.Fatalf("%s: %d statements, error %v", golden, len(statements), err)
		}
		for _, s := range statements {
			if have, err := s.Case.SQL(d); err != nil || have != s.SQL {
				t.Errorf("%s: %q has error %v and\n%s\nbut %s has\n%s", s.Case.Name, banner, err, have, golden, s.SQL)
			}
		}
	}
}
