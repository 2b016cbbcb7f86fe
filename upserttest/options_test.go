package upserttest_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert/upserttest"
)

// mustPass and mustFail run one write, given as statements, on a schema.
func mustFail(t *testing.T, schema string, statements []string, want string, opts ...upserttest.Option) {
	t.Helper()
	out, failed := runStatements(t, schema, statements, opts...)
	if !failed || !strings.Contains(out, want) {
		t.Errorf("failed = %v, want a failure with %q:\n%s", failed, want, out)
	}
}

func mustPass(t *testing.T, schema string, statements []string, opts ...upserttest.Option) {
	t.Helper()
	if out, failed := runStatements(t, schema, statements, opts...); failed {
		t.Error(out)
	}
}

// runStatements leaves out two runs at once, which is a matter of other tests, unless opts say otherwise.
func runStatements(t *testing.T, schema string, statements []string, opts ...upserttest.Option) (string, bool) {
	opts = append([]upserttest.Option{upserttest.MaxSchedules(0)}, opts...)
	return reportOf(t, func(t testing.TB) {
		open := func(t testing.TB) *sql.DB { return upserttest.SQLite(t, schema) }
		upserttest.Idempotent(t, open, withTx(statements...), opts...)
	})
}

func TestOptionsNameWhatIsThere(t *testing.T) {
	t.Parallel()
	write := []string{"DELETE FROM payments"}
	mustFail(t, bank, write, `IgnoreColumns("payments.at"): there is no such column; there are accounts.name, accounts.balance, payments.id`, upserttest.IgnoreColumns("payments.at"))
	mustFail(t, bank, write, `Tables("payment"): there is no such table; there are accounts, payments`, upserttest.Tables("payment"))
	mustFail(t, bank, write, `GeneratedID: there is no column "id"; want "table.column"`, upserttest.GeneratedID("id"))
	mustPass(t, bank, write, upserttest.IgnoreColumns("payments.id", "balance"), upserttest.Tables("payments", "accounts"))
}

func TestTablesAndIgnoreColumns(t *testing.T) {
	t.Parallel()
	add := []string{"UPDATE accounts SET balance = balance + 1", "DELETE FROM payments"}
	mustFail(t, bank, add, "101 → 102")
	mustPass(t, bank, add, upserttest.Tables("payments"))
	mustPass(t, bank, add, upserttest.IgnoreColumns("balance"))
	mustPass(t, bank, add, upserttest.IgnoreColumns("accounts.balance"))
}

func TestQuiet(t *testing.T) {
	t.Parallel()
	same := []string{"UPDATE accounts SET balance = 7 WHERE name = 'ada'"}
	mustPass(t, bank, same)
	mustFail(t, bank, same, "written again with the values they had", upserttest.Quiet())
	mustPass(t, bank, []string{same[0] + " AND balance <> 7"}, upserttest.Quiet())
	count := []string{"UPDATE accounts SET balance = balance + 1"}
	mustPass(t, bank, count, upserttest.IgnoreColumns("balance"))
	mustFail(t, bank, count, "101 → 102", upserttest.IgnoreColumns("balance"), upserttest.Quiet())
	// A row that is deleted and made again has another generated id, which Quiet does not overlook either.
	again := []string{"DELETE FROM t", "INSERT INTO t (s) VALUES ('a')"}
	mustPass(t, family2, again, upserttest.GeneratedID("t.id"))
	mustFail(t, family2, again, "1 → 2", upserttest.GeneratedID("t.id"), upserttest.Quiet())
}

const family2 = `CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, s TEXT); CREATE TABLE child (parent INTEGER, s TEXT)`

// Ids may differ, but a child must belong to the parent that it belongs to after a clean run.
func TestGeneratedID(t *testing.T) {
	t.Parallel()
	again := []string{"DELETE FROM child", "DELETE FROM t", "INSERT INTO t (s) VALUES ('a'), ('b')", "INSERT INTO child SELECT id, 'x' FROM t WHERE s = 'a'"}
	ids := upserttest.GeneratedID("t.id", "child.parent")
	mustFail(t, family2, again, "1 → 3")
	mustPass(t, family2, again, ids)
	// In the second run the child goes to the other parent.
	swap := append([]string{"CREATE TABLE IF NOT EXISTS runs (n INTEGER)", "INSERT INTO runs VALUES (1)"}, again[:3]...)
	swap = append(swap, "INSERT INTO child SELECT id, 'x' FROM t WHERE s = (SELECT CASE COUNT(*) WHEN 1 THEN 'a' ELSE 'b' END FROM runs)")
	mustFail(t, family2, swap, "table child", ids, upserttest.Tables("t", "child"))
	mustPass(t, family2, swap, upserttest.IgnoreColumns("t.id", "child.parent"), upserttest.Tables("t", "child"))
}

// The rows of a report are those that a person looks for.
func TestReportOfRows(t *testing.T) {
	t.Parallel()
	const schema = "CREATE TABLE t (a INTEGER, b TEXT, c INTEGER); CREATE TABLE runs (n INTEGER); INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2), (3, 'z', 3), (4, 'v', 4)"
	write := []string{"INSERT INTO runs VALUES (1)",
		"INSERT INTO t SELECT a, b, c FROM t WHERE a = 1 AND (SELECT COUNT(*) FROM runs) = 2",
		"UPDATE t SET c = 9 WHERE a = 2 AND (SELECT COUNT(*) FROM runs) = 2",
		"DELETE FROM t WHERE a = 3 AND (SELECT COUNT(*) FROM runs) = 2",
		"UPDATE t SET c = CAST(c AS TEXT) || '' WHERE a = 4 AND (SELECT COUNT(*) FROM runs) = 2",
		"INSERT INTO t SELECT 8, NULL, 8 WHERE (SELECT COUNT(*) FROM runs) = 2",
	}
	mustFail(t, schema, write, `
  table t (wanted → got)
               a  b     c
    doubled    1  x     1
    different  2  y     2 → 9
    missing    3  z     3
    added      8  NULL  8
`, upserttest.Tables("t"))
}

// A long text is shown around the place where it differs, and a table of many rows is cut.
func TestReportIsShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 500)
	schema := "CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT); INSERT INTO t VALUES (1, '" + long + "'); CREATE TABLE many (id INTEGER)"
	mustFail(t, schema, []string{"UPDATE t SET s = s || 'y'"}, "…xxxxxxxxxxxxxxxxx", upserttest.Tables("t"))
	var rows []string
	for i := range 40 {
		rows = append(rows, fmt.Sprintf("(%d)", i))
	}
	mustFail(t, schema, []string{"INSERT INTO many VALUES " + strings.Join(rows, ", ")}, "and 28 more rows")
}

func TestMaxSchedules(t *testing.T) {
	t.Parallel()
	write := []string{"DELETE FROM payments"} // with BEGIN and COMMIT 3 points, 6 schedules
	for limit, want := range map[int]string{2: "4 of 6 interleavings were left out; MaxSchedules(6) takes all", 6: "", 0: "6 of 6"} {
		out, failed := runStatements(t, bank, write, upserttest.MaxSchedules(limit))
		if failed || !strings.Contains(out, want) || want == "" && out != "" {
			t.Errorf("MaxSchedules(%d): failed = %v: %q, want %q", limit, failed, out, want)
		}
	}
}

// A time of whole seconds is found to be the run's own in every run of the test, and not only if a second has passed.
func TestTimesOfTheRun(t *testing.T) {
	t.Parallel()
	const schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT, n INTEGER)"
	for _, at := range []string{"CURRENT_TIMESTAMP, NULL", "NULL, unixepoch()", "strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), NULL", "datetime('now', 'localtime'), NULL"} {
		column := "t.at"
		if strings.HasPrefix(at, "NULL") {
			column = "t.n"
		}
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			mustFail(t, schema, []string{"INSERT OR IGNORE INTO t VALUES (1, " + at + ")"}, fmt.Sprintf("upserttest.IgnoreColumns(%q)", column))
		})
	}
	mustPass(t, schema, []string{"INSERT OR IGNORE INTO t VALUES (1, '2026-01-01 12:00:00', 7)"})
}

// A place costs one database and two runs; two runs at once are run again only if they fail.
func TestCostOfAPlace(t *testing.T) {
	t.Parallel()
	opened, runs := 0, 0
	upserttest.Idempotent(t, func(t testing.TB) *sql.DB {
		opened++
		return openBank(t)
	}, func(ctx context.Context, db *sql.DB) error {
		runs++
		return withTx(setAda, setBob)(ctx, db)
	}, upserttest.MaxSchedules(0))
	// Two clean runs; then six faults for BEGIN and the first statement, five for the one before COMMIT, and five for COMMIT.
	if places := 2*6 + 5 + 5; opened != 2+places || runs != 2+1+2*places {
		t.Errorf("%d databases and %d runs, want %d and %d", opened, runs, 2+places, 2+1+2*places)
	}
}
