// Package place gives a program the servers that tests have, with the tables of the workload in them.
package place

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
)

// Skipped is why there is no such engine here.
type Skipped struct{ Reason string }

// Error returns the reason.
func (s *Skipped) Error() string { return s.Reason }

// host stands in for the test that an engine asks for. An engine calls the methods below, and none besides.
type host struct {
	testing.TB // is nil: its methods cannot all be written outside of package testing
	ctx        context.Context
	cleanups   []func()
	failures   []error
}

// With calls f with an engine and what stands in for a test; what f opens on it goes away when f has returned. With
// returns a [*Skipped] if the engine is not available.
func With(ctx context.Context, name string, f func(testing.TB, *engine.Engine) error) (err error) {
	h := &host{ctx: ctx}
	defer func() { err = errors.Join(append([]error{err}, h.failures...)...) }()
	defer h.cleanUp()
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Skipped:
			err = r
		case *failed:
			err = r.err
		default:
			panic(r)
		}
	}()
	e := engine.Get(name)
	e.Version(h)
	return f(h, e)
}

// failed is what Fatal ends the call with.
type failed struct{ err error }

func (h *host) cleanUp() {
	for i := len(h.cleanups) - 1; i >= 0; i-- {
		h.cleanups[i]()
	}
}

// Helper does nothing: there are no line numbers to mend.
func (h *host) Helper() {}

// Context ends when the program is told to.
func (h *host) Context() context.Context { return h.ctx }

// Cleanup calls f at the end, the last one first.
func (h *host) Cleanup(f func()) { h.cleanups = append(h.cleanups, f) }

// TempDir makes a folder that is removed at the end.
func (h *host) TempDir() string {
	dir, err := os.MkdirTemp("", "upsert-bench-")
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			h.Errorf("remove %s: %v", dir, err)
		}
	})
	return dir
}

// Logf writes to standard error.
func (h *host) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// Errorf remembers a failure.
func (h *host) Errorf(format string, args ...any) {
	h.failures = append(h.failures, fmt.Errorf(format, args...))
}

// Fatal ends the call of With.
func (h *host) Fatal(args ...any) { panic(&failed{errors.New(fmt.Sprint(args...))}) }

// Fatalf ends the call of With.
func (h *host) Fatalf(format string, args ...any) { panic(&failed{fmt.Errorf(format, args...)}) }

// Skipf ends the call of With.
func (h *host) Skipf(format string, args ...any) { panic(&Skipped{fmt.Sprintf(format, args...)}) }
