// Package dbtest gives the tests of the command the databases of package engine, and SQLite by the driver that the command has:
// so the tests need no cgo either. Package dbtest also writes the files of the tests.
package dbtest

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	_ "modernc.org/sqlite" // driver "sqlite"
)

// WriteFile writes a file into a folder that the end of the test removes, and returns the file's path.
func WriteFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Run runs the tests of a package, for TestMain.
func Run(m *testing.M) int { return engine.Run(m) }

// Engine is a database server, or SQLite.
type Engine struct{ of *engine.Engine }

// Get returns an engine by its name.
func Get(name string) *Engine { return &Engine{engine.Get(name)} }

// Each runs fn in a subtest on each engine that a usual run has.
func Each(t *testing.T, fn func(t *testing.T, e *Engine)) {
	t.Helper()
	var names []string
	for _, e := range engine.All() {
		names = append(names, e.Name())
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := Get(name)
			e.of.LeaveTo(t, names...)
			fn(t, e)
		})
	}
}

// Name returns the engine's name.
func (e *Engine) Name() string { return e.of.Name() }

// Dialect returns the name of the engine's dialect.
func (e *Engine) Dialect() string { return e.of.Dialect() }

// DSN returns the -dsn of a fresh, empty namespace.
func (e *Engine) DSN(t *testing.T) string {
	t.Helper()
	return e.Namespace(t).DSN()
}

// Namespace is a place for the tables of one test: a file, a schema or a database.
type Namespace struct {
	t      *testing.T
	engine *Engine
	of     *engine.Namespace // nil for SQLite
	file   string
}

// Namespace returns a fresh, empty namespace. It skips the test if the engine is not here.
func (e *Engine) Namespace(t *testing.T) *Namespace {
	t.Helper()
	n := &Namespace{t: t, engine: e}
	if e.Dialect() == "sqlite" {
		n.file = filepath.Join(t.TempDir(), "test.db")
		if err := n.DB().PingContext(t.Context()); err != nil { // makes the file
			t.Fatal(err)
		}
	} else {
		n.of = e.of.Namespace(t)
	}
	return n
}

// Engine returns the namespace's engine.
func (n *Namespace) Engine() *Engine { return n.engine }

// Name returns the name of the schema or the database.
func (n *Namespace) Name() string { return n.of.Name() }

// DSN returns the namespace's -dsn.
func (n *Namespace) DSN() string {
	n.t.Helper()
	if n.of == nil {
		return n.file + "?_journal_mode=WAL&_busy_timeout=20000&_synchronous=OFF"
	}
	return n.of.DSN()
}

// DB returns a pool on the namespace, which the end of the test closes.
func (n *Namespace) DB() *sql.DB {
	n.t.Helper()
	if n.of != nil {
		return n.of.DB().DB
	}
	db, err := sql.Open("sqlite", n.DSN())
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = db.Close() })
	return db
}
