package catalog

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/catalogsql"
	"github.com/goupsert/upsert/internal/schema"
)

// mysqlReader reads the catalog of MySQL and MariaDB.
type mysqlReader struct{ i *Inspector }

func (r *mysqlReader) columns(ctx context.Context, q catalogsql.Query, l *schema.Live) error {
	rows, err := r.i.h.QueryContext(ctx, q.Text)
	if err == nil {
		err = eachNamed(rows, func(value func(string) sql.NullString) { l.Columns = append(l.Columns, mysqlColumn(value)) })
	}
	if number, isServers := dialect.MySQLNumber(err); isServers && lacksRight(number) {
		l.Session.Lacks, l.Session.Hidden = []string{"INSERT", "UPDATE", "SELECT"}, true
		return nil
	}
	return err
}

// mysqlColumn reads a row of SHOW FULL COLUMNS.
func mysqlColumn(value func(string) sql.NullString) schema.LiveColumn {
	extra, preset := strings.ToLower(value("Extra").String), value("Default").Valid
	c := schema.LiveColumn{
		Name: value("Field").String, Type: strings.ToLower(value("Type").String), Collation: value("Collation").String, NotNull: value("Null").String == "NO",
		Default: preset || strings.Contains(extra, "auto_increment") || strings.Contains(extra, "default_generated"),
	}
	c.Default = c.Default || c.NotNull && strings.HasPrefix(c.Type, "enum(") // the first element, in every sql_mode
	switch {
	case strings.Contains(extra, "virtual generated"), strings.Contains(extra, "stored generated"):
		c.Computed = schema.Generated
	case strings.Contains(extra, "auto_increment"):
		c.Computed = schema.Identity
	case !preset && extra == "":
		c.Definition = definitionOf(value("Type").String, c.Collation, value("Comment").String)
	}
	for _, right := range []string{"INSERT", "UPDATE", "SELECT"} {
		if !strings.Contains(value("Privileges").String, strings.ToLower(right)) {
			c.Lacks = append(c.Lacks, right)
		}
	}
	return c
}

// definitionOf repeats the definition of a column without a DEFAULT. A comment would have to be written as a literal that means the
// same in every sql_mode, so that a column with one has no definition here.
func definitionOf(typ, collation, comment string) string {
	if comment != "" {
		return ""
	}
	if collation == "" {
		return typ
	}
	set, _, _ := strings.Cut(collation, "_")
	return typ + " CHARACTER SET " + set + " COLLATE " + collation
}

func (r *mysqlReader) indexes(ctx context.Context, q catalogsql.Query, l *schema.Live) error {
	if !l.IsTable() {
		return nil
	}
	rows, err := r.i.h.QueryContext(ctx, q.Text)
	if err != nil {
		return err
	}
	return eachNamed(rows, func(value func(string) sql.NullString) {
		x := schema.Index{Name: value("Key_name").String, Unique: value("Non_unique").String == "0", Valid: true, Immediate: true}
		x.Visible, x.Constraint = value("Visible").String != "NO" && value("Ignored").String != "YES", x.Unique
		prefix, _ := strconv.Atoi(value("Sub_part").String) // NULL is no prefix
		addIndexColumn(l, x, schema.IndexColumn{Name: value("Column_name").String, Prefix: prefix})
	})
}

func (r *mysqlReader) triggers(ctx context.Context, q catalogsql.Query, l *schema.Live) error {
	return r.i.readTriggers(ctx, q, l)
}

// complete asks for the session's mode and about the key's collations.
func (r *mysqlReader) complete(ctx context.Context, l *schema.Live) (err error) {
	if _, err = r.i.row(ctx, catalogsql.Query{Text: catalogsql.MySQLMode}, &l.Session.Mode); err != nil {
		return err
	}
	for _, c := range r.i.keyColumns(l) {
		if c.Collation == "" || strings.HasPrefix(c.Type, "enum") || strings.HasPrefix(c.Type, "set") {
			continue
		}
		if c.Folds, err = r.i.askFoldings(ctx, catalogsql.MySQLEqual(c.Collation)); err != nil {
			return err
		}
	}
	return nil
}

// relation finds out about a table that information_schema does not show, by a question for its columns: a temporary table, or a
// table on which the user has no right at all.
func (r *mysqlReader) relation(ctx context.Context, q catalogsql.Questions, l *schema.Live) error {
	if err := r.i.readRelation(ctx, q.Relation, l); err != nil || l.Exists() {
		return err
	}
	err := r.i.each(ctx, q.Columns, func(*sql.Rows) error { return nil })
	switch number, isServers := dialect.MySQLNumber(err); {
	case err == nil, isServers && lacksRight(number):
		l.Relation.Kind, l.Relation.Transactional = schema.PlainTable, true
		return nil
	case isServers && (number == errNoSuchTable || number == errUnknownDatabase || number == errNoDatabase):
		return nil
	}
	return err
}

const (
	errNoDatabase      = 1046
	errUnknownDatabase = 1049
	errNoSuchTable     = 1146
)
