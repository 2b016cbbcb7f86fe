package dialect

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
)

// Queryer is a handle that Detect can ask: a *sql.DB, *sql.Tx, *sql.Conn or the corresponding type of sqlx.
type Queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Detect asks the server what it is, by SELECT version(), and returns its dialect at its version. The driver's name does not
// matter: one driver speaks to PostgreSQL, CockroachDB and YugabyteDB, another to MySQL, MariaDB, TiDB and Vitess.
//
// Detect returns *UnsupportedError for a server that it does not know or that this package cannot serve, and the server's error
// if the server could not be asked. A transaction stays usable.
func Detect(ctx context.Context, db Queryer) (Dialect, error) {
	banner, err := ask(ctx, db, "SELECT version()")
	if err == nil {
		return FromVersion(banner)
	}
	// SQLite has no version(). Its error leaves a transaction unchanged. On any other database this query fails too.
	if version, lite := ask(ctx, db, "SELECT sqlite_version()"); lite == nil {
		if !AtLeast(version, 3, 35) {
			return nil, &UnsupportedError{Feature: "RETURNING in version " + version, Dialect: "sqlite", Hint: "3.35 or later is needed"}
		}
		return sqlite{version: version}, nil
	}
	return nil, fmt.Errorf("upsert: the server was asked for its version: %w", err)
}

func ask(ctx context.Context, db Queryer, query string) (answer string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	if rows.Next() {
		if err := rows.Scan(&answer); err != nil {
			return "", err
		}
	}
	if err := rows.Err(); err != nil {
		return "", err
	}
	return answer, rows.Close()
}

// FromVersion returns the dialect of the server that answers SELECT version() with banner, for example "PostgreSQL 18.4 on
// x86_64-linux-gnu", "8.0.36" or "10.11.6-MariaDB-1". Detect uses FromVersion; use it yourself to write SQL without a server at
// hand. FromVersion returns *UnsupportedError for a banner that it does not know.
func FromVersion(banner string) (Dialect, error) {
	unknown := func(name, hint string) (Dialect, error) {
		return nil, &UnsupportedError{Feature: fmt.Sprintf("dialect here (the server says %q)", banner), Dialect: name, Hint: hint}
	}
	lower := strings.ToLower(banner)
	switch {
	case strings.HasPrefix(lower, "cockroachdb"):
		return newCockroach(firstVersion(banner)), nil
	case strings.Contains(lower, "redshift"):
		return unknown("redshift", "it does not enforce unique keys, so nothing arbitrates a conflict")
	case strings.HasPrefix(lower, "postgresql") && strings.Contains(lower, "-yb-"):
		return newYugabyte(firstVersion(lower[strings.Index(lower, "-yb-"):])), nil
	case strings.HasPrefix(lower, "postgresql"):
		v := firstVersion(banner)
		if !AtLeast(v, 9, 6) {
			return unknown("postgres", "9.6 or later is needed")
		}
		return newPostgres(v), nil
	case strings.Contains(lower, "-mariadb"):
		v := mariaVersion(lower)
		if !supports("mariadb", v, FeatureReturning) {
			return unknown("mariadb", "INSERT … RETURNING needs 10.5 or later")
		}
		return newMariaDB(v), nil
	case strings.Contains(lower, "-tidb-"):
		return newTiDB(firstVersion(lower[strings.Index(lower, "-tidb-"):])), nil
	case strings.Contains(lower, "-vitess"):
		return newVitess(firstVersion(banner)), nil
	case banner != "" && banner[0] >= '0' && banner[0] <= '9':
		v := firstVersion(banner)
		if strings.Count(v, ".") > 2 { // for example ClickHouse, which enforces no unique key
			break
		}
		if !AtLeast(v, 5, 7) {
			return unknown("mysql", "5.7 or later is needed")
		}
		return newMySQL(v), nil
	}
	return unknown("server", "give New a dialect of package dialect if you know it to be compatible")
}

// mariaVersion leaves out the "5.5.5-" that MariaDB puts before its version because old replicas need it.
func mariaVersion(banner string) string {
	return firstVersion(strings.TrimPrefix(banner, "5.5.5-"))
}

// firstVersion returns the first run of digits and dots in s.
func firstVersion(s string) string {
	start := strings.IndexAny(s, "0123456789")
	if start < 0 {
		return ""
	}
	end := start
	for end < len(s) && (s[end] == '.' || s[end] >= '0' && s[end] <= '9') {
		end++
	}
	return strings.TrimRight(s[start:end], ".")
}

// AtLeast reports whether a dotted version, as [Dialect.Version] returns it, is at least the given version. For an empty
// version AtLeast returns false. For builders of dialects.
func AtLeast(version string, least ...int) bool {
	if version == "" {
		return false
	}
	parts := strings.Split(version, ".")
	for i, want := range least {
		have := 0
		if i < len(parts) {
			have, _ = strconv.Atoi(parts[i])
		}
		if have != want {
			return have > want
		}
	}
	return true
}
