package upserttest_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/goupsert/upsert/upserttest"
)

// BenchmarkIdempotent checks a write of 10 statements on SQLite with BEGIN and COMMIT, all faults and the default number of interleavings.
// s/check is the time of a whole check. A place opens a database, runs the write, runs the write again and compares the tables;
// runs/place is its time in clean runs, each with a database of its own and a look at its tables.
func BenchmarkIdempotent(b *testing.B) {
	statements := make([]string, 10)
	for i := range statements {
		statements[i] = fmt.Sprintf("INSERT INTO t (id, n) VALUES (%d, 1) ON CONFLICT (id) DO UPDATE SET n = excluded.n", i)
	}
	const places = 11*6 + 4 // faults alone
	write, opened := withTx(statements...), 0
	open := func(t testing.TB) *sql.DB {
		opened++
		return upserttest.SQLite(t, "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)")
	}
	var whole, faults, clean []time.Duration
	for range max(5, b.N) {
		for schedules, times := range map[int]*[]time.Duration{200: &whole, 0: &faults} {
			start := time.Now()
			upserttest.Idempotent(silent{b}, open, write, upserttest.MaxSchedules(schedules))
			*times = append(*times, time.Since(start))
		}
		start := time.Now()
		for range 10 {
			cleanRun(b, open, write)
		}
		clean = append(clean, time.Since(start)/10)
	}
	b.ReportMetric(middle(whole).Seconds(), "s/check")
	b.ReportMetric(float64(middle(faults))/places/float64(middle(clean)), "runs/place")
	b.ReportMetric(float64(opened)/float64(len(whole)), "databases")
	b.ReportMetric(0, "ns/op")
}

// silent does not log which interleavings are left out.
type silent struct{ testing.TB }

func (silent) Logf(string, ...any) {}

// cleanRun does what a clean run costs by hand: open, write, read the tables, close.
func cleanRun(b *testing.B, open func(testing.TB) *sql.DB, write func(context.Context, *sql.DB) error) {
	b.Helper()
	db := open(b)
	defer db.Close()
	if err := write(b.Context(), db); err != nil {
		b.Fatal(err)
	}
	rows, err := db.Query("SELECT * FROM t ORDER BY id")
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, n int
		if err := rows.Scan(&id, &n); err != nil {
			b.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
}

func middle(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[len(took)/2]
}
