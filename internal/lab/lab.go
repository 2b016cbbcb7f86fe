// Package lab helps tests to show two things: a hazard is real for naive statements, and the library is safe from the hazard.
package lab

import (
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/jmoiron/sqlx"
)

// Lab is a fresh database on one engine.
type Lab struct {
	testing.TB
	NS *engine.Namespace
	DB *sqlx.DB
	D  dialect.Dialect
}

// These constants name the engines that a hazard concerns.
const (
	SQLite  = "sqlite"
	MariaDB = "mariadb"
	MySQL   = "mysql57 mysql"
	// OnDuplicateKey names the engines whose only upsert syntax is ON DUPLICATE KEY UPDATE.
	OnDuplicateKey = MariaDB + " " + MySQL
	Postgres       = "postgres postgres18"
	All            = "sqlite postgres postgres18 mariadb mysql57 mysql"
)

// Patience is how long a test waits for an event that must happen.
const Patience = 30 * time.Second

// Each runs fn in a lab on each of the named engines. In a usual run, Each skips an engine that leaves the test to another named
// engine ([engine.Engine.LeaveTo]).
func Each(t *testing.T, engines string, fn func(l *Lab), opts ...engine.Option) {
	t.Helper()
	names := strings.Fields(engines)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := engine.Get(name)
			e.LeaveTo(t, names...)
			fn(Open(t, e, opts...))
		})
	}
}

// EachWith runs fn in a lab on each of the named engines. Each lab has a server of its own, started with the given settings,
// because a server reads such settings only when it starts.
func EachWith(t *testing.T, engines string, settings []string, fn func(l *Lab)) {
	t.Helper()
	for name := range strings.FieldsSeq(engines) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fn(Open(t, engine.Own(t, name, settings...)))
		})
	}
}

// Open returns a lab on an engine.
func Open(t testing.TB, e *engine.Engine, opts ...engine.Option) *Lab {
	t.Helper()
	ns := e.Namespace(t)
	l := &Lab{TB: t, NS: ns, DB: ns.DB(opts...)}
	var err error
	if l.D, err = dialect.Detect(t.Context(), l.DB); err != nil {
		t.Fatalf("Detect: %v", err)
	}
	return l
}

// Family returns "sqlite", "postgres" or "mysql". MariaDB belongs to "mysql".
func (l *Lab) Family() string {
	if l.D.Name() == "mariadb" {
		return "mysql"
	}
	return l.D.Name()
}

// Exec runs statements that must succeed.
func (l *Lab) Exec(statements ...string) {
	l.Helper()
	for _, s := range statements {
		l.On(l.DB, s)
	}
}

// Check makes the table refuse every row that violates a condition on one column, for example "v > 0". Check adds a CHECK
// constraint, or creates triggers. The triggers are for SQLite, and for MySQL before 8.0.16, which parses a CHECK and ignores it.
func (l *Lab) Check(table, condition string) {
	l.Helper()
	switch {
	case l.D.Name() == "sqlite": // SQLite's ALTER TABLE cannot add a CHECK
		for _, event := range []string{"INSERT", "UPDATE"} {
			l.Exec("CREATE TRIGGER refuse_" + event + " BEFORE " + event + " ON " + table + " WHEN NOT (NEW." + condition + ") BEGIN SELECT RAISE(ABORT, 'refused'); END")
		}
	case l.D.Name() == "mysql" && !dialect.Supports(l.D, dialect.FeatureCheck):
		for _, event := range []string{"INSERT", "UPDATE"} {
			l.Exec("CREATE TRIGGER refuse_" + event + " BEFORE " + event + " ON " + table + " FOR EACH ROW IF NOT NEW." + condition + " THEN SIGNAL SQLSTATE '45000'; END IF")
		}
	default:
		l.Exec("ALTER TABLE " + table + " ADD CHECK (" + condition + ")")
	}
}

// On runs a statement, which must succeed, on a session or transaction.
func (l *Lab) On(db upsert.DB, query string) {
	l.Helper()
	if _, err := db.ExecContext(l.Context(), query); err != nil {
		l.Fatalf("%s: %v", query, err)
	}
}

// Fails runs a naive statement and expects the database's error with the given code.
func (l *Lab) Fails(db upsert.DB, code, query string, args ...any) {
	l.Helper()
	_, err := db.ExecContext(l.Context(), query, args...)
	l.WantCode("the hazard is gone: "+query, err, code)
}

// Text returns the rows of a query. It joins columns with | and rows with spaces.
func (l *Lab) Text(query string) string {
	l.Helper()
	return l.TextOn(l.DB, query)
}

// TextOn is Text on a session or transaction.
func (l *Lab) TextOn(db upsert.DB, query string) string {
	l.Helper()
	text, err := rows(l.Context(), db, query)
	if err != nil {
		l.Fatalf("%s: %v", query, err)
	}
	return text
}
