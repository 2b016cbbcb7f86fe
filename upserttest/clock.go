package upserttest

import (
	"strconv"
	"time"
)

// clockStep is the coarsest step of a clock that writes times: CURRENT_TIMESTAMP of SQLite and MySQL has whole seconds.
const clockStep = time.Second

// awaitClock waits until every clock has another time, if the database holds a time of the first clean run. Otherwise the
// second run, in the same second, would leave the same time, and the test would fail only now and then.
func (c *check) awaitClock(began time.Time) {
	if c.want.hasTimeSince(c.o, began) {
		<-time.After(clockStep)
	}
}

// hasTimeSince reports whether a compared column holds a time between began and now.
func (s snapshot) hasTimeSince(o *options, began time.Time) bool {
	for _, t := range s {
		ignored := o.ignores(t)
		for _, row := range t.rows {
			for i, c := range row {
				if !ignored[i] && c.isBetween(began.Add(-clockStep), time.Now().Add(clockStep)) {
					return true
				}
			}
		}
	}
	return false
}

// isBetween reports whether the cell can be a time in the interval: a time, a text, or the seconds or milliseconds since 1970.
// A text without a zone is UTC or local.
func (c cell) isBetween(from, to time.Time) bool {
	within := func(at time.Time) bool { return at.After(from) && at.Before(to) }
	if n, err := strconv.ParseInt(c.text, 10, 64); err == nil {
		return within(time.Unix(n, 0)) || within(time.UnixMilli(n)) || within(time.UnixMicro(n)) || within(time.Unix(0, n))
	}
	for _, layout := range timeLayouts {
		for _, zone := range []*time.Location{time.UTC, time.Local} {
			if at, err := time.ParseInLocation(layout, c.text, zone); err == nil && within(at) {
				return true
			}
		}
	}
	return false
}

// timeLayouts are the forms in which drivers and databases show times. Fractions of a second are understood in all of them.
var timeLayouts = []string{time.RFC3339, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04:05-07:00", "2006-01-02 15:04:05-07"}

func (c cell) isTime() bool {
	for _, layout := range timeLayouts {
		if _, err := time.Parse(layout, c.text); err == nil {
			return true
		}
	}
	return false
}
