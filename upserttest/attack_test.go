package upserttest_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/upserttest"
)

// attack runs a write on the bank, and wants it to pass, or to fail with a report that has the text.
func attack(t *testing.T, open func(testing.TB) *sql.DB, want string, write func(context.Context, *sql.DB) error) {
	t.Helper()
	out, failed := reportOf(t, func(t testing.TB) { upserttest.Idempotent(t, open, write) })
	if failed != (want != "") || !strings.Contains(out, want) {
		t.Errorf("failed = %v, want a report with %q:\n%s", failed, want, out)
	}
}

// openIn opens the bank with a data source name of the test's own. FILE stands for a new file.
func openIn(dsn string, conns int) func(testing.TB) *sql.DB {
	return func(t testing.TB) *sql.DB {
		t.Helper()
		db, err := sql.Open("sqlite3", strings.ReplaceAll(dsn, "FILE", t.TempDir()+"/x.db?_synchronous=OFF"))
		if err != nil {
			t.Fatal(err)
		}
		db.SetMaxOpenConns(conns)
		if _, err := db.Exec(bank); err != nil {
			t.Fatal(err)
		}
		return db
	}
}

// withTx runs statements in one transaction.
func withTx(statements ...string) func(context.Context, *sql.DB) error {
	return func(ctx context.Context, db *sql.DB) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
		for _, s := range statements {
			if _, err := tx.ExecContext(ctx, s); err != nil {
				return err
			}
		}
		return tx.Commit()
	}
}

const (
	readAda = "UPDATE accounts SET balance = balance WHERE name = 'nobody'" // takes no lock that matters
	setAda  = "UPDATE accounts SET balance = 60 WHERE name = 'ada'"
	setBob  = "UPDATE accounts SET balance = 40 WHERE name = 'bob'"
)

// A database in memory lives as long as its connection, so a lost connection must not close it.
func TestInMemory(t *testing.T) {
	t.Parallel()
	attack(t, openIn(":memory:", 1), "", withTx(setAda, setBob))
	attack(t, openIn(":memory:", 1), "60 → 20", func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, "UPDATE accounts SET balance = balance - 40 WHERE name = 'ada'")
		return err
	})
}

// However long the user's settings have a statement wait for a lock, the two runs do not wait for each other's pauses.
func TestBusyTimeoutIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	start := time.Now()
	for _, dsn := range []string{"file:FILE&_busy_timeout=600000", "file:FILE&_busy_timeout=600000&_journal_mode=WAL", "file:FILE&_busy_timeout=600000&_txlock=exclusive"} {
		attack(t, openIn(dsn, 0), "", withTx(readAda, setAda, setBob))
		attack(t, openIn(dsn, 0), "", func(ctx context.Context, db *sql.DB) error {
			if _, err := db.ExecContext(ctx, "PRAGMA busy_timeout = 600000"); err != nil {
				return err
			}
			var n int
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
			if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM payments").Scan(&n); err != nil || n > 0 {
				return err
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO payments (payer, amount) VALUES ('ada', 40)"); err != nil {
				return err
			}
			return tx.Commit()
		})
	}
	if d := time.Since(start); d > 2*time.Minute {
		t.Errorf("it took %s", d)
	}
}

// A write that waits for itself would hang. It is reported.
func TestPoolInsideTheTransactionOfAPoolOfOne(t *testing.T) {
	t.Parallel()
	for _, ctx := range []context.Context{nil, context.Background()} {
		attack(t, openIn("file:FILE", 1), "its own transactions have all of its pool (1)", func(own context.Context, db *sql.DB) error {
			if ctx != nil {
				own = ctx
			}
			tx, err := db.BeginTx(own, nil)
			if err != nil {
				return err
			}
			defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
			if _, err := db.ExecContext(own, setAda); err != nil {
				return err
			}
			return tx.Commit()
		})
	}
}

// Statements that are sent from other goroutines, one after the other, are places like others.
func TestGoroutines(t *testing.T) {
	t.Parallel()
	inGoroutine := func(f func() error) error {
		done := make(chan error)
		go func() { done <- f() }()
		return <-done
	}
	attack(t, openBank, "", func(ctx context.Context, db *sql.DB) error {
		return inGoroutine(func() error { return withTx(setAda, setBob)(ctx, db) })
	})
	attack(t, openBank, "at          report_test.go:28", func(ctx context.Context, db *sql.DB) error {
		return inGoroutine(func() error { return transfer(ctx, db) })
	})
}

// A connection that a write leaves in use is reported, and taken back.
func TestLeaks(t *testing.T) {
	t.Parallel()
	for want, write := range map[string]func(*sql.DB) error{
		"neither Commit nor Rollback was called (begun by statement 1, attack_test.go:": func(db *sql.DB) error {
			tx, err := db.Begin()
			if err != nil {
				return err
			}
			_, err = tx.Exec(setAda)
			return err
		},
		"rows or a *sql.Conn were not closed (last used by statement 1, attack_test.go:": func(db *sql.DB) error {
			rows, err := db.Query("SELECT name FROM accounts")
			if err != nil {
				return err
			}
			rows.Next()
			return rows.Err()
		},
		"neither Commit nor Rollback was called (begun by statement 2, attack_test.go:": func(db *sql.DB) error {
			c, err := db.Conn(context.Background())
			if err != nil {
				return err
			}
			for _, s := range []string{setBob, "BEGIN", setAda} {
				if _, err := c.ExecContext(context.Background(), s); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		attack(t, openBank, want, func(_ context.Context, db *sql.DB) error { return write(db) })
	}
}

// A transaction may be begun and ended by statements on a connection.
func TestTransactionByStatements(t *testing.T) {
	t.Parallel()
	write := func(statements ...string) func(context.Context, *sql.DB) error {
		return func(ctx context.Context, db *sql.DB) (err error) {
			c, err := db.Conn(ctx)
			if err != nil {
				return err
			}
			defer c.Close() //nolint:errcheck // a connection that is lost is closed already
			defer func() {
				if err != nil {
					_, _ = c.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
				}
			}()
			for _, s := range statements {
				if _, err := c.ExecContext(ctx, s); err != nil {
					return err
				}
			}
			return nil
		}
	}
	attack(t, openBank, "", write("BEGIN IMMEDIATE", setAda, setBob, "COMMIT"))
	attack(t, openBank, "", write("BEGIN", "DELETE FROM payments", "INSERT INTO payments (id, payer, amount) VALUES (1, 'ada', 40)", "END"))
	attack(t, openBank, "two runs at once", write("DELETE FROM payments", "INSERT INTO payments (payer, amount) VALUES ('ada', 40)"))
}

// Rows may be open while other statements run on the same transaction.
func TestRowsWhileWriting(t *testing.T) {
	t.Parallel()
	attack(t, openBank, "", func(ctx context.Context, db *sql.DB) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
		rows, err := tx.QueryContext(ctx, "SELECT name FROM accounts ORDER BY name")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "UPDATE accounts SET balance = 7 WHERE name = ?", name); err != nil {
				return err
			}
		}
		return errors.Join(rows.Err(), rows.Close(), tx.Commit())
	})
}

// A write that does not look at its context is broken all the same.
func TestContextIsNotUsed(t *testing.T) {
	t.Parallel()
	attack(t, openBank, "", func(_ context.Context, db *sql.DB) error {
		return withTx(setAda, setBob)(context.Background(), db)
	})
	attack(t, openBank, "60 → 20", func(_ context.Context, db *sql.DB) error { return transfer(context.Background(), db) })
}

// A write may end the test, or panic. The databases are closed, and the test ends as it should.
func TestWriteEndsTheTest(t *testing.T) {
	t.Parallel()
	closed := 0
	open := func(t testing.TB) *sql.DB {
		t.Cleanup(func() { closed++ })
		return openBank(t)
	}
	out, failed := reportOf(t, func(t testing.TB) {
		upserttest.Idempotent(t, open, func(context.Context, *sql.DB) error {
			t.Fatal("enough")
			return nil
		})
	})
	if !failed || out != "enough\n" || closed != 1 {
		t.Errorf("failed = %v, %d databases closed: %s", failed, closed, out)
	}
	func() {
		defer func() {
			if p := recover(); p != "oh" {
				t.Errorf("recovered %v, want oh", p)
			}
		}()
		upserttest.Idempotent(t, open, func(context.Context, *sql.DB) error { panic("oh") })
	}()
	if closed != 2 {
		t.Errorf("%d databases closed, want 2", closed)
	}
}

// Checks that run at once do not see each other, as the rest of this package's tests shows; these are on one engine and one table.
func TestParallel(t *testing.T) {
	t.Parallel()
	for range 2 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			attack(t, openBank, "", withTx(setAda))
			attack(t, openBank, "an error after statement 2 of 4", transfer)
		})
	}
}
