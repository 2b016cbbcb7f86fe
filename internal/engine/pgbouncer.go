package engine

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/lib/pq"
)

// poolSize is the number of connections from PgBouncer to the server for one namespace. The number is smaller than the number of
// clients in a test. It is more than one, so that consecutive transactions of a client use different connections.
const poolSize = 4

// Pooler returns a PostgreSQL namespace as seen through PgBouncer in transaction mode, with a few connections to the server. If
// PgBouncer is not installed, Pooler skips the namespace's test, or fails the test if UPSERT_REQUIRE names pgbouncer.
//
// PgBouncer does not pass a client's connection parameters to the server. Only the [Param] options that the driver itself handles
// have an effect.
func Pooler(ns *Namespace) *Namespace {
	t := ns.t
	t.Helper()
	e := current.pooler
	e.need(t)
	if ns.engine.dialect != "postgres" {
		t.Fatalf("engine %s: %s is not PostgreSQL", e.name, ns.engine.name)
	}
	cfg, err := pq.NewConfig(ns.engine.state.base)
	if err != nil {
		t.Fatalf("engine %s: %v", e.name, err)
	}
	if err := e.family.(*pgbouncerFamily).add(t.Context(), e, ns.name, cfg); err != nil {
		t.Fatalf("engine %s: add a database: %v", e.name, err)
	}
	return &Namespace{t: t, engine: e, name: ns.name}
}

// pgbouncerFamily uses the protocol of PostgreSQL. Each namespace of the server behind PgBouncer appears to clients as a
// database. The family never removes such a database, because PgBouncer 1.18 exits if it removes a database while it forwards a
// client's request to cancel a statement.
type pgbouncerFamily struct {
	postgres  postgresFamily
	mu        sync.Mutex
	databases strings.Builder // the content of the databases file
}

func (f *pgbouncerFamily) driver() string                    { return f.postgres.driver() }
func (f *pgbouncerFamily) name(t testing.TB) (string, error) { return f.postgres.name(t) }

func (f *pgbouncerFamily) create(ctx context.Context, admin *sql.DB, name string) error {
	return f.postgres.create(ctx, admin, name)
}

func (f *pgbouncerFamily) drop(ctx context.Context, admin *sql.DB, name string) error {
	return f.postgres.drop(ctx, admin, name)
}

func (*pgbouncerFamily) adminDSN(base string) (string, error) { return base, nil }

func (*pgbouncerFamily) version(ctx context.Context, admin *sql.DB) (v string, err error) {
	err = admin.QueryRowContext(ctx, "SHOW VERSION").Scan(&v)
	return v, err
}

func (*pgbouncerFamily) check(string) error { return nil }

func (*pgbouncerFamily) dsn(base, name string, o options) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return postgresDSN(u.String(), o.params)
}

func (f *pgbouncerFamily) add(ctx context.Context, e *Engine, name string, server pq.Config) error {
	line := fmt.Sprintf("%s = connect_query='SET search_path TO %s'", name, name)
	quote := strings.NewReplacer(`'`, `''`)
	for _, word := range [][2]string{
		{"host", server.Host}, {"port", fmt.Sprint(server.Port)}, {"user", server.User}, {"password", server.Password}, {"dbname", server.Database},
	} {
		if word[1] != "" {
			line += fmt.Sprintf(" %s='%s'", word[0], quote.Replace(word[1]))
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	fmt.Fprintln(&f.databases, line)
	if err := os.WriteFile(pgbouncerDatabases(e.state.server.data()), []byte("[databases]\n"+f.databases.String()), 0o644); err != nil {
		return err
	}
	_, err := e.state.admin.ExecContext(ctx, "RELOAD")
	return err
}

func pgbouncerFile(data string) string { return filepath.Join(data, "pgbouncer.ini") }

func pgbouncerDatabases(data string) string { return filepath.Join(data, "databases.ini") }

// pgbouncerStarter starts PgBouncer in transaction mode.
type pgbouncerStarter struct{}

func (pgbouncerStarter) find() (string, error) {
	program, ok := firstProgram(inPath("pgbouncer"), "/usr/sbin/pgbouncer")
	if !ok {
		return "", fmt.Errorf("no PgBouncer (pgbouncer) found")
	}
	return program, nil
}

func (pgbouncerStarter) install(string, string) []string { return nil }

// configure writes the port into the configuration file, because there is no argument for the port. With auth_type=any every user
// can log in, as on the servers. lib/pq always sends extra_float_digits, and PgBouncer refuses a parameter unless
// ignore_startup_parameters lists it.
func (pgbouncerStarter) configure(data string, port int) error {
	text := fmt.Sprintf(`[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
pidfile = %s
auth_type = any
admin_users = postgres
pool_mode = transaction
default_pool_size = %d
server_idle_timeout = 1
max_client_conn = 1000
ignore_startup_parameters = extra_float_digits
%%include %s
`, port, filepath.Join(data, "pid"), poolSize, pgbouncerDatabases(data))
	if err := os.WriteFile(pgbouncerDatabases(data), []byte("[databases]\n"), 0o644); err != nil {
		return err
	}
	return os.WriteFile(pgbouncerFile(data), []byte(text), 0o644)
}

func (pgbouncerStarter) serve(program, _, data string, _ int) []string {
	return []string{program, pgbouncerFile(data)}
}

// dsn returns the DSN of PgBouncer's console.
func (pgbouncerStarter) dsn(port int) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/pgbouncer?sslmode=disable", port)
}

func (pgbouncerStarter) driver() string { return "postgres" }

func (pgbouncerStarter) dataFolder(ctx context.Context, db *sql.DB) (string, error) {
	rows, err := db.QueryContext(ctx, "SHOW CONFIG")
	if err != nil {
		return "", err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}
	found, row := "", make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range row {
		into[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return "", err
		}
		if row[0].String == "conffile" {
			found = filepath.Dir(row[1].String)
		}
	}
	return found, rows.Err()
}

func (pgbouncerStarter) user() string { return "postgres" }

// stopSignal is "immediate shutdown".
func (pgbouncerStarter) stopSignal() syscall.Signal { return syscall.SIGTERM }
