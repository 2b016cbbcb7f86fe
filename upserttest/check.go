package upserttest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
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
	if place != "" {
		r.notes = append(r.notes, "rerun       "+rerun(place, c.t.Name()))
	}
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

// run calls the write once and fails the test if a connection is still in use afterwards.
func (c *check) run(w *world, place string, s *strike) (*run, error) {
	c.t.Helper()
	r := newRun(w)
	if r.strike = s; c.clean == nil {
		r.goroutine = goroutine()
	}
	r.call(c.write)
	return r, c.reportLeaks(r, place)
}

func (c *check) reportLeaks(r *run, place string) error {
	c.t.Helper()
	if len(r.leaks) == 0 {
		return nil
	}
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

// runClean runs the write on fresh databases until two runs in a row have sent the same statements; the first run may send more,
// because it fills caches. Then f gets the last of the databases.
func (c *check) runClean(f func(w *world) error) error {
	c.t.Helper()
	var last *run
	first := func(w *world) (err error) {
		c.t.Helper()
		if last, err = c.cleanRun(w); err != nil {
			return err
		}
		c.want, err = w.snapshot(c.o)
		return err
	}
	began := time.Now()
	if err := c.inWorld(first); err != nil {
		return err
	}
	c.awaitClock(began)
	for range 2 {
		same := false
		err := c.inWorld(func(w *world) error {
			c.t.Helper()
			next, err := c.cleanRun(w)
			if err != nil {
				return err
			}
			if same = firstDifference(last.points, next.points) < 0; !same {
				last, c.clean = next, last.points
				return nil
			}
			c.clean, c.conns = next.points, next.most
			for i, p := range c.clean {
				p.blur(last.points[i])
			}
			if err := c.compareClean(w); err != nil {
				return err
			}
			return f(w)
		})
		if err != nil || same {
			return err
		}
	}
	return c.refuse(c.clean, last.points)
}

func (c *check) cleanRun(w *world) (*run, error) {
	c.t.Helper()
	r, err := c.run(w, "", nil)
	switch {
	case err != nil:
		return nil, err
	case r.err != nil:
		report := c.newReport("the write fails on a fresh database, though nothing was broken")
		report.add("error", oneLine(r.err))
		report.addPoint("statement", r.failed())
		return nil, c.report(report, "")
	case len(r.points) == 0:
		return nil, c.report(c.newReport("the write sends nothing through the handle that it was given: it must use the handle in its arguments, and no other"), "")
	}
	return r, nil
}

// compareClean compares what two clean runs left.
func (c *check) compareClean(w *world) error {
	c.t.Helper()
	got, err := w.snapshot(c.o)
	if err != nil {
		return err
	}
	diffs := differ{ignores: c.o.ignores, pairAll: true}.compare(c.want, got)
	if len(diffs) == 0 {
		return nil
	}
	report := c.newReport("two clean runs on fresh databases leave different rows")
	report.diffs = diffs
	if columns := changed(diffs, c.o); columns != nil {
		report.notes = append(report.notes, "If these values may differ, add:\n\t"+ignoreLine(columns))
	}
	return c.report(report, "")
}

func ignoreLine(columns []string) string {
	text := "upserttest.IgnoreColumns("
	for i, column := range columns {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%q", column)
	}
	return text + ")"
}

// firstDifference returns the index of the first statement in which two runs differ, or -1.
func firstDifference(a, b []*point) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || !a[i].isLike(b[i]) {
			return i
		}
	}
	return -1
}

// refuse explains that statements have no numbers if their order changes.
func (c *check) refuse(a, b []*point) error {
	c.t.Helper()
	report := c.newReport("the write sends its statements in another order, or other statements, in each run, so a place cannot be named.\n" +
		"Send them from one goroutine, in a sorted order, with values as parameters")
	i := firstDifference(a, b)
	for n, points := range [][]*point{a, b} {
		word := fmt.Sprintf("run %d", n+1)
		if i < len(points) {
			report.addPoint(word, points[i])
		} else {
			report.add(word, fmt.Sprintf("%d: nothing more", i+1))
		}
	}
	return c.report(report, "")
}

// twice runs the write again after a clean run.
func (c *check) twice(w *world) error {
	c.t.Helper()
	if !c.wants("twice") {
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
	if err := c.reportLeaks(r, "twice"); err != nil {
		return err
	}
	report := c.newReport("not safe to repeat")
	report.add("place", "the second of two runs in a row")
	if r.err != nil {
		report.add("again", oneLine(r.err))
		report.addPoint("statement", r.failed())
		return c.report(report, "twice")
	}
	if err := c.compare(w, report, "twice"); err != nil || !c.o.quiet {
		return err
	}
	diffs, err := c.notQuiet(w, before, r)
	if err != nil {
		return err
	}
	if len(diffs) > 0 {
		report.title = c.t.Name() + ": not quiet"
		report.diffs = diffs
		return c.report(report, "twice")
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
