// Package engine gives tests real databases.
//
// A test asks for an engine by name, or runs once on each of them:
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
//	name        what it is                       its DSN variable
//	sqlite      go-sqlite3, a file in t.TempDir  -
//	postgres    PostgreSQL before 18             UPSERT_POSTGRES_DSN
//	postgres18  PostgreSQL 18 or later           UPSERT_POSTGRES18_DSN
//	mariadb     MariaDB                          UPSERT_MARIADB_DSN
//	mysql57     MySQL before 8                   UPSERT_MYSQL57_DSN
//	mysql       MySQL 8 or later                 UPSERT_MYSQL_DSN
//
// PgBouncer can stand before a PostgreSQL engine, see [Pooler]. It goes by the name pgbouncer and is always started by us.
//
// An engine whose DSN variable is set is that server. Otherwise an engine whose server program is on the machine is
// started at its first use as a private instance, in a temporary folder, on a free port of 127.0.0.1, once per test
// binary. Such a server trades durability for speed (no fsync), is stopped at the end of [Run], and on Linux dies with a
// test binary that is killed. On other systems a killed test binary leaves its servers behind.
//
// PostgreSQL 18 is looked for in the folder $UPSERT_ENGINES as well, by default upsert-engines in the user's cache folder
// and in /var/cache, where scripts/engines puts it.
//
// # Skipping
//
// An engine that has neither a DSN nor a server program skips the test and says what is missing. UPSERT_REQUIRE, a list
// of engine names with commas between them, turns those skips into failures. A server that is there but does not start,
// or a DSN that does not answer, always fails the test.
//
// [Run] ends with a line for each engine that was asked for. The go command shows it with -v, when a test of the package
// fails, and when it is called in the package's folder without package arguments; "go test ./..." hides the output of
// packages that pass, which is why automated runs set UPSERT_REQUIRE. The go command's test cache does not notice that a
// server program was installed since: use -count=1 then.
//
// # Namespaces
//
// Every call of [Engine.Open], [Engine.DSN] and [Engine.Namespace] makes a fresh, empty namespace: a file (SQLite), a schema
// (PostgreSQL) or a database (MariaDB, MySQL), which goes away with the test.
package engine
