package conformance

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/jmoiron/sqlx"
)

// place is the environment of one behaviour: an empty namespace and the test.
type place struct {
	*testing.T
	ctx    context.Context
	db     *sqlx.DB
	d      dialect.Dialect
	server Server
}

func newPlace(t *testing.T, s Server, d dialect.Dialect) *place {
	t.Helper()
	return &place{T: t, ctx: t.Context(), db: s.Open(t), d: d, server: s}
}

// on runs f as a subtest in the same namespace.
func (p *place) on(name string, f func(*place)) {
	p.Helper()
	p.Run(name, func(t *testing.T) { // not parallel, because the subtests share the namespace
		f(&place{T: t, ctx: p.ctx, db: p.db, d: p.d, server: p.server})
	})
}

func (p *place) sqlite() bool   { return p.d.Name() == "sqlite" }
func (p *place) postgres() bool { return p.d.Name() == "postgres" }
func (p *place) mysql() bool    { return p.d.Name() == "mysql" || p.d.Name() == "mariadb" }

// pick returns the SQL for the server's family.
func (p *place) pick(sqlite, postgres, mysql string) string {
	switch {
	case p.sqlite():
		return sqlite
	case p.postgres():
		return postgres
	}
	return mysql
}

// pgVersion asks the server for its version, because the version logic of the dialect is under test.
func (p *place) pgVersion() int {
	p.Helper()
	return get[int](p, "SELECT current_setting('server_version_num')::int / 10000")
}

// exec runs SQL on the pool. The SQL has ? as parameter markers.
func (p *place) exec(query string, args ...any) {
	p.Helper()
	if _, err := p.db.ExecContext(p.ctx, p.rebind(query, args), args...); err != nil {
		p.Fatalf("%s: %v", query, err)
	}
}

// rebind leaves a query without parameters unchanged, because a ? in such a query is part of a name.
func (p *place) rebind(query string, args []any) string {
	if len(args) == 0 {
		return query
	}
	return p.db.Rebind(query)
}

// create creates a table. A word in braces is a type name of columnTypes.
func (p *place) create(name, columns string) {
	p.Helper()
	p.exec("CREATE TABLE " + name + " (" + p.types(columns) + ")")
}

func (p *place) types(ddl string) string {
	var pairs []string
	for name, of := range columnTypes() {
		pairs = append(pairs, "{"+name+"}", p.pick(of[0], of[1], of[2]))
	}
	return strings.NewReplacer(pairs...).Replace(ddl)
}

// columnTypes maps a type name to its SQL on SQLite, on PostgreSQL, and on MySQL and MariaDB.
func columnTypes() map[string][3]string {
	return map[string][3]string{
		"int":    {"INTEGER", "bigint", "BIGINT"},
		"serial": {"INTEGER PRIMARY KEY AUTOINCREMENT", "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "BIGINT AUTO_INCREMENT PRIMARY KEY"},
		"float":  {"REAL", "double precision", "DOUBLE"},
		"bool":   {"BOOLEAN", "boolean", "BOOLEAN"},
		"text":   {"TEXT", "text", "VARCHAR(500)"}, // the default collation, whether or not that collation folds
		"exact":  {"TEXT", `text COLLATE "C"`, "VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"},
		"bytes":  {"BLOB", "bytea", "VARBINARY(200)"},
		"time":   {"TIMESTAMP", "timestamptz", "DATETIME(6)"},
		"json":   {"TEXT", "jsonb", "JSON"},
		"uuid":   {"TEXT", "uuid", "CHAR(36) CHARACTER SET ascii COLLATE ascii_bin"},
	}
}

// quote quotes an identifier.
func (p *place) quote(name string) string {
	q := p.pick(`"`, `"`, "`")
	return q + strings.ReplaceAll(name, q, q+q) + q
}

// get returns the only row of a query.
func get[T any](p *place, query string, args ...any) (row T) {
	p.Helper()
	if err := p.db.GetContext(p.ctx, &row, p.rebind(query, args), args...); err != nil {
		p.Fatalf("%s: %v", query, err)
	}
	return row
}

// get runs a query of one row on a handle.
func (p *place) get(db upsert.DB, query string, args ...any) *sqlx.Row {
	p.Helper()
	return db.(sqlx.QueryerContext).QueryRowxContext(p.ctx, p.rebind(query, args), args...)
}

// list returns the rows of a query.
func list[T any](p *place, query string, args ...any) (rows []T) {
	p.Helper()
	if err := p.db.SelectContext(p.ctx, &rows, p.rebind(query, args), args...); err != nil {
		p.Fatalf("%s: %v", query, err)
	}
	return rows
}

func (p *place) count(table string) int {
	p.Helper()
	return get[int](p, "SELECT count(*) FROM "+table)
}

// wantCount fails the test unless the table has n rows.
func (p *place) wantCount(table string, n int) {
	p.Helper()
	if got := p.count(table); got != n {
		p.Errorf("%s has %d rows, want %d", table, got, n)
	}
}

// begin begins a transaction. The end of the test rolls the transaction back if the test has not ended it.
func (p *place) begin(opts *sql.TxOptions) *sqlx.Tx {
	p.Helper()
	tx, err := p.db.BeginTxx(p.ctx, opts)
	if err != nil {
		p.Fatalf("begin: %v", err)
	}
	p.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

// conn takes a connection from the pool and returns it to the pool at the end of the test.
func (p *place) conn() *sqlx.Conn {
	p.Helper()
	conn, err := p.db.Connx(p.ctx)
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { _ = conn.Close() })
	return conn
}

// table creates an upsert.Table of T.
func table[T any](p *place, name string, opts ...upsert.Option) *upsert.Table[T] {
	p.Helper()
	t, err := upsert.New[T](p.d, name, slices.Concat(p.server.Options, opts)...)
	if err != nil {
		p.Fatalf("New: %v", err)
	}
	if p.server.Plain {
		if plain, err := t.Plain(p.ctx, p.db, upsert.TrustUniqueIndexes(), ignoreAll); err == nil {
			return plain
		}
	}
	return t
}

// ignoreAll leaves out every fault, because the suite's tables have faults on purpose.
var ignoreAll = upsert.Ignore(upsert.CheckNoTable, upsert.CheckNoColumn, upsert.CheckNotWritable, upsert.CheckNoUniqueIndex,
	upsert.CheckConstraintColumns, upsert.CheckNullableKey, upsert.CheckKeyCollation, upsert.CheckKeyPadding,
	upsert.CheckEngine, upsert.CheckComputedColumn, upsert.CheckMandatoryColumn, upsert.CheckNotNull,
	upsert.CheckType, upsert.CheckRange, upsert.CheckLength, upsert.CheckPrecision,
	upsert.CheckRights, upsert.CheckNotStrict, upsert.CheckNoMergeFunction, upsert.CheckOtherUniqueIndex,
	upsert.CheckTrigger, upsert.CheckRowSecurity, upsert.CheckView, upsert.CheckPartitions,
	upsert.CheckPooler, upsert.CheckUnenforced, upsert.CheckUnlogged)

// tableInTx creates a table that is used in the caller's transaction.
func tableInTx[T any](p *place, name string, opts ...upsert.Option) *upsert.Table[T] {
	p.Helper()
	in := *p
	if p.server.InTx != nil {
		in.server.Options = p.server.InTx
	}
	return table[T](&in, name, opts...)
}
