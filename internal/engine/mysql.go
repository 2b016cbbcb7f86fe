package engine

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// mysqlFamily is MariaDB, or MySQL of the major versions from <= v < below, with zero for no limit. Both use the same protocol
// and driver.
type mysqlFamily struct {
	mariadb     bool
	from, below int
	keeps       bool // drops no namespace, because a node of a cluster may be dead, and the cluster ends with the test
}

func (mysqlFamily) driver() string { return "mysql" }

// adminDSN sets a lock timeout. Without it, a drop would wait forever for a forgotten transaction.
func (mysqlFamily) adminDSN(base string) (string, error) {
	return mysqlDSN(base, "", []param{{"lock_wait_timeout", "10"}})
}

func (mysqlFamily) version(ctx context.Context, admin *sql.DB) (v string, err error) {
	err = admin.QueryRowContext(ctx, "SELECT CONCAT(@@version, ' (', @@version_comment, ')')").Scan(&v)
	return v, err
}

func (f mysqlFamily) check(version string) error {
	if is := strings.Contains(version, "MariaDB"); is != f.mariadb {
		return fmt.Errorf("the server is %s: MariaDB goes by mariadb, MySQL by mysql57 or mysql", version)
	}
	major, err := majorOf(version)
	if err == nil && !f.mariadb && (major < f.from || f.below > 0 && major >= f.below) {
		return fmt.Errorf("the server is MySQL %s: before 8 MySQL goes by mysql57, from 8 on by mysql", version)
	}
	return err
}

func (mysqlFamily) name(testing.TB) (string, error) { return freshName(), nil }

// create leaves the collation to the server. The default is case-insensitive, as in most installations.
func (mysqlFamily) create(ctx context.Context, admin *sql.DB, name string) error {
	_, err := admin.ExecContext(ctx, "CREATE DATABASE `"+name+"` CHARACTER SET utf8mb4")
	return err
}

func (f mysqlFamily) drop(ctx context.Context, admin *sql.DB, name string) error {
	if f.keeps {
		return nil
	}
	for again := true; ; again = false {
		_, err := admin.ExecContext(ctx, "DROP DATABASE `"+name+"`")
		if err == nil || ctx.Err() != nil || !killedAgain(ctx, admin, name) && !again {
			return err
		}
	}
}

// killedAgain kills the sessions of a database that were killed before and have not ended, and reports whether there are any.
// MySQL 5.7 sometimes does not end a killed session whose client has gone. The session's transaction is not a forgotten one.
func killedAgain(ctx context.Context, admin *sql.DB, database string) bool {
	rows, err := admin.QueryContext(ctx, "SELECT id FROM information_schema.processlist WHERE command = 'Killed' AND db = ?", database)
	if err != nil {
		return false
	}
	var ids []int64
	for rows.Next() {
		var id int64
		if rows.Scan(&id) == nil {
			ids = append(ids, id)
		}
	}
	if rows.Close() != nil || rows.Err() != nil {
		return false
	}
	for _, id := range ids {
		_, _ = admin.ExecContext(ctx, fmt.Sprint("KILL ", id)) // the session may have ended meanwhile
	}
	return len(ids) > 0
}

func (mysqlFamily) dsn(base, name string, o options) (string, error) {
	return mysqlDSN(base, name, o.params)
}

// mysqlDSN appends the parameters, so that they override parameters of the same name.
func mysqlDSN(base, name string, params []param) (string, error) {
	cfg, err := mysql.ParseDSN(base)
	if err != nil {
		return "", err
	}
	cfg.DBName = name
	cfg.ParseTime = true
	dsn := cfg.FormatDSN()
	for _, p := range params {
		dsn += "&" + p.key + "=" + url.QueryEscape(p.value)
	}
	return dsn, nil
}
