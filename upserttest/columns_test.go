package upserttest_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/goupsert/upsert/upserttest"
)

// alter adds a column and hides that there is one already, or that the statement was broken.
func alter(statement, then string) func(context.Context, *sql.DB) error {
	return func(ctx context.Context, db *sql.DB) error {
		_, _ = db.ExecContext(ctx, statement)
		_, err := db.ExecContext(ctx, then)
		return err
	}
}

// A table whose columns are not a clean run's is reported with both.
func TestColumnsDiffer(t *testing.T) {
	t.Parallel()
	const keep = "UPDATE payments SET amount = 1"
	for _, c := range []struct{ change, then, want string }{
		{"ALTER TABLE payments ADD COLUMN note TEXT", "INSERT OR IGNORE INTO payments (id, payer, amount) VALUES (1, 'ada', 40)", `
  table payments: column note is missing; wanted
             id  payer  amount  note
    missing  1   ada    40      NULL

  table payments: got
           id  payer  amount
    added  1   ada    40

  rerun `},
		{"ALTER TABLE payments ADD COLUMN note TEXT", keep, `
  table payments: column note is missing; wanted
      id  payer  amount  note

  table payments: got
      id  payer  amount

  rerun `},
		{"ALTER TABLE payments DROP COLUMN payer", keep, `
  table payments: column payer is additional; wanted
      id  amount

  table payments: got
      id  payer  amount

  rerun `},
		{"ALTER TABLE payments RENAME COLUMN amount TO price", "UPDATE payments SET id = 1", `
  table payments: column price is missing, column amount is additional; wanted
      id  payer  price

  table payments: got
      id  payer  amount

  rerun `},
	} {
		t.Run(c.change, func(t *testing.T) {
			t.Parallel()
			attack(t, openBank, c.want, alter(c.change, c.then))
		})
	}
}

// A table of the database may have the name of the fake provider's.
func TestTableOfTheNameEffects(t *testing.T) {
	t.Parallel()
	const schema = "CREATE TABLE effects (a INTEGER PRIMARY KEY, b TEXT, c TEXT); INSERT INTO effects VALUES (1, 'a', 'b')"
	effects := &upserttest.Effects{}
	mustPass(t, schema, []string{"INSERT OR IGNORE INTO effects VALUES (2, 'x', 'y')"}, upserttest.WithEffects(effects))
	mustFail(t, schema, []string{"INSERT INTO effects (b, c) VALUES ('x', 'y')"}, `
  table effects
             a  b  c
    doubled  3  x  y

  rerun `, upserttest.WithEffects(effects))
	out, failed := reportOf(t, func(t testing.TB) {
		upserttest.Idempotent(t, func(t testing.TB) *sql.DB { return upserttest.SQLite(t, schema) }, func(ctx context.Context, db *sql.DB) error {
			if err := effects.Call(ctx, "k"); err != nil {
				return err
			}
			return withTx("DELETE FROM effects")(ctx, db)
		}, upserttest.WithEffects(effects))
	})
	const want = `
  table effects (wanted → got)
               key  calls
    different  k    1 → 2
`
	if !failed || !strings.Contains(out, want) {
		t.Error(out)
	}
}
