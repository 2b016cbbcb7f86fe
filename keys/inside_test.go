package keys_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

// The tests of this file check other calls inside fn besides its effect, and errors that fn gets from other sources.

// bounded returns a context that ends a call that would otherwise wait for itself forever.
func (l *hazardLab) bounded() context.Context {
	ctx, cancel := context.WithTimeout(l.lab.Context(), lab.Patience)
	l.lab.Cleanup(cancel)
	return ctx
}

// wantRefused wants a call inside fn to be refused before the call waits.
func (l *hazardLab) wantRefused(what string, err error) {
	l.lab.Helper()
	l.lab.WantErr(what, err, nil, "keys: ", "inside the fn of", "would wait for", "Tx")
}

// wantPast wants a call on the pool inside fn to be refused unless keys.Outside marks the call as intended. On SQLite the
// call is always refused.
func (l *hazardLab) wantPast(ctx context.Context, what string, call func(context.Context) error) {
	l.lab.Helper()
	err := call(ctx)
	if l.lab.Family() == "sqlite" {
		l.lab.WantErr(what, err, nil, "inside the fn of", "would wait for")
		l.lab.WantErr(what+" that is meant", call(keys.Outside(ctx)), nil, "would wait for")
		return
	}
	l.lab.WantErr(what, err, nil, "inside the fn of", "would not be rolled back", "keys.Outside(ctx)")
	l.lab.Want(what+" that is meant", call(keys.Outside(ctx)), nil)
}

func TestInside_SameKeyOrConsumer(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		never := func(context.Context, *keys.Tx) (string, error) { return "", errors.New("fn was called") }
		_, _, err := keys.Run(l.bounded(), l.store, hazardKey("run"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			_, _, err := keys.Run(ctx, l.store, hazardKey("run"), keys.Fingerprint{}, never)
			l.wantRefused("Run inside Run", err)
			return effect("run")(ctx, tx)
		})
		l.lab.Want("Run, and its effects", fmt.Sprint(err, l.effects("run")), "<nil> 1")

		tx := l.Begin(nil)
		_, _, err = keys.Once(l.bounded(), l.store, tx, hazardKey("once"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			_, _, err := keys.Run(ctx, l.store, hazardKey("once"), keys.Fingerprint{}, never)
			l.wantRefused("Run inside Once", err)
			return effect("once")(ctx, tx)
		})
		l.lab.Want("Once", err, nil)
		l.lab.Commit(tx)
		l.lab.Want("effects of Once", l.effects("once"), 1)

		id := func(id string) string { return id }
		err = keys.Consume(l.bounded(), l.store, "c", []string{"1", "2"}, id, func(ctx context.Context, tx *keys.Tx, _ []string) error {
			_, err := l.store.Fail(ctx, "c", "1", nil)
			l.wantRefused("Fail inside Consume", err)
			err = keys.Consume(ctx, l.store, "c", []string{"2"}, id, func(context.Context, *keys.Tx, []string) error { return nil })
			l.wantRefused("Consume inside Consume", err)
			_, err = effect("batch")(ctx, tx)
			return err
		})
		l.lab.Want("Consume, and its effects", fmt.Sprint(err, l.effects("batch")), "<nil> 1")
	})
}

func TestInside_AnotherKey(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		_, _, err := keys.Run(l.bounded(), l.store, hazardKey("outer"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			l.wantPast(ctx, "Run of another key", func(ctx context.Context) error {
				_, _, err := keys.Run(ctx, l.store, hazardKey("inner"), keys.Fingerprint{}, effect("inner"))
				return err
			})
			l.wantPast(ctx, "Fail", func(ctx context.Context) error { _, err := l.store.Fail(ctx, "c", "1", nil); return err })
			l.wantPast(ctx, "Revive", func(ctx context.Context) error { _, err := l.store.Revive(ctx, "c", "1"); return err })
			l.wantPast(ctx, "Consume", func(ctx context.Context) error {
				return keys.Consume(ctx, l.store, "c", []string{"2"}, func(id string) string { return id }, func(ctx context.Context, tx *keys.Tx, _ []string) error {
					_, err := effect("batch")(ctx, tx)
					return err
				})
			})
			return effect("outer")(ctx, tx)
		})
		apart := 1
		if l.lab.Family() == "sqlite" {
			apart = 0
		}
		l.lab.Want("Run, and the effects", fmt.Sprintln(err, l.effects("outer"), l.effects("inner"), l.effects("batch")), fmt.Sprintln(nil, 1, apart, apart))
	})
}

// TestInside_UpsertOnThePool checks the most likely mistake, which is the use of the pool instead of tx.
func TestInside_UpsertOnThePool(t *testing.T) {
	t.Parallel()
	type row struct {
		ID string `db:"id" upsert:"key"`
		N  int    `db:"n"`
	}
	hazards(t, lab.All, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE rows_of_fn (id VARCHAR(20) PRIMARY KEY, n INT)")
		table, err := upsert.New[row](l.lab.D, "rows_of_fn")
		if err != nil {
			l.lab.Fatal(err)
		}
		prepared, err := table.Prepare(l.lab.Context(), l.lab.DB)
		if err != nil {
			l.lab.Fatal(err)
		}
		type wrapped struct{ *sqlx.DB }
		other := l.lab.NS.DB()
		no := errors.New("no")
		_, _, err = keys.Run(l.bounded(), l.store, hazardKey("a"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			for name, db := range map[string]upsert.DB{"*sqlx.DB": l.lab.DB, "*sql.DB": l.lab.DB.DB, "wrapped": wrapped{l.lab.DB}, "hidden": struct{ upsert.DB }{l.lab.DB}} {
				l.wantPast(ctx, "Put on "+name, func(ctx context.Context) error { _, err := table.Put(ctx, db, &row{"put " + name, 1}); return err })
				l.wantPast(ctx, "PutAll on "+name, func(ctx context.Context) error { _, err := table.PutAll(ctx, db, []row{{"all", 1}}); return err })
			}
			l.wantPast(ctx, "GetOrCreate", func(ctx context.Context) error {
				_, err := table.GetOrCreate(ctx, l.lab.DB, &row{"got", 1})
				return err
			})
			l.wantPast(ctx, "Prepared.Put", func(ctx context.Context) error { _, err := prepared.Put(ctx, &row{"prepared", 1}); return err })
			for name, db := range map[string]upsert.DB{"tx": tx, "*sqlx.Tx": tx.Tx, "*sql.Tx": tx.Tx.Tx} {
				_, err := table.Put(ctx, db, &row{"on " + name, 1})
				l.lab.Want("Put on "+name, err, nil)
			}
			if l.lab.Family() != "sqlite" {
				_, err := table.Put(ctx, other, &row{"another pool", 1})
				l.lab.Want("Put on another pool", err, nil)
			}
			return "", no
		})
		l.lab.WantErr("Run", err, no)
		l.lab.Want("rows of fn's transaction that are there", l.lab.Text("SELECT COUNT(*) FROM rows_of_fn WHERE id LIKE 'on %'"), 0)
		_, err = table.Put(l.lab.Context(), l.lab.DB, &row{"after", 1})
		l.lab.Want("Put after it", err, nil)
	})
}

// TestInside_OneConnection checks that a call inside fn is refused if the pool has only one connection, even if keys.Outside
// marks the call as intended.
func TestInside_OneConnection(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		pool := l.lab.NS.DB()
		pool.SetMaxOpenConns(1)
		s := l.open(pool)
		_, _, err := keys.Run(l.bounded(), s, hazardKey("a"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			_, _, err := keys.Run(keys.Outside(ctx), s, hazardKey("b"), keys.Fingerprint{}, effect("b"))
			l.wantRefused("Run", err)
			return effect("a")(ctx, tx)
		})
		l.lab.Want("Run, and the effects", fmt.Sprint(err, l.effects("a"), l.effects("b")), "<nil> 1 0")
	})
}

// TestInside_HeldByTheTransaction checks calls for keys and messages that fn's own transaction has locked through Once and
// Filter.
func TestInside_HeldByTheTransaction(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		again := l.open(l.lab.NS.DB()) // another pool with the same table
		_, _, err := keys.Run(l.bounded(), l.store, hazardKey("a"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			l.lab.Want("Once", l.once(l.store, tx, "b"), "ran b")
			_, err := l.filter(l.store, tx, "m")
			l.lab.Want("Filter", err, nil)
			for _, s := range []*keys.Store{l.store, again} {
				for _, id := range []string{"a", "b"} {
					_, _, err = keys.Run(keys.Outside(ctx), s, hazardKey(id), keys.Fingerprint{}, effect(id))
					l.wantRefused("Run of "+id, err)
				}
				_, err = s.Fail(keys.Outside(ctx), "lab", "m", nil)
				l.wantRefused("Fail", err)
			}
			return effect("a")(ctx, tx)
		})
		l.lab.Want("Run", err, nil)
	})
}

// TestInside_DeeperDown checks nested claims: a transaction belongs to all keys that are claimed in the transaction.
func TestInside_DeeperDown(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		elsewhere := l.open(l.lab.DB)
		_, _, err := keys.Run(l.bounded(), l.store, hazardKey("outer"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			for _, s := range []*keys.Store{l.store, elsewhere} {
				_, _, err := keys.Once(ctx, s, tx, hazardKey("inner"), keys.Fingerprint{}, func(ctx context.Context, _ *keys.Tx) (string, error) {
					_, _, err := keys.Run(ctx, l.store, hazardKey("outer"), keys.Fingerprint{}, effect("outer"))
					l.wantRefused("Run of the outer key", err)
					return "", errors.New("no")
				})
				l.lab.WantErr("Once", err, nil, "no")
			}
			return effect("outer")(ctx, tx)
		})
		l.lab.Want("Run, and its effects", fmt.Sprint(err, l.effects("outer")), "<nil> 1")
		err = keys.Consume(l.bounded(), l.store, "c", []string{"1"}, func(id string) string { return id }, func(ctx context.Context, tx *keys.Tx, _ []string) error {
			_, _, err := keys.Once(ctx, l.store, tx, hazardKey("message"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
				_, err := l.store.Fail(ctx, "c", "1", nil)
				l.wantRefused("Fail", err)
				_, err = l.store.Revive(ctx, "c", "1")
				l.wantRefused("Revive", err)
				return effect("message")(ctx, tx)
			})
			return err
		})
		l.lab.Want("Consume, and its effects", fmt.Sprint(err, l.effects("message")), "<nil> 1")
	})
}

func TestInside_GC(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.lab.Want("Run", l.run(l.store, "old"), "ran old")
		l.expire()
		_, _, err := keys.Run(l.bounded(), l.store, hazardKey("a"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			n, err := l.store.GC(ctx)
			if l.lab.Family() == "sqlite" {
				l.wantRefused("GC", err)
			} else {
				l.lab.Want("GC", fmt.Sprint(n, err), "1 <nil>")
			}
			return effect("a")(ctx, tx)
		})
		l.lab.Want("Run with a GC in it", err, nil)
	})
}

// TestInside_FnHasEnded checks that fn's context can be used after fn has returned: calls that were refused inside fn are
// allowed again.
func TestInside_FnHasEnded(t *testing.T) {
	t.Parallel()
	hazards(t, lab.SQLite+" mariadb", func(l *hazardLab) {
		var kept context.Context
		_, _, err := keys.Run(l.bounded(), l.store, hazardKey("a"), keys.Fingerprint{}, func(ctx context.Context, _ *keys.Tx) (string, error) {
			kept = ctx
			return "", errors.New("no")
		})
		l.lab.WantErr("Run", err, nil, "no")
		l.lab.Want("Run with what was fn's context", told(keys.Run(kept, l.store, hazardKey("a"), keys.Fingerprint{}, effect("a"))), "ran a")
	})
}

// TestInside_ErrorFromElsewhere checks that an error of fn does not count as an error of the transaction if the error has
// another source, even if the error looks like a lost connection.
func TestInside_ErrorFromElsewhere(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		for i, want := range []error{
			io.EOF, fmt.Errorf("decoding the body: %w", io.ErrUnexpectedEOF), driver.ErrBadConn,
			&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET},
		} {
			l.lab.Want("the class of "+want.Error(), dialect.Classify(want), dialect.Ambiguous)
			name, calls := fmt.Sprint(i), 0
			fails := func(ctx context.Context, tx *keys.Tx) (string, error) {
				calls++
				if _, err := effect(name)(ctx, tx); err != nil {
					return "", err
				}
				return "", want
			}
			_, _, err := keys.Run(l.lab.Context(), l.store, hazardKey(name), keys.Fingerprint{}, fails)
			l.lab.Want("Run: it is fn's own, after one call", fmt.Sprint(err == want, calls), "true 1") //nolint:errorlint // the very same value

			calls = 0
			err = l.consume(l.store, func(ctx context.Context, tx *keys.Tx) error { _, err := fails(ctx, tx); return err }, name)
			l.lab.Want("Consume: it is fn's own, after one call", fmt.Sprint(err == want, calls), "true 1") //nolint:errorlint // the very same value

			calls = 0
			tx := l.Begin(nil)
			l.lab.Want("Once before", l.once(l.store, tx, "before "+name), "ran before "+name)
			_, _, err = keys.Once(l.lab.Context(), l.store, tx, hazardKey(name), keys.Fingerprint{}, fails)
			l.lab.Want("Once: it is fn's own, after one call", fmt.Sprint(err == want, calls), "true 1") //nolint:errorlint // the very same value
			l.lab.Want("Once after", l.once(l.store, tx, "after "+name), "ran after "+name)
			l.lab.Commit(tx)
			l.lab.Want("effects", fmt.Sprint(l.effects("before "+name), l.effects(name), l.effects("after "+name)), "1 0 1")
			l.wantUnknown(name)
		}
	})
}

// TestInside_TransactionThatHasRead checks SQLite: a transaction that has read before another connection wrote cannot write
// (hazard K30).
func TestInside_TransactionThatHasRead(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"DELETE", "WAL"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			hazards(t, lab.SQLite, func(l *hazardLab) {
				for what, call := range map[string]func(tx *sqlx.Tx) error{
					"Once": func(tx *sqlx.Tx) error {
						_, _, err := keys.Once(l.lab.Context(), l.store, tx, hazardKey("a"), keys.Fingerprint{}, effect("a"))
						return err
					},
					"Filter": func(tx *sqlx.Tx) error { _, err := l.filter(l.store, tx, "m"); return err },
				} {
					tx, other := l.Begin(nil), l.Begin(nil)
					l.lab.Want("effects that it reads", l.lab.TextOn(tx, "SELECT COUNT(*) FROM effects"), 0)
					l.lab.On(other, `INSERT INTO effects VALUES ('"other"')`)
					err := call(tx)
					var conflict *keys.ConflictError
					if !errors.As(err, &conflict) || dialect.Classify(err) != dialect.Retryable {
						l.lab.Errorf("%s: %v, class %v; want a *ConflictError that is Retryable", what, err, dialect.Classify(err))
					}
					l.lab.WantErr(what+": its transaction's commit", tx.Commit(), nil, "already been committed or rolled back")
					l.lab.Commit(other) // with a rollback journal the commit waits for readers
					l.lab.Exec("DELETE FROM effects")
				}
				l.lab.Want("the same again", l.run(l.store, "a"), "ran a")
			}, engine.Param("_journal_mode", mode), engine.Param("_busy_timeout", "300"))
		})
	}
}
