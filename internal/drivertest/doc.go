// Package drivertest tests the library and package pgxcopy with drivers that the go.mod of the library omits: pgx and
// modernc.org/sqlite, in addition to lib/pq, go-sqlite3 and go-sql-driver/mysql. The package is a separate module, so that
// users of the library do not inherit these drivers:
//
//	cd internal/drivertest && GOWORK=off go test ./...
package drivertest
