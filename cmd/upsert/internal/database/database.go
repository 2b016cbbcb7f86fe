// Package database opens the database of a -dsn: SQLite, PostgreSQL, MySQL or MariaDB. Its drivers need no cgo.
package database

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"
	"modernc.org/sqlite"
)

// Kind is the kind of database a DSN names.
type Kind int

// The kinds of database there are drivers for.
const (
	SQLite Kind = iota
	Postgres
	MySQL // or MariaDB
)

// Usage is what a -dsn may be.
const Usage = "a SQLite file, sqlite:FILE, postgres://…, mysql://…, mariadb://… or user:pw@tcp(host:port)/db"

// errDSN carries no part of the DSN: it has a password in it.
var errDSN = errors.New("-dsn cannot be read: give a SQLite file, postgres://user:pw@host/db, mysql://user:pw@host/db or user:pw@tcp(host:port)/db")

// Connector returns what connects to the database of a DSN, without connecting to it. Its errors are about -dsn and have
// nothing of the DSN in them but its scheme.
func Connector(dsn string) (driver.Connector, Kind, error) {
	scheme, _, isURL := strings.Cut(dsn, "://")
	switch {
	case isURL && (scheme == "postgres" || scheme == "postgresql"):
		return openPostgres(dsn)
	case isURL && (scheme == "mysql" || scheme == "mariadb"):
		return openMySQL(mysqlURL(dsn))
	case isURL && scheme != "sqlite" && !strings.HasPrefix(dsn, "file:"):
		return nil, 0, fmt.Errorf("-dsn: there is no driver for %s:// here: give postgres, mysql, mariadb or sqlite", scheme)
	case isURL:
	case strings.HasPrefix(dsn, "host=") || strings.Contains(dsn, " host=") || strings.Contains(dsn, "dbname="):
		return openPostgres(dsn)
	case isMySQL(dsn):
		return openMySQL(mysql.ParseDSN(dsn))
	}
	return openSQLite(Path(dsn))
}

func openPostgres(dsn string) (driver.Connector, Kind, error) {
	c, err := pq.NewConnector(dsn)
	if err != nil {
		return nil, 0, errDSN
	}
	return c, Postgres, nil
}

// isMySQL tells the driver's own form from a path: both have slashes.
func isMySQL(dsn string) bool {
	for _, mark := range []string{"tcp(", "unix("} {
		if strings.HasPrefix(dsn, mark) || strings.Contains(dsn, "@"+mark) {
			return true
		}
	}
	return strings.Contains(dsn, "@/")
}

func mysqlURL(dsn string) (*mysql.Config, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, err
	}
	host := u.Host
	if u.Port() == "" {
		host += ":3306"
	}
	cfg, err := mysql.ParseDSN(fmt.Sprintf("tcp(%s)/%s?%s", host, url.PathEscape(strings.TrimPrefix(u.Path, "/")), u.RawQuery))
	if err != nil {
		return nil, err
	}
	cfg.User = u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	return cfg, nil
}

func openMySQL(cfg *mysql.Config, err error) (driver.Connector, Kind, error) {
	if err != nil {
		return nil, 0, errDSN
	}
	// A key that is a time is read back as one.
	cfg.ParseTime = true
	c, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, 0, errDSN
	}
	return c, MySQL, nil
}

// openSQLite takes the parameters of go-sqlite3 (_foreign_keys, _busy_timeout, _journal_mode) and the parameters of modernc.org/sqlite.
// Without them, a call waits five seconds for the locks of others. Times are written as the library writes them.
func openSQLite(path string) (driver.Connector, Kind, error) {
	name, params, found := strings.Cut(path, "?")
	values, err := url.ParseQuery(params)
	if err != nil {
		return nil, 0, errDSN
	}
	for _, other := range []struct{ name, alias, value string }{{"_time_format", "", "sqlite"}, {"_busy_timeout", "_timeout", "5000"}} {
		if !values.Has(other.name) && !values.Has(other.alias) {
			params += "&" + other.name + "=" + other.value
		}
	}
	if !found {
		params = strings.TrimPrefix(params, "&")
	}
	c, err := sqlite.NewConnector(name + "?" + params)
	if err != nil {
		return nil, 0, errDSN
	}
	return c, SQLite, nil
}

// Path is a SQLite DSN without its scheme: a file's name or a file: URI.
func Path(dsn string) string {
	return strings.TrimPrefix(strings.TrimPrefix(dsn, "sqlite://"), "sqlite:")
}

// IsNewFile tells whether a SQLite database is yet to be made. Of a database in memory it says so too.
func IsNewFile(dsn string) bool {
	name := File(dsn)
	if name == "" {
		return true
	}
	_, err := os.Stat(name)
	return errors.Is(err, os.ErrNotExist)
}

// File is the name of a SQLite database's file, or "" for a database in memory.
func File(dsn string) string {
	name, params, _ := strings.Cut(Path(dsn), "?")
	if uri, ok := strings.CutPrefix(name, "file:"); ok {
		if values, err := url.ParseQuery(params); err == nil && values.Get("mode") == "memory" {
			return ""
		}
		name = strings.TrimPrefix(strings.TrimPrefix(uri, "//localhost"), "//")
		if plain, err := url.PathUnescape(name); err == nil {
			name = plain
		}
	}
	if name == ":memory:" {
		return ""
	}
	return name
}

// Open opens the database of a DSN without connecting to it. A SQLite file must be there: SQLite would make an empty one of a
// name that is misspelt.
func Open(dsn string) (*sql.DB, error) {
	if dsn == "" {
		return nil, errors.New("-dsn is missing: give " + Usage)
	}
	connector, kind, err := Connector(dsn)
	if err != nil {
		return nil, err
	}
	if name := File(dsn); kind == SQLite && name != "" {
		if _, err := os.Stat(name); err != nil {
			return nil, fmt.Errorf("-dsn: %w", err)
		}
	}
	return sql.OpenDB(connector), nil
}
