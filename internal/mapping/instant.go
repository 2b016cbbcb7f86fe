package mapping

import (
	"fmt"
	"time"
)

// TimeLayout is the form of times that are stored as text: go-sqlite3 writes it and SQLite's functions read it. Its order is the order
// in time.
const TimeLayout = "2006-01-02 15:04:05.999999999-07:00"

// CheckYear refuses a time whose text would be in another place than the time.
func CheckYear(at time.Time) error {
	if y := at.Year(); y < 0 || y > 9999 {
		return fmt.Errorf("a time of the year %d has no text whose order is the order in time: the years are 0 to 9999", y)
	}
	return nil
}

// Instant returns a time as it is bound. If times are stored as text it is in UTC, so that the texts' order is the order in time.
// On other databases it has no more than the microseconds that a server keeps, or drivers and servers would round it in ways of
// their own. The monotonic clock, which one driver would write into the text, is gone.
func Instant(at time.Time, isText bool) time.Time {
	if isText {
		return at.UTC().Round(0)
	}
	return at.Truncate(time.Microsecond)
}
