package upserttest_test

import (
	"context"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/goupsert/upsert/upserttest"
)

const bank = `CREATE TABLE accounts (name TEXT PRIMARY KEY, balance INTEGER NOT NULL);
	INSERT INTO accounts VALUES ('ada', 100), ('bob', 0);
	CREATE TABLE payments (id INTEGER PRIMARY KEY, payer TEXT NOT NULL, amount INTEGER NOT NULL)`

func openBank(t testing.TB) *sql.DB { return upserttest.SQLite(t, bank) }

// transfer is wrong: the check, the payment and the two changes are not in one transaction.
func transfer(ctx context.Context, db *sql.DB) error {
	var n int
	if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM payments").Scan(&n); err != nil || n > 0 {
		return err
	}
	if _, err := db.ExecContext(ctx, "UPDATE accounts SET balance = balance - ? WHERE name = ?", 40, "ada"); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "UPDATE accounts SET balance = balance + ? WHERE name = ?", 40, "bob"); err != nil {
		return err
	}
	_, err := db.ExecContext(ctx, "INSERT INTO payments (payer, amount) VALUES ('ada', 40)")
	return err
}

const transferReport = `upserttest: TestReport: not safe to repeat

  place       an error after statement 2 of 4
  statement   2: UPDATE accounts SET balance = balance - ? WHERE name = ?
  at          report_test.go:28
  broken run  failed: upserttest: an error after statement 2
  then        run again

  table accounts (wanted → got)
               name  balance
    different  ada   60 → 20

  rerun       UPSERTTEST_PLACE=2/after/error go test -count=1 -run '^TestReport$' github.com/goupsert/upsert/upserttest

`

func TestReport(t *testing.T) {
	t.Parallel()
	for range 2 {
		out, failed := reportOf(t, func(t testing.TB) { upserttest.Idempotent(t, openBank, transfer) })
		if !failed || out != transferReport {
			t.Errorf("failed = %v, and the report is\n%s\nwant\n%s", failed, out, transferReport)
		}
	}
}

// The line that a report ends with tries one place, and finds the same.
func TestRerunLine(t *testing.T) {
	opened := 0
	open := func(t testing.TB) *sql.DB { opened++; return openBank(t) }
	t.Setenv("UPSERTTEST_PLACE", "2/after/error")
	out, failed := reportOf(t, func(t testing.TB) { upserttest.Idempotent(t, open, transfer) })
	if want := strings.ReplaceAll(transferReport, "TestReport", "TestRerunLine"); !failed || out != want {
		t.Errorf("the report is\n%s\nwant\n%s", out, want)
	}
	if opened != 3 {
		t.Errorf("%d databases were opened, want 3: two clean runs and the place", opened)
	}
	t.Setenv("UPSERTTEST_PLACE", "9/after/error")
	out, failed = reportOf(t, func(t testing.TB) { upserttest.Idempotent(t, open, transfer) })
	if !failed || !strings.Contains(out, "9/after/error: there is no such place, a clean run has 4 statements") {
		t.Error(out)
	}
	t.Setenv("UPSERTTEST_PLACE", "switch/2/3")
	out, failed = reportOf(t, func(t testing.TB) { upserttest.Idempotent(t, open, transfer) })
	if !failed || !strings.Contains(out, "B stops     3: UPDATE accounts") {
		t.Error(out)
	}
}

// The line works in a shell, for a subtest whose name needs quotes.
func TestRerunLineInAShell(t *testing.T) {
	t.Parallel()
	if os.Getenv("UPSERTTEST_PLACE") == "" {
		t.Run("it's (one)", func(t *testing.T) {
			out, _ := reportOf(t, func(t testing.TB) { upserttest.Idempotent(t, openBank, transfer) })
			_, line, ok := strings.Cut(out, "rerun       ")
			if !ok {
				t.Fatal(out)
			}
			line, _, _ = strings.Cut(line, "\n")
			before, after, _ := strings.Cut(line, " go test -count=1 ") // the binary is there: nothing is to be compiled
			pattern, _, _ := strings.Cut(after, " github.com/")
			self, err := filepath.Abs(os.Args[0])
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "sh", "-c", before+" "+self+" -test.v -test.run"+strings.TrimPrefix(pattern, "-run"))
			again, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(again), "report_test.go:") || !strings.Contains(unindented(string(again)), unindented(out)) {
				t.Errorf("%s: %v\n%s", line, err, again)
			}
		})
		return
	}
	t.Run("it's (one)", func(t *testing.T) { upserttest.Idempotent(t, openBank, transfer) })
}

// unindented removes what t.Errorf puts before the lines.
func unindented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return strings.TrimSpace(b.String())
}

// Every clean-up of open runs before the next database is opened, and the pools do not pile up.
func TestDatabasesAreClosed(t *testing.T) {
	t.Parallel()
	var open, most atomic.Int64
	upserttest.Idempotent(t, func(t testing.TB) *sql.DB {
		most.Store(max(most.Load(), open.Add(1)))
		t.Cleanup(func() { open.Add(-1) })
		return openBank(t)
	}, func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, "DELETE FROM payments")
		return err
	})
	if open.Load() != 0 || most.Load() != 1 {
		t.Errorf("%d databases are open, and there were up to %d at once; want 0 and 1", open.Load(), most.Load())
	}
}
