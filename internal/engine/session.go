package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	requireEnv = "UPSERT_REQUIRE"

	// startTimeout is generous: a busy two-core machine starts all three servers of several test binaries at once.
	startTimeout = 2 * time.Minute

	adminConns = 4
)

var errNoRun = errors.New("this package's tests start servers but nothing would stop them; " +
	"add: func TestMain(m *testing.M) { os.Exit(engine.Run(m)) }")

// current is what this test binary has started. It has to be one for the whole process, because servers are shared by all
// its tests and stopped after the last.
var current = newSession()

type session struct {
	engines []*Engine
	pooler  *Engine // stands before one of them
	inRun   atomic.Bool
}

func newSession() *session {
	s := &session{}
	s.engines = []*Engine{
		{
			name: "sqlite", dialect: "sqlite", family: sqliteFamily{},
		},
		{
			name: "postgres", dialect: "postgres", env: "UPSERT_POSTGRES_DSN",
			family: postgresFamily{below: 18}, starter: postgresStarter{below: 18},
			hint: "install it (Debian: scripts/engines, or apt-get install postgresql)",
		},
		{
			name: "postgres18", dialect: "postgres", env: "UPSERT_POSTGRES18_DSN",
			family: postgresFamily{from: 18}, starter: postgresStarter{from: 18},
			hint: "install it (scripts/engines)",
		},
		{
			name: "mariadb", dialect: "mariadb", env: "UPSERT_MARIADB_DSN",
			family: mysqlFamily{mariadb: true}, starter: mariadbStarter{},
			hint: "install it (Debian: scripts/engines, or apt-get install mariadb-server)",
		},
		{
			name: "mysql57", dialect: "mysql", env: "UPSERT_MYSQL57_DSN",
			family: mysqlFamily{below: 8},
			hint:   "set it to the DSN of a MySQL 5.7 server whose user may create databases",
		},
		{
			name: "mysql", dialect: "mysql", env: "UPSERT_MYSQL_DSN",
			family: mysqlFamily{from: 8},
			hint:   "set it to the DSN of a MySQL 8 server whose user may create databases",
		},
	}
	s.pooler = &Engine{
		name: "pgbouncer", dialect: "postgres", family: &pgbouncerFamily{}, starter: pgbouncerStarter{},
		hint: "install it (Debian: scripts/engines, or apt-get install pgbouncer)",
	}
	for _, e := range s.all() {
		e.session = s
	}
	return s
}

// all are the engines and what stands before them.
func (s *session) all() []*Engine { return append(slices.Clone(s.engines), s.pooler) }

func (s *session) running() bool { return s.inRun.Load() }

// Run runs the tests of m, stops the servers they started and reports to standard error which engines ran and which were
// skipped, and why. It returns the exit code: that of m.Run, or 2 if UPSERT_REQUIRE names an engine there is none of, or 1
// if a server could not be stopped. Use it as the whole of TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(engine.Run(m)) }
func Run(m *testing.M) int { return current.run(m, os.Stderr) }

func (s *session) run(m interface{ Run() int }, log io.Writer) (code int) {
	if _, err := requiredNames(s.all()); err != nil {
		fmt.Fprintln(log, err)
		return 2
	}
	s.inRun.Store(true)
	defer func() {
		for _, e := range s.all() {
			if err := e.stop(); err != nil {
				fmt.Fprintf(log, "engine %s: %v\n", e.name, err)
				code = max(code, 1)
			}
		}
		s.report(log)
	}()
	return m.Run()
}

// report says nothing of an engine no test asked for.
func (s *session) report(w io.Writer) {
	for _, e := range s.all() {
		switch {
		case e.err != nil:
			fmt.Fprintf(w, "engine %s: FAILED: %v\n", e.name, e.err)
		case e.skip != "":
			fmt.Fprintf(w, "engine %s: SKIPPED: %s\n", e.name, e.skip)
		case e.server != nil:
			fmt.Fprintf(w, "engine %s: ran, %s, started in %v\n", e.name, e.version, e.took.Round(10*time.Millisecond))
		case e.version != "":
			fmt.Fprintf(w, "engine %s: ran, %s\n", e.name, e.version)
		}
	}
}

// requiredNames reads UPSERT_REQUIRE.
func requiredNames(engines []*Engine) (map[string]bool, error) {
	known := map[string]bool{}
	for _, e := range engines {
		known[e.name] = true
	}
	required := map[string]bool{}
	for name := range strings.SplitSeq(os.Getenv(requireEnv), ",") {
		switch name = strings.TrimSpace(name); {
		case name == "":
		case known[name]:
			required[name] = true
		default:
			return nil, fmt.Errorf("engine: %s names %q, which is no engine; there are %s",
				requireEnv, name, strings.Join(names(engines), ", "))
		}
	}
	return required, nil
}
