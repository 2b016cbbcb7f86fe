package engine

import (
	"flag"
	"hash/fnv"
	"slices"
	"strings"
	"testing"
)

// Each runs fn as a parallel subtest on the engines of [All]. In a usual run, Each skips an engine that leaves the test to
// another engine ([Engine.LeaveTo]). The subtest has the name of the engine. If the engine is not available, the subtest is
// skipped, or fails if UPSERT_REQUIRE names the engine.
func Each(t *testing.T, fn func(t *testing.T, e *Engine)) {
	t.Helper()
	each(t, All(), (*Engine).LeaveTo, fn)
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
	each(t, engines, (*Engine).LeaveTo, fn)
}

// Suite is Each for a conformance suite: in a usual run, too, the suite runs on every database, and only a further version of a
// database is skipped.
func Suite(t *testing.T, fn func(t *testing.T, e *Engine)) {
	t.Helper()
	each(t, All(), (*Engine).leaveToLike, fn)
}

// each calls leave before it starts an engine, so that no engine is started in vain.
func each(t *testing.T, engines []*Engine, leave func(e *Engine, t testing.TB, names ...string), fn func(t *testing.T, e *Engine)) {
	t.Helper()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			leave(e, t, names(engines)...)
			e.need(t)
			fn(t, e)
		})
	}
}

// LeaveTo skips the test if another of the named engines runs the test in a usual run: a similar engine that is available, because
// a usual run tests one version of a database, or another server, because the servers share the tests. The test's name decides
// which server runs the test. SQLite leaves nothing to others.
//
// LeaveTo does not skip in a long run, or if UPSERT_REQUIRE or a DSN asks for e. The servers do not share the tests that the flag
// -run selects, so that whoever works on a test sees the test on every server.
func (e *Engine) LeaveTo(t testing.TB, names ...string) {
	t.Helper()
	if e.leaveToLike(t, names...); e.dialect == "sqlite" || e.IsAskedFor() || isSelected() || !e.isAvailable() {
		return
	}
	servers := e.session.servers(names)
	if !slices.Contains(servers, e) { // the caller has named others only
		return
	}
	if turn := turnOf(strings.TrimSuffix(t.Name(), "/"+e.name), servers); turn != e {
		t.Skipf("engine %s: %s runs this test in a usual run; set %s, or name %s in %s, or select the test with -run", e.name, turn.name, longEnv, e.name, requireEnv)
	}
}

// turnOf returns the server that runs a test in a usual run.
func turnOf(test string, servers []*Engine) *Engine {
	h := fnv.New32a()
	_, _ = h.Write([]byte(test)) // Write of a hash never fails
	return servers[int(h.Sum32()%uint32(len(servers)))]
}

// isSelected reports whether the flag -run selects tests.
func isSelected() bool { return flag.Lookup("test.run").Value.String() != "" }

// IsUsual reports whether the run is a usual one: UPSERT_REQUIRE names no engine, the run is not long, and -run selects no tests.
func IsUsual() bool { return len(current.required) == 0 && !IsLong() && !isSelected() }

// leaveToLike skips the test if a similar engine is among the names and is available.
func (e *Engine) leaveToLike(t testing.TB, names ...string) {
	t.Helper()
	if e.like == "" || !slices.Contains(names, e.like) || e.IsAskedFor() {
		return
	}
	if e.session.named(e.like).isAvailable() {
		t.Skipf("engine %s: %s stands for it in a usual run; set %s, or name %s in %s", e.name, e.like, longEnv, e.name, requireEnv)
	}
}

// servers returns the named servers that run tests in a usual run: those that are available, and no further version of a database.
func (s *session) servers(names []string) (list []*Engine) {
	for _, e := range s.engines {
		if !slices.Contains(names, e.name) || e.dialect == "sqlite" {
			continue
		}
		if like := e.like; like != "" && slices.Contains(names, like) && s.named(like).isAvailable() {
			continue
		}
		if e.isAvailable() {
			list = append(list, e)
		}
	}
	return list
}

// isAvailable starts the engine, unless it was started before, and reports whether it runs.
func (e *Engine) isAvailable() bool {
	e.state.once.Do(e.start)
	return e.state.skip == "" && e.state.err == nil
}
