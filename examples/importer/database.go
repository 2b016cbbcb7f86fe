package main

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/go-sql-driver/mysql"
	_ "github.com/lib/pq"
	_ "github.com/mattn/go-sqlite3"
)

// family is the kind of database a DSN names, as far as the text of CREATE TABLE is concerned.
type family int

const (
	familySQLite family = iota
	familyPostgres
	familyMySQL
)

// errDSN carries no part of the DSN: it has a password in it.
var errDSN = errors.New("-dsn cannot be read: give a SQLite file, postgres://user:pw@host/db, mysql://user:pw@host/db or user:pw@tcp(host:port)/db")

// openDatabase opens the database of a DSN without connecting to it. With create, a SQLite file need not exist.
func openDatabase(dsn string, create bool) (*sql.DB, family, error) {
	scheme, rest, isURL := strings.Cut(dsn, "://")
	switch {
	case isURL && (scheme == "postgres" || scheme == "postgresql"):
		db, err := sql.Open("postgres", dsn)
		return db, familyPostgres, hide(err)
	case isURL && (scheme == "mysql" || scheme == "mariadb"):
		cfg, err := mysqlURL(dsn)
		if err != nil {
			return nil, 0, errDSN
		}
		return openMySQL(cfg)
	case isURL && scheme == "sqlite":
		return openSQLite(rest, create)
	case isURL && !strings.HasPrefix(dsn, "file:"):
		return nil, 0, fmt.Errorf("-dsn: there is no driver for %s:// here: give postgres, mysql, mariadb or sqlite", scheme)
	case strings.HasPrefix(dsn, "host=") || strings.Contains(dsn, " host=") || strings.Contains(dsn, "dbname="):
		db, err := sql.Open("postgres", dsn)
		return db, familyPostgres, hide(err)
	case isMySQL(dsn):
		cfg, err := mysql.ParseDSN(dsn)
		if err != nil {
			return nil, 0, errDSN
		}
		return openMySQL(cfg)
	}
	return openSQLite(strings.TrimPrefix(dsn, "sqlite:"), create)
}

func hide(err error) error {
	if err != nil {
		return errDSN
	}
	return nil
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

func openMySQL(cfg *mysql.Config) (*sql.DB, family, error) {
	// A key that is a time is read back as one.
	cfg.ParseTime = true
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, 0, errDSN
	}
	return sql.OpenDB(connector), familyMySQL, nil
}

// isNewFile tells whether a SQLite database is yet to be made. Of a database in memory it says so too.
func isNewFile(dsn string) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(dsn, "sqlite://"), "sqlite:"), "?")
	if uri, ok := strings.CutPrefix(name, "file:"); ok {
		name = strings.TrimPrefix(strings.TrimPrefix(uri, "//localhost"), "//")
		if plain, err := url.PathUnescape(name); err == nil {
			name = plain
		}
	}
	_, err := os.Stat(name)
	return errors.Is(err, os.ErrNotExist)
}

func openSQLite(path string, create bool) (*sql.DB, family, error) {
	// SQLite makes a file that is missing: a misspelt name would be an empty database.
	if !create && !strings.HasPrefix(path, "file:") && !strings.HasPrefix(path, ":memory:") {
		name, _, _ := strings.Cut(path, "?")
		if _, err := os.Stat(name); err != nil {
			return nil, 0, fmt.Errorf("-dsn: %w: -create makes the file and its table", err)
		}
	}
	db, err := sql.Open("sqlite3", path)
	return db, familySQLite, err
}
