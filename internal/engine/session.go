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

	// startTimeout is generous, because a busy two-core machine starts the servers of several engines at once.
	startTimeout = 2 * time.Minute

	adminConns = 4
)

var errNoRun = errors.New("this package's tests start servers but nothing would stop them; " +
	"add: func TestMain(m *testing.M) { os.Exit(engine.Run(m)) }")

// current holds everything that this test binary has started. It is a single variable of the process, because all tests share the
// servers and the servers stop after the last test.
var current = newSession()

type session struct {
	engines  []*Engine
	pooler   *Engine // runs in front of one of the engines
	cluster  *Engine // stands for the clusters; each test has a cluster of its own
	inRun    atomic.Bool
	also     map[string]bool // engines that this package starts and other packages do not
	required map[string]bool
	hidden   map[string]bool
	envErr   error // an error in the variables
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

// all returns the engines and the other names that the variables may contain.
func (s *session) all() []*Engine { return append(slices.Clone(s.engines), s.pooler, s.cluster) }

func (s *session) running() bool { return s.inRun.Load() }

// RunOption changes which engines [Run] makes available.
type RunOption interface{ applyTo(*session) }

type runOption func(*session)

func (f runOption) applyTo(s *session) { f(s) }

// Also names engines that most packages do not start, because they cost time and rarely find a problem there: mysql57. The
// packages of the conformance suites ask for it.
func Also(names ...string) RunOption {
	return runOption(func(s *session) {
		for _, name := range names {
			s.also[Get(name).name] = true
		}
	})
}

// atOnce is the number of parallel tests if -parallel is not set. Tests spend most of their time waiting for servers, so Go's
// default, the number of processors, is too small.
const atOnce = 4

func runMoreAtOnce() {
	if f := flag.Lookup("test.parallel"); f != nil && f.Value.String() == f.DefValue {
		_ = f.Value.Set(strconv.Itoa(max(atOnce, runtime.GOMAXPROCS(0)))) // a -parallel on the command line is parsed later and wins
	}
}

// Run runs the tests of m and stops the servers that they started. Then Run reports to standard error which engines ran, and
// which were skipped and why. The exit code is the code of m.Run, or 2 if UPSERT_REQUIRE contains an unknown engine, or 1 if a
// server could not be stopped. Use Run as the whole body of TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(engine.Run(m)) }
//
// The keeper process of a shared server also executes the code before Run in TestMain.
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

// report leaves out engines that no test asked for.
func (s *session) report(w io.Writer) {
	for _, e := range s.all() {
		switch {
		case e.state.err != nil:
			fmt.Fprintf(w, "engine %s: FAILED: %v\n", e.name, e.state.err)
		case e.state.skip != "":
			fmt.Fprintf(w, "engine %s: SKIPPED: %s\n", e.name, e.state.skip)
		case e.state.server != nil:
			fmt.Fprintf(w, "engine %s: ran, %s, started in %v\n", e.name, e.state.version, e.state.took.Round(10*time.Millisecond))
		case e.state.share != nil:
			fmt.Fprintf(w, "engine %s: ran, %s, shared, there in %v\n", e.name, e.state.version, e.state.took.Round(10*time.Millisecond))
		case e.state.version != "":
			fmt.Fprintf(w, "engine %s: ran, %s\n", e.name, e.state.version)
		}
	}
}

// namesIn reads a list of engine names from a variable. In UPSERT_HIDE, "all" means every server. SQLite is not a server.
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
