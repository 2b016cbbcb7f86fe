package drivertest_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/pgxcopy"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

var pgxServers = []server{{"postgres", "pgx"}, {"postgres18", "pgx"}}

const copyQuery = "COPY t (id, v) FROM STDIN"

// conn returns a connection of the pool, and a function that fails the test unless the connection still has the same server
// session.
func (p *place) conn(db *sql.DB) (conn *sql.Conn, usable func()) {
	p.Helper()
	conn, err := db.Conn(p.Context())
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { _ = conn.Close() })
	before := p.number(conn, "SELECT pg_backend_pid()")
	return conn, func() {
		p.Helper()
		if after := p.number(conn, "SELECT pg_backend_pid()"); after != before {
			p.Errorf("the connection is another one, %d instead of %d", after, before)
		}
	}
}

// from runs From on a connection and returns the error of From.
func (p *place) from(ctx context.Context, conn *sql.Conn, query string, rows io.Reader) (failed error) {
	p.Helper()
	if err := conn.Raw(func(c any) error { failed = pgxcopy.From(ctx, c, query, rows); return nil }); err != nil {
		p.Fatalf("Raw: %v", err)
	}
	return failed
}

func (p *place) wantRows(n int64) {
	p.Helper()
	if got := p.number(p.db, "SELECT count(*) FROM t"); got != n {
		p.Errorf("%d rows, want %d", got, n)
	}
}

func TestCopyFrom(t *testing.T) {
	t.Parallel()
	each(t, pgxServers, func(p *place) {
		conn, usable := p.conn(p.db.DB)
		var many bytes.Buffer
		for i := range 50000 {
			fmt.Fprintf(&many, "%d\t%d\n", i, i)
		}
		for name, rows := range map[string]io.Reader{
			"none": strings.NewReader(""), "many": &many,
			"a byte at a time": iotest.OneByteReader(strings.NewReader("c\t3\n")), "the end with the last": iotest.DataErrReader(strings.NewReader("d\t4\n")),
		} {
			if err := p.from(p.Context(), conn, copyQuery, rows); err != nil {
				p.Errorf("%s: %v", name, err)
			}
			usable()
		}
		p.wantRows(50004)
		if v := p.number(p.db, "SELECT v FROM t WHERE id = 'c'"); v != 3 {
			p.Errorf("v = %d, want 3", v)
		}
	})
}

// TestCopyFromPgxPool checks that From works if the pool of database/sql uses a pool of pgx.
func TestCopyFromPgxPool(t *testing.T) {
	t.Parallel()
	each(t, pgxServers, func(p *place) {
		pool, err := pgxpool.New(p.Context(), p.space.DSN(engine.Driver("pgx")))
		if err != nil {
			p.Fatal(err)
		}
		defer pool.Close()
		db := stdlib.OpenDBFromPool(pool)
		defer db.Close()
		conn, usable := p.conn(db)
		defer func() { _ = conn.Close() }() // closes the connection before its pool
		if err := p.from(p.Context(), conn, copyQuery, strings.NewReader("c\t3\n")); err != nil {
			p.Error(err)
		}
		usable()
		p.wantRows(3)
	})
}

var errOfRows = errors.New("the rows ended too soon")

// TestCopyFromRowsFail checks that From makes the COPY fail if reading a row fails, so that the rows read before are not
// stored.
func TestCopyFromRowsFail(t *testing.T) {
	t.Parallel()
	each(t, pgxServers, func(p *place) {
		conn, usable := p.conn(p.db.DB)
		tx, err := conn.BeginTx(p.Context(), nil)
		if err != nil {
			p.Fatal(err)
		}
		for range 2 { // first in a transaction, then without a transaction
			err := p.from(p.Context(), conn, copyQuery, io.MultiReader(strings.NewReader("c\t3\n"), iotest.ErrReader(errOfRows)))
			if err != errOfRows { //nolint:errorlint // as it is
				p.Errorf("From = %v, want the error of the rows", err)
			}
			_ = tx.Rollback()
			usable()
			p.wantRows(2)
		}
	})
}

// TestCopyFromServerRefuses checks that From returns the server's error, even if the rows would never end.
func TestCopyFromServerRefuses(t *testing.T) {
	t.Parallel()
	each(t, pgxServers, func(p *place) {
		conn, usable := p.conn(p.db.DB)
		for _, c := range []struct {
			query, rows, state string
			endless            bool
		}{
			{copyQuery, "c\tx\n", "22P02", false},
			{copyQuery, "c\tx\n", "22P02", true},
			{copyQuery, "a\t9\n", "23505", false},
			{copyQuery, "c\t\\N\n", "23502", false},
			{copyQuery, "c\n", "22P04", true},
			{"COPY nowhere FROM STDIN", "c\t3\n", "42P01", true},
		} {
			var rows io.Reader = strings.NewReader(c.rows)
			if c.endless {
				rows = io.MultiReader(rows, &endless{read: func() error { return nil }})
			}
			err := p.from(p.Context(), conn, c.query, rows)
			if got := dialect.SQLState(err); got != c.state {
				p.Errorf("%s of %q: %v, want SQLSTATE %s", c.query, c.rows, err, c.state)
			}
			usable()
			p.wantRows(2)
		}
	})
}

// endless is a reader of rows that never ends.
type endless struct {
	n    int
	read func() error
}

func (e *endless) Read(b []byte) (int, error) {
	if err := e.read(); err != nil {
		return 0, err
	}
	e.n++
	return copy(b, fmt.Sprintf("r%d\t%d\n", e.n, e.n)), nil
}

// TestCopyFromContextEnds checks that From stops reading if its context ends. The race detector notices a Read after the end
// of From.
func TestCopyFromContextEnds(t *testing.T) {
	t.Parallel()
	each(t, pgxServers, func(p *place) {
		for name, after := range map[string]func(context.Context) error{
			"the rows go on": func(context.Context) error { return nil },
			"the rows wait":  func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		} {
			ctx, cancel := context.WithCancel(p.Context())
			conn, _ := p.conn(p.db.DB)
			rows := &endless{}
			rows.read = func() error {
				if rows.n < 100 {
					return nil
				}
				cancel()
				return after(ctx)
			}
			if err := p.from(ctx, conn, copyQuery, rows); !errors.Is(err, context.Canceled) {
				p.Errorf("%s: From = %v, want context.Canceled", name, err)
			}
			if rows.n++; rows.n < 100 {
				p.Errorf("%s: %d rows were read", name, rows.n)
			}
			_ = conn.Close()
			p.wantRows(2)
		}
	})
}

func TestCopyFromContextEndedBefore(t *testing.T) {
	t.Parallel()
	each(t, pgxServers, func(p *place) {
		conn, usable := p.conn(p.db.DB)
		ctx, cancel := context.WithCancel(p.Context())
		cancel()
		err := p.from(ctx, conn, copyQuery, &endless{read: func() error { p.Error("rows were read"); return io.EOF }})
		if !errors.Is(err, context.Canceled) {
			p.Errorf("From = %v, want context.Canceled", err)
		}
		usable()
	})
}

// TestCopyFromConnectionKilled checks that a lost connection is not reported as an error of the rows.
func TestCopyFromConnectionKilled(t *testing.T) {
	t.Parallel()
	each(t, pgxServers, func(p *place) {
		conn, _ := p.conn(p.db.DB)
		pid := p.number(conn, "SELECT pg_backend_pid()")
		rows := &endless{}
		rows.read = func() error {
			if rows.n == 100 {
				p.must(p.db, "SELECT pg_terminate_backend($1, 10000)", pid)
			}
			return nil
		}
		err := p.from(p.Context(), conn, copyQuery, rows)
		p.classified("killed in a COPY", err, dialect.Ambiguous)
		_ = conn.Close()
		p.wantRows(2)
	})
}
