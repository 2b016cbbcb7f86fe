package place_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/goupsert/upsert/bench/internal/place"
	"github.com/goupsert/upsert/bench/internal/row"
	"github.com/goupsert/upsert/internal/engine"
)

func TestMain(m *testing.M) { os.Exit(engine.Run(m, engine.Also("mysql57"))) }

const rowsOf = 40

func filled(t testing.TB, e *engine.Engine) *place.Place {
	t.Helper()
	s := row.Accounts()
	p, err := place.New(t, e, s.Columns)
	if err != nil {
		t.Fatal(err)
	}
	if err := place.Fill(t.Context(), p, s, rowsOf); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestCheckSeesEveryColumn changes one value after the other.
func TestCheckSeesEveryColumn(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		p := filled(t, e)
		db, err := p.Open(p.Driver())
		if err != nil {
			t.Fatal(err)
		}
		broken := map[string]string{
			"id": "id + 1000", "email": "upper(email)", "name": "''", "balance": "balance + 1", "score": "score + 0.001", "active": "NOT active",
			"updated_at": "'2026-02-03 04:05:06'", "payload": "'" + row.Other + "'",
		}
		for _, c := range p.Columns() {
			if err := p.Restore(t.Context(), place.Replay); err != nil {
				t.Fatal(err)
			}
			if err := p.Check(t.Context()); err != nil {
				t.Fatalf("of rows that are right: %v", err)
			}
			if _, err := db.ExecContext(t.Context(), "UPDATE accounts SET "+c.Name+" = "+broken[c.Name]+" WHERE id = 7"); err != nil {
				t.Fatal(err)
			}
			if err := p.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "40 rows, 39 of them right, want 40") {
				t.Errorf("%s of one row is wrong: error %v, want one that says so", c.Name, err)
			}
		}
	})
}

func TestRestoreAndCount(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		p := filled(t, e)
		for _, c := range place.Cases() {
			if err := p.Restore(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			want := map[place.Case]string{place.Fresh: "0 rows, 0 of them", place.Half: "20 rows, 0 of them"}[c]
			switch err := p.Check(t.Context()); {
			case want == "" && err != nil:
				t.Errorf("%s: %v", c, err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("%s: error %v, want one with %q", c, err, want)
			}
		}
		if err := p.Count(t.Context(), rowsOf); err != nil {
			t.Error(err)
		}
		if err := p.Count(t.Context(), rowsOf+1); err == nil {
			t.Error("Count found a row too many")
		}
		if settings, err := p.Settings(t.Context()); err != nil || len(settings) == 0 {
			t.Errorf("Settings() = %q, %v", settings, err)
		}
	})
}

func TestWALGrows(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		p := filled(t, e)
		wal := p.WAL()
		if (wal != nil) != (e.Dialect() == "postgres") {
			t.Fatalf("WAL() is there: %v", wal != nil)
		}
		if wal == nil {
			return
		}
		before, err := wal(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Restore(t.Context(), place.Replay); err != nil {
			t.Fatal(err)
		}
		after, err := wal(t.Context())
		if err != nil || after-before < rowsOf*100 {
			t.Errorf("the log grew by %d (%v), want 100 bytes a row at least", after-before, err)
		}
	})
}

func TestWithOutsideOfATest(t *testing.T) {
	t.Parallel()
	var order []string
	dir := ""
	wrong := errors.New("wrong")
	err := place.With(t.Context(), "sqlite", func(h testing.TB, e *engine.Engine) error {
		h.Cleanup(func() { order = append(order, "first") })
		h.Cleanup(func() { order = append(order, "last") })
		dir = h.TempDir()
		filled(h, e)
		return wrong
	})
	if !errors.Is(err, wrong) {
		t.Errorf("error %v, want the function's", err)
	}
	if got := strings.Join(order, " "); got != "last first" {
		t.Errorf("cleanups ran as %q, want the last first", got)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary folder is still there: %v", err)
	}
}

func TestWithTellsFailuresAndSkips(t *testing.T) {
	t.Parallel()
	with := func(f func(testing.TB)) error {
		return place.With(context.Background(), "sqlite", func(h testing.TB, _ *engine.Engine) error { f(h); return nil })
	}
	if err := with(func(h testing.TB) { h.Fatalf("fatal %d", 1) }); err == nil || err.Error() != "fatal 1" {
		t.Errorf("error %v, want fatal 1", err)
	}
	if err := with(func(h testing.TB) { h.Errorf("error %d", 2) }); err == nil || err.Error() != "error 2" {
		t.Errorf("error %v, want error 2", err)
	}
	var skipped *place.Skipped
	if err := with(func(h testing.TB) { h.Skipf("no server") }); !errors.As(err, &skipped) || skipped.Reason != "no server" {
		t.Errorf("error %v, want a skip", err)
	}
}
