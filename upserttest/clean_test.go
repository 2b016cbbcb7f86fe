package upserttest_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert/upserttest"
)

// A call of a provider goes through no handle, so a write that uses another handle fails with Effects too.
func TestEffectsAreNotTheHandle(t *testing.T) {
	t.Parallel()
	other := openBank(t)
	effects := &upserttest.Effects{Dedup: true}
	out, failed := reportOf(t, func(t testing.TB) {
		upserttest.Idempotent(t, openBank, func(ctx context.Context, _ *sql.DB) error {
			if err := effects.Call(ctx, "k"); err != nil {
				return err
			}
			_, err := other.ExecContext(ctx, setAda)
			return err
		}, upserttest.WithEffects(effects))
	})
	if !failed || !strings.Contains(out, "sends nothing through the handle") {
		t.Errorf("failed = %v: %s", failed, out)
	}
}

// A report about the clean runs has a line that makes these again, and nothing else.
func TestCleanRunsHaveAPlace(t *testing.T) {
	n, opened := 0, 0
	insert := func(ctx context.Context, db *sql.DB, query string) error {
		_, err := db.ExecContext(ctx, query)
		return err
	}
	const pay = "INSERT INTO payments (id, payer, amount) VALUES (%d, 'ada', 1)"
	other := openBank(t)
	for name, c := range map[string]struct {
		want   string
		opened int
		write  func(ctx context.Context, db *sql.DB) error
	}{
		"random ids": {"two clean runs on fresh databases leave different rows", 2, func(ctx context.Context, db *sql.DB) error {
			n++
			return insert(ctx, db, fmt.Sprintf(pay, n))
		}},
		"another order": {"another order", 3, func(ctx context.Context, db *sql.DB) error {
			n++
			return insert(ctx, db, []string{setAda, "DELETE FROM payments"}[n%2])
		}},
		"it fails":       {"nothing was broken", 1, func(ctx context.Context, db *sql.DB) error { return insert(ctx, db, "NOT SQL") }},
		"another handle": {"sends nothing", 1, func(ctx context.Context, _ *sql.DB) error { return insert(ctx, other, setAda) }},
		"left open": {"still uses the database", 1, func(_ context.Context, db *sql.DB) error {
			_, err := db.Begin()
			return err
		}},
	} {
		for _, place := range []string{"", "clean"} {
			t.Run(name+", place "+place, func(t *testing.T) {
				t.Setenv("UPSERTTEST_PLACE", place)
				opened = 0
				open := func(t testing.TB) *sql.DB { opened++; return openBank(t) }
				out, _ := reportOf(t, func(t testing.TB) { upserttest.Idempotent(t, open, c.write) })
				if !strings.Contains(out, c.want) || strings.Count(out, "  rerun       UPSERTTEST_PLACE=clean go test") != 1 || opened != c.opened {
					t.Errorf("%d databases, want %d, and %q with the line that reruns:\n%s", opened, c.opened, c.want, out)
				}
			})
		}
	}
}

// With the place of the clean runs nothing else is tried.
func TestCleanPlaceAlone(t *testing.T) {
	opened := 0
	open := func(t testing.TB) *sql.DB { opened++; return openBank(t) }
	t.Setenv("UPSERTTEST_PLACE", "clean")
	if out, failed := reportOf(t, func(t testing.TB) { upserttest.Idempotent(t, open, transfer) }); failed || opened != 2 {
		t.Errorf("%d databases, want 2: %s", opened, out)
	}
	opened = 0
	out, failed := reportOf(t, func(t testing.TB) {
		upserttest.Reorder(t, open, []string{"a", "b"}, func(ctx context.Context, db *sql.DB, _ string) error { return transfer(ctx, db) })
	})
	if failed || opened != 2 {
		t.Errorf("%d databases, want 2: %s", opened, out)
	}
}
