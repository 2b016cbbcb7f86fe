package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
)

// dropTimeout limits how long the end of a test waits for locks of a forgotten transaction.
const dropTimeout = time.Minute

// idleConns is how many idle connections a test's pool keeps. The default of database/sql, two, makes a test of many goroutines
// connect again for most statements, and a connection costs PostgreSQL more than a test's statements do.
const idleConns = 32

// Namespace is a separate place for the tables of one test: a file, a schema or a database.
type Namespace struct {
	t      testing.TB
	engine *Engine
	name   string
}

// Open returns a pool on a fresh, empty namespace. The end of the test closes the pool and removes the namespace. Open skips the
// test if the engine is not available.
func (e *Engine) Open(t testing.TB, opts ...Option) *sqlx.DB {
	t.Helper()
	return e.Namespace(t).DB(opts...)
}

// DSN returns the data source name of a fresh, empty namespace, with which a program can open its own connection. The end of
// the test removes the namespace. DSN skips the test if the engine is not available.
func (e *Engine) DSN(t testing.TB, opts ...Option) string {
	t.Helper()
	return e.Namespace(t).DSN(opts...)
}

// Namespace creates a fresh, empty namespace. The end of the test removes the namespace. Namespace skips the test if the engine
// is not available. The test fails if the namespace cannot be dropped, because then the test left a transaction open.
func (e *Engine) Namespace(t testing.TB) *Namespace {
	t.Helper()
	e.need(t)
	name, err := e.family.name(t)
	if err != nil {
		t.Fatalf("engine %s: %v", e.name, err)
	}
	if err := e.family.create(t.Context(), e.state.admin, name); err != nil {
		t.Fatalf("engine %s: create namespace: %v", e.name, err)
	}
	t.Cleanup(func() {
		// The test's own context is already cancelled here.
		ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
		defer cancel()
		if err := e.family.drop(ctx, e.state.admin, name); err != nil {
			t.Errorf("engine %s: drop namespace (did the test leave a transaction or rows open?): %v", e.name, err)
		}
	})
	return &Namespace{t: t, engine: e, name: name}
}

// Engine returns the engine of the namespace.
func (n *Namespace) Engine() *Engine { return n.engine }

// Name returns the unquoted name of the schema or database. On SQLite it returns the path of the file.
func (n *Namespace) Name() string { return n.name }

// DSN returns the namespace's data source name for the engine's driver (sqlite3, postgres, mysql) or for the driver of the option
// [Driver].
func (n *Namespace) DSN(opts ...Option) string {
	n.t.Helper()
	o := n.options(opts)
	dsn, err := n.engine.family.dsn(n.engine.state.base, n.name, o)
	if err != nil {
		n.t.Fatalf("engine %s: %v", n.engine.name, err)
	}
	return dsn
}

// DB returns another pool on the namespace. The end of the test closes the pool.
func (n *Namespace) DB(opts ...Option) *sqlx.DB {
	n.t.Helper()
	o := n.options(opts)
	db, err := sqlx.ConnectContext(n.t.Context(), o.driver, n.DSN(opts...))
	if err != nil {
		n.t.Fatalf("engine %s: connect: %v", n.engine.name, err)
	}
	db.SetMaxIdleConns(idleConns)
	n.t.Cleanup(func() {
		if err := db.Close(); err != nil {
			n.t.Logf("engine %s: close: %v", n.engine.name, err)
		}
	})
	return db
}

// Option changes how a test connects to a namespace.
type Option interface{ apply(*options) }

type options struct {
	driver string
	params []param
}

type param struct{ key, value string }

type optionFunc func(*options)

func (f optionFunc) apply(o *options) { f(o) }

// Param adds a parameter to the DSN, in the syntax of the driver: Param("clientFoundRows", "true"). It replaces an existing
// parameter of the same name. If two options have the same name, the last option applies.
func Param(key, value string) Option {
	return optionFunc(func(o *options) { o.params = append(o.params, param{key, value}) })
}

// Driver opens the namespace with another database/sql driver, which the test binary must have registered. The DSN has the format
// of pgx for "pgx" and the format of modernc.org/sqlite for "sqlite". With any other name the DSN has the format of the engine's
// own driver, so that a test can wrap that driver.
func Driver(name string) Option {
	return optionFunc(func(o *options) { o.driver = name })
}

func (n *Namespace) options(opts []Option) options {
	o := options{driver: n.engine.family.driver()}
	for _, opt := range opts {
		opt.apply(&o)
	}
	return o
}

// freshName returns a random name, because several test binaries may share the server of a DSN variable.
func freshName() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // Read never fails, see crypto/rand
	return "upsert_test_" + hex.EncodeToString(b)
}
