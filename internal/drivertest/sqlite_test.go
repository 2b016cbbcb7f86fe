package drivertest_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/jmoiron/sqlx"
)

func TestSQLiteErrors(t *testing.T) {
	t.Parallel()
	each(t, sqliteServers, func(p *place) {
		plain(p)
		p.must(p.db, "CREATE TABLE r (v INT)")
		p.must(p.db, "INSERT INTO r (rowid, v) VALUES (1, 1)")
		p.fails(p.db, "INSERT INTO r (rowid, v) VALUES (1, 1)", dialect.UniqueViolation)
		p.must(p.db, "CREATE TABLE i (id INTEGER PRIMARY KEY, p TEXT REFERENCES t (id), CHECK (id < 10))")
		p.must(p.db, "INSERT INTO i VALUES (1, 'a')")
		p.fails(p.db, "INSERT INTO i VALUES (1, 'a')", dialect.UniqueViolation)
		p.fails(p.db, "INSERT INTO i VALUES (2, 'z')", dialect.Permanent)
		p.fails(p.db, "INSERT INTO i VALUES (20, 'a')", dialect.Permanent)
	})
}

// impatient returns a connection that does not wait for locks.
func (p *place) impatient() *sql.Conn {
	p.Helper()
	conn, err := p.open().DB.Conn(p.Context())
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { _ = conn.Close() })
	p.must(conn, "PRAGMA busy_timeout = 0")
	return conn
}

func TestSQLiteBusy(t *testing.T) {
	t.Parallel()
	each(t, sqliteServers, func(p *place) {
		holder, waiter := p.begin(p.db, nil), p.impatient()
		p.must(holder, "UPDATE t SET v = 5 WHERE id = 'a'")
		p.fails(waiter, "UPDATE t SET v = 6 WHERE id = 'a'", dialect.LockTimeout)
		p.fails(waiter, "BEGIN IMMEDIATE", dialect.LockTimeout)
		if err := holder.Rollback(); err != nil {
			p.Fatal(err)
		}
		p.must(waiter, "UPDATE t SET v = 6 WHERE id = 'a'")
	})
}

// TestSQLiteBusySnapshot checks WAL mode: a transaction that has read an old state cannot write, however long it waits.
func TestSQLiteBusySnapshot(t *testing.T) {
	t.Parallel()
	each(t, sqliteServers, func(p *place) {
		tx := p.begin(p.db, nil)
		p.number(tx, "SELECT v FROM t WHERE id = 'a'")
		p.must(p.db, "UPDATE t SET v = 5 WHERE id = 'a'")
		p.classified("a write on an old snapshot", p.exec(tx, "UPDATE t SET v = 6 WHERE id = 'b'"), dialect.Retryable)
	})
}

// TestSQLiteLocked checks that a connection cannot drop a table while it reads the table.
func TestSQLiteLocked(t *testing.T) {
	t.Parallel()
	each(t, sqliteServers, func(p *place) {
		conn, err := p.db.DB.Conn(p.Context())
		if err != nil {
			p.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		rows, err := conn.QueryContext(p.Context(), "SELECT id FROM t")
		if err != nil || !rows.Next() {
			p.Fatal(err)
		}
		defer rows.Close()
		p.fails(conn, "DROP TABLE t", dialect.LockTimeout)
		if err := rows.Err(); err != nil {
			p.Fatal(err)
		}
	})
}

func TestSQLiteFileThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	each(t, sqliteServers, func(p *place) {
		nowhere, err := sqlx.Open(p.driver, "file:"+filepath.Join(p.TempDir(), "no", "such", "folder"))
		if err != nil {
			p.Fatal(err)
		}
		defer nowhere.Close()
		p.fails(nowhere, "CREATE TABLE t (a INT)", dialect.Permanent)
		p.fails(p.open(engine.Param("mode", "ro")), "UPDATE t SET v = 6", dialect.Permanent)
	})
}

// TestSQLiteTimesAreOneText checks that each driver finds a time key that another driver has stored.
func TestSQLiteTimesAreOneText(t *testing.T) {
	t.Parallel()
	type thing struct {
		K time.Time `upsert:"key"`
		V int
	}
	each(t, sqliteServers, func(p *place) {
		p.must(p.db, "CREATE TABLE things (k DATETIME PRIMARY KEY, v INT)")
		p.must(p.db, "INSERT INTO things VALUES ('2026-07-01 00:00:00.00000012+00:00', 1)")
		table, err := upsert.New[thing](dialect.SQLite, "things")
		if err != nil {
			p.Fatal(err)
		}
		row := thing{time.Date(2026, 7, 1, 2, 0, 0, 120, time.FixedZone("", 7200)), 1}
		if o, err := table.Put(p.Context(), p.db, &row); o != upsert.Unchanged || err != nil {
			p.Errorf("Put: %v, err %v; want unchanged", o, err)
		}
		if created, err := table.GetOrCreate(p.Context(), p.db, &row); created || err != nil || !row.K.Equal(time.Date(2026, 7, 1, 0, 0, 0, 120, time.UTC)) {
			p.Errorf("GetOrCreate: %v, %+v, err %v; want the stored row", created, row, err)
		}
	})
}
