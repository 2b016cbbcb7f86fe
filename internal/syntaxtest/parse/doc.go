// Package parse gives the statements of this project to the parsers of the databases they are for: PostgreSQL's own, the
// MySQL 8 grammar of Vitess, and TiDB's own. It has tests only.
//
// No parser here reads PostgreSQL 18's RETURNING WITH and MariaDB's INSERT … RETURNING, which run on real servers in the tests of
// the module above, and SQLite's dialect, which runs everywhere. A parser does not say what the database does with a statement.
package parse
