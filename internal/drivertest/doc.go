// Package drivertest tries the library, and package pgxcopy, with drivers that its own go.mod leaves out: pgx and
// modernc.org/sqlite beside lib/pq, go-sqlite3 and go-sql-driver/mysql. It is a module of its own, so that users of the
// library do not inherit them:
//
//	cd internal/drivertest && GOWORK=off go test ./...
package drivertest
