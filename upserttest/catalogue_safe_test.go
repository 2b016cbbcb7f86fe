package upserttest_test

import (
	"context"
	"database/sql"
	"time"

	"github.com/goupsert/upsert/upserttest"
)

// safeWrites are writes that can be repeated.
func safeWrites() []entry {
	return append([]entry{
		{name: "claim in the transaction", write: func(ctx context.Context, s *shop) error {
			return s.once(ctx, func(tx *sql.Tx) error { return s.all(ctx, tx, pay, get) })
		}},
		{name: "absolute upsert", write: func(ctx context.Context, s *shop) error {
			return s.exec(ctx, s, s.onConflict("INSERT INTO accounts (name, balance) VALUES ('eve', 7)", "name", "balance = 7"))
		}},
		{name: "insert or ignore", opts: []upserttest.Option{upserttest.Quiet()}, write: func(ctx context.Context, s *shop) error {
			return s.exec(ctx, s, claim)
		}},
		{name: "update if it differs, quiet", opts: []upserttest.Option{upserttest.Quiet()}, write: func(ctx context.Context, s *shop) error {
			return s.exec(ctx, s, "UPDATE accounts SET balance = 60 WHERE name = 'ada' AND balance <> 60")
		}},
		{name: "delete", write: func(ctx context.Context, s *shop) error {
			return s.exec(ctx, s, "DELETE FROM accounts WHERE name = 'ada'")
		}},
		{name: "absolute update", write: func(ctx context.Context, s *shop) error {
			return s.exec(ctx, s, "UPDATE accounts SET balance = ? WHERE name = ?", 60, "ada")
		}},
		{name: "token in the row", write: func(ctx context.Context, s *shop) error {
			return s.exec(ctx, s, "UPDATE accounts SET balance = balance - 40, last = 'r1' WHERE name = 'ada' AND last <> 'r1'")
		}},
		{name: "two absolute statements in a transaction, lock", write: func(ctx context.Context, s *shop) error {
			return s.inTx(ctx, func(tx *sql.Tx) error {
				return s.all(ctx, tx, "UPDATE accounts SET balance = 60 WHERE name = 'ada'", "UPDATE accounts SET balance = 40 WHERE name = 'bob'")
			})
		}},
		{name: "two absolute statements", write: func(ctx context.Context, s *shop) error {
			return s.all(ctx, s, claim, "UPDATE accounts SET balance = 60 WHERE name = 'ada'")
		}},
		{name: "child by the parent's name", opts: []upserttest.Option{upserttest.GeneratedID("people.id", "pets.person")}, write: func(ctx context.Context, s *shop) error {
			return s.all(ctx, s, "INSERT IGNORE INTO people (name) VALUES ('eve')", "INSERT IGNORE INTO pets (person, name) SELECT id, 'rex' FROM people WHERE name = 'eve'")
		}},
		{name: "delete and insert under a lock", write: func(ctx context.Context, s *shop) error {
			return s.inTx(ctx, func(tx *sql.Tx) error {
				if _, err := s.number(ctx, tx, "SELECT balance FROM accounts WHERE name = 'ada' FOR UPDATE"); err != nil {
					return err
				}
				return s.all(ctx, tx, "DELETE FROM items", "DELETE FROM orders", "INSERT INTO orders (id, note) VALUES ('o1', 'x')", "INSERT INTO items (order_id, n) VALUES ('o1', 2)")
			})
		}},
	}, moreSafeWrites()...)
}

func moreSafeWrites() []entry {
	return []entry{
		{name: "generated id behind a claim", opts: []upserttest.Option{upserttest.GeneratedID("payments.id")}, write: func(ctx context.Context, s *shop) error {
			return s.once(ctx, func(tx *sql.Tx) error { return s.all(ctx, tx, note, pay) })
		}},
		{name: "prepared statements", write: func(ctx context.Context, s *shop) error {
			stmt, err := s.PrepareContext(ctx, s.text("UPDATE accounts SET balance = ? WHERE name = ?"))
			if err != nil {
				return err
			}
			defer stmt.Close() //nolint:errcheck // its connection may be broken
			return s.once(ctx, func(tx *sql.Tx) error {
				for balance, name := range []string{"ada", "bob"} {
					if _, err := tx.StmtContext(ctx, stmt).ExecContext(ctx, balance, name); err != nil {
						return err
					}
				}
				return nil
			})
		}},
		{name: "retries by itself", write: func(ctx context.Context, s *shop) (err error) {
			for range 3 {
				err = s.once(ctx, func(tx *sql.Tx) error { return s.exec(ctx, tx, pay) })
				if err == nil {
					return nil
				}
			}
			return err
		}},
		{name: "the greater wins", write: func(ctx context.Context, s *shop) error {
			return s.exec(ctx, s, "UPDATE accounts SET seen = CASE WHEN seen < ? THEN ? ELSE seen END WHERE name = 'ada'", 9, 9)
		}},
		{name: "version", write: func(ctx context.Context, s *shop) error {
			return s.exec(ctx, s, "UPDATE accounts SET balance = 60, seen = 9 WHERE name = 'ada' AND seen < 9")
		}},
		{name: "effect at a provider with dedup", write: func(ctx context.Context, s *shop) error {
			n, err := s.number(ctx, s, "SELECT COUNT(*) FROM claims WHERE id = 'r1'")
			if err != nil || n > 0 {
				return err
			}
			if err := s.effects.Call(ctx, "charge r1"); err != nil {
				return err
			}
			return s.exec(ctx, s, claim)
		}},
		{name: "time of the last change", opts: []upserttest.Option{upserttest.IgnoreColumns("people.at")}, write: func(ctx context.Context, s *shop) error {
			at := time.Now().Format(time.RFC3339Nano)
			return s.exec(ctx, s, s.onConflict("INSERT INTO people (id, name, at) VALUES (1, 'eve', ?)", "id", "at = ?"), at, at)
		}},
		{name: "savepoint", write: func(ctx context.Context, s *shop) error {
			return s.once(ctx, func(tx *sql.Tx) error {
				if err := s.exec(ctx, tx, "SAVEPOINT a"); err != nil {
					return err
				}
				if err := s.exec(ctx, tx, pay); err != nil {
					return err
				}
				return s.exec(ctx, tx, "RELEASE SAVEPOINT a")
			})
		}},
		{name: "error that PostgreSQL does not let be swallowed", engines: "postgres", write: func(ctx context.Context, s *shop) error {
			return s.once(ctx, func(tx *sql.Tx) error {
				_ = s.exec(ctx, tx, pay)
				return nil
			})
		}},
		{name: "pool of one", limit: 1, write: func(ctx context.Context, s *shop) error {
			return s.once(ctx, func(tx *sql.Tx) error { return s.all(ctx, tx, pay, get) })
		}},
	}
}
