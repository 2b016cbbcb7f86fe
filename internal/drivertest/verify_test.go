package drivertest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

// TestVerify checks that Verify reads each driver's answers: the same faults of one table, and none of a table that Schema has
// written.
func TestVerify(t *testing.T) {
	t.Parallel()
	type row struct {
		ID string `db:"id" upsert:"key"`
		V  *int64 `db:"v"`
		W  int64  `db:"w"`
	}
	each(t, slices.Concat(postgresServers, sqliteServers, mysqlServers), func(p *place) {
		d, err := dialect.Detect(p.Context(), p.db)
		if err != nil {
			p.Fatal(err)
		}
		table := func(name string) *upsert.Table[row] {
			made, err := upsert.New[row](d, name)
			if err != nil {
				p.Fatal(err)
			}
			return made
		}
		var wrong *upsert.SchemaError
		if err := table("t").Verify(p.Context(), p.db); !errors.As(err, &wrong) {
			p.Fatalf("Verify: %v, want a *SchemaError", err)
		}
		var checks []string
		for _, problem := range wrong.Problems {
			checks = append(checks, string(problem.Check)+" "+problem.Column)
		}
		for _, want := range []string{"no column w", "not null v"} {
			if !slices.Contains(checks, want) {
				p.Errorf("Verify finds %s, want %s among them", strings.Join(checks, ", "), want)
			}
		}
		text, err := table("made").Schema()
		if err != nil {
			p.Fatal(err)
		}
		p.must(p.db, text)
		if err := table("made").Verify(p.Context(), p.db); err != nil {
			p.Errorf("a table that Schema has written: %v", err)
		}
	})
}
