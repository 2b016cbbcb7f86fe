package drivertest_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite" // driver "sqlite"
)

func TestMain(m *testing.M) { os.Exit(engine.Run(m, engine.Also("mysql57"))) }

// server is an engine and the driver that connects to it.
type server struct{ engine, driver string }

var (
	postgresServers = []server{{"postgres", "postgres"}, {"postgres", "pgx"}, {"postgres18", "postgres"}, {"postgres18", "pgx"}}
	sqliteServers   = []server{{"sqlite", "sqlite3"}, {"sqlite", "sqlite"}}
	mysqlServers    = []server{{"mariadb", "mysql"}, {"mysql57", "mysql"}, {"mysql", "mysql"}}
)

// place is a new namespace with a table t (id, v), in which v must not be NULL. The table has two rows, a and b.
type place struct {
	*testing.T
	space  *engine.Namespace
	driver string
	db     *sqlx.DB
}

// each runs f on each server, in a separate namespace each time.
func each(t *testing.T, servers []server, f func(*place)) {
	t.Helper()
	for _, s := range servers {
		t.Run(s.driver+" on "+s.engine, func(t *testing.T) {
			t.Parallel()
			p := &place{T: t, space: engine.Get(s.engine).Namespace(t), driver: s.driver}
			p.db = p.open()
			p.must(p.db, "CREATE TABLE t (id VARCHAR(20) PRIMARY KEY, v INT NOT NULL)")
			p.must(p.db, "INSERT INTO t VALUES ('a', 1), ('b', 2)")
			f(p)
		})
	}
}

func (p *place) open(opts ...engine.Option) *sqlx.DB {
	p.Helper()
	return p.space.DB(append([]engine.Option{engine.Driver(p.driver)}, opts...)...)
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// timeout is much longer than any test needs, so that a hanging test fails.
const timeout = time.Minute

func (p *place) exec(db execer, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(p.Context(), timeout)
	defer cancel()
	_, err := db.ExecContext(ctx, query, args...)
	return err
}

func (p *place) must(db execer, query string, args ...any) {
	p.Helper()
	if err := p.exec(db, query, args...); err != nil {
		p.Fatalf("%s: %v", query, err)
	}
}

// classified checks the class of an error, both directly and when the error is wrapped as the library does.
func (p *place) classified(what string, err error, want dialect.Class) {
	p.Helper()
	p.Logf("%s: %T %v", what, err, err)
	if err == nil {
		p.Errorf("%s: no error", what)
		return
	}
	if got := dialect.Classify(err); got != want {
		p.Errorf("%s: %T %v is %v, want %v", what, err, err, got, want)
	}
	if got := dialect.Classify(errors.Join(errors.New("table t"), err)); got != want {
		p.Errorf("%s: joined, %v is %v, want %v", what, err, got, want)
	}
}

func (p *place) fails(db execer, query string, want dialect.Class) {
	p.Helper()
	p.classified(query, p.exec(db, query), want)
}

// begin begins a transaction on a separate connection. The end of the test rolls it back.
func (p *place) begin(db *sqlx.DB, opts *sql.TxOptions) *sql.Tx {
	p.Helper()
	tx, err := db.DB.BeginTx(p.Context(), opts)
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

// number returns the number that a query selects.
func (p *place) number(db interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, query string, args ...any) (n int64) {
	p.Helper()
	if err := db.QueryRowContext(p.Context(), query, args...).Scan(&n); err != nil {
		p.Fatalf("%s: %v", query, err)
	}
	return n
}

// until repeats a query until the result is not 0.
func (p *place) until(query string, args ...any) {
	p.Helper()
	p.untilOn(p.db, query, args...)
}

// untilOn is until on the given handle.
func (p *place) untilOn(db *sqlx.DB, query string, args ...any) {
	p.Helper()
	for end := time.Now().Add(timeout); p.number(db, query, args...) == 0; {
		if time.Now().After(end) {
			p.Fatalf("%s: still 0 after %v", query, timeout)
		}
	}
}

// meanwhile starts a statement that will wait, and returns a channel with its error.
func (p *place) meanwhile(db execer, query string) <-chan error {
	done := make(chan error, 1)
	go func() { done <- p.exec(db, query) }()
	return done
}

// deadlocked lets two transactions wait for each other, and checks that the error of the losing transaction is retryable.
func deadlocked(p *place) {
	p.Helper()
	x, y := p.begin(p.db, nil), p.begin(p.db, nil)
	p.must(x, "UPDATE t SET v = v + 1 WHERE id = 'a'")
	p.must(y, "UPDATE t SET v = v + 1 WHERE id = 'b'")
	first := p.meanwhile(x, "UPDATE t SET v = v + 1 WHERE id = 'b'")
	second := p.exec(y, "UPDATE t SET v = v + 1 WHERE id = 'a'")
	if second == nil {
		_ = y.Rollback() // x lost the deadlock or waits for this rollback
		p.classified("deadlock", <-first, dialect.Retryable)
		return
	}
	_ = y.Rollback()
	if err := <-first; err != nil {
		p.Errorf("both transactions lost: %v and %v", err, second)
	}
	p.classified("deadlock", second, dialect.Retryable)
}

// plain checks the errors that every database has.
func plain(p *place) {
	p.Helper()
	p.fails(p.db, "INSERT INTO t VALUES ('a', 9)", dialect.UniqueViolation)
	p.fails(p.db, "INSERT INTO t VALUES ('c', NULL)", dialect.Permanent)
	p.fails(p.db, "INSERT INTO t SELECT FROM WHERE", dialect.Permanent)
	p.fails(p.db, "INSERT INTO nowhere VALUES (1)", dialect.Permanent)
	p.must(p.db, "CREATE UNIQUE INDEX t_v ON t (v)")
	p.fails(p.db, "INSERT INTO t VALUES ('c', 1)", dialect.UniqueViolation)
	ctx, cancel := context.WithCancel(p.Context())
	cancel()
	_, err := p.db.ExecContext(ctx, "UPDATE t SET v = 7")
	p.classified("a cancelled context", err, dialect.Permanent)
	tx := p.begin(p.db, nil)
	_ = tx.Rollback()
	p.classified("a transaction that has ended", p.exec(tx, "UPDATE t SET v = 7"), dialect.Permanent)
	closed := p.open()
	_ = closed.Close()
	p.classified("a closed pool", p.exec(closed, "UPDATE t SET v = 7"), dialect.Permanent)
}
