package catalog

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/catalogsql"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/txn"
)

// An Inspector reads all that a server's catalog says of a table, and keeps nothing. Its handle should be in one transaction, so
// that the answers fit each other.
type Inspector struct {
	spec   schema.Spec
	cache  *Cache
	txn    *txn.Runner
	h      dbconn.Handle
	pooled bool
}

// NewInspector returns an Inspector that asks on h, behind a pooler if pooled is set. It returns a *dialect.UnsupportedError for a database whose catalog it cannot
// read.
func NewInspector(spec schema.Spec, runner *txn.Runner, h dbconn.Handle, pooled bool) (*Inspector, error) {
	if _, ok := catalogsql.Of(spec.Dialect, spec.Table); !ok {
		return nil, &dialect.UnsupportedError{Feature: "catalog that is known well enough to check a table", Dialect: spec.Dialect.Name(), Hint: "Verify reads SQLite, PostgreSQL, MySQL and MariaDB"}
	}
	return &Inspector{spec: spec, cache: New(spec), txn: runner, h: h, pooled: pooled}, nil
}

// A reader reads one database's answers.
type reader interface {
	// relation reads what the table is.
	relation(ctx context.Context, q catalogsql.Questions, l *schema.Live) error
	// columns reads the table's columns into l.
	columns(ctx context.Context, q catalogsql.Query, l *schema.Live) error
	indexes(ctx context.Context, q catalogsql.Query, l *schema.Live) error
	triggers(ctx context.Context, q catalogsql.Query, l *schema.Live) error
	// complete asks what the answers before it make necessary.
	complete(ctx context.Context, l *schema.Live) error
}

func (i *Inspector) reader() reader {
	switch i.spec.Dialect.Name() {
	case "sqlite":
		return &sqliteReader{i}
	case "postgres":
		return &postgresReader{i}
	}
	return &mysqlReader{i}
}

// Live reads the catalog. If the user may not see the table at all, Live returns the rights that the user lacks and no columns.
func (i *Inspector) Live(ctx context.Context) (*schema.Live, error) {
	l := &schema.Live{Session: schema.Session{Pooled: i.pooled}}
	table, found, err := i.locate(ctx, l)
	if err != nil || !found {
		return l, err
	}
	q, _ := catalogsql.Of(i.spec.Dialect, table)
	r := i.reader()
	if err := r.relation(ctx, q, l); err != nil || !l.Exists() || l.Session.Hidden {
		return l, err
	}
	for _, step := range []struct {
		read  func(context.Context, catalogsql.Query, *schema.Live) error
		query catalogsql.Query
	}{
		{r.columns, q.Columns}, {r.indexes, q.Indexes}, {r.triggers, q.Triggers},
		{i.readNames(&l.Rules), q.Rules}, {i.readNames(&l.Unenforced), q.Unenforced},
	} {
		if step.query.Text == "" {
			continue
		}
		if err := step.read(ctx, step.query, l); err != nil || l.Session.Hidden {
			return l, err
		}
	}
	return l, r.complete(ctx, l)
}

// locate returns the table's name, on SQLite with the connection's database that has the table. found is false if there is no such
// database.
func (i *Inspector) locate(ctx context.Context, l *schema.Live) (table dialect.Table, found bool, err error) {
	table = i.spec.Table
	if i.spec.Dialect.Name() != "sqlite" {
		return table, true, nil
	}
	var schemas []string
	err = i.each(ctx, catalogsql.Query{Text: catalogsql.SQLiteSchemas}, func(rows *sql.Rows) error {
		schemas = append(schemas, "")
		return rows.Scan(&schemas[len(schemas)-1])
	})
	for _, name := range schemas {
		if err != nil || found || table.Schema != "" && !strings.EqualFold(name, i.spec.Table.Schema) {
			continue
		}
		if found, err = i.row(ctx, catalogsql.SQLiteHas(name, table.Name), &l.Relation.Collates, &l.Relation.HasRowID); found {
			table.Schema = name
		}
	}
	return table, found, err
}

var kinds = map[string]schema.Kind{
	"table": schema.PlainTable, "partitioned": schema.PartitionedTable, "parent": schema.ParentTable, "view": schema.WritableView,
	"fixed view": schema.FixedView, "foreign": schema.ForeignTable, "virtual": schema.VirtualTable,
}

func (i *Inspector) readRelation(ctx context.Context, q catalogsql.Query, l *schema.Live) error {
	var kind, lacks string
	r := &l.Relation
	into := []any{&kind, &r.Engine, &r.Transactional, &r.Unlogged, &r.Secured, &r.SecuresUser, &r.Strict, &l.Session.User, &lacks}
	found, err := i.row(ctx, q, into...)
	if err != nil || !found {
		return err
	}
	r.Kind = kinds[kind]
	l.Session.Lacks = words(lacks)
	l.Session.Hidden = lacks == "USAGE"
	return nil
}

func (i *Inspector) readNames(into *[]string) func(context.Context, catalogsql.Query, *schema.Live) error {
	return func(ctx context.Context, q catalogsql.Query, _ *schema.Live) error {
		return i.each(ctx, q, func(rows *sql.Rows) error {
			var name string
			err := rows.Scan(&name)
			*into = append(*into, name)
			return err
		})
	}
}

// readIndexes reads indexes that the query returns with the columns of schema.Index and schema.IndexColumn.
func (i *Inspector) readIndexes(ctx context.Context, q catalogsql.Query, l *schema.Live) error {
	return i.each(ctx, q, func(rows *sql.Rows) error {
		var x schema.Index
		var c schema.IndexColumn
		if err := rows.Scan(&x.Name, &x.Unique, &x.Exclusion, &x.Constraint, &x.Valid, &x.Visible, &x.Immediate, &x.Predicate, &c.Name, &c.Prefix, &c.Collation); err != nil {
			return err
		}
		addIndexColumn(l, x, c)
		return nil
	})
}

// addIndexColumn adds a column to the last index, or to a new index.
func addIndexColumn(l *schema.Live, x schema.Index, c schema.IndexColumn) {
	if n := len(l.Indexes); n == 0 || l.Indexes[n-1].Name != x.Name {
		l.Indexes = append(l.Indexes, x)
	}
	last := &l.Indexes[len(l.Indexes)-1]
	last.Columns = append(last.Columns, c)
}

func (i *Inspector) readTriggers(ctx context.Context, q catalogsql.Query, l *schema.Live) error {
	return i.each(ctx, q, func(rows *sql.Rows) error {
		var t schema.Trigger
		err := rows.Scan(&t.Name, &t.Before, &t.Insert, &t.Update, &t.PerRow, &t.Rewrites)
		l.Triggers = append(l.Triggers, t)
		return err
	})
}

// Count returns how many rows a query returns.
func (i *Inspector) Count(ctx context.Context, query string) (n int64, err error) {
	_, err = i.row(ctx, catalogsql.Count(i.spec.Dialect, query), &n)
	return n, err
}

func (i *Inspector) each(ctx context.Context, q catalogsql.Query, f func(*sql.Rows) error) error {
	return i.txn.Query(ctx, i.h, q.Text, q.Args, f)
}

func (i *Inspector) row(ctx context.Context, q catalogsql.Query, dest ...any) (found bool, err error) {
	return i.txn.QueryRow(ctx, i.h, q.Text, q.Args, dest)
}

// keyColumns returns the stored columns of the conflict target, and nil if one of them is missing.
func (i *Inspector) keyColumns(l *schema.Live) (columns []*schema.LiveColumn) {
	for _, name := range i.spec.Target.Columns {
		c := l.Column(name, i.spec.Dialect.Traits().FoldsNames)
		if c == nil {
			return nil
		}
		columns = append(columns, c)
	}
	return columns
}

// askFoldings asks which texts are one. equal writes the comparison of two texts.
func (i *Inspector) askFoldings(ctx context.Context, equal func(a, b string) string) (folds []schema.Folding, err error) {
	pairs := catalogsql.Foldings()
	is, dest := make([]sql.NullBool, len(pairs)), make([]any, len(pairs))
	for n := range pairs {
		dest[n] = &is[n]
	}
	_, err = i.row(ctx, catalogsql.AskFoldings(equal), dest...)
	for n, p := range pairs {
		if is[n].Bool {
			folds = append(folds, schema.Folding{What: p.What, A: p.A, B: p.B})
		}
	}
	return folds, err
}

// refusesTarget asks whether the server takes the conflict target, by a statement that the server plans and does not run.
func (i *Inspector) refusesTarget(ctx context.Context) (bool, error) {
	query, err := catalogsql.Explain(i.spec.Dialect, i.spec.Table, i.spec.Target)
	if err != nil {
		return false, err
	}
	err = i.each(ctx, query, func(*sql.Rows) error { return nil })
	if err == nil || ctx.Err() != nil {
		return false, err
	}
	return dialect.SQLState(err) == "42P10" || strings.Contains(err.Error(), "ON CONFLICT clause does not match"), nil
}

func words(list string) []string {
	return slices.DeleteFunc(strings.Split(list, ","), func(s string) bool { return s == "" })
}
