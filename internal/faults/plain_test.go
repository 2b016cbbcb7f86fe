package faults_test

import (
	"testing"

	"github.com/jmoiron/sqlx"
)

// plain returns a pool without the wrapper.
func plain(t *testing.T, driverName, dsn string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Open(driverName, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
