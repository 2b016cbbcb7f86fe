// Package upserttest checks that a write to a database can be repeated.
//
// A client sends a request again, a broker delivers a message again, a job starts again. [Idempotent] runs a write of yours,
// breaks it at every statement, runs it again, and compares the database with the one that a single clean run leaves:
//
//	func TestTransfer(t *testing.T) {
//		t.Parallel()
//		open := func(t testing.TB) *sql.DB { return upserttest.SQLite(t, schema) }
//		upserttest.Idempotent(t, open, func(ctx context.Context, db *sql.DB) error {
//			return NewBank(db).Transfer(ctx, "req-1", "ada", "bob", 40)
//		})
//	}
//
// [Handler] does the same with an HTTP handler, and [Reorder] delivers messages in other orders and more than once. The code
// under test need not use package upsert, and this package imports the standard library only. It works on SQLite, PostgreSQL,
// MariaDB and MySQL.
//
// # The runs
//
// In this order, each on a fresh database:
//
//   - Two clean runs. They must leave the same rows, or the report names the columns for [IgnoreColumns]; and they must send the same
//     statements in the same order, because a place is named by the number of its statement.
//   - Two runs in a row. With [Quiet] the second must not write anything.
//   - A run that breaks before or after each statement, BEGIN and COMMIT: by an error, a lost connection, or a cancelled context. After COMMIT
//     this is a commit that was done and whose answer is lost. Then a second run, unbroken. If the broken run returns no error although
//     it broke, its caller would not run it again, so the rows must be right already.
//   - Two runs at once, with a switch at each pair of statements: A runs to before its statement i, B to before its statement j, then A runs to
//     its end, then B. If one waits for a lock, the other goes on. A run that fails, with a deadlock for example, is run again.
//   - A run in which the driver sends a statement a second time because the answer to the first was lost, as database/sql has
//     drivers do outside transactions. The run sees no error.
//
// A run may fail when it is broken, but must not panic: the report names the place and the line that panics. A panic of a clean
// run goes on. The last run must succeed, and all tables must have the rows of a clean run.
//
// The context is not cancelled after a statement if COMMIT follows. The cancellation before COMMIT comes to the same: the
// transaction is rolled back, and Commit returns the context's error.
//
// # The report
//
// A failure prints the first place that fails, with the statement, its file and line, the rows that are doubled, missing,
// different or added, and a line for the shell that tries this place alone. Such a line sets UPSERTTEST_PLACE, which is the
// only setting this package reads. If the clean runs fail, the line makes these again.
//
// # How it works
//
// open returns an ordinary handle. The helper puts a driver of its own between a copy of the handle and the handle's
// connections, so that the write sees the limit of its pool, the settings of its connections and its driver's types. Code that
// asks for the driver's own connection by (*sql.Conn).Raw gets the helper's, which has the methods of package driver only. So
// pgx's own interface cannot be used in a write that is tested.
//
// Whether a run waits is asked of the server: pg_blocking_pids on PostgreSQL, the status of InnoDB on MariaDB and MySQL (which
// needs GRANT PROCESS). On SQLite a statement that finds the database locked is sent again when the other run has moved.
// Nothing is guessed by time, so a test gives the same result each time. There are two waits. If the first clean run has left a
// time of its own, the second begins a second later, because many clocks have whole seconds. And a write that has waited 5
// seconds for a connection, while its own transactions have all of its pool, would wait for ever, and is reported.
//
// Not compared are sequences, indexes, views and temporary tables. Not tried are two faults in one run, and three runs at once.
package upserttest
