package drivertest_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/pgxcopy"
)

// thing is a row of the table t.
type thing struct {
	ID string `db:"id" upsert:"key"`
	V  value  `db:"v"`
}

// value is a number whose Value method fails if the number is negative.
type value int

var errOfValue = errors.New("no such value")

func (v value) Value() (driver.Value, error) {
	if v < 0 {
		return nil, errOfValue
	}
	return int64(v), nil
}

func things(n int) []thing {
	rows := make([]thing, n)
	for i := range rows {
		rows[i] = thing{ID: fmt.Sprint("row ", i), V: value(i)}
	}
	return rows
}

// copying returns the option CopyThrough for pgx and a counter of the copies. The first copy reads its rows through around.
func copying(around func(io.Reader) io.Reader) (opt upsert.Option, copies *atomic.Int64) {
	copies = new(atomic.Int64)
	return upsert.CopyThrough(func(ctx context.Context, conn any, query string, rows io.Reader) error {
		if copies.Add(1) == 1 && around != nil {
			rows = around(rows)
		}
		return pgxcopy.From(ctx, conn, query, rows)
	}), copies
}

// readerFunc is a function that serves as an io.Reader.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// onceRead calls f once, after the given number of bytes has been read.
func onceRead(bytes int, f func()) func(io.Reader) io.Reader {
	return func(rows io.Reader) io.Reader {
		return readerFunc(func(p []byte) (int, error) {
			n, err := rows.Read(p)
			if bytes -= n; bytes <= 0 && bytes+n > 0 {
				f()
			}
			return n, err
		})
	}
}

func (p *place) table(opts ...upsert.Option) *upsert.Table[thing] {
	p.Helper()
	d, err := dialect.Detect(p.Context(), p.db)
	if err != nil {
		p.Fatal(err)
	}
	tab, err := upsert.New[thing](d, "t", opts...)
	if err != nil {
		p.Fatal(err)
	}
	return tab
}

func (p *place) put(tab *upsert.Table[thing], db upsert.DB, rows []thing, want upsert.Result) {
	p.Helper()
	if got, err := tab.PutAll(p.Context(), db, rows, upsert.Outcomes()); err != nil || got != want {
		p.Errorf("PutAll of %d rows = %+v, %v; want %+v", len(rows), got, err, want)
	}
}

// refuses wants the path Copy to be refused with a hint.
func (p *place) refuses(tab *upsert.Table[thing], db upsert.DB, hint string) {
	p.Helper()
	_, err := tab.PutAll(p.Context(), db, things(3), upsert.Via(upsert.Copy), upsert.Outcomes())
	var lacks *dialect.UnsupportedError
	if !errors.As(err, &lacks) || !strings.Contains(lacks.Hint, hint) {
		p.Errorf("Via(Copy) on a %T: %v; want a *dialect.UnsupportedError with %q", db, err, hint)
	}
}

func TestPgxCopiesLargeBatches(t *testing.T) {
	t.Parallel()
	each(t, pgxServers, func(p *place) {
		opt, copies := copying(nil)
		tab := p.table(opt)
		rows := things(25000)
		for _, c := range []struct {
			n    int
			want upsert.Result
		}{{1500, upsert.Result{Inserted: 1500}}, {25000, upsert.Result{Inserted: 23500, Unchanged: 1500}}, {25000, upsert.Result{Unchanged: 25000}}} {
			copies.Store(0)
			p.put(tab, p.db, rows[:c.n], c.want)
			if got := copies.Load(); (got > 0) != (c.n > 2000) {
				p.Errorf("%d rows went in %d COPY statements", c.n, got)
			}
		}
		conn, usable := p.conn(p.db.DB)
		copies.Store(0)
		rows[24999].V++
		p.put(tab, conn, rows, upsert.Result{Updated: 1, Unchanged: 24999})
		p.put(tab, conn, rows[:3], upsert.Result{Unchanged: 3})
		usable()
		p.wantRows(25002)
		if copies.Load() == 0 {
			p.Error("no COPY on a connection of the caller's")
		}
	})
}

// TestPgxWithoutCopy checks batches without CopyThrough and batches in the caller's transaction. Batches of any size use
// another path, and only Via(Copy) is refused.
func TestPgxWithoutCopy(t *testing.T) {
	t.Parallel()
	each(t, pgxServers, func(p *place) {
		plain := p.table()
		p.refuses(plain, p.db, "CopyThrough")
		p.put(plain, p.db, things(25000), upsert.Result{Inserted: 25000})
		opt, copies := copying(nil)
		tab, tx := p.table(opt), p.begin(p.db, nil)
		p.refuses(tab, tx, "let the call begin the transaction")
		if left := p.number(tx, "SELECT count(to_regclass('pg_temp._upsert_stage'))"); left != 0 {
			p.Error("a staging table is left in the caller's transaction")
		}
		p.put(tab, tx, things(25001), upsert.Result{Inserted: 1, Unchanged: 25000})
		if err := tx.Commit(); err != nil {
			p.Error(err)
		}
		p.wantRows(25003)
		if copies.Load() != 0 {
			p.Error("a batch in the caller's transaction was copied")
		}
	})
}

// TestPgxCopyFails checks that the error of a copied batch names the row and that no row of the batch is stored.
func TestPgxCopyFails(t *testing.T) {
	t.Parallel()
	each(t, pgxServers, func(p *place) {
		p.must(p.db, "ALTER TABLE t ADD CHECK (v <> 77777)")
		tab, rows := p.table(throughPgx), things(25000)
		for _, c := range []struct {
			name string
			bad  thing
			is   func(error) bool
		}{
			{"a CHECK", thing{"bad", 77777}, func(err error) bool { return dialect.SQLState(err) == "23514" }},
			{"a text too long", thing{strings.Repeat("x", 21), 1}, func(err error) bool { return dialect.SQLState(err) == "22001" }},
			{"a number too large", thing{"bad", 1 << 40}, func(err error) bool { return dialect.Classify(err) == dialect.Permanent }},
			{"a Valuer's error", thing{"bad", -1}, func(err error) bool { return errors.Is(err, errOfValue) }},
		} {
			good := rows[12345]
			rows[12345] = c.bad
			_, err := tab.PutAll(p.Context(), p.db, rows)
			var at *upsert.RowError
			if !errors.As(err, &at) || at.Row != 12345 || !c.is(err) {
				p.Errorf("%s: %v; want the error of row 12345", c.name, err)
			}
			rows[12345] = good
			p.wantRows(2)
		}
		p.put(tab, p.db, rows, upsert.Result{Inserted: 25000})
	})
}

func TestPgxCopyContextEnds(t *testing.T) {
	t.Parallel()
	each(t, pgxServers, func(p *place) {
		ctx, cancel := context.WithCancel(p.Context())
		defer cancel()
		opt, _ := copying(onceRead(100000, cancel))
		tab := p.table(opt)
		if _, err := tab.PutAll(ctx, p.db, things(30000)); !errors.Is(err, context.Canceled) {
			p.Errorf("PutAll = %v, want context.Canceled", err)
		}
		p.wantRows(2)
		p.put(tab, p.db, things(3000), upsert.Result{Inserted: 3000})
	})
}

// TestPgxCopyConnectionKilled checks that the library sends a batch again on another connection if the connection is lost
// before the commit. In that case the database has stored no row.
func TestPgxCopyConnectionKilled(t *testing.T) {
	t.Parallel()
	each(t, pgxServers, func(p *place) {
		retried := 0
		opt, _ := copying(onceRead(100000, func() {
			p.must(p.db, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = $1", p.Name())
		}))
		tab := p.table(opt, upsert.OnRetry(func(error) { retried++ }))
		p.put(tab, p.open(engine.Param("application_name", p.Name())), things(15000), upsert.Result{Inserted: 15000})
		if retried != 1 {
			p.Errorf("%d retries, want 1", retried)
		}
	})
}
