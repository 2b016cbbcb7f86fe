package upserttest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// check is one call of Idempotent, Handler or Reorder.
type check struct {
	t     testing.TB
	o     *options
	open  openFunc
	write writeFunc
	place string // the one place to be tried, "" for all
	tried bool   // the place was found
	last  *world // the one before
	want  snapshot
	clean []*point // what a clean run sends
	conns int      // that a clean run has at once
}

func newCheck(t testing.TB, open openFunc, write writeFunc, opts []Option) *check {
	return &check{t: t, o: optionsOf(opts), open: open, write: write, place: os.Getenv(placeEnv)}
}

// errReported says that the test has failed already.
var errReported = errors.New("upserttest: reported")

// fail prints an error unless that has been done.
func (c *check) fail(err error) {
	c.t.Helper()
	if err != nil && !errors.Is(err, errReported) {
		c.t.Errorf("upserttest: %v", err)
	}
}

// report fails the test with a report about a place.
func (c *check) report(r *report, place string) error {
	c.t.Helper()
	r.o = c.o
	r.notes = append(r.notes, "rerun       "+rerun(place, c.t.Name()))
	c.t.Errorf("%s", r)
	return errReported
}

func (c *check) newReport(title string) *report {
	return &report{title: c.t.Name() + ": " + title}
}

// inWorld opens a fresh database for f.
func (c *check) inWorld(f func(w *world) error) error {
	c.t.Helper()
	w, err := newWorld(c.t, c.open, c.last)
	if err != nil {
		return err
	}
	defer w.close()
	c.last = w
	c.o.effects.reset()
	return f(w)
}

// run calls the write once and fails the test if the write panics or leaves a connection in use.
func (c *check) run(w *world, place string, s *strike) (*run, error) {
	c.t.Helper()
	r := newRun(w)
	if r.strike = s; c.clean == nil {
		r.goroutine = goroutine()
		r.isTraced = true
	}
	r.call(c.write)
	return r, c.reportEnd(r, place)
}

// reportEnd fails the test if the run ended as no run may: with a panic, or with a connection in use.
func (c *check) reportEnd(r *run, place string) error {
	c.t.Helper()
	switch {
	case r.panicked != nil:
		return c.reportPanic(r, place)
	case len(r.leaks) > 0:
		return c.reportLeaks(r, place)
	}
	return nil
}

func (c *check) reportPanic(r *run, place string) error {
	c.t.Helper()
	report := c.newReport("the write panics")
	switch {
	case r.strike != nil && r.strike.struck != nil:
		report.add("place", r.strike.String())
		report.addPoint("statement", c.known(r.strike.struck))
	case len(r.points) > 0:
		report.addPoint("last sent", c.known(r.points[len(r.points)-1]))
	}
	report.add("panic", strings.ReplaceAll(fmt.Sprint(r.panicked.value), "\n", "; "))
	report.add("at", r.panicked.at)
	return c.report(report, place)
}

func (c *check) reportLeaks(r *run, place string) error {
	c.t.Helper()
	report := c.newReport("the write has returned and still uses the database")
	if r.strike != nil && r.strike.struck != nil {
		report.add("place", r.strike.String())
		report.addPoint("statement", r.strike.struck)
	}
	for _, leak := range r.leaks {
		text := leak.what
		if p := leak.by; p != nil {
			p = c.known(p)
			text = fmt.Sprintf(text, p.number, at(p))
		}
		report.add("open", text)
	}
	return c.report(report, place)
}

// known returns the same point of a clean run, whose caller is known even if a library has sent it from another goroutine.
func (c *check) known(p *point) *point {
	if p == nil {
		return nil
	}
	if i := p.number - 1; i < len(c.clean) && c.clean[i].isLike(p) {
		return c.clean[i]
	}
	return p
}

func at(p *point) string {
	if caller := p.caller(); caller != "" {
		return ", " + caller
	}
	return ""
}

// twicePlace is the place of the second of two runs in a row.
const twicePlace = "twice"

// twice runs the write again after a clean run.
func (c *check) twice(w *world) error {
	c.t.Helper()
	if !c.wants(twicePlace) {
		return nil
	}
	var before snapshot
	var err error
	r := newRun(w)
	if c.o.quiet {
		r.writes = &writeCount{}
		if before, err = w.snapshot(c.o); err != nil {
			return err
		}
	}
	r.call(c.write)
	if err := c.reportEnd(r, twicePlace); err != nil {
		return err
	}
	report := c.newReport("not safe to repeat")
	report.add("place", "the second of two runs in a row")
	if r.err != nil {
		report.add("again", oneLine(r.err))
		report.addPoint("statement", c.known(r.failed()))
		return c.report(report, twicePlace)
	}
	if err := c.compare(w, report, twicePlace); err != nil || !c.o.quiet {
		return err
	}
	diffs, err := c.notQuiet(w, before, r)
	if err != nil {
		return err
	}
	if len(diffs) > 0 {
		report.title = c.t.Name() + ": not quiet"
		report.diffs = diffs
		report.addWriters(c.clean, diffs)
		return c.report(report, twicePlace)
	}
	return nil
}

// compare fails the test with the report if the database is not what one clean run leaves.
func (c *check) compare(w *world, report *report, place string) error {
	c.t.Helper()
	got, err := w.snapshot(c.o)
	if err != nil {
		return err
	}
	report.diffs = differ{ignores: c.o.ignores}.compare(c.want, got)
	if len(report.diffs) == 0 {
		return nil
	}
	if place == twicePlace {
		report.addWriters(c.clean, report.diffs)
	}
	if note := hint(report.diffs, changed(report.diffs, c.o)); note != "" {
		report.notes = append(report.notes, note)
	}
	return c.report(report, place)
}

// wants reports whether a place is to be tried.
func (c *check) wants(place string) bool {
	c.tried = c.tried || c.place == place
	return c.place == "" || c.place == place
}

// missedPlace is the error for a place that the write does not have.
func (c *check) missedPlace() error {
	if c.place == "" || c.tried {
		return nil
	}
	return fmt.Errorf("%s=%s: there is no such place, a clean run has %d statements", placeEnv, c.place, len(c.clean))
}

// eraseType makes the functions of a D functions of any handle.
func eraseType[D DB](open func(testing.TB) D, write func(context.Context, D) error) (openFunc, writeFunc) {
	return func(t testing.TB) any { return open(t) },
		func(ctx context.Context, handle any) error { return write(ctx, handle.(D)) }
}
