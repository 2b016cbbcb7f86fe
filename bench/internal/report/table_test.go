package report

import (
	"math"
	"testing"
	"time"

	"github.com/goupsert/upsert/bench/internal/contest"
)

func TestFigures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{count(0), "–"}, {count(math.Inf(1)), "–"}, {count(7.4), "7"}, {count(987.6), "988"}, {count(1234), "1,230"}, {count(40_000), "40,000"},
		{count(123_456), "123,000"}, {count(999_600), "1,000,000"}, {count(1_234_567), "1,230,000"},
		{times(0), "–"}, {times(1.005), "1.00"}, {times(1.996), "2.00"},
		{size(-1), "–"}, {size(0), "0 B"}, {size(1023), "1023 B"}, {size(6144), "6.0 KiB"}, {size(20.9 * (1 << 20)), "20.9 MiB"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestABarIsReachedAsItIsPrinted(t *testing.T) {
	t.Parallel()
	took := func(ms int, wal int64) *contest.Series {
		return &contest.Series{Rows: 1000, Runs: []contest.Run{{Took: time.Duration(ms) * time.Millisecond, WAL: wal}}}
	}
	for _, c := range []struct {
		lib, other *contest.Series
		least, wal float64
		ratio      float64
		want       bool
	}{
		{took(1000, -1), took(1400, -1), 1.4, 0, 1.4, true},
		{took(1000, -1), took(1399, -1), 1.4, 0, 1.39, false},
		{took(1000, -1), took(950, -1), 0.95, 0, 0.95, true},
		{took(1000, 100), took(3000, 10_000), 3, 0.01, 3, true},
		{took(1000, 101), took(3000, 10_000), 3, 0.01, 3, false},
	} {
		v := verdict{bar: bar{least: c.least, wal: c.wal}, lib: c.lib, other: c.other}
		if v.ratio() != c.ratio || v.reached() != c.want {
			t.Errorf("%v against %v is %v, reached: %v, want %v, %v", c.lib.Rate(), c.least, v.ratio(), v.reached(), c.ratio, c.want)
		}
	}
}
