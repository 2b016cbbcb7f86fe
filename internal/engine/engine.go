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

// Engine is one kind of database that tests can run on. Several tests may call its methods at once.
type Engine struct {
	name    string
	dialect string
	env     string   // variable that names a server to use, "" if there is no such variable
	family  family   // how to connect to it
	starter starter  // how to start it, nil if this package never starts it
	offer   offer    // in which runs it is started
	like    string   // the engine that runs the tests instead in a usual run, "" if there is none
	private bool     // each test binary has a server of its own
	hint    string   // how to install it
	session *session // the session of the test binary, which stops the engine at the end
	state   state
}

// state is what has become of an engine in this test binary.
type state struct {
	once    sync.Once
	skip    string // why it is not available
	err     error  // why it is available but does not work
	base    string // DSN that names the server but no namespace
	admin   *sql.DB
	version string
	server  *server       // nil unless this test binary started it for itself
	share   *share        // nil unless the server is shared with other test binaries of the go command
	took    time.Duration // how long the start took
}

// All returns every engine, available or not, always in the same order.
func All() []*Engine { return append([]*Engine(nil), current.engines...) }

// Get returns the engine with the given name. It panics if [All] has no such engine, because names are constants in tests.
func Get(name string) *Engine { return current.named(name) }

// Newest returns the newest engine of a dialect that a usual run has, for a test that any version serves: the test then starts no
// further server. If none is available, Newest returns the oldest, which says so when the test uses it.
func Newest(dialect string) *Engine {
	var oldest *Engine
	for _, e := range slices.Backward(All()) {
		if e.dialect != dialect {
			continue
		}
		if e.state.once.Do(e.start); e.state.skip == "" {
			return e
		}
		oldest = e
	}
	return oldest
}

func (s *session) named(name string) *Engine {
	for _, e := range s.engines {
		if e.name == name {
			return e
		}
	}
	panic(fmt.Sprintf("engine: no engine %q; there are %s", name, strings.Join(names(s.engines), ", ")))
}

// IsAskedFor reports whether UPSERT_REQUIRE or a DSN names the engine, or the run is long. A usual run gives other servers a part of
// the suites, so that it stays short. SQLite is always asked for.
func (e *Engine) IsAskedFor() bool {
	return e.dialect == "sqlite" || IsLong() || e.session.required[e.name] || e.dsnFromEnv() != ""
}

// Name returns the engine's name, which is also its name in UPSERT_REQUIRE.
func (e *Engine) Name() string { return e.name }

// String returns the engine's name.
func (e *Engine) String() string { return e.name }

// Dialect returns the name of the engine's SQL dialect: sqlite, postgres, mariadb or mysql.
func (e *Engine) Dialect() string { return e.dialect }

// Version returns the server's version text for the log. It starts the engine, or skips the test.
func (e *Engine) Version(t testing.TB) string {
	t.Helper()
	e.need(t)
	return e.state.version
}

// need starts the engine once per test binary. If the engine is not available, need ends the test.
func (e *Engine) need(t testing.TB) {
	t.Helper()
	e.state.once.Do(e.start)
	e.check(t)
}

// check ends the test if the engine is not available.
func (e *Engine) check(t testing.TB) {
	t.Helper()
	switch {
	case e.session.envErr != nil:
		t.Fatal(e.session.envErr)
	case e.state.err != nil:
		t.Fatalf("engine %s: %v", e.name, e.state.err)
	case e.state.skip != "" && e.session.required[e.name]:
		t.Fatalf("engine %s: required by %s, but %s", e.name, requireEnv, e.state.skip)
	case e.state.skip != "":
		t.Skipf("engine %s: %s", e.name, e.state.skip)
	}
}

// start sets skip or err, or the fields of a running engine.
func (e *Engine) start() {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	began := time.Now()
	if e.session.hidden[e.name] {
		e.state.skip = fmt.Sprintf("it is hidden by %s", hideEnv)
		return
	}
	if e.state.base = e.dsnFromEnv(); e.state.base == "" && (e.env != "" || e.starter != nil) {
		if e.launch(ctx); e.state.skip != "" || e.state.err != nil {
			return
		}
	}
	if e.state.err = e.connect(ctx); e.state.err != nil && e.env != "" && e.state.server == nil && e.state.share == nil {
		e.state.err = fmt.Errorf("%s: %w", e.env, e.state.err)
	}
	e.state.took = time.Since(began)
}

func (e *Engine) dsnFromEnv() string {
	if e.env == "" {
		return ""
	}
	return os.Getenv(e.env)
}

// launch starts the engine's server, or joins the test binaries that share a running server.
func (e *Engine) launch(ctx context.Context) {
	if why := e.withheld(); why != "" {
		e.state.skip = e.orDSN(why)
		return
	}
	program, err := e.starter.find()
	if err != nil {
		e.state.skip = e.orDSN(fmt.Sprintf("%v; %s", err, e.hint))
		return
	}
	if !e.session.running() {
		e.state.err = errNoRun
		return
	}
	if parent, ok := goCommand(); ok && !e.private {
		if e.state.share, e.state.err = join(ctx, e.name, parent); e.state.err == nil {
			e.state.base = e.starter.dsn(e.state.share.note.Port)
		}
		return
	}
	if e.state.server, e.state.err = launch(ctx, e.name, e.starter, program); e.state.err == nil {
		e.state.base = e.starter.dsn(e.state.server.port)
	}
}

// orDSN adds the engine's DSN variable to a skip message, as another way to get the engine.
func (e *Engine) orDSN(why string) string {
	if e.env == "" {
		return why
	}
	return why + ", or set " + e.env
}

// connect opens the pool that creates and drops namespaces. It checks that the server matches the engine's name.
func (e *Engine) connect(ctx context.Context) error {
	dsn, err := e.family.adminDSN(e.state.base)
	if err != nil {
		return err
	}
	e.state.admin, err = sql.Open(e.family.driver(), dsn)
	if err != nil {
		return err
	}
	e.state.admin.SetMaxOpenConns(adminConns)
	e.state.version, err = e.family.version(ctx, e.state.admin)
	if err != nil {
		return err
	}
	return e.family.check(e.state.version)
}

// stop undoes start. It is called once, after the last test.
func (e *Engine) stop() error {
	if e.state.admin != nil {
		_ = e.state.admin.Close() // the server ends next, or this package did not start it
	}
	if e.state.share != nil {
		return e.state.share.leave()
	}
	if e.state.server == nil {
		return nil
	}
	return e.state.server.stop()
}

func names(engines []*Engine) []string {
	out := make([]string, len(engines))
	for i, e := range engines {
		out[i] = e.name
	}
	return out
}
