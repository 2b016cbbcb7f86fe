package engine

import (
	"context"
	"testing"
)

// Own starts a server of an engine's kind for one test, with settings that a server reads only when it starts, for example
// "--innodb-rollback-on-timeout=ON". The server ends with the test. Own skips the test if the engine is not available. Own also
// skips if a DSN variable names the engine's server, because such a server cannot be started again.
func Own(t testing.TB, name string, settings ...string) *Engine {
	t.Helper()
	of := Get(name)
	of.need(t)
	if of.state.server == nil && of.state.share == nil {
		t.Skipf("engine %s: %s names its server, so it cannot be started with %q", name, of.env, settings)
	}
	program, err := of.starter.find()
	if err != nil {
		t.Fatalf("engine %s: %v", name, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	e := &Engine{name: name, dialect: of.dialect, family: of.family, starter: of.starter, session: of.session}
	e.state.once.Do(func() {}) // marks the engine as started, because the next lines start it
	if e.state.server, err = launch(ctx, name, e.starter, program, settings...); err != nil {
		t.Fatalf("engine %s with %q: %v", name, settings, err)
	}
	t.Cleanup(func() {
		if err := e.stop(); err != nil {
			t.Errorf("engine %s with %q: %v", name, settings, err)
		}
	})
	e.state.base = e.starter.dsn(e.state.server.port)
	if err := e.connect(ctx); err != nil {
		t.Fatalf("engine %s with %q: %v", name, settings, err)
	}
	return e
}
