// Package lab is where tests show that a hazard is real, with naive statements, and that the library is safe from it.
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

// Lab is a fresh database of one engine.
type Lab struct {
	testing.TB
	NS *engine.Namespace
	DB *sqlx.DB
	D  dialect.Dialect
}

// What engines a hazard is about.
const (
	SQLite  = "sqlite"
	MariaDB = "mariadb"
	MySQL   = "mysql57 mysql"
	// OnDuplicateKey are the engines that have no other word for an upsert.
	OnDuplicateKey = MariaDB + " " + MySQL
	Postgres       = "postgres postgres18"
	All            = "sqlite postgres postgres18 mariadb mysql57 mysql"
)

// Patience is how long is waited for what must come.
const Patience = 30 * time.Second

// Each runs fn in a lab on each of the named engines, but for those that a usual run leaves to
// another of them ([engine.Engine.LeaveTo]).
func Each(t *testing.T, engines string, fn func(l *Lab), opts ...engine.Option) {
	t.Helper()
	names := strings.Fields(engines)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := engine.Get(name)
			e.LeaveTo(t, names...)
			fn(open(t, e, opts))
		})
	}
}

// EachWith runs fn in a lab on a server of its own for each of the named engines, with settings that a server takes only when it
// starts.
func EachWith(t *testing.T, engines string, settings []string, fn func(l *Lab)) {
	t.Helper()
	for name := range strings.FieldsSeq(engines) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fn(open(t, engine.Own(t, name, settings...), nil))
		})
	}
}

func open(t *testing.T, e *engine.Engine, opts []engine.Option) *Lab {
	t.Helper()
	ns := e.Namespace(t)
	l := &Lab{TB: t, NS: ns, DB: ns.DB(opts...)}
	var err error
	if l.D, err = dialect.Detect(t.Context(), l.DB); err != nil {
		t.Fatalf("Detect: %v", err)
	}
	return l
}

// Family is sqlite, postgres, or mysql for MariaDB too.
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

// Check has the table refuse rows for which a condition on one column is false, as "v > 0": by a CHECK or, because MySQL before
// 8.0.16 parses one and ignores it, by triggers there.
func (l *Lab) Check(table, condition string) {
	l.Helper()
	switch {
	case l.D.Name() == "sqlite": // its ALTER TABLE adds no CHECK
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

// On runs a statement that must succeed on a session or transaction.
func (l *Lab) On(db upsert.DB, query string) {
	l.Helper()
	if _, err := db.ExecContext(l.Context(), query); err != nil {
		l.Fatalf("%s: %v", query, err)
	}
}

// Fails runs a naive statement and wants the database's error.
func (l *Lab) Fails(db upsert.DB, code, query string, args ...any) {
	l.Helper()
	_, err := db.ExecContext(l.Context(), query, args...)
	l.WantCode("the hazard is gone: "+query, err, code)
}

// Text returns a query's rows, columns joined by | and rows by blanks.
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
