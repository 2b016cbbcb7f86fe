package upsert_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/jmoiron/sqlx"
)

const otherPayload = "another payload that the row has had before the sync"

func benchDB(b *testing.B) *sqlx.DB {
	b.Helper()
	db := sqlx.MustOpen("sqlite3", "file:"+filepath.Join(b.TempDir(), "bench.db")+"?_journal_mode=WAL&_synchronous=NORMAL&_busy_timeout=5000")
	b.Cleanup(func() { _ = db.Close() })
	db.MustExec(lab.CreateAccounts)
	return db
}

func accountsTable(b testing.TB) *upsert.Table[lab.Account] {
	b.Helper()
	tab, err := upsert.New[lab.Account](dialect.SQLite, "accounts")
	if err != nil {
		b.Fatal(err)
	}
	return tab
}

// benchCase says which rows the table holds before the batch.
type benchCase struct {
	name   string
	before func(n int) []lab.Account
}

var benchCases = []benchCase{
	{"fresh", func(int) []lab.Account { return nil }},
	{"half", func(n int) []lab.Account { return lab.NewAccounts(n/2, otherPayload) }},
	{"replay", func(n int) []lab.Account { return lab.NewAccounts(n, lab.Payload) }},
}

// side holds the measurements of one of the two ways that a benchmark compares.
type side struct {
	times   []time.Duration
	mallocs []uint64
}

func (s *side) run(b *testing.B, f func() error) {
	b.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	s.times = append(s.times, time.Since(start))
	runtime.ReadMemStats(&after)
	s.mallocs = append(s.mallocs, after.Mallocs-before.Mallocs)
}

func median[T int64 | uint64 | time.Duration](xs []T) float64 {
	slices.Sort(xs)
	return float64(xs[len(xs)/2])
}

// against runs the library and its hand-written twin in turn. It runs at least five rounds, and more rounds if the batch is
// small. It reports the ratio of the medians and the allocations per row that the library adds.
func against(b *testing.B, rows int, prepare func(), lib, hand func() error) {
	b.Helper()
	var l, h side
	for n := 0; n < max(5, 40_000/rows) || n < b.N; n++ {
		for turn := range 2 {
			prepare()
			if (n+turn)%2 == 0 {
				l.run(b, lib)
			} else {
				h.run(b, hand)
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(l.times)/median(h.times), "x-hand")
	b.ReportMetric((median(l.mallocs)-median(h.mallocs))/float64(rows), "allocs+/row")
	b.ReportMetric(float64(rows)/(median(l.times)/float64(time.Second)), "rows/s")
}

// BenchmarkPut writes single rows with one statement each.
func BenchmarkPut(b *testing.B) {
	for _, c := range benchCases {
		b.Run(c.name, func(b *testing.B) {
			db, tab, ctx := benchDB(b), accountsTable(b), context.Background()
			rows, before := lab.NewAccounts(1000, lab.Payload), c.before(1000)
			prepare := func() { refill(b, db, tab, before) }
			against(b, len(rows), prepare, func() error {
				for i := range rows {
					if _, err := tab.Put(ctx, db, &rows[i]); err != nil {
						return err
					}
				}
				return nil
			}, func() error { return handPut(ctx, db, rows) })
		})
	}
}

// BenchmarkPutAll writes a batch in one transaction.
func BenchmarkPutAll(b *testing.B) {
	for _, n := range []int{1000, 40000} {
		for _, c := range benchCases {
			b.Run(fmt.Sprintf("%d/%s", n, c.name), func(b *testing.B) {
				db, tab, ctx := benchDB(b), accountsTable(b), context.Background()
				rows, before := lab.NewAccounts(n, lab.Payload), c.before(n)
				prepare := func() { refill(b, db, tab, before) }
				texts := handTexts(b, tab)
				against(b, n, prepare, func() error {
					_, err := tab.PutAll(ctx, db, rows)
					return err
				}, func() error { return handPutAll(ctx, db, texts, rows) })
			})
		}
	}
}

func refill(b *testing.B, db *sqlx.DB, tab *upsert.Table[lab.Account], rows []lab.Account) {
	b.Helper()
	db.MustExec("DELETE FROM accounts")
	if _, err := tab.PutAll(context.Background(), db, rows); err != nil {
		b.Fatal(err)
	}
	db.MustExec("PRAGMA wal_checkpoint(TRUNCATE)")
}

// handPut sends by hand the statements that Put sends.
func handPut(ctx context.Context, db *sqlx.DB, rows []lab.Account) error {
	d, table := dialect.SQLite, dialect.Table{Name: "accounts"}
	target, cols := dialect.Target{Columns: []string{"id"}}, accountColumns()
	u := dialect.Upsert{Table: table, Target: target, Columns: cols, Rows: dialect.Rows{N: 1}, Mode: dialect.Create}
	create, err := d.Upsert(u)
	if err != nil {
		return err
	}
	u.Mode = dialect.Write
	write, err := d.Upsert(u)
	if err != nil {
		return err
	}
	compare, err := d.Compare(dialect.Compare{Table: table, Target: target, Columns: cols, Rows: dialect.Rows{N: 1}})
	if err != nil {
		return err
	}
	for i := range rows {
		if err := handPutOne(ctx, db, &rows[i], create, compare, write); err != nil {
			return err
		}
	}
	return nil
}

func accountColumns() []dialect.Column {
	cols := []dialect.Column{{Name: "id", Rule: dialect.Key, Kind: dialect.KindNumber}}
	for _, c := range []struct {
		name string
		kind dialect.Kind
	}{{"email", dialect.KindText}, {"name", dialect.KindText}, {"balance", dialect.KindNumber}, {"score", dialect.KindNumber},
		{"active", dialect.KindNumber}, {"updated_at", dialect.KindPlain}, {"payload", dialect.KindText}} {
		cols = append(cols, dialect.Column{Name: c.name, Kind: c.kind})
	}
	return cols
}

func handPutOne(ctx context.Context, db *sqlx.DB, r *lab.Account, create, compare, write string) error {
	args := []any{r.ID, r.Email, r.Name, r.Balance, r.Score, r.Active, r.UpdatedAt.UTC(), r.Payload}
	res, err := db.ExecContext(ctx, create, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	var at, fate int
	rows, err := conn.QueryContext(ctx, compare, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := rows.Scan(&at, &fate); err != nil {
			return err
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	if fate == dialect.CompareChanged {
		if _, err := conn.ExecContext(ctx, write, args...); err != nil {
			return err
		}
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return err
}

// handSizes are the row counts of a batch's statements: 1000 = 3*256 + 224 + 8, 40000 = 156*256 + 64. handTexts has a text
// for each count.
var handSizes = []int{256, 224, 64, 8}

func handTexts(b *testing.B, tab *upsert.Table[lab.Account]) map[int]string {
	b.Helper()
	texts := map[int]string{}
	for _, n := range handSizes {
		query, _, err := tab.SQL(lab.NewAccounts(n, lab.Payload)...)
		if err != nil {
			b.Fatal(err)
		}
		texts[n] = query
	}
	return texts
}

// handPutAll sends by hand the statements that PutAll sends.
func handPutAll(ctx context.Context, db *sqlx.DB, texts map[int]string, rows []lab.Account) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	full := handSizes[0]
	stmt, err := conn.PrepareContext(ctx, texts[full])
	if err != nil {
		return err
	}
	defer func() { _ = stmt.Close() }()
	var args []any
	bind := func(part []lab.Account) []any {
		args = args[:0]
		for i := range part {
			r := &part[i]
			args = append(args, r.ID, r.Email, r.Name, r.Balance, r.Score, r.Active, r.UpdatedAt.UTC(), r.Payload)
		}
		return args
	}
	for len(rows) >= full {
		if _, err := stmt.ExecContext(ctx, bind(rows[:full])...); err != nil {
			return err
		}
		rows = rows[full:]
	}
	for _, n := range handSizes[1:] {
		if len(rows) < n {
			continue
		}
		if _, err := conn.ExecContext(ctx, texts[n], bind(rows[:n])...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	if len(rows) > 0 {
		return fmt.Errorf("%d rows were not sent", len(rows))
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return err
}

// BenchmarkPutSeq writes 5 million generated rows, or UPSERT_BENCH_ROWS rows. It reports the peak memory of the process. It
// also reports the rows per second of the last million rows relative to the second million.
func BenchmarkPutSeq(b *testing.B) {
	total := 5_000_000
	if n, err := strconv.Atoi(os.Getenv("UPSERT_BENCH_ROWS")); err == nil {
		total = n
	}
	db, tab := benchDB(b), accountsTable(b)
	part := total / 5
	var marks []time.Time
	var seq iter.Seq2[lab.Account, error] = func(yield func(lab.Account, error) bool) {
		for i := range total {
			if i%part == 0 {
				marks = append(marks, time.Now())
			}
			if !yield(lab.NewAccount(i+1, lab.Payload), nil) {
				return
			}
		}
		marks = append(marks, time.Now())
	}
	start := time.Now()
	if _, err := tab.PutSeq(context.Background(), db, seq); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(total)/time.Since(start).Seconds(), "rows/s")
	b.ReportMetric(float64(marks[2].Sub(marks[1]))/float64(marks[5].Sub(marks[4])), "last/second")
	b.ReportMetric(peakMiB(b), "peak-MiB")
	for i := range 5 {
		b.Logf("million %d: %v", i+1, marks[i+1].Sub(marks[i]))
	}
}

// peakMiB returns the greatest resident size of the process so far.
func peakMiB(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if kib, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.Atoi(strings.Fields(kib)[0])
			if err != nil {
				b.Fatal(err)
			}
			return float64(n) / 1024
		}
	}
	return 0
}
