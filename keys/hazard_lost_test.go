package keys_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// The tests of this file check the use of a transaction after a statement has ended it: E3.

func TestHazard_E3_SwallowedDeadlock(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		l.hot()
		naive := l.Begin(nil)
		l.lab.On(naive, `INSERT INTO effects VALUES ('"first"')`)
		l.deadlock(naive)
		l.lab.On(naive, `INSERT INTO effects VALUES ('"second"')`)
		l.lab.Want("hazard: what a commit says of a transaction that is gone", naive.Commit(), nil)
		l.lab.Want("hazard: its effects", fmt.Sprint(l.effects("first"), l.effects("second")), "0 1")
		l.lab.Exec("DELETE FROM effects")

		swallows := func(ctx context.Context, tx *keys.Tx) (int, error) {
			_, err := effect("first")(ctx, tx)
			if err != nil {
				return 0, err
			}
			if tx.Attempt() == 1 {
				l.deadlock(tx)
			}
			_, _ = effect("second")(ctx, tx)
			return tx.Attempt(), nil
		}
		attempt, replayed, err := keys.Run(l.lab.Context(), l.store, hazardKey("run"), keys.Fingerprint{}, swallows)
		l.lab.Want("Run: the attempt that counts", fmt.Sprintln(attempt, replayed, err), "2 false <nil>\n")
		l.lab.Want("effects of Run", fmt.Sprint(l.effects("first"), l.effects("second")), "1 1")
		l.lab.Exec("DELETE FROM effects")

		tx := l.Begin(nil)
		l.lab.On(tx, `INSERT INTO effects VALUES ('"before"')`)
		_, _, err = keys.Once(l.lab.Context(), l.store, tx, hazardKey("once"), keys.Fingerprint{}, swallows)
		l.wantGone("Once", tx, err)

		tx = l.Begin(nil)
		l.lab.On(tx, `INSERT INTO effects VALUES ('"before"')`)
		_, _, err = keys.Once(l.lab.Context(), l.store, tx, hazardKey("outer"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (int, error) {
			_, _, err := keys.Once(ctx, l.store, tx, hazardKey("inner"), keys.Fingerprint{}, swallows)
			l.lab.Want("the class of the inner Once's error", dialect.Classify(err), dialect.Retryable)
			_, _ = effect("third")(ctx, tx)
			return 1, nil
		})
		l.wantGone("Once with one in it", tx, err)

		n := 0
		_, _, err = keys.Run(l.lab.Context(), l.store, hazardKey("nested"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (int, error) {
			if n++; n > 1 {
				return effectCount(ctx, tx)
			}
			_, _, _ = keys.Once(ctx, l.store, tx, hazardKey("inner"), keys.Fingerprint{}, swallows)
			return 1, nil
		})
		l.lab.Want("Run with a Once in it, and its attempts", fmt.Sprint(err, n), "<nil> 2")
		l.wantUnknown("inner")
	})
}

func effectCount(ctx context.Context, tx *keys.Tx) (n int, err error) {
	err = tx.GetContext(ctx, &n, "SELECT COUNT(*) FROM effects")
	return n, err
}

// wantGone wants an error that is retryable, an ended transaction, and no row of this transaction.
func (l *hazardLab) wantGone(what string, tx interface{ Commit() error }, err error) {
	l.lab.Helper()
	l.lab.Want(what+": its error's class", dialect.Classify(err), dialect.Retryable)
	l.lab.WantErr(what+": the commit", tx.Commit(), sql.ErrTxDone)
	l.lab.Want(what+": effects", l.lab.Text("SELECT COUNT(*) FROM effects"), 0)
	l.lab.Want(what+": keys", l.lab.Text("SELECT COUNT(*) FROM idempotency_keys WHERE id <> 'run'"), 0)
}

// deadlock makes a transaction lose a deadlock.
func (l *hazardLab) deadlock(tx upsert.DB) {
	l.lab.Helper()
	l.loses(tx, func(query string) error { _, err := tx.ExecContext(l.lab.Context(), query); return err })
}

// loses makes a transaction lose a deadlock against a transaction that has written more. send sends the last statement of
// the losing transaction.
func (l *hazardLab) loses(tx upsert.DB, send func(query string) error) {
	l.lab.Helper()
	l.lab.On(tx, "UPDATE hot SET n = n + 1 WHERE k = 1")
	other := l.lab.Session("BEGIN", "UPDATE hot FORCE INDEX (`PRIMARY`) SET n = n + 1 WHERE k > 1") // without the index the UPDATE would read all rows and wait for the first one
	done := lab.Later(func() error {
		_, err := other.ExecContext(l.lab.Context(), "UPDATE hot SET n = n + 1 WHERE k = 1")
		return err
	})
	l.lab.UntilWaits(other.ID)
	l.lab.WantCode("the hazard is gone: the deadlock", send("UPDATE hot SET n = n + 1 WHERE k = 2"), "1213")
	l.lab.Want("the other side of the deadlock", l.lab.Result(done), nil)
	l.lab.On(other, "ROLLBACK")
}

// hot creates the rows for the deadlock.
func (l *hazardLab) hot() {
	l.lab.Helper()
	l.lab.Exec("CREATE TABLE hot (k INT PRIMARY KEY, n INT)", "INSERT INTO hot SELECT 1 + a.d + 10 * b.d + 100 * c.d, 0 FROM "+tenDigits+" a, "+tenDigits+" b, (SELECT 0 AS d UNION SELECT 1) c")
}

func TestHazard_E3_EveryMethodSeesIt(t *testing.T) {
	t.Parallel()
	var n int
	var all []int
	methods := map[string]func(ctx context.Context, tx *keys.Tx, query string) error{
		"Exec":       func(_ context.Context, tx *keys.Tx, q string) error { _, err := tx.Exec(q); return err },
		"Get":        func(_ context.Context, tx *keys.Tx, q string) error { return tx.Get(&n, q) },
		"GetContext": func(ctx context.Context, tx *keys.Tx, q string) error { return tx.GetContext(ctx, &n, q) },
		"NamedExec": func(_ context.Context, tx *keys.Tx, q string) error {
			_, err := tx.NamedExec(q, struct{}{})
			return err
		},
		"NamedExecContext": func(ctx context.Context, tx *keys.Tx, q string) error {
			_, err := tx.NamedExecContext(ctx, q, struct{}{})
			return err
		},
		"NamedQuery": func(_ context.Context, tx *keys.Tx, q string) error {
			_, err := tx.NamedQuery(q, struct{}{})
			return err
		},
		"Query":         func(_ context.Context, tx *keys.Tx, q string) error { _, err := tx.Query(q); return err },               //nolint:rowserrcheck // it fails: there are no rows
		"QueryContext":  func(ctx context.Context, tx *keys.Tx, q string) error { _, err := tx.QueryContext(ctx, q); return err }, //nolint:rowserrcheck // it fails: there are no rows
		"Queryx":        func(_ context.Context, tx *keys.Tx, q string) error { _, err := tx.Queryx(q); return err },
		"QueryxContext": func(ctx context.Context, tx *keys.Tx, q string) error { _, err := tx.QueryxContext(ctx, q); return err },
		"Select":        func(_ context.Context, tx *keys.Tx, q string) error { return tx.Select(&all, q) },
		"SelectContext": func(ctx context.Context, tx *keys.Tx, q string) error { return tx.SelectContext(ctx, &all, q) },
		"MustExec": func(_ context.Context, tx *keys.Tx, q string) (err error) {
			defer func() { err, _ = recover().(error) }()
			tx.MustExec(q)
			return nil
		},
		"MustExecContext": func(ctx context.Context, tx *keys.Tx, q string) (err error) {
			defer func() { err, _ = recover().(error) }()
			tx.MustExecContext(ctx, q)
			return nil
		},
	}
	hazards(t, lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		l.hot()
		for name, method := range methods {
			_, _, err := keys.Run(l.lab.Context(), l.store, hazardKey(name), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
				if tx.Attempt() == 1 {
					l.loses(tx, func(query string) error { return method(ctx, tx, query) })
				}
				_, _ = effect(name)(ctx, tx) // on the first attempt no row of the effect may be stored
				return name, nil
			})
			l.lab.Want("Run whose "+name+" lost the transaction, its effects", fmt.Sprint(err, l.effects(name)), "<nil> 1")
		}
	})
}

func TestHazard_E3_StatementThatRollsBack(t *testing.T) {
	t.Parallel()
	const rollsBack = "INSERT OR ROLLBACK INTO taken VALUES (1)"
	hazards(t, lab.SQLite, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE taken (k INTEGER PRIMARY KEY)", "INSERT INTO taken VALUES (1)")
		naive := l.Begin(nil)
		l.lab.On(naive, `INSERT INTO effects VALUES ('"first"')`)
		l.lab.Fails(naive, "1555", rollsBack)
		l.lab.On(naive, `INSERT INTO effects VALUES ('"second"')`)
		l.lab.WantErr("hazard: the commit", naive.Commit(), nil, "no transaction is active")
		l.lab.Want("hazard: effects before and after", fmt.Sprint(l.effects("first"), l.effects("second")), "0 1")

		swallows := func(ctx context.Context, tx *keys.Tx) (int, error) {
			_, err := effect("a")(ctx, tx)
			if tx.Attempt() == 1 {
				l.lab.Fails(tx, "1555", rollsBack)
			}
			return tx.Attempt(), err
		}
		attempt, replayed, err := keys.Run(l.lab.Context(), l.store, hazardKey("run"), keys.Fingerprint{}, swallows)
		l.lab.Want("Run: the attempt that counts", fmt.Sprintln(attempt, replayed, err), "2 false <nil>\n")
		l.lab.Want("effects of Run", l.effects("a"), 1)
		l.lab.Exec("DELETE FROM effects")
		tx := l.Begin(nil)
		l.lab.On(tx, `INSERT INTO effects VALUES ('"before"')`)
		_, _, err = keys.Once(l.lab.Context(), l.store, tx, hazardKey("once"), keys.Fingerprint{}, swallows)
		l.wantGone("Once", tx, err)
	})
}
