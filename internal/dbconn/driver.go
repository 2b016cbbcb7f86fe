package dbconn

import (
	"database/sql/driver"
	"reflect"
	"strings"
)

// PQ and PGX are the import paths of the drivers whose connections the library uses beyond database/sql.
const (
	PQ  = "github.com/lib/pq"
	PGX = "github.com/jackc/pgx/v5/stdlib"
)

// PackageOf returns the import path of the package that declares a driver or its connection. This path identifies a driver; its
// name does not, because a driver can have any name. For a value that is not a pointer PackageOf returns "".
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

// FamilyOf returns the driver of a handle, and the family of databases that the driver speaks to: postgres, mysql or sqlite.
// The handle must have a Driver method, as *sql.DB has. For any other handle, and for a driver that is wrapped or unknown, the
// family is "".
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
