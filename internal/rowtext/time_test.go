package rowtext_test

import (
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/rowtext"
)

func utc(year, month, day, hour, minute, second, nano int) time.Time {
	return time.Date(year, time.Month(month), day, hour, minute, second, nano, time.UTC)
}

func in(seconds int, at time.Time) time.Time { return at.In(time.FixedZone("", seconds)) }

// timed is a time, its text for PostgreSQL, and for Load.
type timed struct {
	at             time.Time
	postgres, load string
}

// timedCases are not all times that MySQL can store. Other times are refused, or left to the server if the driver does so.
func timedCases() []timed {
	const second = "2026-05-04 12:00:00"
	noon := utc(2026, 5, 4, 12, 0, 0, 0)
	return []timed{
		{noon, second + "Z", second},
		{noon.Add(time.Microsecond), second + ".000001Z", second + ".000001"},
		{noon.Add(50 * time.Microsecond), second + ".00005Z", second + ".00005"},
		{noon.Add(120 * time.Millisecond), second + ".12Z", second + ".12"},
		{noon.Add(999999999), second + ".999999Z", second + ".999999"},
		{noon.Add(999), second + "Z", second},
		{in(2*3600, noon), "2026-05-04 14:00:00+02:00", second},
		{in(-7*3600-1800, noon), "2026-05-04 04:30:00-07:30", second},
		{in(5*3600+2700, noon), "2026-05-04 17:45:00+05:45", second},
		{in(3600+23*60+21, noon), "2026-05-04 13:23:21+01:23:21", second},
		{in(-30, noon), "2026-05-04 11:59:30-00:00:30", second},
		{in(30, noon), "2026-05-04 12:00:30+00:00:30", second},
		{in(-15*3600-59*60-59, noon), "2026-05-03 20:00:01-15:59:59", second},
		{utc(1, 1, 1, 0, 0, 0, 1000), "0001-01-01 00:00:00.000001Z", "0001-01-01 00:00:00.000001"},
		{time.Time{}, "0001-01-01 00:00:00Z", "0000-00-00"},
		{in(-3600, time.Time{}), "0001-12-31 23:00:00-01:00 BC", "0000-00-00"},
		{utc(0, 1, 1, 0, 0, 0, 0), "0001-01-01 00:00:00Z BC", "0000-01-01 00:00:00"},
		{utc(0, 2, 29, 1, 2, 3, 4000), "0001-02-29 01:02:03.000004Z BC", "0000-02-29 01:02:03.000004"},
		{utc(-1, 12, 31, 23, 59, 59, 0), "0002-12-31 23:59:59Z BC", refused},
		{in(3600, utc(-1, 12, 31, 23, 30, 0, 0)), "0001-01-01 00:30:00+01:00 BC", refused},
		{utc(-4712, 1, 1, 0, 0, 0, 0), "4713-01-01 00:00:00Z BC", refused},
		{utc(9999, 12, 31, 23, 59, 59, 999999000), "9999-12-31 23:59:59.999999Z", "9999-12-31 23:59:59.999999"},
		{in(3600, utc(9999, 12, 31, 23, 30, 0, 0)), "10000-01-01 00:30:00+01:00", "9999-12-31 23:30:00"},
		{utc(10000, 1, 1, 0, 0, 0, 0), "10000-01-01 00:00:00Z", refused},
		{utc(294276, 12, 31, 23, 59, 59, 999999000), "294276-12-31 23:59:59.999999Z", refused},
		{utc(-290001, 6, 7, 8, 9, 10, 0), "290002-06-07 08:09:10Z BC", refused},
	}
}

func TestTimeTexts(t *testing.T) {
	t.Parallel()
	for _, c := range timedCases() {
		w := written{"the time " + c.postgres, func(w *rowtext.Writer) { w.Time(c.at) }, [3]string{`"` + c.postgres + `"`, c.postgres, c.load}}
		w.check(t)
	}
}

// TestLoadZone: a time of Load is in the writer's zone, by which it may be in another year.
func TestLoadZone(t *testing.T) {
	t.Parallel()
	w := rowtext.New(rowtext.Load)
	w.Zone = time.FixedZone("", 3600)
	if w.Time(utc(2026, 5, 4, 23, 30, 0, 0)); string(w.Buf) != "2026-05-05 00:30:00" || w.Err != nil {
		t.Errorf("%q, error %v", w.Buf, w.Err)
	}
	w.Reset()
	if w.Time(utc(9999, 12, 31, 23, 30, 0, 0)); len(w.Buf) != 0 || w.Err == nil || !strings.Contains(w.Err.Error(), "year 10000") {
		t.Errorf("%q, error %v, want one about the year 10000", w.Buf, w.Err)
	}
}

// TestClockOfThisProcess: the monotonic clock is in no text.
func TestClockOfThisProcess(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, s := range styles {
		a, b := rowtext.New(s), rowtext.New(s)
		a.Time(now)
		b.Time(now.Round(0))
		if string(a.Buf) != string(b.Buf) {
			t.Errorf("style %s: %q with a monotonic clock, %q without", styleName(s), a.Buf, b.Buf)
		}
	}
}
