package engine

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Engine is one kind of database a test can run on. Its methods may be called from several tests at once.
type Engine struct {
	name    string
	dialect string
	env     string   // variable that names a server to use, "" if none can be named
	family  family   // how it is spoken to
	starter starter  // how it is started, nil if it never is
	offer   offer    // in which runs it is started
	like    string   // the engine that stands for it in a usual run, "" if none does
	private bool     // each test binary has a server of its own
	hint    string   // how to get it
	session *session // the test binary's, for what must happen at its end

	once    sync.Once
	skip    string // why it is not to be had
	err     error  // why it is there and does not work
	base    string // DSN that names the server but no namespace
	admin   *sql.DB
	version string
	server  *server       // nil unless we started it for ourselves
	share   *share        // nil unless we share it with the go command's other test binaries
	took    time.Duration // to start it
}

// All returns every engine, whether or not it can be had here, always in the same order.
func All() []*Engine { return append([]*Engine(nil), current.engines...) }

// Get returns the engine of that name. It panics on a name that [All] does not have: names are constants in tests.
func Get(name string) *Engine { return current.named(name) }

func (s *session) named(name string) *Engine {
	for _, e := range s.engines {
		if e.name == name {
			return e
		}
	}
	panic(fmt.Sprintf("engine: no engine %q; there are %s", name, strings.Join(names(s.engines), ", ")))
}

// Each runs fn as a parallel subtest on the engines of [All], but for those that a usual run leaves to another
// ([Engine.LeaveTo]). The subtest is named after the engine. If the engine is not to be had, the subtest is skipped, or fails
// if UPSERT_REQUIRE names the engine.
func Each(t *testing.T, fn func(t *testing.T, e *Engine)) {
	t.Helper()
	each(t, All(), func(t *testing.T, e *Engine) {
		e.LeaveTo(t, names(All())...)
		fn(t, e)
	})
}

// EachOf is Each on the engines of one dialect.
func EachOf(t *testing.T, dialect string, fn func(t *testing.T, e *Engine)) {
	t.Helper()
	var engines []*Engine
	for _, e := range All() {
		if e.dialect == dialect {
			engines = append(engines, e)
		}
	}
	each(t, engines, func(t *testing.T, e *Engine) {
		e.LeaveTo(t, names(engines)...)
		fn(t, e)
	})
}

// EachDialect is Each on an engine of every dialect in a usual run too, so on MySQL beside MariaDB.
func EachDialect(t *testing.T, fn func(t *testing.T, e *Engine)) {
	t.Helper()
	each(t, All(), func(t *testing.T, e *Engine) {
		if e.like != "" && e.session.named(e.like).dialect == e.dialect {
			e.LeaveTo(t, e.like)
		}
		fn(t, e)
	})
}

func each(t *testing.T, engines []*Engine, fn func(t *testing.T, e *Engine)) {
	t.Helper()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			e.need(t)
			fn(t, e)
		})
	}
}

// LeaveTo skips the test if the engine that is much like e is among the named ones and is to be had: a usual run tests one
// version of a database. A long run tests them all, and so does a run that asks for e by UPSERT_REQUIRE or by a DSN.
func (e *Engine) LeaveTo(t testing.TB, names ...string) {
	t.Helper()
	if e.like == "" || !slices.Contains(names, e.like) || IsLong() || e.session.required[e.name] || e.dsnFromEnv() != "" {
		return
	}
	like := e.session.named(e.like)
	if like.once.Do(like.start); like.skip == "" && like.err == nil {
		t.Skipf("engine %s: %s stands for it in a usual run; set %s, or name %s in %s", e.name, e.like, longEnv, e.name, requireEnv)
	}
}

// Name returns the engine's name, which is also its name in UPSERT_REQUIRE.
func (e *Engine) Name() string { return e.name }

// String returns the engine's name.
func (e *Engine) String() string { return e.name }

// Dialect returns the name of the engine's SQL dialect: sqlite, postgres, mariadb or mysql.
func (e *Engine) Dialect() string { return e.dialect }

// Version returns what the server says about its version, for the log. It starts the engine, or skips the test.
func (e *Engine) Version(t testing.TB) string {
	t.Helper()
	e.need(t)
	return e.version
}

// need makes the engine ready, once per test binary, or ends the test.
func (e *Engine) need(t testing.TB) {
	t.Helper()
	e.once.Do(e.start)
	e.check(t)
}

// check ends the test if the engine is not to be had.
func (e *Engine) check(t testing.TB) {
	t.Helper()
	switch {
	case e.session.envErr != nil:
		t.Fatal(e.session.envErr)
	case e.err != nil:
		t.Fatalf("engine %s: %v", e.name, e.err)
	case e.skip != "" && e.session.required[e.name]:
		t.Fatalf("engine %s: required by %s, but %s", e.name, requireEnv, e.skip)
	case e.skip != "":
		t.Skipf("engine %s: %s", e.name, e.skip)
	}
}

// start fills in either skip, err, or what a running engine has.
func (e *Engine) start() {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	began := time.Now()
	if e.session.hidden[e.name] {
		e.skip = fmt.Sprintf("it is hidden by %s", hideEnv)
		return
	}
	if e.base = e.dsnFromEnv(); e.base == "" && (e.env != "" || e.starter != nil) {
		if e.launch(ctx); e.skip != "" || e.err != nil {
			return
		}
	}
	if e.err = e.connect(ctx); e.err != nil && e.env != "" && e.server == nil && e.share == nil {
		e.err = fmt.Errorf("%s: %w", e.env, e.err)
	}
	e.took = time.Since(began)
}

func (e *Engine) dsnFromEnv() string {
	if e.env == "" {
		return ""
	}
	return os.Getenv(e.env)
}

// launch starts the engine's server, or joins those who have one started.
func (e *Engine) launch(ctx context.Context) {
	if why := e.withheld(); why != "" {
		e.skip = e.orDSN(why)
		return
	}
	program, err := e.starter.find()
	if err != nil {
		e.skip = e.orDSN(fmt.Sprintf("%v; %s", err, e.hint))
		return
	}
	if !e.session.running() {
		e.err = errNoRun
		return
	}
	if parent, ok := goCommand(); ok && !e.private {
		if e.share, e.err = join(ctx, e.name, parent); e.err == nil {
			e.base = e.starter.dsn(e.share.note.Port)
		}
		return
	}
	if e.server, e.err = launch(ctx, e.name, e.starter, program); e.err == nil {
		e.base = e.starter.dsn(e.server.port)
	}
}

// orDSN adds the other way to have the engine.
func (e *Engine) orDSN(why string) string {
	if e.env == "" {
		return why
	}
	return why + ", or set " + e.env
}

// connect opens the pool that makes and drops namespaces, and checks that the server is what the engine's name says.
func (e *Engine) connect(ctx context.Context) error {
	dsn, err := e.family.adminDSN(e.base)
	if err != nil {
		return err
	}
	e.admin, err = sql.Open(e.family.driver(), dsn)
	if err != nil {
		return err
	}
	e.admin.SetMaxOpenConns(adminConns)
	e.version, err = e.family.version(ctx, e.admin)
	if err != nil {
		return err
	}
	return e.family.check(e.version)
}

// stop ends what start began. It is called once, after the last test.
func (e *Engine) stop() error {
	if e.admin != nil {
		_ = e.admin.Close() // its server is about to go, or was never ours
	}
	if e.share != nil {
		return e.share.leave()
	}
	if e.server == nil {
		return nil
	}
	return e.server.stop()
}

func names(engines []*Engine) []string {
	out := make([]string, len(engines))
	for i, e := range engines {
		out[i] = e.name
	}
	return out
}
