package upserttest_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert/upserttest"
)

// must makes a payment once, and panics if a statement fails.
func must(check, pay string) func(context.Context, *sql.DB) error {
	return func(ctx context.Context, db *sql.DB) error {
		var n int
		if err := db.QueryRowContext(ctx, check).Scan(&n); err != nil || n > 0 {
			return err
		}
		if _, err := db.ExecContext(ctx, pay); err != nil {
			panic(fmt.Sprint("cannot pay: ", err))
		}
		return nil
	}
}

const (
	anyPayment = "SELECT COUNT(*) FROM payments"
	noPayment  = "SELECT COUNT(*) FROM payments WHERE id = 99"
	payOnce    = "INSERT INTO payments VALUES (1, 'ada', 40)"
)

const panicReport = `upserttest: TestPanicOfABrokenRun: the write panics

  place       an error before statement 2
  statement   2: INSERT INTO payments VALUES (1, 'ada', 40)
  at          panic_test.go:20
  panic       cannot pay: upserttest: an error before statement 2
  at          panic_test.go:21

  rerun       UPSERTTEST_PLACE=2/before/error go test -count=1 -run '^TestPanicOfABrokenRun$' github.com/goupsert/upsert/upserttest

`

// A panic of a broken run does not end the test binary before the place is told.
func TestPanicOfABrokenRun(t *testing.T) {
	t.Parallel()
	out, failed := reportOf(t, func(t testing.TB) { upserttest.Idempotent(t, openBank, must(anyPayment, payOnce)) })
	if !failed || out != panicReport {
		t.Errorf("failed = %v, and the report is\n%s\nwant\n%s", failed, out, panicReport)
	}
}

// A nil Result is the panic that a broken statement shows most often.
func TestPanicOfANilResult(t *testing.T) {
	t.Parallel()
	attack(t, openBank, "panic       runtime error: invalid memory address", func(ctx context.Context, db *sql.DB) error {
		r, _ := db.ExecContext(ctx, setAda)
		_, err := r.RowsAffected()
		return err
	})
}

// So does a panic of the second run, of one of two runs at once, and of a delivery.
func TestPanicTellsThePlace(t *testing.T) {
	for place, write := range map[string]func(context.Context, *sql.DB) error{"twice": must(noPayment, payOnce), "switch/2/2": must(anyPayment, payOnce)} {
		t.Setenv("UPSERTTEST_PLACE", place)
		out, failed := reportOf(t, func(t testing.TB) { upserttest.Idempotent(t, openBank, write) })
		if !failed || !strings.Contains(out, "the write panics") || !strings.Contains(out, "panic       cannot pay: UNIQUE") || !strings.Contains(out, "PLACE="+place+" ") {
			t.Errorf("%s: %s", place, out)
		}
	}
	t.Setenv("UPSERTTEST_PLACE", "")
	out, failed := reportOf(t, func(t testing.TB) {
		upserttest.Reorder(t, openBank, []int{1, 2}, func(ctx context.Context, db *sql.DB, id int) error {
			return must(noPayment, fmt.Sprintf("INSERT INTO payments VALUES (%d, 'ada', 40)", id))(ctx, db)
		})
	})
	if !failed || !strings.Contains(out, "panic       cannot pay: UNIQUE") || !strings.Contains(out, "PLACE=order/") {
		t.Error(out)
	}
}
