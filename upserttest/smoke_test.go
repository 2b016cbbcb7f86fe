package upserttest_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/goupsert/upsert/upserttest"
	_ "github.com/mattn/go-sqlite3"
)

func TestSmoke(t *testing.T) {
	open := func(t testing.TB) *sql.DB {
		return upserttest.SQLite(t, "CREATE TABLE accounts (name TEXT PRIMARY KEY, balance INTEGER); INSERT INTO accounts VALUES ('ada', 100)", "CREATE TABLE payments(id TEXT PRIMARY KEY, amount int)")
	}
	start := time.Now()
	out, failed := reportOf(t, func(t testing.TB) {
		upserttest.Idempotent(t, open, func(ctx context.Context, db *sql.DB) error {
			_, err := db.ExecContext(ctx, "UPDATE accounts SET balance = balance - 40 WHERE name = 'ada'")
			return err
		})
	})
	t.Log(failed, time.Since(start), "\n"+out)
	start = time.Now()
	upserttest.Idempotent(t, open, func(ctx context.Context, db *sql.DB) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		r, err := tx.ExecContext(ctx, "INSERT INTO payments (id, amount) VALUES (?, ?) ON CONFLICT DO NOTHING", "a", 40)
		if err != nil {
			return err
		}
		if n, _ := r.RowsAffected(); n == 0 {
			return nil
		}
		var balance int
		if err := tx.QueryRowContext(ctx, "SELECT balance FROM accounts WHERE name = 'ada'").Scan(&balance); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE accounts SET balance = ? WHERE name = 'ada'", balance-40); err != nil {
			return err
		}
		return tx.Commit()
	}, upserttest.Quiet())
	t.Log(time.Since(start))
}
