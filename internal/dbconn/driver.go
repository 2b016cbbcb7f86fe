package dbconn

import (
	"database/sql/driver"
	"reflect"
	"strings"
)

// The import paths of the drivers whose connections the library uses beyond database/sql.
const (
	PQ  = "github.com/lib/pq"
	PGX = "github.com/jackc/pgx/v5/stdlib"
)

// PackageOf returns the import path of the package that a driver, or its connection, is declared in. A driver is told by that and not
// by its name, which can be any. Of a value that is no pointer PackageOf returns "".
func PackageOf(driverOrConn any) string {
	if t := reflect.TypeOf(driverOrConn); t != nil && t.Kind() == reflect.Pointer {
		return t.Elem().PkgPath()
	}
	return ""
}

// families are the drivers that speak to one family of databases only, by the start of their import paths.
var families = []struct{ driver, family string }{
	{PQ, "postgres"},
	{"github.com/jackc/pgx/", "postgres"},
	{"github.com/go-sql-driver/mysql", "mysql"},
	{"github.com/mattn/go-sqlite3", "sqlite"},
	{"modernc.org/sqlite", "sqlite"},
	{"github.com/ncruces/go-sqlite3", "sqlite"},
	{"github.com/glebarez/go-sqlite", "sqlite"},
}

// FamilyOf returns the driver of a handle that says what its driver is, as *sql.DB does, and the family of databases which that
// driver speaks to: postgres, mysql or sqlite. The family is "" for any other handle, and for a driver that is wrapped or unknown.
func FamilyOf(handle any) (driverPath, family string) {
	pool, ok := handle.(interface{ Driver() driver.Driver })
	if !ok {
		return "", ""
	}
	driverPath = PackageOf(pool.Driver())
	for _, f := range families {
		if strings.HasPrefix(driverPath, f.driver) {
			return driverPath, f.family
		}
	}
	return driverPath, ""
}
