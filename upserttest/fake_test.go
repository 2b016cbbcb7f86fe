package upserttest_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// fakeT is a test whose failure is expected. It ends with the real test.
type fakeT struct {
	testing.TB
	name   string
	failed bool
	out    strings.Builder
}

func (f *fakeT) Helper()                           {}
func (f *fakeT) Name() string                      { return f.name }
func (f *fakeT) Failed() bool                      { return f.failed }
func (f *fakeT) Logf(format string, args ...any)   { fmt.Fprintf(&f.out, format+"\n", args...) }
func (f *fakeT) Errorf(format string, args ...any) { f.failed = true; f.Logf(format, args...) }
func (f *fakeT) Fatalf(format string, args ...any) { f.Errorf(format, args...); runtime.Goexit() }
func (f *fakeT) Fatal(args ...any)                 { f.Fatalf("%s", fmt.Sprint(args...)) }

// reportOf runs a check that may fail, and returns what it prints and whether it failed.
func reportOf(t testing.TB, check func(testing.TB)) (string, bool) {
	t.Helper()
	f := &fakeT{TB: t, name: t.Name()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		check(f)
	}()
	<-done
	return f.out.String(), f.failed
}
