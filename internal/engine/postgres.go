package engine

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	_ "github.com/lib/pq" // driver "postgres"
)

// postgresFamily is PostgreSQL of the major versions from <= v < below, with zero for no limit.
type postgresFamily struct{ from, below int }

func (postgresFamily) driver() string { return "postgres" }

// adminDSN sets a lock timeout. Without it, a drop would wait forever for a forgotten transaction.
func (postgresFamily) adminDSN(base string) (string, error) {
	return postgresDSN(base, []param{{"lock_timeout", "10000"}})
}

func (postgresFamily) version(ctx context.Context, admin *sql.DB) (v string, err error) {
	err = admin.QueryRowContext(ctx, "SELECT current_setting('server_version')").Scan(&v)
	return "PostgreSQL " + v, err
}

func (f postgresFamily) check(version string) error {
	major, err := majorOf(version)
	if err != nil {
		return err
	}
	if !f.covers(major) {
		return fmt.Errorf("the server is %s, not %s", version, f.wanted())
	}
	return nil
}

func (f postgresFamily) covers(major int) bool {
	return major >= f.from && (f.below == 0 || major < f.below)
}

func (f postgresFamily) wanted() string {
	if f.below > 0 && f.from > 0 {
		return fmt.Sprintf("PostgreSQL %d", f.from)
	}
	if f.below > 0 {
		return fmt.Sprintf("PostgreSQL before %d", f.below)
	}
	return fmt.Sprintf("PostgreSQL %d or later", f.from)
}

func (postgresFamily) name(testing.TB) (string, error) { return freshName(), nil }

func (postgresFamily) create(ctx context.Context, admin *sql.DB, name string) error {
	_, err := admin.ExecContext(ctx, `CREATE SCHEMA "`+name+`"`)
	return err
}

func (postgresFamily) drop(ctx context.Context, admin *sql.DB, name string) error {
	_, err := admin.ExecContext(ctx, `DROP SCHEMA "`+name+`" CASCADE`)
	return err
}

// dsn works for both lib/pq and pgx, because both send unknown parameters such as search_path to the server.
func (postgresFamily) dsn(base, name string, o options) (string, error) {
	return postgresDSN(base, append([]param{{"search_path", name}}, o.params...))
}

// postgresDSN adds parameters to a DSN in either of libpq's two formats.
func postgresDSN(base string, params []param) (string, error) {
	if !strings.Contains(base, "://") {
		quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
		for _, p := range params {
			base += " " + p.key + "='" + quote.Replace(p.value) + "'"
		}
		return base, nil
	}
	u, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	q := u.Query()
	for _, p := range params {
		q.Set(p.key, p.value)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// majorOf returns the first number after a space: "PostgreSQL 15.18 (Debian …)", "postgres (PostgreSQL) 18.4", "18beta1".
func majorOf(version string) (int, error) {
	for _, word := range strings.Fields(version) {
		digits := word[:len(word)-len(strings.TrimLeft(word, "0123456789"))]
		if digits != "" {
			return strconv.Atoi(digits)
		}
	}
	return 0, fmt.Errorf("no version number in %q", version)
}
