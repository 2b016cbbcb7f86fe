package upserttest_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"sync/atomic"
	"time"

	"github.com/goupsert/upsert/upserttest"
)

// unsafeWrites are mistakes that are made again and again, with the place at which each is found.
func unsafeWrites() []entry {
	return append([]entry{
		{name: "counter without a claim", finds: []string{"second of two runs", "60 → 20", "1: UPDATE accounts", "catalogue_test.go:"},
			write: func(ctx context.Context, s *shop) error { return s.exec(ctx, s, pay) }},
		{name: "check then insert, lock", finds: []string{"two runs at once", "doubled", "B stops     2: INSERT INTO payments"},
			write: func(ctx context.Context, s *shop) error {
				n, err := s.number(ctx, s, "SELECT COUNT(*) FROM payments WHERE account = 'ada'")
				if err != nil || n > 0 {
					return err
				}
				return s.exec(ctx, s, note)
			}},
		{name: "claim outside the transaction", finds: []string{"an error after statement 1 of 4", "INSERT INTO claims", "missing"},
			write: func(ctx context.Context, s *shop) error {
				if isNew, err := s.isNew(ctx, s, "INSERT INTO claims (id) SELECT 'r1' WHERE NOT EXISTS (SELECT 1 FROM claims)"); err != nil || !isNew {
					return err
				}
				return s.inTx(ctx, func(tx *sql.Tx) error { return s.exec(ctx, tx, note) })
			}},
		{name: "claim after the effect", finds: []string{"an error after statement 2 of 3", "60 → 20"},
			write: func(ctx context.Context, s *shop) error {
				n, err := s.number(ctx, s, "SELECT COUNT(*) FROM claims WHERE id = 'r1'")
				if err != nil || n > 0 {
					return err
				}
				return s.all(ctx, s, pay, claim)
			}},
		{name: "replace with children", finds: []string{"second of two runs", "missing", "table items"},
			write: func(ctx context.Context, s *shop) error {
				n, err := s.number(ctx, s, "SELECT COUNT(*) FROM orders WHERE id = 'o1'")
				if err != nil {
					return err
				}
				replace := []string{"DELETE FROM orders WHERE id = 'o1'", "INSERT INTO orders (id, note) VALUES ('o1', 'x')"}
				if s.dialect != "postgres" {
					replace = []string{"REPLACE INTO orders (id, note) VALUES ('o1', 'x')"}
				}
				if n == 0 {
					replace = append(replace, "INSERT INTO items (order_id, n) VALUES ('o1', 2)")
				}
				return s.inTx(ctx, func(tx *sql.Tx) error { return s.all(ctx, tx, replace...) })
			}},
		{name: "last inserted id for a child", engines: "sqlite mysql", finds: []string{"second of two runs", "added  0", "table pets"},
			write: func(ctx context.Context, s *shop) error {
				return s.inTx(ctx, func(tx *sql.Tx) error {
					last := "LAST_INSERT_ID()"
					if s.dialect == "sqlite" {
						last = "last_insert_rowid()"
					}
					return s.all(ctx, tx, "INSERT IGNORE INTO people (name) VALUES ('eve')", "INSERT IGNORE INTO pets (person, name) SELECT "+last+", 'rex' FROM claims WHERE 1 = 0",
						"INSERT INTO pets (person, name) SELECT CASE WHEN EXISTS (SELECT 1 FROM pets) THEN 0 ELSE "+last+" END, 'rex'")
				})
			}},
		{name: "random id", finds: []string{"two clean runs", `upserttest.IgnoreColumns("orders.id")`},
			write: func(ctx context.Context, s *shop) error {
				return s.exec(ctx, s, "INSERT INTO orders (id, note) VALUES (?, 'x')", rand.Text())
			}},
		{name: "now in a key", finds: []string{"two clean runs", `upserttest.IgnoreColumns("claims.id")`},
			write: func(ctx context.Context, s *shop) error {
				return s.exec(ctx, s, "INSERT INTO claims (id) VALUES (?)", time.Now().Format(time.StampNano))
			}},
		{name: "two transactions where one is meant", finds: []string{"an error after statement 4 of 7", "COMMIT", "40 → 0"},
			write: func(ctx context.Context, s *shop) error {
				done := true
				err := s.once(ctx, func(tx *sql.Tx) error {
					done = false
					return s.exec(ctx, tx, pay)
				})
				if err != nil || done {
					return err
				}
				return s.inTx(ctx, func(tx *sql.Tx) error { return s.exec(ctx, tx, get) })
			}},
		{name: "swallowed error", finds: []string{"an error before statement 3 of 4", "returned no error", "60 → 100"}, engines: "sqlite mysql",
			write: func(ctx context.Context, s *shop) error {
				return s.once(ctx, func(tx *sql.Tx) error {
					_ = s.exec(ctx, tx, pay)
					return nil
				})
			}},
	}, moreUnsafeWrites()...)
}

func moreUnsafeWrites() []entry {
	var turn atomic.Int64
	return []entry{
		{name: "pool inside the transaction", engines: "postgres mysql", finds: []string{"statement 3 of 4", "60 → 20"},
			write: func(ctx context.Context, s *shop) error {
				return s.once(ctx, func(*sql.Tx) error { return s.exec(ctx, s, pay) })
			}},
		{name: "upsert that adds", finds: []string{"second of two runs", "different"},
			write: func(ctx context.Context, s *shop) error {
				return s.exec(ctx, s, s.onConflict("INSERT INTO accounts (name, balance) VALUES ('eve', 1)", "name", "balance = accounts.balance + 1"))
			}},
		{name: "log without a key", finds: []string{"second of two runs", "doubled"},
			write: func(ctx context.Context, s *shop) error { return s.exec(ctx, s, note) }},
		{name: "next number", finds: []string{"second of two runs", "table items", "added"},
			write: func(ctx context.Context, s *shop) error {
				return s.inTx(ctx, func(tx *sql.Tx) error {
					return s.all(ctx, tx, "INSERT IGNORE INTO orders (id, note) VALUES ('o1', 'x')",
						"INSERT INTO items (order_id, n) SELECT 'o1', COALESCE(MAX(n), 0) + 1 FROM items")
				})
			}},
		{name: "delete and insert without a lock", finds: []string{"two runs at once", "doubled"}, opts: []upserttest.Option{upserttest.GeneratedID("payments.id")},
			write: func(ctx context.Context, s *shop) error {
				return s.all(ctx, s, "DELETE FROM payments WHERE account = 'ada'", note)
			}},
		{name: "claim released after an unknown commit", finds: []string{"after statement 5 of 6", "COMMIT", "60 → 20"},
			write: func(ctx context.Context, s *shop) error {
				isNew, err := s.isNew(ctx, s, "INSERT IGNORE INTO claims (id, state) VALUES ('r1', 'held')")
				if err != nil {
					return err
				}
				if n, err := s.number(ctx, s, "SELECT COUNT(*) FROM claims WHERE state = 'done'"); err != nil || n > 0 {
					return err
				}
				_ = isNew
				err = s.inTx(ctx, func(tx *sql.Tx) error { return s.exec(ctx, tx, pay) })
				if err != nil {
					return err
				}
				return s.exec(ctx, s, "UPDATE claims SET state = 'done'")
			}},
		{name: "effect before the claim", finds: []string{"an error after statement 2 of 3", "effect charge r1", "table effects", "1 → 2"},
			write: func(ctx context.Context, s *shop) error {
				n, err := s.number(ctx, s, "SELECT COUNT(*) FROM claims WHERE id = 'r1'")
				if err != nil || n > 0 {
					return err
				}
				if err := s.effects.Call(ctx, "charge r1"); err != nil {
					return err
				}
				return s.exec(ctx, s, claim)
			}},
		{name: "claim before the effect", finds: []string{"after statement 1 of 2", "missing", "table effects"},
			write: func(ctx context.Context, s *shop) error {
				if isNew, err := s.isNew(ctx, s, claim); err != nil || !isNew {
					return err
				}
				return s.effects.Call(ctx, "charge r1")
			}},
		{name: "transaction left open after an error", finds: []string{"still uses the database", "context cancelled before statement 1", "neither Commit nor Rollback"},
			write: func(ctx context.Context, s *shop) error {
				tx, err := s.Begin()
				if err != nil {
					return err
				}
				if err := s.exec(ctx, tx, claim); err != nil {
					return err
				}
				return tx.Commit()
			}},
		{name: "busy flag outside a transaction", finds: []string{"an error after statement 1 of 3", "again       failed: another one is busy with it"},
			write: func(ctx context.Context, s *shop) error {
				if ok, err := s.isNew(ctx, s, "UPDATE accounts SET last = 'busy' WHERE name = 'ada' AND last = ''"); err != nil || !ok {
					return errors.Join(err, errIf(err == nil, "another one is busy with it"))
				}
				err := s.exec(ctx, s, "UPDATE accounts SET balance = 60 WHERE name = 'ada'")
				return errors.Join(err, s.exec(ctx, s, "UPDATE accounts SET last = '' WHERE name = 'ada'"))
			}},
		{name: "another handle", finds: []string{"sends nothing"},
			write: func(context.Context, *shop) error { return nil }},
		{name: "another order in each run", finds: []string{"another order"},
			write: func(ctx context.Context, s *shop) error {
				both := []string{claim, "UPDATE accounts SET balance = 1"}
				if turn.Add(1)%2 == 0 {
					both[0], both[1] = both[1], both[0]
				}
				return s.all(ctx, s, both...)
			}},
	}
}

// onConflict adds to an insert what it does if the row is there.
func (s *shop) onConflict(insert, key, set string) string {
	if s.dialect == "mysql" {
		return insert + " ON DUPLICATE KEY UPDATE " + set
	}
	return insert + " ON CONFLICT (" + key + ") DO UPDATE SET " + set
}

func errIf(condition bool, text string) error {
	if condition {
		return errors.New(text)
	}
	return nil
}
