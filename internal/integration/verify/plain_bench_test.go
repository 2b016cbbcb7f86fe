package verify_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
)

// BenchmarkPlain compares single rows of a plain table with the same statement by hand, prepared by database/sql. The three ways take
// turns, five rounds or more of each: all rows are new, all rows change, and no row changes. The figures are the speed of each verb in
// terms of the speed by hand, from the medians: by the clock, and by the processor time of this process. On a machine that others use too,
// processor time is the better gauge; it has all of SQLite's work and none of a server's.
func BenchmarkPlain(b *testing.B) {
	for _, name := range []string{"sqlite", "postgres", "postgres18", "mariadb", "mysql57", "mysql"} {
		b.Run(name, func(b *testing.B) {
			e := engine.Get(name)
			var opts []engine.Option
			if e.Dialect() == "postgres" {
				opts = append(opts, engine.Param("binary_parameters", "yes"))
			}
			items := plainItems
			if e.Dialect() == "sqlite" {
				items = strings.Replace(items, "BIGINT", "INTEGER", 1) // the rowid
			}
			benchPlain(b, lab.Open(b, e, opts...), items)
		})
	}
	b.Run("sqlite without INTEGER PRIMARY KEY", func(b *testing.B) { benchPlain(b, lab.Open(b, engine.Get("sqlite")), plainItems) })
}

func benchPlain(b *testing.B, l *lab.Lab, items string) {
	const rows = 2000
	l.Exec(items)
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
			took, used := make([][]time.Duration, len(ways)), make([][]time.Duration, len(ways))
			for round := range max(5, b.N) {
				for n := range ways {
					way := (n + round) % len(ways) // each way is first in turn
					if c.new {
						l.Exec("DELETE FROM items")
					}
					text := c.text(round, way)
					start, before := time.Now(), processorTime()
					for i := range rows {
						if err := ways[way](&plainItem{int64(i), text}); err != nil {
							b.Fatal(err)
						}
					}
					took[way], used[way] = append(took[way], time.Since(start)), append(used[way], processorTime()-before)
				}
			}
			for n, verb := range []string{"exec", "put"} {
				b.ReportMetric(middle(took[0])/middle(took[n+1]), verb+"/hand")
				b.ReportMetric(middle(used[0])/max(middle(used[n+1]), 1), verb+"-cpu/hand")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func middle(took []time.Duration) float64 {
	slices.Sort(took)
	return float64(took[len(took)/2])
}
