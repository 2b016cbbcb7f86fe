package engine

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	requireEnv = "UPSERT_REQUIRE"
	hideEnv    = "UPSERT_HIDE"

	// startTimeout is generous: a busy two-core machine starts the servers of several engines at once.
	startTimeout = 2 * time.Minute

	adminConns = 4
)

var errNoRun = errors.New("this package's tests start servers but nothing would stop them; " +
	"add: func TestMain(m *testing.M) { os.Exit(engine.Run(m)) }")

// current is what this test binary has started. It has to be one for the whole process, because servers are shared by all
// its tests and stopped after the last.
var current = newSession()

type session struct {
	engines  []*Engine
	pooler   *Engine // stands before one of them
	cluster  *Engine // the name of what each test has for itself
	inRun    atomic.Bool
	also     map[string]bool // engines that this package starts and others do not
	required map[string]bool
	hidden   map[string]bool
	envErr   error // what is wrong with the variables
}

func newSession() *session {
	s := &session{engines: listEngines(), pooler: poolerEngine(), cluster: clusterEngine()}
	for _, e := range s.all() {
		e.session = s
	}
	var err1, err2 error
	s.required, err1 = s.namesIn(requireEnv)
	s.hidden, err2 = s.namesIn(hideEnv)
	_, _, err3 := longFactor()
	s.envErr = errors.Join(err1, err2, err3)
	return s
}

// all are the engines and what else goes by a name.
func (s *session) all() []*Engine { return append(slices.Clone(s.engines), s.pooler, s.cluster) }

func (s *session) running() bool { return s.inRun.Load() }

// RunOption changes what [Run] makes available.
type RunOption interface{ applyTo(*session) }

type runOption func(*session)

func (f runOption) applyTo(s *session) { f(s) }

// Also names engines that most packages do not start because they cost time and tell little there: mysql57. The packages
// of the conformance suites ask for it.
func Also(names ...string) RunOption {
	return runOption(func(s *session) {
		for _, name := range names {
			s.also[Get(name).name] = true
		}
	})
}

// atOnce is how many parallel tests run at once if -parallel does not say: they wait for servers most of the time, and by default
// there are no more than processors.
const atOnce = 4

func runMoreAtOnce() {
	if f := flag.Lookup("test.parallel"); f != nil && f.Value.String() == f.DefValue {
		_ = f.Value.Set(strconv.Itoa(max(atOnce, runtime.GOMAXPROCS(0)))) // -parallel on the command line is read later, and wins
	}
}

// Run runs the tests of m, stops the servers they started and reports to standard error which engines ran and which were
// skipped, and why. It returns the exit code: that of m.Run, or 2 if UPSERT_REQUIRE names an engine there is none of, or 1
// if a server could not be stopped. Use it as the whole of TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(engine.Run(m)) }
//
// What comes before Run in TestMain is also done by the process that keeps a shared server.
func Run(m *testing.M, opts ...RunOption) int { return current.run(m, os.Stderr, opts...) }

func (s *session) run(m interface{ Run() int }, log io.Writer, opts ...RunOption) (code int) {
	if text := os.Getenv(keeperEnv); text != "" {
		return s.keep(text, log)
	}
	if s.envErr != nil {
		fmt.Fprintln(log, s.envErr)
		return 2
	}
	s.also = map[string]bool{}
	for _, o := range opts {
		o.applyTo(s)
	}
	runMoreAtOnce()
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
		case e.share != nil:
			fmt.Fprintf(w, "engine %s: ran, %s, shared, there in %v\n", e.name, e.version, e.took.Round(10*time.Millisecond))
		case e.version != "":
			fmt.Fprintf(w, "engine %s: ran, %s\n", e.name, e.version)
		}
	}
}

// namesIn reads a list of engine names from a variable. For UPSERT_HIDE, all is every server: SQLite is none.
func (s *session) namesIn(env string) (map[string]bool, error) {
	known := map[string]bool{}
	for _, e := range s.all() {
		known[e.name] = true
	}
	listed := map[string]bool{}
	for name := range strings.SplitSeq(os.Getenv(env), ",") {
		switch name = strings.TrimSpace(name); {
		case name == "":
		case known[name]:
			listed[name] = true
		case env == hideEnv && name == "all":
			for server := range known {
				listed[server] = listed[server] || server != "sqlite"
			}
		default:
			return nil, fmt.Errorf("engine: %s names %q, which is no engine; there are %s",
				env, name, strings.Join(names(s.all()), ", "))
		}
	}
	return listed, nil
}
