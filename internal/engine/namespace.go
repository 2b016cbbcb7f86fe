package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
)

// dropTimeout bounds how long the end of a test waits for locks that a forgotten transaction of the test holds.
const dropTimeout = 20 * time.Second

// Namespace is a place of its own for one test's tables: a file, a schema or a database.
type Namespace struct {
	t      testing.TB
	engine *Engine
	name   string
}

// Open returns a pool on a fresh, empty namespace. Both go away when the test ends. It skips the test where the engine is
// not to be had.
func (e *Engine) Open(t testing.TB, opts ...Option) *sqlx.DB {
	t.Helper()
	return e.Namespace(t).DB(opts...)
}

// DSN returns the data source name of a fresh, empty namespace, for a program that connects by itself. The namespace goes
// away when the test ends. It skips the test where the engine is not to be had.
func (e *Engine) DSN(t testing.TB, opts ...Option) string {
	t.Helper()
	return e.Namespace(t).DSN(opts...)
}

// Namespace makes a fresh, empty namespace that goes away when the test ends. It skips the test where the engine is not to
// be had. The test fails if the namespace cannot be dropped, which means that it left a transaction open.
func (e *Engine) Namespace(t testing.TB) *Namespace {
	t.Helper()
	e.need(t)
	name, err := e.family.name(t)
	if err != nil {
		t.Fatalf("engine %s: %v", e.name, err)
	}
	if err := e.family.create(t.Context(), e.admin, name); err != nil {
		t.Fatalf("engine %s: create namespace: %v", e.name, err)
	}
	t.Cleanup(func() {
		// The test's own context is already cancelled here.
		ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
		defer cancel()
		if err := e.family.drop(ctx, e.admin, name); err != nil {
			t.Errorf("engine %s: drop namespace (did the test leave a transaction or rows open?): %v", e.name, err)
		}
	})
	return &Namespace{t: t, engine: e, name: name}
}

// Engine returns the engine the namespace is on.
func (n *Namespace) Engine() *Engine { return n.engine }

// Name returns the schema's or the database's name, unquoted; on SQLite the file's path.
func (n *Namespace) Name() string { return n.name }

// DSN returns the namespace's data source name for the engine's driver (sqlite3, postgres, mysql) or the one named by
// [Driver].
func (n *Namespace) DSN(opts ...Option) string {
	n.t.Helper()
	o := n.options(opts)
	dsn, err := n.engine.family.dsn(n.engine.base, n.name, o)
	if err != nil {
		n.t.Fatalf("engine %s: %v", n.engine.name, err)
	}
	return dsn
}

// DB returns a further pool on the namespace, closed when the test ends.
func (n *Namespace) DB(opts ...Option) *sqlx.DB {
	n.t.Helper()
	o := n.options(opts)
	db, err := sqlx.ConnectContext(n.t.Context(), o.driver, n.DSN(opts...))
	if err != nil {
		n.t.Fatalf("engine %s: connect: %v", n.engine.name, err)
	}
	n.t.Cleanup(func() {
		if err := db.Close(); err != nil {
			n.t.Logf("engine %s: close: %v", n.engine.name, err)
		}
	})
	return db
}

// Option changes how a namespace is connected to.
type Option interface{ apply(*options) }

type options struct {
	driver string
	params []param
}

type param struct{ key, value string }

type optionFunc func(*options)

func (f optionFunc) apply(o *options) { f(o) }

// Param adds a parameter to the DSN, in the words of the driver: Param("clientFoundRows", "true"). It replaces a parameter
// of the same name that is there already; of two with the same name the last is used.
func Param(key, value string) Option {
	return optionFunc(func(o *options) { o.params = append(o.params, param{key, value}) })
}

// Driver opens the namespace with another database/sql driver, which the test binary must have registered. The DSN is
// written for pgx ("pgx") and modernc.org/sqlite ("sqlite"); any other name gets the DSN of the engine's own driver, so
// that a test can wrap that one.
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

// freshName is random because several test binaries may share the server a DSN variable names.
func freshName() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return "upsert_test_" + hex.EncodeToString(b)
}
