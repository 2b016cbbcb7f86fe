package upserttest

import (
	"fmt"
	"slices"
	"time"
)

// cleanPlace is the place of the clean runs, which come before every place.
const cleanPlace = "clean"

// runClean runs the write on fresh databases until two runs in a row have sent the same statements; the first run may send more,
// because it fills caches. Then f gets the last of the databases.
func (c *check) runClean(f func(w *world) error) error {
	c.t.Helper()
	c.wants(cleanPlace)
	var earlier, last *run
	began := time.Now()
	err := c.inWorld(func(w *world) (err error) {
		c.t.Helper()
		if last, err = c.cleanRun(w); err != nil {
			return err
		}
		c.want, err = w.snapshot(c.o)
		return err
	})
	if err != nil {
		return err
	}
	c.awaitClock(began)
	for range 2 {
		var next *run
		err := c.inWorld(func(w *world) (err error) {
			c.t.Helper()
			if next, err = c.cleanRun(w); err != nil || firstDifference(last.points, next.points) >= 0 {
				return err
			}
			return c.settleClean(w, last, next, f)
		})
		if err != nil || c.clean != nil {
			return err
		}
		earlier, last = last, next
	}
	return c.refuse(earlier.points, last.points, cleanPlace)
}

// settleClean takes what two equal runs have sent and left for what a clean run sends and leaves.
func (c *check) settleClean(w *world, last, next *run, f func(w *world) error) error {
	c.t.Helper()
	c.clean, c.conns = next.points, next.most
	for i, p := range c.clean {
		p.blur(last.points[i])
	}
	if err := c.compareClean(w); err != nil {
		return err
	}
	return f(w)
}

func (c *check) cleanRun(w *world) (*run, error) {
	c.t.Helper()
	r, err := c.run(w, cleanPlace, nil)
	switch {
	case err != nil:
		return nil, err
	case r.err != nil:
		report := c.newReport("the write fails on a fresh database, though nothing was broken")
		report.add("error", oneLine(r.err))
		report.addPoint("statement", r.failed())
		return nil, c.report(report, cleanPlace)
	case !slices.ContainsFunc(r.points, (*point).isSent):
		return nil, c.report(c.newReport("the write sends nothing through the handle that it was given: it must use the handle in its arguments, and no other"), cleanPlace)
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
	report.addWriters(c.clean, diffs)
	if columns := changed(diffs, c.o); columns != nil {
		report.notes = append(report.notes, "If these values may differ, add:\n\t"+ignoreLine(columns))
	}
	return c.report(report, cleanPlace)
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
func (c *check) refuse(a, b []*point, place string) error {
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
	return c.report(report, place)
}
