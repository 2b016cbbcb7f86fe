package upserttest_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/upserttest"
)

// allReports returns the reports of many checks of one write, each once.
func allReports(t *testing.T, write func(context.Context, *sql.DB) error) map[string]int {
	t.Helper()
	all := map[string]int{}
	for range engine.Size(4, 400) {
		out, _ := reportOf(t, func(t testing.TB) {
			upserttest.Idempotent(t, openBank, write, upserttest.MaxSchedules(0))
		})
		all[out]++
	}
	return all
}

// A cancellation before COMMIT gives one report, whether or not the write asks which error Commit returns. database/sql would
// return the context's error or sql.ErrTxDone, as the race with its own rollback ends.
func TestCancelledCommitIsDeterministic(t *testing.T) {
	t.Parallel()
	for name, afterCommit := range map[string]func(ctx context.Context, db *sql.DB, err error) error{
		"swallowed": func(_ context.Context, _ *sql.DB, err error) error {
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		},
		"passed on": func(ctx context.Context, db *sql.DB, err error) error {
			if ctx.Err() != nil {
				_, _ = db.ExecContext(context.WithoutCancel(ctx), "UPDATE accounts SET balance = 1 WHERE name = 'bob'")
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := allReports(t, func(ctx context.Context, db *sql.DB) error {
				tx, err := db.BeginTx(ctx, nil)
				if err != nil {
					return err
				}
				defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
				if _, err := tx.ExecContext(ctx, setAda); err != nil {
					return err
				}
				return afterCommit(ctx, db, tx.Commit())
			})
			wantOneReport(t, all, "the context cancelled before statement 3 of 3")
		})
	}
}

// wantOneReport fails if the reports differ or lack the text.
func wantOneReport(t *testing.T, all map[string]int, want string) {
	t.Helper()
	for out := range all {
		if len(all) > 1 || !strings.Contains(out, want) {
			t.Errorf("%d reports, want one with %q:\n%s", len(all), want, out)
		}
	}
}

// The transaction alone has the context, and its statements do not. A cancellation gives one report too.
func TestCancelledStatementIsDeterministic(t *testing.T) {
	t.Parallel()
	all := allReports(t, func(ctx context.Context, db *sql.DB) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
		for _, s := range []string{setAda, setBob} {
			if _, err := tx.Exec(s); errors.Is(err, context.Canceled) {
				return nil
			} else if err != nil {
				return err
			}
		}
		return tx.Commit()
	})
	wantOneReport(t, all, "the context cancelled before statement 2 of 4")
}
