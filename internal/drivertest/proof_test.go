package drivertest_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/upserttest"
)

// TestProof runs a safe write through the drivers that the tests of upserttest itself do not have.
func TestProof(t *testing.T) {
	t.Parallel()
	for name, on := range map[string]string{"pgx": "postgres18", "sqlite": "sqlite"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := func(t testing.TB) *sql.DB {
				db := engine.Get(on).Open(t, engine.Driver(name)).DB
				for _, s := range []string{
					"CREATE TABLE claims (id VARCHAR(40) PRIMARY KEY)",
					"CREATE TABLE accounts (name VARCHAR(40) PRIMARY KEY, balance BIGINT NOT NULL)",
					"INSERT INTO accounts VALUES ('ada', 100)",
				} {
					if _, err := db.ExecContext(context.Background(), s); err != nil {
						t.Fatal(err)
					}
				}
				return db
			}
			upserttest.Idempotent(t, open, func(ctx context.Context, db *sql.DB) error {
				tx, err := db.BeginTx(ctx, nil)
				if err != nil {
					return err
				}
				defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
				r, err := tx.ExecContext(ctx, "INSERT INTO claims (id) VALUES ($1) ON CONFLICT DO NOTHING", "r1")
				if err != nil {
					return err
				}
				if n, err := r.RowsAffected(); err != nil || n == 0 {
					return err
				}
				var balance int64
				if err := tx.QueryRowContext(ctx, "SELECT balance FROM accounts WHERE name = $1", "ada").Scan(&balance); err != nil {
					return err
				}
				if _, err := tx.ExecContext(ctx, "UPDATE accounts SET balance = $1 WHERE name = $2", balance-40, "ada"); err != nil {
					return err
				}
				return tx.Commit()
			}, upserttest.Quiet(), upserttest.MaxSchedules(engine.Size(6, 100)))
		})
	}
}
