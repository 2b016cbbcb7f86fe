package keys_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
	"github.com/lib/pq"
)

// The tests of this file check the hazards of PostgreSQL: K19, K23, K24, K26 and K31. They also check K35 on all engines, and P47.
// hot_test.go tests K37.

func TestHazard_K19_PartitionNamesItsOwnConstraint(t *testing.T) {
	t.Parallel()
	hazards(t, lab.Postgres, func(l *hazardLab) {
		l.lab.Exec("DROP TABLE idempotency_keys", "CREATE TABLE naive (k INT PRIMARY KEY) PARTITION BY HASH (k)",
			"CREATE TABLE naive_part PARTITION OF naive FOR VALUES WITH (MODULUS 1, REMAINDER 0)", "INSERT INTO naive VALUES (1)")
		_, err := l.lab.DB.ExecContext(l.lab.Context(), "INSERT INTO naive VALUES (1)")
		l.lab.WantErr("hazard: the constraint that a duplicate meets", err, nil, "naive_part_pkey")
		l.lab.Want("its class", dialect.Classify(err), dialect.UniqueViolation)

		create, index, _ := strings.Cut(keys.Schema(l.lab.D), ") WITH (fillfactor = 80);")
		l.lab.Exec(create+") PARTITION BY HASH (key_hash)", index)
		for i := range 2 {
			l.lab.Exec(fmt.Sprintf("CREATE TABLE keys_%d PARTITION OF idempotency_keys FOR VALUES WITH (MODULUS 2, REMAINDER %d)", i, i))
		}
		s := l.open(l.lab.DB)
		for _, want := range []string{"ran ", "replayed "} {
			for _, id := range []string{"a", "b", "c", "d", "e"} {
				l.lab.Want("Run", l.run(l.open(l.lab.DB), id), want+id)
			}
		}
		tx := l.Begin(nil)
		fresh, err := l.filter(s, tx, "a", "b", "c")
		l.lab.Want("Filter", fmt.Sprint(fresh, err), "[a b c] <nil>")
		l.lab.Commit(tx)
		l.expire()
		l.lab.Want("keys removed", l.gc(s, keys.GCBatchSize(3)), 8)
	})
}

// wantWaits runs a call that must wait for another transaction. It commits this transaction when the call waits.
func (l *hazardLab) wantWaits(p *lab.Pool, commit func(), call func() error) error {
	l.lab.Helper()
	done := lab.Later(call)
	l.lab.UntilWaits(p.ID)
	commit()
	return l.lab.Result(done)
}

func TestHazard_K23_TwoStatements(t *testing.T) {
	t.Parallel()
	const naive = "WITH i AS (INSERT INTO naive VALUES (1, 'second') ON CONFLICT (k) DO NOTHING RETURNING result) SELECT result FROM i UNION ALL SELECT result FROM naive WHERE k = 1"
	hazards(t, lab.Postgres, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (k INT PRIMARY KEY, result TEXT)")
		first, p := l.Begin(nil), l.lab.Pool()
		l.lab.On(first, "INSERT INTO naive VALUES (1, 'first')")
		got := "not asked"
		err := l.wantWaits(p, func() { l.lab.Commit(first) }, func() (err error) {
			got = "no row"
			err = p.GetContext(l.lab.Context(), &got, naive)
			return err
		})
		l.lab.Want("hazard: what a statement that waited returns", fmt.Sprintln(got, errors.Is(err, sql.ErrNoRows)), "no row true\n")
		l.lab.Want("the next statement", l.lab.Text(naive), "first")

		s, first2 := l.open(p.DB), l.Begin(nil)
		l.lab.Want("the first", l.once(l.store, first2, "a"), "ran a")
		_ = l.wantWaits(p, func() { l.lab.Commit(first2) }, func() error { got = l.run(s, "a"); return nil })
		l.lab.Want("Run that waited", got, "replayed a")
		first3 := l.Begin(nil)
		l.lab.Want("the first", l.once(l.store, first3, "b"), "ran b")
		_ = l.wantWaits(p, func() { _ = first3.Rollback() }, func() error { got = l.run(s, "b"); return nil })
		l.lab.Want("Run that waited for one that was rolled back", got, "ran b")
		l.lab.Want("effects", fmt.Sprint(l.effects("a"), l.effects("b")), "1 1")
	})
}

func TestHazard_K24_SnapshotOlderThanTheClaim(t *testing.T) {
	t.Parallel()
	hazards(t, lab.Postgres, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (k INT PRIMARY KEY)")
		for i, level := range []sql.IsolationLevel{sql.LevelRepeatableRead, sql.LevelSerializable} {
			id, p := fmt.Sprint("k", i), l.lab.Pool()
			begin := func() *sql.Tx {
				tx, err := p.BeginTx(l.lab.Context(), &sql.TxOptions{Isolation: level})
				if err != nil {
					l.lab.Fatalf("BeginTx: %v", err)
				}
				return tx
			}
			insert := fmt.Sprintf("INSERT INTO naive VALUES (%d) ON CONFLICT (k) DO NOTHING", i)
			first, naive := l.Begin(nil), begin()
			l.lab.On(first, insert)
			err := l.wantWaits(p, func() { l.lab.Commit(first) }, func() error { _, err := naive.ExecContext(l.lab.Context(), insert); return err })
			l.lab.WantCode("hazard: DO NOTHING that waited", err, "40001")
			l.lab.Fails(naive, "25P02", "SELECT 1")
			_ = naive.Rollback()

			first2 := l.Begin(nil)
			l.lab.Want("the first", l.once(l.store, first2, id), "ran "+id)
			retried, got := 0, ""
			s := l.open(p.DB, keys.WithHooks(keys.Hooks{Retry: func(context.Context, keys.Event) { retried++ }}))
			_ = l.wantWaits(p, func() { l.lab.Commit(first2) }, func() error { got = l.run(s, id, keys.Isolation(level)); return nil })
			l.lab.Want("Run that waited, and its retries", fmt.Sprint(got, retried), fmt.Sprint("replayed ", id, 1))

			first3, tx := l.Begin(nil), begin()
			l.lab.Want("the first", l.once(l.store, first3, id+"x"), "ran "+id+"x")
			err = l.wantWaits(p, func() { l.lab.Commit(first3) }, func() error {
				_, _, err := keys.Once(l.lab.Context(), s, tx, hazardKey(id+"x"), keys.Fingerprint{}, effect(id+"x"))
				return err
			})
			l.wantConflict("Once that waited", err, tx)
			first4, tx := l.Begin(nil), begin()
			_, err = l.filter(l.store, first4, id)
			l.lab.Want("the first Filter", err, nil)
			err = l.wantWaits(p, func() { l.lab.Commit(first4) }, func() error { _, err := l.filter(s, tx, id); return err })
			l.wantConflict("Filter that waited", err, tx)
			l.lab.Want("effects", fmt.Sprint(l.effects(id), l.effects(id+"x")), "1 1")
		}
	})
}

// wantConflict wants an error that asks the caller to repeat its transaction, and wants the transaction to have ended.
func (l *hazardLab) wantConflict(what string, err error, tx interface{ Commit() error }) {
	l.lab.Helper()
	if !errors.As(err, new(*keys.ConflictError)) || dialect.Classify(err) != dialect.Retryable {
		l.lab.Errorf("%s: %v, want a *ConflictError that is Retryable", what, err)
	}
	l.lab.WantErr(what+": the commit", tx.Commit(), sql.ErrTxDone)
}

func TestHazard_K26_DuplicateLeavesTheTransactionUsable(t *testing.T) {
	t.Parallel()
	hazards(t, lab.Postgres, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (k INT PRIMARY KEY)", "INSERT INTO naive VALUES (1)")
		naive := l.Begin(nil)
		l.lab.Fails(naive, "23505", "INSERT INTO naive VALUES (1)")
		l.lab.Fails(naive, "25P02", "SELECT 1")
		_ = naive.Rollback()

		l.run(l.store, "a")
		tx := l.Begin(nil)
		l.lab.Want("Once of a key that is done", l.once(l.store, tx, "a"), "replayed a")
		broken := errors.New("broken")
		_, _, err := keys.Once(l.lab.Context(), l.store, tx, hazardKey("b"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (int, error) {
			l.lab.Fails(tx, "23505", "INSERT INTO naive VALUES (1)")
			return 0, broken
		})
		l.lab.WantErr("Once whose fn has failed", err, broken)
		_, _, err = keys.Once(l.lab.Context(), l.store, tx, hazardKey("c"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (int, error) {
			l.lab.Fails(tx, "23505", "INSERT INTO naive VALUES (1)")
			return 0, nil
		})
		l.lab.WantCode("Once whose fn has kept the error to itself", err, "25P02")
		for _, want := range []string{"[m] <nil>", "[] <nil>"} {
			fresh, err := l.filter(l.store, tx, "m")
			l.lab.Want("Filter", fmt.Sprint(fresh, err), want)
		}
		l.lab.Want("Once", l.once(l.store, tx, "d"), "ran d")
		l.lab.Commit(tx)
		l.lab.Want("keys", l.lab.Text("SELECT id FROM idempotency_keys ORDER BY id"), "a d m")
	})
}

func TestHazard_K31_NoAdvisoryLocks(t *testing.T) {
	t.Parallel()
	hazards(t, lab.Postgres, func(l *hazardLab) {
		naive, p := l.lab.Pool(), l.lab.Pool()
		held := func(id string) string {
			return l.lab.Text("SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = " + id)
		}
		tx, err := naive.BeginTx(l.lab.Context(), nil)
		if err != nil {
			l.lab.Fatalf("BeginTx: %v", err)
		}
		l.lab.On(tx, "SELECT pg_advisory_lock(1)")
		l.lab.Commit(tx)
		l.lab.Want("hazard: locks of a pooler's server connection after the transaction", held(naive.ID), 1)
		l.lab.On(naive, "SELECT pg_advisory_unlock_all()")

		s := l.open(p.DB)
		_, _, err = keys.Run(l.lab.Context(), s, hazardKey("a"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (int, error) {
			l.lab.Want("advisory locks while a claim is held", held(p.ID), 0)
			_, _, err := keys.Once(ctx, s, tx, hazardKey("b"), keys.Fingerprint{}, effect("b"))
			l.lab.Want("in it, Once", err, nil)
			_, err = l.filter(s, tx, "m")
			l.lab.Want("in it, Filter", err, nil)
			l.lab.Want("advisory locks while three are", held(p.ID), 0)
			return 0, nil
		}, keys.MaxWait(lab.Patience))
		l.lab.Want("Run", err, nil)
	})
}

func TestHazard_K35_RestoredTable(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.run(l.store, "a")
		copied := l.open(l.lab.DB, keys.Table("restored"))
		if err := copied.Migrate(l.lab.Context()); err != nil {
			l.lab.Fatalf("Migrate: %v", err)
		}
		l.lab.Exec("INSERT INTO restored SELECT * FROM idempotency_keys")
		if l.lab.Family() == "postgres" {
			l.lab.Want("hazard: rows that are of the same transaction as before", l.lab.Text("SELECT COUNT(*) FROM restored r JOIN idempotency_keys k USING (key_hash) WHERE r.xmin = k.xmin"), 0)
		}
		// The state of a key is stored only in columns.
		l.lab.Want("Run on the restored table", l.run(copied, "a"), "replayed a")
		l.lab.Want("a new key there", l.run(copied, "b"), "ran b")
		l.lab.Exec("UPDATE restored SET expires_at = '2000-01-01 00:00:00.000'")
		l.lab.Want("keys removed there", l.gc(copied), 2)
		l.lab.Want("effects", fmt.Sprint(l.effects("a"), l.effects("b")), "1 1")
	})
}

// TestHazard_P29_FunctionOfAnotherRole checks that the library calls the functions of pg_catalog even if another
// convert_from is a better match. The function in pg_catalog takes a name, so a function that takes a text is a better match
// for a text.
func TestHazard_P29_FunctionOfAnotherRole(t *testing.T) {
	t.Parallel()
	hazards(t, lab.Postgres, func(l *hazardLab) {
		l.lab.Exec("CREATE FUNCTION convert_from(bytea, text) RETURNS text LANGUAGE sql AS $$SELECT 'taken over'$$")
		l.lab.Want("hazard: what convert_from returns", l.lab.Text("SELECT convert_from('a', 'UTF8')"), "taken over")
		l.lab.Want("Run", l.run(l.store, "a"), "ran a")
		l.lab.Want("Filter", l.filtered(l.store, "m"), "[m] <nil>")
		_, err := l.store.Fail(l.lab.Context(), "lab", "n", nil)
		l.lab.Want("Fail", err, nil)
		l.lab.Want("texts that were taken over", l.lab.Text("SELECT COUNT(*) FROM idempotency_keys WHERE scope = 'taken over' OR id = 'taken over' OR codec = 'taken over'"), 0)
	})
}

// TestHazard_P47_LockTimeoutReportedAsCancellation has the statement that takes a key over report its lock timeout as PostgreSQL
// sometimes does. The call must look again, as after every lock timeout.
func TestHazard_P47_LockTimeoutReportedAsCancellation(t *testing.T) {
	t.Parallel()
	hazards(t, lab.Postgres, func(l *hazardLab) {
		l.leave("a")
		var takeovers atomic.Int32
		pool := faults.Open(l.lab, l.lab.NS, func(p *faults.Point) error {
			if p.Moment == faults.Before && strings.Contains(p.Text, "UPDATE ") && takeovers.Add(1) == 1 {
				return &pq.Error{Code: "57014", Message: "canceling statement due to user request"}
			}
			return nil
		})
		text, err := l.do(l.open(pool.DB), "a", answers("paid", nil), keys.Rerun())
		l.lab.Want("Do", fmt.Sprint(text, err), "ran paid<nil>")
		l.lab.Want("Do has tried again", takeovers.Load() > 2, true)
	})
}
