package drivertest_test

import (
	"database/sql"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
)

func TestMySQLErrors(t *testing.T) {
	t.Parallel()
	each(t, mysqlServers, func(p *place) {
		plain(p)
		// This overflow resembles the overflow that the library's statements cause on purpose, but it must not be taken for
		// it.
		p.fails(p.db, "UPDATE t SET v = 9223372036854775807 + 9223372036854775807", dialect.Permanent)
	})
}

func TestMySQLDeadlock(t *testing.T) {
	t.Parallel()
	each(t, mysqlServers, deadlocked)
}

func TestMySQLLockTimeout(t *testing.T) {
	t.Parallel()
	each(t, mysqlServers, func(p *place) {
		p.must(p.begin(p.db, nil), "UPDATE t SET v = 5 WHERE id = 'a'")
		waiter := p.open(engine.Param("innodb_lock_wait_timeout", "1"))
		p.fails(waiter, "UPDATE t SET v = 6 WHERE id = 'a'", dialect.LockTimeout)
		if p.space.Engine().Name() != "mysql57" { // MySQL 5.7 has no NOWAIT
			p.fails(p.db, "SELECT * FROM t WHERE id = 'a' FOR UPDATE NOWAIT", dialect.LockTimeout)
		}
	})
}

// TestMariaDBSnapshotIsolation checks MariaDB's error for a write to a row that is newer than the transaction's snapshot
// (hazard H20).
func TestMariaDBSnapshotIsolation(t *testing.T) {
	t.Parallel()
	each(t, mysqlServers[:1], func(p *place) {
		db := p.open(engine.Param("innodb_snapshot_isolation", "ON"))
		tx := p.begin(db, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		p.number(tx, "SELECT v FROM t WHERE id = 'a'")
		p.must(p.db, "UPDATE t SET v = 5 WHERE id = 'a'")
		p.classified("a write on an old snapshot", p.exec(tx, "UPDATE t SET v = 6 WHERE id = 'a'"), dialect.Retryable)
	})
}

func TestMySQLConnectionKilled(t *testing.T) {
	t.Parallel()
	each(t, mysqlServers, func(p *place) {
		tx := p.begin(p.db, nil)
		id := p.number(tx, "SELECT CONNECTION_ID()")
		p.must(p.db, "KILL ?", id)
		p.classified("killed between statements", p.exec(tx, "UPDATE t SET v = 5 WHERE id = 'a'"), dialect.Ambiguous)
	})
}

func TestMySQLConnectionKilledInAStatement(t *testing.T) {
	t.Parallel()
	each(t, mysqlServers, func(p *place) {
		for kill, want := range map[string]dialect.Class{"KILL ?": dialect.Ambiguous, "KILL QUERY ?": dialect.Permanent} {
			holder, tx := p.begin(p.db, nil), p.begin(p.db, nil)
			p.must(holder, "UPDATE t SET v = 5 WHERE id = 'a'")
			id := p.number(tx, "SELECT CONNECTION_ID()")
			done := p.meanwhile(tx, "UPDATE t SET v = 6 WHERE id = 'a'")
			p.until("SELECT COUNT(*) FROM information_schema.processlist WHERE id = ? AND info LIKE 'UPDATE t SET v = 6%'", id)
			p.must(p.db, kill, id)
			p.classified(kill, <-done, want)
			_ = holder.Rollback()
			_ = tx.Rollback()
		}
	})
}

func TestMySQLConnectionKilledBeforeCommit(t *testing.T) {
	t.Parallel()
	each(t, mysqlServers, func(p *place) {
		tx := p.begin(p.db, nil)
		p.must(tx, "UPDATE t SET v = 5 WHERE id = 'a'")
		id := p.number(tx, "SELECT CONNECTION_ID()")
		p.must(p.db, "KILL ?", id)
		p.classified("killed before COMMIT", tx.Commit(), dialect.Ambiguous)
	})
}

func TestMySQLNumber(t *testing.T) {
	t.Parallel()
	each(t, mysqlServers, func(p *place) {
		if n, ok := dialect.MySQLNumber(p.exec(p.db, "INSERT INTO t VALUES ('a', 9)")); n != 1062 || !ok {
			p.Errorf("MySQLNumber = %d, %v, want 1062", n, ok)
		}
	})
}
