// Package engine gives tests real databases.
//
// A test asks for an engine by name, or runs once on each of them (but see "Usual runs and long ones"):
//
//	func TestMain(m *testing.M) { os.Exit(engine.Run(m)) }
//
//	func TestPut(t *testing.T) {
//		t.Parallel()
//		engine.Each(t, func(t *testing.T, e *engine.Engine) {
//			db := e.Open(t)
//			...
//		})
//	}
//
// # Engines
//
//	name        what it is                       its DSN variable        started
//	sqlite      go-sqlite3, a file in t.TempDir  -                       -
//	postgres    PostgreSQL before 18             UPSERT_POSTGRES_DSN     always
//	postgres16  PostgreSQL 16                    UPSERT_POSTGRES16_DSN   in long tests
//	postgres17  PostgreSQL 17                    UPSERT_POSTGRES17_DSN   in long tests
//	postgres18  PostgreSQL 18 or later           UPSERT_POSTGRES18_DSN   always
//	mariadb     MariaDB                          UPSERT_MARIADB_DSN      always
//	mysql57     MySQL before 8                   UPSERT_MYSQL57_DSN      by the conformance suites, see [Also]
//	mysql       MySQL 8 or later                 UPSERT_MYSQL_DSN        if UPSERT_REQUIRE names it
//
// PgBouncer can stand before a PostgreSQL engine, see [Pooler]. It goes by the name pgbouncer and is always started by us.
// Galera, three nodes of MariaDB, is a cluster of one test's own, see [Galera]. It goes by the name galera.
//
// An engine whose DSN variable is set is that server. Otherwise an engine whose server program is on the machine is
// started at its first use as a private instance, in a temporary folder, on a free port of 127.0.0.1. Such a server trades
// durability for speed (no fsync).
//
// PostgreSQL 16 to 18 and MySQL are looked for in the folder $UPSERT_ENGINES as well, by default upsert-engines in the
// user's cache folder and in /var/cache, where scripts/engines puts them. MySQL is for amd64: 5.7 runs natively, 8.0 is a
// build for Windows that wine runs. Both are binaries under the GPL that somebody other than Oracle has packed.
// scripts/engines checks their hash, they listen on 127.0.0.1 only, and they are never part of what we ship.
//
// # Sharing
//
// On Linux all test binaries of one go test share one server an engine, except for PgBouncer and Galera. The first that
// needs it starts a keeper: this test binary once more, detached, with the server as its child. The keeper ends the server
// when the go command has ended and no test binary uses it. If the keeper is killed, its server dies with it, and whoever
// comes next starts another. A test binary that is killed lets go of the server without a word.
//
// Tests therefore share a server with tests of other packages. What is global to a server (a role, a user, a variable) needs
// a name of the test's own or must stay as it is.
//
// A test binary that was not started by go test, and every program that uses [Serve], has servers of its own, which are
// stopped at the end of [Run] and on Linux die with it. On other systems each test binary has servers of its own, and one
// that is killed leaves them behind.
//
// # Skipping
//
// An engine that has neither a DSN nor a server program skips the test and says what is missing. So does one that is not
// started in this run, and one that UPSERT_HIDE names: a list of engine names with commas between them, or all for every
// server. UPSERT_REQUIRE, a list of names too, starts the engines it names in every package, and turns their skips into
// failures. A server that is there but does not start, or a DSN that does not answer, always fails the test.
//
// [Run] ends with a line for each engine that was asked for. The go command shows it with -v, when a test of the package
// fails, and when it is called in the package's folder without package arguments; "go test ./..." hides the output of
// packages that pass, which is why automated runs set UPSERT_REQUIRE. The go command's test cache does not notice that a
// server program was installed since: use -count=1 then.
//
// # Usual runs and long ones
//
// A usual run is to take less than two minutes on two cores, so most of its tests leave one engine to another that is much
// like it ([Engine.LeaveTo]): PostgreSQL 15 to 18, and MySQL 5.7 to MariaDB, but for the conformance suites ([EachDialect]).
// An engine that UPSERT_REQUIRE names, or whose DSN variable is set, is left to none.
//
// UPSERT_LONG is a factor of the size of what takes long: 1 for make long, 0.01 for automated runs. A long run takes every
// engine, every path of a batch and every setting of a driver. Without UPSERT_LONG a test that calls [NeedLong] or [Galera]
// is skipped, and [Size] is that of a usual run. The name of a test that only long runs have begins with TestLong.
//
// # Namespaces
//
// Every call of [Engine.Open], [Engine.DSN] and [Engine.Namespace] makes a fresh, empty namespace: a file (SQLite), a schema
// (PostgreSQL) or a database (MariaDB, MySQL), which goes away with the test.
package engine
