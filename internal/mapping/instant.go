package mapping

import (
	"fmt"
	"time"
)

// TimeLayout is the form of times that are stored as text: go-sqlite3 writes this form and SQLite's functions read it. The
// order of such texts is the order in time.
const TimeLayout = "2006-01-02 15:04:05.999999999-07:00"

// CheckYear refuses a time whose text would not sort in the order in time.
func CheckYear(at time.Time) error {
	if y := at.Year(); y < 0 || y > 9999 {
		return fmt.Errorf("a time of the year %d has no text whose order is the order in time: the years are 0 to 9999", y)
	}
	return nil
}

// Instant returns a time in the form in which it is bound. If times are stored as text, Instant returns UTC, so that the texts'
// order is the order in time. On other databases Instant keeps only microseconds, as a server does: otherwise drivers and
// servers would round in different ways. The monotonic clock is removed, because one driver would write it into the text.
func Instant(at time.Time, isText bool) time.Time {
	if isText {
		return at.UTC().Round(0)
	}
	return at.Truncate(time.Microsecond)
}
