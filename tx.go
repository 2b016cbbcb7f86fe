package upsert

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"database/sql"

	"github.com/goupsert/upsert/dialect"
)

// tx is a transaction of the library's.
type tx struct {
	DB
	commit   func() error
	rollback func()
}

// begin begins a transaction on a handle that can. Where a transaction must begin with the write lock, database/sql has no
// word for it, so it is begun on a connection by hand.
func (t *table) begin(ctx context.Context, db DB) (*tx, error) {
	if !t.traits.Immediate {
		std, err := db.(beginner).BeginTx(ctx, nil)
		if err != nil {
			return nil, err
		}
		return &tx{DB: std, commit: std.Commit, rollback: func() { _ = std.Rollback() }}, nil
	}
	if pool, ok := db.(connector); ok {
		conn, err := pool.Conn(ctx)
		if err != nil {
			return nil, err
		}
		return beginImmediate(ctx, conn, conn)
	}
	return beginImmediate(ctx, db, nil)
}

// beginImmediate begins on conn. own is conn where it goes back to its pool at the end.
func beginImmediate(ctx context.Context, conn DB, own *sql.Conn) (*tx, error) {
	done := func() {
		if own != nil {
			_ = own.Close()
		}
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		done()
		return nil, err
	}
	rollback := func() {
		// The context may be what ended the transaction.
		_, err := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		// SQLite rolls back by itself after some errors, an interrupted write among them.
		if err != nil && own != nil && !strings.Contains(err.Error(), "no transaction is active") {
			_ = own.Raw(func(any) error { return driver.ErrBadConn })
		}
		done()
	}
	commit := func() error {
		if err := ctx.Err(); err != nil {
			rollback()
			return err
		}
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), "COMMIT"); err != nil {
			rollback()
			return err
		}
		done()
		return nil
	}
	return &tx{DB: conn, commit: commit, rollback: rollback}, nil
}

// commitError says that a transaction may or may not have been committed.
type commitError struct{ err error }

func (e *commitError) Error() string {
	return "the commit's answer was lost, so it may or may not have happened; the same call can be repeated: " + e.err.Error()
}
func (e *commitError) Unwrap() error        { return e.err }
func (e *commitError) Class() dialect.Class { return dialect.Ambiguous }

// once runs f in one transaction of the library's. Where f fails it is rolled back, whatever the server thinks of it
// (hazard E3).
func (t *table) once(ctx context.Context, db DB, f func(DB) error) error {
	tx, err := t.begin(ctx, db)
	if err != nil {
		return err
	}
	finished := false
	defer func() {
		if !finished {
			tx.rollback()
		}
	}()
	if err := f(tx.DB); err != nil {
		if dialect.Classify(err) == dialect.Ambiguous {
			// The connection is gone and no COMMIT was sent: nothing was kept.
			return &lostError{err}
		}
		return err
	}
	finished = true
	if err := tx.commit(); err != nil {
		if dialect.Classify(err) == dialect.Ambiguous {
			return &commitError{err}
		}
		return err
	}
	return nil
}

// lostError says that a transaction is gone with its connection, before its commit.
type lostError struct{ err error }

func (e *lostError) Error() string        { return e.err.Error() }
func (e *lostError) Unwrap() error        { return e.err }
func (e *lostError) Class() dialect.Class { return dialect.Retryable }

// inTx runs f in a transaction: the caller's if the handle is one, else one of the library's, again where that may help.
func (t *table) inTx(ctx context.Context, db DB, f func(DB) error) error {
	if !canBegin(db) {
		return f(db)
	}
	return t.retry(ctx, func() (bool, error) { return true, t.once(ctx, db, f) })
}

// alone runs f, which sends one statement, on the handle itself: a statement is a transaction of its own on a handle that
// can begin one.
func (t *table) alone(ctx context.Context, db DB, f func(DB) error) error {
	if !canBegin(db) {
		return f(db)
	}
	return t.retry(ctx, func() (bool, error) { return true, f(db) })
}

const (
	firstWait = 4 * time.Millisecond
	mostWait  = 500 * time.Millisecond
)

// retry runs f, and again while its error says that nothing of it was kept. The wait before the n-th attempt is random, up
// to a bound that doubles, so that those who met once do not meet again. f tells whether it can be run again at all.
func (t *table) retry(ctx context.Context, f func() (again bool, err error)) error {
	for n := 1; ; n++ {
		again, err := f()
		if c := dialect.Classify(err); err == nil || !again || c != dialect.Retryable && c != dialect.LockTimeout || ctx.Err() != nil {
			return err
		}
		if n >= t.attempts {
			return fmt.Errorf("after %d attempts: %w", n, err)
		}
		if t.onRetry != nil {
			t.onRetry(err)
		}
		timer := time.NewTimer(rand.N(min(firstWait<<min(n-1, 20), mostWait)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(ctx.Err(), err)
		case <-timer.C:
		}
	}
}
