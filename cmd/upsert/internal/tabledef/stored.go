package tabledef

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

// Stored makes the table from the definition and the stored table. If the definition has no -column, the table has all stored
// columns, and the columns that the database computes are generated. Stored also returns the names of the columns.
//
// If the stored table is missing, Stored returns no error, because Verify explains it better.
func (d *Definition) Stored(ctx context.Context, db *sql.DB, to dialect.Dialect) (*upsert.Table[map[string]any], []string, error) {
	names := d.Names()
	if len(d.Columns) > 0 {
		table, err := d.New(to, names, nil)
		return table, names, err
	}
	stored, err := columnsOf(ctx, db, to, d.Table)
	if ctx.Err() != nil {
		return nil, nil, err
	}
	for _, name := range names {
		if !slices.Contains(stored, name) {
			stored = append(stored, name)
		}
	}
	table, err := d.New(to, stored, nil)
	if err != nil {
		return nil, nil, err
	}
	generated, err := computed(ctx, db, table)
	if err != nil || len(generated) == 0 {
		return table, stored, err
	}
	table, err = d.New(to, stored, generated)
	return table, stored, err
}

// computed returns the columns that the database computes.
func computed(ctx context.Context, db *sql.DB, table *upsert.Table[map[string]any]) (names []string, err error) {
	var wrong *upsert.SchemaError
	if err := table.Verify(ctx, db); err != nil && !errors.As(err, &wrong) {
		return nil, err
	}
	if wrong == nil {
		return nil, nil
	}
	for _, p := range wrong.Problems {
		if p.Check == upsert.CheckComputedColumn {
			names = append(names, strings.Split(p.Column, ", ")...)
		}
	}
	return names, nil
}

func columnsOf(ctx context.Context, db *sql.DB, to dialect.Dialect, table string) ([]string, error) {
	schema, name := SplitTable(table)
	rows, err := db.QueryContext(ctx, "SELECT * FROM "+to.QuoteTable(dialect.Table{Schema: schema, Name: name})+" WHERE 1 = 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	return columns, rows.Err()
}

var tableParts = regexp.MustCompile(`^(?:("(?:[^"]|"")*"|[^".][^.]*)\.)?("(?:[^"]|"")*"|[^".][^.]*)$`)

// SplitTable reads a table's name as the library does: a part with a dot in it is put in double quotes.
func SplitTable(table string) (schema, name string) {
	parts := tableParts.FindStringSubmatch(table)
	if parts == nil {
		return "", table
	}
	for i, part := range parts {
		if inner, ok := strings.CutPrefix(part, `"`); ok {
			parts[i] = strings.ReplaceAll(strings.TrimSuffix(inner, `"`), `""`, `"`)
		}
	}
	return parts[1], parts[2]
}
