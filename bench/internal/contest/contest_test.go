package contest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/bench/internal/contest"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 3, 2}, 2.5}, {[]float64{1, 1, 1, 1, 100}, 1},
	} {
		kept := slices.Clone(c.values)
		if got := contest.Median(c.values); got != c.want {
			t.Errorf("Median(%v) = %v, want %v", c.values, got, c.want)
		}
		if !slices.Equal(c.values, kept) {
			t.Errorf("Median changed its argument to %v", c.values)
		}
	}
}

// took is a series of runs that took so many milliseconds.
func took(rows int, ms ...int) *contest.Series {
	s := &contest.Series{Rows: rows}
	for i, m := range ms {
		s.Runs = append(s.Runs, contest.Run{Took: time.Duration(m) * time.Millisecond, Mallocs: uint64(rows * (i + 1)), WAL: int64(100 * (i + 1))})
	}
	return s
}

func TestSeries(t *testing.T) {
	t.Parallel()
	s := took(1000, 500, 100, 200)
	for name, c := range map[string]struct{ got, want float64 }{
		"Seconds": {s.Seconds(), 0.2}, "Rate": {s.Rate(), 5000}, "Mallocs": {s.Mallocs(), 2}, "WAL": {s.WAL(), 200}, "Spread": {s.Spread(), 2},
		"Faster": {s.Faster(took(1000, 300)), 1.5}, "Faster than one that has fewer rows": {s.Faster(took(500, 200)), 2},
		"Rate without runs": {took(1000).Rate(), 0}, "Faster than one without runs": {s.Faster(took(1000)), 0}, "Spread without runs": {took(1).Spread(), 0},
	} {
		if diff := c.got - c.want; diff > 1e-9 || diff < -1e-9 {
			t.Errorf("%s = %v, want %v", name, c.got, c.want)
		}
	}
}

func TestBest(t *testing.T) {
	t.Parallel()
	slow, quick, other, none := took(10, 30), took(10, 20), took(10, 10), took(10)
	all := []*contest.Series{slow, quick, other, none}
	if got := contest.Best(all, func(s *contest.Series) bool { return s != other }); got != quick {
		t.Errorf("Best is not the quickest of those that are kept")
	}
	if got := contest.Best(all, func(s *contest.Series) bool { return s == none }); got != nil {
		t.Errorf("Best = %v, want nil: it has no runs", got)
	}
}

// played is the order in which a contest of three calls what it is given.
func played(t *testing.T, c contest.Contest) (calls []string, all []*contest.Series) {
	t.Helper()
	note := func(what string) func(context.Context) error {
		return func(context.Context) error {
			calls = append(calls, what)
			return nil
		}
	}
	c.Before, c.After, c.Step = note("<"), note(">"), func() { calls = append(calls, "|") }
	var entries []contest.Entry
	for _, name := range []string{"a", "b", "c"} {
		entries = append(entries, contest.Entry{Way: contest.Way{Name: name}, Write: note(name)})
	}
	all, err := c.Play(t.Context(), entries)
	if err != nil {
		t.Fatal(err)
	}
	return calls, all
}

func TestPlayRotates(t *testing.T) {
	t.Parallel()
	calls, all := played(t, contest.Contest{Engine: "e", Case: "half", Shape: "s", Rows: 7, Rounds: 2, Warm: true})
	if got, want := strings.Join(calls, ""), "<a>|<b>|<c>|<b>|<c>|<a>|<c>|<a>|<b>|"; got != want {
		t.Errorf("calls %s, want %s", got, want)
	}
	for i, s := range all {
		if len(s.Runs) != 2 || s.Engine != "e" || s.Case != "half" || s.Shape != "s" || s.Rows != 7 || s.Way.Name != string("abc"[i]) {
			t.Errorf("series %d is %+v, want two runs of the contest's", i, *s)
		}
		if s.WAL() != -1 {
			t.Errorf("WAL of a server that does not tell = %v, want -1", s.WAL())
		}
	}
	if calls, _ := played(t, contest.Contest{Rounds: 1}); strings.Count(strings.Join(calls, ""), "a") != 1 {
		t.Errorf("calls %v, want one of each without a warm round", calls)
	}
}

func TestPlayMeasures(t *testing.T) {
	t.Parallel()
	at := int64(0)
	nothing := func(context.Context) error { return nil }
	c := contest.Contest{
		Rows: 1, Rounds: 1, Before: nothing, After: nothing, Step: func() {},
		WAL: func(context.Context) (int64, error) { at += 30; return at, nil },
	}
	var kept []*int
	all, err := c.Play(t.Context(), []contest.Entry{{Write: func(context.Context) error {
		for range 1000 {
			kept = append(kept, new(int))
		}
		return nil
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := all[0].WAL(); got != 30 {
		t.Errorf("WAL = %v, want the 30 between the two answers", got)
	}
	if got := all[0].Mallocs(); got < float64(len(kept)) {
		t.Errorf("Mallocs = %v, want at least %d", got, len(kept))
	}
}

func TestPlayStops(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for step, set := range map[string]func(*contest.Contest, *contest.Entry){
		"restore":                func(c *contest.Contest, _ *contest.Entry) { c.Before = failing(broken) },
		"what it left is wrong":  func(c *contest.Contest, _ *contest.Entry) { c.After = failing(broken) },
		"half, GORM (pgx): brok": func(_ *contest.Contest, e *contest.Entry) { e.Write = failing(broken) },
		"where the log is": func(c *contest.Contest, _ *contest.Entry) {
			c.WAL = func(context.Context) (int64, error) { return 0, broken }
		},
	} {
		c := contest.Contest{Engine: "e", Case: "half", Rounds: 1, Before: failing(nil), After: failing(nil), Step: func() {}}
		e := contest.Entry{Way: contest.Way{Name: "GORM", Driver: "pgx"}, Write: failing(nil)}
		set(&c, &e)
		_, err := c.Play(t.Context(), []contest.Entry{e})
		if !errors.Is(err, broken) || !strings.Contains(fmt.Sprint(err), step) {
			t.Errorf("error %v, want one with %q", err, step)
		}
	}
}

func failing(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}
