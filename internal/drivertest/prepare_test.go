package drivertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/jmoiron/sqlx"
)

// pgxModes are the modes in which pgx can send a statement. A statement that the caller has prepared is sent the same way in
// each mode.
var pgxModes = []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"}

func pgxMode(mode string) []engine.Option {
	return []engine.Option{engine.Driver("pgx"), engine.Param("default_query_exec_mode", mode)}
}

// withGenerated is a row of the table t with an additional column d.
type withGenerated struct {
	ID string `db:"id" upsert:"key"`
	V  int    `db:"v"`
	D  string `db:"d" upsert:"generated"`
}

func (p *place) generated() *upsert.Table[withGenerated] {
	p.Helper()
	p.must(p.db, "ALTER TABLE t ADD d INT DEFAULT 7")
	d, err := dialect.Detect(p.Context(), p.db)
	if err != nil {
		p.Fatal(err)
	}
	tab, err := upsert.New[withGenerated](d, "t")
	if err != nil {
		p.Fatal(err)
	}
	return tab
}

// prepared calls Prepare, and closes the statements at the end of the test.
func prepared[T any](p *place, tab *upsert.Table[T], db upsert.DB) *upsert.Prepared[T] {
	p.Helper()
	stmts, err := tab.Prepare(p.Context(), db)
	if err != nil {
		p.Fatalf("Prepare on a %T: %v", db, err)
	}
	p.Cleanup(func() { _ = stmts.Close() })
	return stmts
}

// wantPut puts a row with prepared statements and wants the given outcome.
func wantPut[T any](p *place, stmts *upsert.Prepared[T], row T, want upsert.Outcome) {
	p.Helper()
	if o, err := stmts.Put(p.Context(), &row); err != nil || o != want {
		p.Errorf("Put(%+v) = %v, %v; want %v", row, o, err, want)
	}
}

// one opens a pool of one connection.
func (p *place) one(opts ...engine.Option) *sqlx.DB {
	p.Helper()
	db := p.open(opts...)
	db.SetMaxOpenConns(1)
	return db
}

func TestPgxPreparedOneRoundTrip(t *testing.T) {
	t.Parallel()
	for _, mode := range pgxModes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			each(t, pgxServers, func(p *place) {
				proxy := faults.NewProxy(p, p.space)
				db, err := sql.Open("pgx", proxy.DSN(pgxMode(mode)...))
				if err != nil {
					p.Fatal(err)
				}
				p.Cleanup(func() { _ = db.Close() })
				db.SetMaxOpenConns(1)
				tab := p.table()
				stmts := prepared(p, tab, db)
				wantPut(p, stmts, thing{"c", 1}, upsert.Inserted)
				for _, c := range []struct {
					row  thing
					want upsert.Outcome
				}{{thing{"d", 1}, upsert.Inserted}, {thing{"d", 2}, upsert.Updated}, {thing{"d", 2}, upsert.Unchanged}} {
					before := len(proxy.Requests())
					wantPut(p, stmts, c.row, c.want)
					sent := proxy.Requests()[before:]
					if len(sent) != 1 || sent[0].Kind != faults.Exec || !strings.Contains(sent[0].Text, "INSERT INTO") {
						p.Errorf("sent for a row that is %v: %v; want one execution", c.want, sent)
					}
				}
				// In each mode pgx keeps a statement's text or sends the text at once, so Put also uses the text that
				// reports the outcome in its Result.
				if o, err := tab.Put(p.Context(), db, &thing{"d", 3}); err != nil || o != upsert.Updated {
					p.Errorf("Put = %v, %v; want updated", o, err)
				}
				if sent := proxy.Requests(); !strings.HasPrefix(sent[len(sent)-1].Text, "WITH") || !strings.HasPrefix(sent[len(sent)-2].Text, "WITH") {
					p.Errorf("sent for a Put and for a prepared Put: %v; want texts that report the outcome in the Result", sent[len(sent)-2:])
				}
			})
		})
	}
}

// forgetting are statements that make prepared statements of pgx unusable, by the code of the error.
var forgetting = map[string]string{"26000": "DEALLOCATE ALL", "0A000": "ALTER TABLE t ALTER COLUMN d TYPE text"}

func TestPgxPreparedForgotten(t *testing.T) {
	t.Parallel()
	for code, statement := range forgetting {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			each(t, pgxServers, func(p *place) {
				tab, db := p.generated(), p.one()
				stmts := prepared(p, tab, db)
				wantPut(p, stmts, withGenerated{ID: "c", V: 1}, upsert.Inserted)
				p.must(db, statement)
				row := withGenerated{ID: "c", V: 2}
				if o, err := stmts.Put(p.Context(), &row); err != nil || o != upsert.Updated || row.D != "7" {
					p.Errorf("Put after %s = %v, %v, row %+v; want the row updated and read back", statement, o, err, row)
				}
				wantPut(p, stmts, withGenerated{ID: "c", V: 3}, upsert.Updated)
				if err := stmts.Close(); err != nil {
					p.Errorf("Close: %v", err)
				}
				// A goroutine closes the forgotten statement. Close does not wait for this goroutine.
				p.untilOn(db, "SELECT CASE WHEN count(*) = 0 THEN 1 ELSE 0 END FROM pg_prepared_statements WHERE statement LIKE 'INSERT%'")
			})
		})
	}
}

// TestPgxPreparedForgottenInATransaction checks the caller's transaction: the caller gets the error, and the transaction can
// continue from a savepoint.
func TestPgxPreparedForgottenInATransaction(t *testing.T) {
	t.Parallel()
	for code, statement := range forgetting {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			each(t, pgxServers, func(p *place) {
				tab, tx := p.generated(), p.begin(p.db, nil)
				stmts := prepared(p, tab, tx)
				wantPut(p, stmts, withGenerated{ID: "c", V: 1}, upsert.Inserted)
				p.must(tx, statement)
				p.must(tx, "SAVEPOINT here")
				_, err := stmts.Put(p.Context(), &withGenerated{ID: "c", V: 2})
				if got := dialect.SQLState(err); got != code {
					p.Errorf("Put after %s: %v; want %s", statement, err, code)
				}
				p.must(tx, "ROLLBACK TO here")
				wantPut(p, stmts, withGenerated{ID: "c", V: 2}, upsert.Updated)
				wantPut(p, stmts, withGenerated{ID: "c", V: 2}, upsert.Unchanged)
				if err := errors.Join(stmts.Close(), tx.Commit()); err != nil {
					p.Error(err)
				}
				p.wantRows(3)
			})
		})
	}
}

// TestPgxPreparedSessionKilled checks the first calls after a session was killed. pgx checks a connection only if it was
// idle for a second, so the first call may report the lost session, as Exec does.
func TestPgxPreparedSessionKilled(t *testing.T) {
	t.Parallel()
	each(t, pgxServers, func(p *place) {
		tab, db, idle := p.table(), p.one(), p.one()
		stmts := prepared(p, tab, db)
		wantPut(p, stmts, thing{"c", 1}, upsert.Inserted)
		for _, pool := range []*sqlx.DB{db, idle} {
			p.must(p.db, "SELECT pg_terminate_backend($1, 10000)", p.number(pool, "SELECT pg_backend_pid()"))
		}
		_, putErr := stmts.Put(p.Context(), &thing{"c", 2})
		_, prepareErr := tab.Prepare(p.Context(), idle) // Prepare asks for the way to the server, which is unknown for this pool
		for what, err := range map[string]error{"Put": putErr, "Prepare": prepareErr} {
			if state := dialect.SQLState(err); err != nil && state != "57P01" {
				p.Errorf("%s on a session that was killed: %v; want success or 57P01", what, err)
			}
		}
		wantPut(p, stmts, thing{"c", 3}, upsert.Updated)
		wantPut(p, prepared(p, tab, idle), thing{"c", 3}, upsert.Unchanged)
	})
}

// TestPgxPreparedThroughAWrappedDriver checks that Prepare is refused if the driver is wrapped, because a wrapped driver
// does not tell the library the address of the server.
func TestPgxPreparedThroughAWrappedDriver(t *testing.T) {
	t.Parallel()
	each(t, pgxServers, func(p *place) {
		tab, db := p.table(), p.wrapped()
		p.refusesPrepare(tab, db, "cannot be seen through this driver")
		tx := p.begin(db.DB, nil)
		wantPut(p, prepared(p, tab, tx), thing{"c", 1}, upsert.Inserted)
		if err := tx.Commit(); err != nil {
			p.Error(err)
		}
		p.wantRows(3)
	})
}

func (p *place) refusesPrepare(tab *upsert.Table[thing], db upsert.DB, hint string) {
	p.Helper()
	_, err := tab.Prepare(p.Context(), db)
	var lacks *dialect.UnsupportedError
	if !errors.As(err, &lacks) || !strings.Contains(lacks.Feature, "E2") || !strings.Contains(lacks.Hint, hint) {
		p.Errorf("Prepare on a %T: %v; want a *dialect.UnsupportedError of hazard E2 with %q", db, err, hint)
	}
}

func TestPgxDirectConnectionIsNotRefused(t *testing.T) {
	t.Parallel()
	each(t, pgxServers, func(p *place) {
		tab := p.table()
		for _, mode := range pgxModes {
			stmts := prepared(p, tab, p.open(pgxMode(mode)...))
			wantPut(p, stmts, thing{mode, 1}, upsert.Inserted)
			wantPut(p, stmts, thing{mode, 1}, upsert.Unchanged)
		}
	})
}

// TestPrepareBehindATransactionPooler checks hazard E2.
func TestPrepareBehindATransactionPooler(t *testing.T) {
	t.Parallel()
	for _, w := range pooled {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			ns := engine.Get("postgres").Namespace(t)
			p := &place{T: t, space: ns, db: ns.DB()}
			for _, name := range []string{"t", "u"} {
				p.must(p.db, "CREATE TABLE "+name+" (id VARCHAR(20) PRIMARY KEY, v INT NOT NULL)")
			}
			through := engine.Pooler(ns)
			db := through.DB(w.opts...)
			conn, err := db.Connx(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, handle := range []upsert.DB{db, db.DB, conn, conn.Conn} {
				p.refusesPrepare(p.table(), handle, "use Put")
			}
			_ = conn.Close()

			var all sync.WaitGroup
			for client := range crowd {
				own := through.DB(w.opts...)
				all.Go(func() {
					for turn := range crowdTurns {
						if err := p.prepareInTx(own, client, turn); err != nil {
							t.Errorf("turn %d of client %d: %v", turn, client, err)
							return
						}
					}
				})
			}
			all.Wait()
			for i, name := range []string{"t", "u"} {
				if n := p.number(p.db, "SELECT count(*) FROM "+name+" WHERE v = 1 AND split_part(id, '-', 1)::int % 2 = $1", i); n != crowd/2*crowdTurns {
					t.Errorf("%s has %d of its rows, want %d", name, n, crowd/2*crowdTurns)
				}
			}
			if n := p.number(p.db, "SELECT (SELECT count(*) FROM t) + (SELECT count(*) FROM u)"); n != crowd*crowdTurns {
				t.Errorf("%d rows in both tables, want %d", n, crowd*crowdTurns)
			}
		})
	}
}

// prepareInTx closes the statements before the transaction ends. Afterwards another client may use their connection.
func (p *place) prepareInTx(db *sqlx.DB, client, turn int) error {
	ctx, cancel := context.WithTimeout(p.Context(), timeout)
	defer cancel()
	tab, err := upsert.New[thing](dialect.Postgres, []string{"t", "u"}[client%2])
	if err != nil {
		return err
	}
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	stmts, err := tab.Prepare(ctx, tx)
	if err != nil {
		return err
	}
	for i, want := range []upsert.Outcome{upsert.Inserted, upsert.Updated, upsert.Unchanged} {
		row := thing{fmt.Sprint(client, "-", turn), value(min(i, 1))}
		if o, err := stmts.Put(ctx, &row); err != nil || o != want {
			return fmt.Errorf("Put = %v, %w; want %v", o, err, want)
		}
	}
	return errors.Join(stmts.Close(), tx.Commit())
}
