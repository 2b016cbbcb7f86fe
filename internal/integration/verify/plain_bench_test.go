package verify_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/engine"
	sent "github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
)

// BenchmarkPlain compares single rows of a plain table with the same statement by hand, prepared by database/sql. Put is also compared with
// its twin, which sends by hand all that Put sends, and reads what comes back. The ways take turns, five rounds or more of each: all rows
// are new, all rows change, and no row changes. The figures are the speed of each verb in terms of the speed by hand, from the medians: by
// the clock, and by the processor time of this process. On a machine that others use too, processor time is the better gauge; it has all of
// SQLite's work and none of a server's.
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
			benchPlain(b, lab.Open(b, e, opts...), items, opts...)
		})
	}
	b.Run("sqlite without INTEGER PRIMARY KEY", func(b *testing.B) { benchPlain(b, lab.Open(b, engine.Get("sqlite")), plainItems) })
}

func benchPlain(b *testing.B, l *lab.Lab, items string, opts ...engine.Option) {
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
		nil, // the twin of Put
	}
	recorded := sent.Open(l, l.NS, nil, opts...)
	recorded.SetMaxOpenConns(1)
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
			l.Exec("DELETE FROM items")
			ways[3] = twinOf(l, func(row *plainItem) { lab.Put(l, table, recorded.DB, *row) }, recorded, c.new, c.name == "updated")
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
			for _, r := range []struct {
				name    string
				hand, n int
			}{{"exec/hand", 0, 1}, {"put/hand", 0, 2}, {"put/twin", 3, 2}} {
				b.ReportMetric(middle(took[r.hand])/middle(took[r.n]), r.name)
				b.ReportMetric(middle(used[r.hand])/max(middle(used[r.n]), 1), r.name+"-cpu")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// twinOf returns a way of sending by hand what Put sends for a row that is new, that changes, or that is as it is stored.
func twinOf(l *lab.Lab, put func(*plainItem), recorded *sent.DB, isNew, changes bool) func(*plainItem) error {
	l.Helper()
	put(&plainItem{-1, "the first Put also asks about the table"})
	row := plainItem{-2, "a lamp"}
	if !isNew {
		put(&row)
		put(&plainItem{-3, "the last inserted row is written in another way"})
	}
	if changes {
		row.Name = "a desk lamp"
	}
	from := recorded.Next()
	put(&row)
	var steps []func(*plainItem) error
	for _, p := range recorded.Points() {
		if p.Index < from || p.Kind != sent.Exec && p.Kind != sent.Query {
			continue
		}
		stmt, err := l.DB.PrepareContext(l.Context(), p.Text)
		if err != nil {
			l.Fatalf("Prepare %s: %v", p.Text, err)
		}
		l.Cleanup(func() { _ = stmt.Close() })
		if p.Kind == sent.Exec {
			steps = append(steps, func(row *plainItem) error {
				res, err := stmt.ExecContext(context.Background(), row.ID, row.Name)
				if err != nil {
					return err
				}
				_, err = res.RowsAffected()
				_, _ = res.LastInsertId() // lib/pq has none
				return err
			})
			continue
		}
		rows, err := stmt.QueryContext(l.Context(), -4, "a lamp")
		if err != nil {
			l.Fatalf("%s: %v", p.Text, err)
		}
		names, err := rows.Columns()
		if err := errors.Join(err, rows.Close(), rows.Err()); err != nil {
			l.Fatalf("Columns: %v", err)
		}
		dest := make([]any, len(names))
		for i := range dest {
			dest[i] = new(any)
		}
		steps = append(steps, func(row *plainItem) error { return queryByHand(stmt, row, dest) })
	}
	if len(steps) == 0 {
		l.Fatalf("Put has sent nothing")
	}
	return func(row *plainItem) error {
		for _, step := range steps {
			if err := step(row); err != nil {
				return err
			}
		}
		return nil
	}
}

func queryByHand(stmt *sql.Stmt, row *plainItem, dest []any) error {
	rows, err := stmt.QueryContext(context.Background(), row.ID, row.Name)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
	}
	return rows.Err()
}

func middle(took []time.Duration) float64 {
	slices.Sort(took)
	return float64(took[len(took)/2])
}
