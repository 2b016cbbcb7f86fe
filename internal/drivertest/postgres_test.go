package drivertest_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
)

func TestPostgresErrors(t *testing.T) {
	t.Parallel()
	each(t, postgresServers, plain)
}

func TestPostgresDeadlock(t *testing.T) {
	t.Parallel()
	each(t, postgresServers, deadlocked)
}

func TestPostgresSerializationFailure(t *testing.T) {
	t.Parallel()
	each(t, postgresServers, func(p *place) {
		for _, level := range []sql.IsolationLevel{sql.LevelRepeatableRead, sql.LevelSerializable} {
			tx := p.begin(p.db, &sql.TxOptions{Isolation: level})
			p.number(tx, "SELECT v FROM t WHERE id = 'a'")
			p.must(p.db, "UPDATE t SET v = v + 1 WHERE id = 'a'")
			p.classified(level.String(), p.exec(tx, "UPDATE t SET v = 0 WHERE id = 'a'"), dialect.Retryable)
			p.classified("the next statement", p.exec(tx, "UPDATE t SET v = 0 WHERE id = 'a'"), dialect.Permanent)
			_ = tx.Rollback()
		}
	})
}

// TestPostgresSerializationFailureAtCommit checks two transactions that each read a row that the other one writes. One of
// them cannot commit, and its COMMIT returns the error.
func TestPostgresSerializationFailureAtCommit(t *testing.T) {
	t.Parallel()
	each(t, postgresServers, func(p *place) {
		opts := &sql.TxOptions{Isolation: sql.LevelSerializable}
		x, y := p.begin(p.db, opts), p.begin(p.db, opts)
		p.number(x, "SELECT SUM(v) FROM t")
		p.number(y, "SELECT SUM(v) FROM t")
		p.must(x, "UPDATE t SET v = 5 WHERE id = 'a'")
		p.must(y, "UPDATE t SET v = 5 WHERE id = 'b'")
		if err := x.Commit(); err != nil {
			p.Fatal(err)
		}
		p.classified("COMMIT", y.Commit(), dialect.Retryable)
	})
}

func TestPostgresLockTimeout(t *testing.T) {
	t.Parallel()
	each(t, postgresServers, func(p *place) {
		p.must(p.begin(p.db, nil), "UPDATE t SET v = 5 WHERE id = 'a'")
		waiter := p.open(engine.Param("lock_timeout", "20"))
		p.fails(waiter, "UPDATE t SET v = 6 WHERE id = 'a'", dialect.LockTimeout)
		p.fails(p.db, "SELECT * FROM t FOR UPDATE NOWAIT", dialect.LockTimeout)
	})
}

// TestPostgresCancelledStatement checks the class of a cancelled statement. The statement had no effect, but only its caller
// can decide whether to repeat it.
func TestPostgresCancelledStatement(t *testing.T) {
	t.Parallel()
	each(t, postgresServers, func(p *place) {
		p.must(p.begin(p.db, nil), "UPDATE t SET v = 5 WHERE id = 'a'")
		p.fails(p.open(engine.Param("statement_timeout", "20")), "UPDATE t SET v = 6 WHERE id = 'a'", dialect.Permanent)
		ctx, cancel := context.WithCancel(p.Context())
		defer cancel()
		done := make(chan error, 1)
		go func() {
			_, err := p.db.ExecContext(ctx, "UPDATE t SET v = 6 WHERE id = 'a'")
			done <- err
		}()
		p.until(`SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE t SET v = 6%'`)
		cancel()
		p.classified("a context that ends while it waits", <-done, dialect.Permanent)
	})
}

func TestPostgresConnectionKilled(t *testing.T) {
	t.Parallel()
	each(t, postgresServers, func(p *place) {
		tx := p.begin(p.db, nil)
		pid := p.number(tx, "SELECT pg_backend_pid()")
		p.must(p.db, "SELECT pg_terminate_backend($1, 10000)", pid)
		p.classified("killed between statements", p.exec(tx, "UPDATE t SET v = 5 WHERE id = 'a'"), dialect.Ambiguous)
	})
}

func TestPostgresConnectionKilledInAStatement(t *testing.T) {
	t.Parallel()
	each(t, postgresServers, func(p *place) {
		p.must(p.begin(p.db, nil), "UPDATE t SET v = 5 WHERE id = 'a'")
		tx := p.begin(p.db, nil)
		pid := p.number(tx, "SELECT pg_backend_pid()")
		done := p.meanwhile(tx, "UPDATE t SET v = 6 WHERE id = 'a'")
		p.until("SELECT COUNT(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'", pid)
		p.must(p.db, "SELECT pg_terminate_backend($1, 10000)", pid)
		p.classified("killed in a statement", <-done, dialect.Ambiguous)
	})
}

func TestPostgresConnectionKilledBeforeCommit(t *testing.T) {
	t.Parallel()
	each(t, postgresServers, func(p *place) {
		tx := p.begin(p.db, nil)
		p.must(tx, "UPDATE t SET v = 5 WHERE id = 'a'")
		pid := p.number(tx, "SELECT pg_backend_pid()")
		p.must(p.db, "SELECT pg_terminate_backend($1, 10000)", pid)
		p.classified("killed before COMMIT", tx.Commit(), dialect.Ambiguous)
	})
}

func TestPostgresErrorNamesTheColumn(t *testing.T) {
	t.Parallel()
	each(t, postgresServers, func(p *place) {
		err := p.exec(p.db, "INSERT INTO t VALUES ('c', NULL)")
		if got := dialect.ErrorColumn(err); got != "v" {
			p.Errorf("ErrorColumn = %q, want v; the error is %#v", got, err)
		}
		if got := dialect.SQLState(err); got != "23502" {
			p.Errorf("SQLState = %q, want 23502", got)
		}
	})
}
