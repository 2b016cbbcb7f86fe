package upsert

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goupsert/upsert/internal/ddl"
	"github.com/goupsert/upsert/internal/mapping"
)

// ColumnType names the type of a column for [Table.Schema], as SQL writes the type: for example "numeric(12,2)", or "timestamptz NOT
// NULL DEFAULT now()". Schema writes the text as it is. If the column is part of a key, or its field has no NULL, and the text does
// not say whether the column can be NULL, Schema adds NOT NULL. The type is also the type in a [Problem.Mend] that adds a missing
// column. If the row has no such column, New returns an error.
func ColumnType(name, sql string) Option {
	return option(func(c *config) error {
		if strings.TrimSpace(sql) == "" {
			return fmt.Errorf("upsert: ColumnType: the type of column %q is empty", name)
		}
		c.types = maps.Clone(c.types)
		if c.types == nil {
			c.types = map[string]string{}
		}
		c.types[name] = sql
		return nil
	})
}

// Schema returns the CREATE TABLE statement, with the unique index, of a table that [Table.Verify] finds nothing wrong with. The
// statement is for a migration; it does not look whether the table exists. Schema asks no server. docs/migrations.md has the table
// of the types that Schema gives to Go types.
//
// The table has the columns that the Table writes or reads back, in their order. A column is NOT NULL unless its field has a NULL: a
// pointer, a sql.Null type, a slice of bytes or a json.RawMessage. The conflict target is the primary key, or a unique index if the
// database numbers the rows in a generated column. Each other target of the struct gets a unique index too. With [IndexWhere] the
// index is a second statement, after a semicolon. On MySQL and MariaDB a string of a key is VARCHAR(255), a []byte of a key is
// VARBINARY(255), and text has a binary collation of utf8mb4.
//
// Schema returns an error that names the column if the column's type is not known, because the field is a Valuer (for example a
// decimal), has omitzero (which leaves a value to a DEFAULT), is generated and no integer, or belongs to a map: name the type with
// [ColumnType]. It returns a *dialect.UnsupportedError for a database other than SQLite, PostgreSQL, MySQL and MariaDB.
func (t *Table[T]) Schema() (string, error) {
	text, err := t.table.layout.Schema()
	var unknown *ddl.ColumnError
	if errors.As(err, &unknown) {
		return "", &RowError{Table: t.table.name, Column: unknown.Column, Row: -1, Err: unknown}
	}
	return text, err
}

// setLayout describes the table as Schema makes it.
func (d *definition) setLayout(c *config) error {
	for name := range c.types {
		if d.mapping.Index(name) < 0 {
			return d.unknownColumn("ColumnType", name)
		}
	}
	d.layout = ddl.Table{Dialect: d.spec.Dialect, Name: d.spec.Table, Target: d.spec.Target}
	targets := map[string][]string{}
	for i := range d.mapping.Columns {
		col := &d.mapping.Columns[i]
		if !slices.Contains(d.cols, col) && !slices.Contains(d.generated, col) {
			continue
		}
		d.layout.Columns = append(d.layout.Columns, ddl.Column{
			Name: col.Name, Go: col.GoType(), Rule: col.Rule, Key: len(col.Targets) > 0, OmitZero: col.OmitZero, Declared: c.types[col.Name],
		})
		for _, target := range col.Targets {
			targets[target] = append(targets[target], col.Name)
		}
	}
	for _, target := range slices.Sorted(maps.Keys(targets)) {
		if target != c.arbiter.target && d.isWhole(target, targets[target]) {
			d.layout.Others = append(d.layout.Others, targets[target])
		}
	}
	return nil
}

// isWhole reports whether all columns of a target are among the table's.
func (d *definition) isWhole(target string, have []string) bool {
	return len(have) == countOf(d.mapping, target)
}

func countOf(m *mapping.Mapping, target string) (n int) {
	for _, col := range m.Columns {
		if slices.Contains(col.Targets, target) {
			n++
		}
	}
	return n
}
