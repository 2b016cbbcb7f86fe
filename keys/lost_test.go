package keys_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

// The tests of this file check a transaction that a failed statement has ended, if fn ignores the error of the statement.

// consume calls Consume with messages that are their own identities.
func (l *hazardLab) consume(s *keys.Store, fn func(ctx context.Context, tx *keys.Tx) error, ids ...string) error {
	return keys.Consume(l.lab.Context(), s, "lab", ids, func(id string) string { return id },
		func(ctx context.Context, tx *keys.Tx, _ []string) error { return fn(ctx, tx) })
}

// wantOnce wants one effect from Run and from Consume with an fn that loses its first transaction and returns no error.
func (l *hazardLab) wantOnce(name string, fn func(ctx context.Context, tx *keys.Tx) error) {
	l.lab.Helper()
	calls := 0
	_, replayed, err := keys.Run(l.lab.Context(), l.store, hazardKey(name), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (int, error) {
		calls++
		return 1, fn(ctx, tx)
	})
	l.lab.Want("Run with "+name+": its end, calls and effects", fmt.Sprintln(replayed, err, calls, l.effects(name), l.effects(name+" after")), "false <nil> 2 1 1\n")
	l.lab.Exec("DELETE FROM effects")

	calls = 0
	err = l.consume(l.store, func(ctx context.Context, tx *keys.Tx) error { calls++; return fn(ctx, tx) }, name)
	l.lab.Want("Consume with "+name+": its end, calls and effects", fmt.Sprintln(err, calls, l.effects(name), l.effects(name+" after")), "<nil> 2 1 1\n")
	if info, err := l.store.InspectMessage(l.lab.Context(), "lab", name); err != nil || info.State != keys.StateDone {
		l.lab.Errorf("the message after Consume with %s: %+v, %v; want the message done", name, info, err)
	}
	l.lab.Exec("DELETE FROM effects")
}

func TestLost_InRowThatIsNotLookedAt(t *testing.T) {
	t.Parallel()
	rows := map[string]func(ctx context.Context, tx *keys.Tx, query string) error{
		"QueryRow":         func(_ context.Context, tx *keys.Tx, q string) error { return tx.QueryRow(q).Err() },
		"QueryRowContext":  func(ctx context.Context, tx *keys.Tx, q string) error { return tx.QueryRowContext(ctx, q).Err() },
		"QueryRowx":        func(_ context.Context, tx *keys.Tx, q string) error { return tx.QueryRowx(q).Err() },
		"QueryRowxContext": func(ctx context.Context, tx *keys.Tx, q string) error { return tx.QueryRowxContext(ctx, q).Err() },
	}
	hazards(t, lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		l.hot()
		for name, row := range rows {
			l.wantOnce(name, func(ctx context.Context, tx *keys.Tx) error {
				_, err := effect(name)(ctx, tx)
				if tx.Attempt() == 1 {
					l.loses(tx, func(query string) error { return row(ctx, tx, query) })
				}
				_, _ = effect(name+" after")(ctx, tx)
				return err
			})
		}
		l.lab.Exec("DELETE FROM idempotency_keys")
		tx := l.Begin(nil)
		l.lab.On(tx, `INSERT INTO effects VALUES ('"before"')`)
		_, _, err := keys.Once(l.lab.Context(), l.store, tx, hazardKey("once"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			l.loses(tx, func(query string) error { return tx.QueryRowContext(ctx, query).Err() })
			return effect("once")(ctx, tx)
		})
		l.wantGone("Once", tx, err)
	})
}

// TestLost_BeatsFinal checks that an error that has ended the transaction is no answer, even if fn marks it as final.
func TestLost_BeatsFinal(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		l.hot()
		calls := 0
		got := told(keys.Run(l.lab.Context(), l.store, hazardKey("a"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			if calls++; calls == 1 {
				var lost error
				l.loses(tx, func(query string) error {
					_, lost = tx.ExecContext(ctx, query)
					return lost
				})
				return "", keys.Final(lost)
			}
			return effect("a")(ctx, tx)
		}))
		l.lab.Want("Run, its calls and effects", fmt.Sprintln(got, calls, l.effects("a")), "ran a 2 1\n")
	})
}

// TestLost_InPreparedStatement checks the result if a prepared statement loses the transaction. Tx does not see the error of
// a prepared statement, so later writes of fn may be committed separately. The library notices the lost claim at the end and
// returns a permanent error.
func TestLost_InPreparedStatement(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		l.hot()
		calls := 0
		fn := func(ctx context.Context, tx *keys.Tx) (string, error) {
			calls++
			l.loses(tx, func(query string) error {
				statement, err := tx.PreparexContext(ctx, query)
				if err != nil {
					return err
				}
				defer func() { _ = statement.Close() }()
				_, err = statement.ExecContext(ctx)
				return err
			})
			return effect("after")(ctx, tx)
		}
		_, _, err := keys.Run(l.lab.Context(), l.store, hazardKey("a"), keys.Fingerprint{}, fn)
		l.lab.WantErr("Run", err, keys.ErrClaimLost)
		l.lab.Want("its class, calls, effects", fmt.Sprint(dialect.Classify(err), calls, l.effects("after")), "Permanent 1 1")
		l.wantUnknown("a")
		err = l.consume(l.store, func(ctx context.Context, tx *keys.Tx) error { _, err := fn(ctx, tx); return err }, "m")
		l.lab.WantErr("Consume", err, keys.ErrClaimLost)
		l.lab.Want("its class, calls, effects", fmt.Sprint(dialect.Classify(err), calls, l.effects("after")), "Permanent 2 2")
	})
}

// endlessWrite is a write that does not end by itself. It calls stop, a function of the connection.
const endlessWrite = "INSERT INTO effects WITH RECURSIVE c (i) AS (SELECT stop() UNION ALL SELECT i + 1 FROM c) SELECT 'endless' FROM c WHERE i < 0"

// interruptible returns a pool of one connection on which stop ends the write that calls it. The write must run with a
// context that within returns.
func (l *hazardLab) interruptible() (db *sqlx.DB, within func(context.Context) context.Context) {
	l.lab.Helper()
	db = l.lab.NS.DB()
	db.SetMaxOpenConns(1)
	cancel := func() {}
	conn, err := db.DB.Conn(l.lab.Context())
	if err != nil {
		l.lab.Fatal(err)
	}
	err = conn.Raw(func(c any) error {
		return c.(*sqlite3.SQLiteConn).RegisterFunc("stop", func() int64 { cancel(); return 0 }, false)
	})
	if err != nil {
		l.lab.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		l.lab.Fatal(err)
	}
	return db, func(ctx context.Context) context.Context {
		ctx, cancel = context.WithCancel(ctx)
		return ctx
	}
}

func TestLost_WriteThatItsContextEnded(t *testing.T) {
	t.Parallel()
	hazards(t, lab.SQLite, func(l *hazardLab) {
		db, within := l.interruptible()
		store := l.open(db)
		naive, err := db.BeginTxx(l.lab.Context(), nil)
		if err != nil {
			l.lab.Fatal(err)
		}
		l.lab.On(naive, `INSERT INTO effects VALUES ('"naive"')`)
		_, err = naive.ExecContext(within(l.lab.Context()), endlessWrite)
		l.lab.WantErr("the write", err, context.Canceled)
		l.lab.WantErr("hazard: the commit", naive.Commit(), nil, "no transaction is active")

		first := true
		fn := func(ctx context.Context, tx *keys.Tx) (int, error) {
			if _, err := effect("before")(ctx, tx); err != nil {
				return 0, err
			}
			if first {
				first = false
				_, err := tx.ExecContext(within(ctx), endlessWrite) // fn ignores the error of this write
				l.lab.WantErr("the write", err, context.Canceled)
				_, err = effect("after")(ctx, tx)
				l.lab.WantErr("what comes after", err, nil, "a statement has ended the claim's transaction")
				return 1, nil
			}
			_, err := effect("after")(ctx, tx)
			return 1, err
		}
		both := func() string { return fmt.Sprint(l.effects("before"), l.effects("after")) }

		_, _, err = keys.Run(l.lab.Context(), store, hazardKey("run"), keys.Fingerprint{}, fn)
		l.lab.WantErr("Run", err, nil, "has ended the claim's transaction")
		l.lab.Want("effects of it", both(), "0 0")
		l.wantUnknown("run")
		_, replayed, err := keys.Run(l.lab.Context(), l.store, hazardKey("run"), keys.Fingerprint{}, fn)
		l.lab.Want("the same again", fmt.Sprintln(replayed, err, both()), "false <nil> 1 1\n")
		l.lab.Exec("DELETE FROM effects")
	})
}

func TestLost_BatchThatItsContextEnded(t *testing.T) {
	t.Parallel()
	hazards(t, lab.SQLite, func(l *hazardLab) {
		db, within := l.interruptible()
		store := l.open(db)
		err := l.consume(store, func(ctx context.Context, tx *keys.Tx) error {
			_, err := effect("a")(ctx, tx)
			l.lab.Want("the effect", err, nil)
			_, err = tx.ExecContext(within(ctx), endlessWrite)
			l.lab.WantErr("the write", err, context.Canceled)
			_, _ = effect("b")(ctx, tx)
			return nil
		}, "m")
		l.lab.WantErr("Consume", err, nil, "has ended the claim's transaction")
		l.lab.Want("effects of it", fmt.Sprint(l.effects("a"), l.effects("b")), "0 0")
		if _, err := l.store.InspectMessage(l.lab.Context(), "lab", "m"); err == nil {
			l.lab.Error("the message is marked; want the message not stored")
		}
	})
}

func TestLost_CallersWritesGoWithIt(t *testing.T) {
	t.Parallel()
	hazards(t, lab.SQLite, func(l *hazardLab) {
		db, within := l.interruptible()
		store := l.open(db)
		tx, err := db.BeginTxx(l.lab.Context(), nil)
		if err != nil {
			l.lab.Fatal(err)
		}
		l.lab.On(tx, `INSERT INTO effects VALUES ('"before"')`)
		_, _, err = keys.Once(l.lab.Context(), store, tx, hazardKey("once"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (int, error) {
			_, err := tx.ExecContext(within(ctx), endlessWrite)
			l.lab.WantErr("the write", err, context.Canceled)
			_, _ = effect("after")(ctx, tx)
			return 1, nil
		})
		l.lab.WantErr("Once", err, nil, "has ended the claim's transaction")
		l.lab.WantErr("the commit", tx.Commit(), sql.ErrTxDone)
		l.lab.Want("effects", l.lab.Text("SELECT COUNT(*) FROM effects"), 0)
		l.wantUnknown("once")
	})
}

// TestLost_ResultThatWasNeverCommitted checks READ UNCOMMITTED, at which another transaction's row is visible before its
// end.
func TestLost_ResultThatWasNeverCommitted(t *testing.T) {
	t.Parallel()
	uncommitted := func(l *hazardLab) {
		tx := l.Begin(nil)
		l.lab.Want("Once", l.once(l.store, tx, "a"), "ran a")
		l.lab.Want("hazard: rows that the others see", l.lab.Text("SELECT COUNT(*) FROM idempotency_keys"), 1)
		_, _, err := keys.Run(l.lab.Context(), l.store, hazardKey("a"), keys.Fingerprint{}, effect("a"), keys.NoWait())
		l.lab.WantErr("Run beside it", err, nil, "another caller is working on it")
		l.wantUnknown("a")
		other := l.Begin(nil)
		l.lab.On(other, "INSERT INTO idempotency_keys SELECT REPEAT('d', 32), 'lab', '', 'm', 5, fingerprint_version, fingerprint, result, codec, attempts, fence, owner, lease_until, claimed_at, finished_at, '9999-12-31' FROM idempotency_keys")
		dead, err := l.store.Dead(l.lab.Context(), "lab", 10)
		l.lab.Want("dead messages that are not committed", fmt.Sprint(dead, err), "[] <nil>")
		_ = other.Rollback()
		if err := tx.Rollback(); err != nil {
			l.lab.Fatal(err)
		}
		l.lab.Want("Run after its rollback", l.run(l.store, "a"), "ran a")
		l.lab.Want("effects", l.effects("a"), 1)
		l.lab.Want("Run after its own commit", l.run(l.store, "a"), "replayed a")
	}
	hazards(t, lab.MariaDB, uncommitted, engine.Param("tx_isolation", "'READ-UNCOMMITTED'"))
	hazards(t, lab.MySQL, uncommitted, engine.Param("transaction_isolation", "'READ-UNCOMMITTED'"))
}
