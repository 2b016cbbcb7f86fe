package verify_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
)

// BenchmarkPlain compares single rows of a plain table with the same statement by hand, prepared by database/sql. The three ways take
// turns, five rounds or more of each: all rows are new, all rows change, and no row changes. The figures are the
// speed of each verb in terms of the speed by hand, from the medians.
func BenchmarkPlain(b *testing.B) {
	for _, name := range []string{"sqlite", "postgres", "postgres18", "mariadb", "mysql57", "mysql"} {
		b.Run(name, func(b *testing.B) {
			e := engine.Get(name)
			var opts []engine.Option
			if e.Dialect() == "postgres" {
				opts = append(opts, engine.Param("binary_parameters", "yes"))
			}
			benchPlain(b, lab.Open(b, e, opts...))
		})
	}
}

func benchPlain(b *testing.B, l *lab.Lab) {
	const rows = 2000
	l.Exec(plainItems)
	l.DB.SetMaxOpenConns(1)
	table := plain(l, lab.Table[plainItem](l, "items"), upsert.TrustUniqueIndexes())
	prepared := lab.Prepare(l, table, upsert.DB(l.DB))
	ctx := context.Background()
	stmt, err := l.DB.PrepareContext(ctx, sqlOf(l, table))
	if err != nil {
		b.Fatal(err)
	}
	defer stmt.Close() //nolint:errcheck // the pool ends with the benchmark
	ways := []func(row *plainItem) error{
		func(row *plainItem) error { _, err := stmt.ExecContext(ctx, row.ID, row.Name); return err },
		func(row *plainItem) error { _, err := prepared.Exec(ctx, row); return err },
		func(row *plainItem) error { _, err := prepared.Put(ctx, row); return err },
	}
	for _, c := range []struct {
		name string
		text func(round, way int) string
		new  bool
	}{
		{"inserted", func(int, int) string { return "a lamp that stands on the desk" }, true},
		{"updated", func(round, way int) string {
			return "a lamp that stands on desk " + string(rune('a'+round%26)) + string(rune('a'+way))
		}, false},
		{"unchanged", func(int, int) string { return "a lamp" }, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			took := make([][]time.Duration, len(ways))
			for round := range max(5, b.N) {
				for n := range ways {
					way := (n + round) % len(ways) // each way is first in turn
					if c.new {
						l.Exec("DELETE FROM items")
					}
					text := c.text(round, way)
					start := time.Now()
					for i := range rows {
						if err := ways[way](&plainItem{int64(i), text}); err != nil {
							b.Fatal(err)
						}
					}
					took[way] = append(took[way], time.Since(start))
				}
			}
			hand := middle(took[0])
			b.ReportMetric(hand/middle(took[1]), "exec/hand")
			b.ReportMetric(hand/middle(took[2]), "put/hand")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func middle(took []time.Duration) float64 {
	slices.Sort(took)
	return float64(took[len(took)/2])
}
