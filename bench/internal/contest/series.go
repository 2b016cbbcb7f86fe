package contest

import (
	"slices"
	"time"
)

// Run is one measured run.
type Run struct {
	Took    time.Duration
	Mallocs uint64
	WAL     int64 // bytes of log the server wrote, or -1 if the server does not tell
}

// Series are the runs of one way.
type Series struct {
	Way    Way
	Engine string
	Case   string
	Shape  string
	Rows   int // of each run
	Runs   []Run
}

// Median is the middle one of the values, of an even number the mean of the two.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}

func (s *Series) median(of func(Run) float64) float64 {
	values := make([]float64, len(s.Runs))
	for i, r := range s.Runs {
		values[i] = of(r)
	}
	return Median(values)
}

// Seconds is the median time of a run.
func (s *Series) Seconds() float64 {
	return s.median(func(r Run) float64 { return r.Took.Seconds() })
}

// Rate is the number of rows a second by the median time.
func (s *Series) Rate() float64 { return ratio(float64(s.Rows), s.Seconds()) }

// Mallocs is the median number of allocations a row.
func (s *Series) Mallocs() float64 {
	return ratio(s.median(func(r Run) float64 { return float64(r.Mallocs) }), float64(s.Rows))
}

// WAL is the median number of bytes of log of a run, or -1 if the server does not tell.
func (s *Series) WAL() float64 {
	return s.median(func(r Run) float64 { return float64(r.WAL) })
}

// Spread is the distance of the slowest run from the quickest, as a share of the median.
func (s *Series) Spread() float64 {
	if len(s.Runs) == 0 {
		return 0
	}
	took := func(a, b Run) int { return int(a.Took - b.Took) }
	most, least := slices.MaxFunc(s.Runs, took), slices.MinFunc(s.Runs, took)
	return ratio((most.Took - least.Took).Seconds(), s.Seconds())
}

// Faster tells how many times quicker s is than other.
func (s *Series) Faster(other *Series) float64 { return ratio(s.Rate(), other.Rate()) }

// Best is the quickest of the series that keep holds for, or nil.
func Best(all []*Series, keep func(*Series) bool) (best *Series) {
	for _, s := range all {
		if keep(s) && len(s.Runs) > 0 && (best == nil || s.Rate() > best.Rate()) {
			best = s
		}
	}
	return best
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
