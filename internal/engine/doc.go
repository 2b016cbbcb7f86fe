// Package engine gives tests real databases.
//
// A test asks for one engine by name, or runs once on each engine (with the exceptions under "Usual runs and long ones"):
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
//	name        description                      DSN variable            started
//	sqlite      go-sqlite3, a file in t.TempDir  -                       -
//	postgres    PostgreSQL before 18             UPSERT_POSTGRES_DSN     always
//	postgres16  PostgreSQL 16                    UPSERT_POSTGRES16_DSN   in long tests
//	postgres17  PostgreSQL 17                    UPSERT_POSTGRES17_DSN   in long tests
//	postgres18  PostgreSQL 18 or later           UPSERT_POSTGRES18_DSN   always
//	mariadb     MariaDB                          UPSERT_MARIADB_DSN      always
//	mysql57     MySQL before 8                   UPSERT_MYSQL57_DSN      without MariaDB, and by its own tests, see [Also]
//	mysql       MySQL 8 or later                 UPSERT_MYSQL_DSN        if UPSERT_REQUIRE names it
//
// PgBouncer can run between the test and a PostgreSQL engine, see [Pooler]. Its name is pgbouncer, and this package always
// starts it. Galera is a cluster of three MariaDB nodes for one test, see [Galera]. Its name is galera.
//
// If the DSN variable of an engine is set, the engine is that server. Otherwise the package looks for the server program on
// the machine. If the program is installed, the package starts it at the first use as a private instance, in a temporary
// folder, on a free port of 127.0.0.1. Such a server trades durability for speed (no fsync).
//
// The package also looks for PostgreSQL 16 to 18 and MySQL in the folder $UPSERT_ENGINES. The default is the folder
// upsert-engines in the user's cache folder and in /var/cache, where scripts/engines installs them. MySQL needs amd64: 5.7 runs
// natively, 8.0 is a build for Windows that runs under wine. Both are binaries under the GPL, packed by a third party, not by
// Oracle. scripts/engines checks their hash, they listen on 127.0.0.1 only, and they are never part of what we ship.
//
// # Sharing
//
// On Linux all test binaries of one go test command share one server per engine, except for PgBouncer and Galera. The first
// test binary that needs the server starts a keeper. The keeper is a second, detached process of the same test binary, and the
// server is its child. The keeper stops the server when the go command has ended and no test binary uses the server. If the
// keeper is killed, its server dies too, and the next test binary starts another keeper. A killed test binary releases the
// server automatically.
//
// Tests therefore share a server with tests of other packages. If a test uses an object that is global to the server (a role, a
// user, a variable), the test must give the object a unique name or leave the object unchanged.
//
// A test binary that was not started by go test has servers of its own, and so has every program that uses [Serve]. Their
// servers stop at the end of [Run], and on Linux also if the process is killed. On other systems each test binary has servers of
// its own, and a killed test binary leaves its servers running.
//
// # Skipping
//
// If an engine has neither a DSN nor a server program, the test is skipped, and the message says what is missing. A test is also
// skipped if its engine is not started in this run, or if UPSERT_HIDE names the engine. UPSERT_HIDE is a list of engine names
// with commas between them, or "all" for every server. UPSERT_REQUIRE is a list of names too. It starts the named engines in
// every package and turns their skips into failures. If an installed server does not start, or a DSN does not answer, the test
// always fails.
//
// [Run] ends with one line for each engine that a test asked for. The go command shows the lines with -v, if a test of the
// package fails, and if it runs in the package's folder without package arguments. "go test ./..." hides the output of packages
// that pass, so automated runs set UPSERT_REQUIRE. The go command's test cache does not notice a newly installed server program:
// use -count=1 after an installation.
//
// # Usual runs and long ones
//
// A usual run should take less than 90 seconds on two cores. Most of its tests therefore skip an engine if another engine
// runs the same test ([Engine.LeaveTo]): PostgreSQL 15 leaves its tests to 18, and MySQL 5.7 leaves its tests to MariaDB, and
// PostgreSQL 18 and MariaDB share the tests. SQLite runs every test. The conformance suites run on every database, whole on
// SQLite and in part on a server. If UPSERT_REQUIRE names an engine, or its DSN variable is set, the engine leaves nothing to
// others and runs the suites whole ([Engine.IsAskedFor]). A test that -run selects runs on every server.
//
// UPSERT_LONG is a factor for the size of long tests: 1 for make long, 0.01 for automated runs. A long run uses every engine,
// every path of a batch and every setting of a driver. Without UPSERT_LONG, a test that calls [NeedLong] or [Galera] is skipped,
// and [Size] returns the size for a usual run. If a test exists only in long runs, its name begins with TestLong.
//
// # Namespaces
//
// Every call of [Engine.Open], [Engine.DSN] and [Engine.Namespace] creates a fresh, empty namespace: a file (SQLite), a schema
// (PostgreSQL) or a database (MariaDB, MySQL). The end of the test removes the namespace.
package engine
