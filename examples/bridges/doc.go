// Package bridges shows the library beside others: pgxpool, GORM, code as sqlc generates it, functions that want a *sql.Tx, and
// go-sqlmock. Its tests are the examples; docs/bridges.md and docs/testing.md take their code from them.
//
// It is a module of its own, so that the other examples do not need these libraries:
//
//	cd examples/bridges && GOWORK=off go test ./...
package bridges
