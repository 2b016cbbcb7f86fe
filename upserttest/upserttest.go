package upserttest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"
)

// DB is what *sql.DB has, and what *sqlx.DB has by embedding it. A handle is a *sql.DB, or a struct that embeds one at any
// depth, or a pointer to such a struct.
type DB interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
	Conn(ctx context.Context) (*sql.Conn, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	Driver() driver.Driver
	Stats() sql.DBStats
	Close() error
}

// Idempotent checks that write can be repeated: whatever happens to a run of it, running it again leaves the database that one
// clean run leaves. The package comment lists the runs.
//
// Function open returns a new handle on a fresh database with the tables and rows that the write needs, the same at each call;
// it may call t.Cleanup and t.TempDir. Idempotent closes the handle. Function write is called with a handle like it, and must
// send everything through that handle, with the context that it is given or one derived from it. It may be called a few hundred
// times.
//
// Idempotent calls t.Errorf with a report for the first place at which the check fails, and then returns.
func Idempotent[D DB](t testing.TB, open func(testing.TB) D, write func(context.Context, D) error, opts ...Option) {
	t.Helper()
	opener, writer := eraseType(open, write)
	c := newCheck(t, opener, writer, opts)
	c.fail(c.idempotent())
}

func (c *check) idempotent() error {
	c.t.Helper()
	if err := c.runClean(c.twice); err != nil {
		return err
	}
	// The faults that are easiest to understand come first.
	if err := c.strikes(failure, loss, cancel); err != nil {
		return err
	}
	if err := c.interleave(); err != nil {
		return err
	}
	if err := c.strikes(resend); err != nil {
		return err
	}
	return c.missedPlace()
}
