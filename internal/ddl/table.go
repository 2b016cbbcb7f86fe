// Package ddl writes the statements that make a table and its unique indexes. It sends nothing.
package ddl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/coltype"
	"github.com/goupsert/upsert/internal/mapping"
)

// Table is a table that a program writes to.
type Table struct {
	Dialect dialect.Dialect
	Name    dialect.Table
	Target  dialect.Target
	// Others are the further targets that the program declares.
	Others  [][]string
	Columns []Column
}

// Column is a column of such a table.
type Column struct {
	Name     string
	Go       mapping.GoType
	Rule     dialect.Rule
	Key      bool   // a target has the column
	OmitZero bool   // a zero value is left to the column's DEFAULT
	Declared string // the type that the program names, or ""
}

// ColumnError says why the type of a column cannot be written.
type ColumnError struct{ Column, Reason string }

func (e *ColumnError) Error() string {
	return fmt.Sprintf("column %s: %s: name the column's type with ColumnType(%q, …)", e.Column, e.Reason, e.Column)
}

// Schema returns the statements that make the table, separated by semicolons. It returns a *ColumnError for a column whose type it
// does not know, and a *dialect.UnsupportedError for a database whose types it does not know.
func (t *Table) Schema() (string, error) {
	var lines []string
	primary, numbered := t.Target.Columns, false
	for _, c := range t.Columns {
		line, identity, err := t.column(c)
		if err != nil {
			return "", err
		}
		if identity {
			if numbered {
				return "", &ColumnError{c.Name, "the database numbers the rows in one column only"}
			}
			primary, numbered = []string{c.Name}, true
		}
		lines = append(lines, line)
	}
	for _, columns := range append([][]string{t.Target.Columns}, t.Others...) {
		if err := t.checkKeyLength(columns); err != nil {
			return "", err
		}
	}
	return t.assemble(lines, primary), nil
}

// maxKeyBytes is the length of the longest index on MySQL and MariaDB.
const maxKeyBytes = 3072

// checkKeyLength refuses a key that is too long for an index on MySQL and MariaDB. It names the first column that does not fit. A
// column whose type the program names counts for nothing.
func (t *Table) checkKeyLength(columns []string) error {
	if !t.Dialect.Traits().Values.Ordinals {
		return nil
	}
	n := 0
	for _, name := range columns {
		i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
		if i < 0 || t.Columns[i].Declared != "" {
			continue
		}
		c := t.Columns[i]
		if n += coltype.KeyBytes(coltype.For(t.Dialect, c.Go, coltype.Use{Key: true})); n > maxKeyBytes {
			return &ColumnError{name, fmt.Sprintf("an index on (%s) would be longer than the %d bytes that InnoDB allows", strings.Join(columns, ", "), maxKeyBytes)}
		}
	}
	return nil
}

// column returns the column's line. identity says that the database numbers the rows in the column.
func (t *Table) column(c Column) (line string, identity bool, err error) {
	line = t.Dialect.Quote(c.Name) + " "
	if c.Declared != "" {
		line += c.Declared
		if c.Key && !strings.Contains(strings.ToUpper(c.Declared), "NOT NULL") || t.isMandatory(c) && !saysNull(c.Declared) {
			line += " NOT NULL"
		}
		return line, false, nil
	}
	typ := coltype.For(t.Dialect, c.Go, coltype.Use{Key: c.Key, Merged: c.Rule == dialect.Merge})
	switch {
	case !isKnown(t.Dialect):
		return "", false, &dialect.UnsupportedError{Feature: "table that Schema can write", Dialect: t.Dialect.Name(), Hint: "Schema knows the types of SQLite, PostgreSQL, MySQL and MariaDB"}
	case typ == "":
		return "", false, &ColumnError{c.Name, "the Go type " + c.Go.Name + " does not say what it stores"}
	case c.OmitZero:
		return "", false, &ColumnError{c.Name, "omitzero leaves zero values to a DEFAULT, which the field does not say"}
	case c.Rule == dialect.Generated:
		line, err = t.identity(c, typ)
		return line, true, err
	}
	if t.isMandatory(c) {
		typ += " NOT NULL"
	}
	return line + typ, false, nil
}

// isMandatory reports whether the field has no NULL. A nil slice of bytes is NULL.
func (t *Table) isMandatory(c Column) bool {
	if c.Key {
		return true
	}
	return c.Go.Sort != mapping.Unknown && !c.Go.Nullable && c.Go.Sort != mapping.Bytes && c.Go.Sort != mapping.JSON && c.Rule != dialect.Generated
}

// saysNull reports whether a declaration says itself whether the column can be NULL.
func saysNull(declared string) bool {
	words := strings.Fields(strings.ToUpper(declared))
	return slices.ContainsFunc(words, func(w string) bool { return w == "NULL" || w == "GENERATED" || w == "AS" })
}

// identity returns the line of a column that the database numbers.
func (t *Table) identity(c Column, typ string) (string, error) {
	if c.Go.Sort != mapping.Int && c.Go.Sort != mapping.Uint || strings.HasPrefix(typ, "numeric") {
		return "", &ColumnError{c.Name, "a generated " + c.Go.Name + " does not say how it is generated"}
	}
	name := t.Dialect.Quote(c.Name) + " " + typ + " NOT NULL"
	switch t.Dialect.Name() {
	case "postgres":
		name += " GENERATED ALWAYS AS IDENTITY"
	case "mysql", "mariadb":
		name += " AUTO_INCREMENT"
	}
	return name, nil
}

func isKnown(d dialect.Dialect) bool {
	return slices.Contains([]string{"sqlite", "postgres", "mysql", "mariadb"}, d.Name())
}

// assemble adds the primary key and the unique indexes. A partial index is a statement of its own.
func (t *Table) assemble(lines []string, primary []string) string {
	unique, after := append([][]string{t.Target.Columns}, t.Others...), ""
	switch {
	case t.Target.Where != "":
		after = ";\n" + CreateIndex(t.Dialect, t.Name, t.Target, IndexName(t.Dialect, t.Name, t.Target.Columns, nil), false)
		unique = unique[1:]
		if slices.Equal(primary, t.Target.Columns) {
			primary = nil
		}
	case slices.Equal(primary, t.Target.Columns):
		unique = unique[1:]
	}
	if primary != nil {
		lines = append(lines, t.constraint(primary)+"PRIMARY KEY ("+list(t.Dialect, primary)+")")
	}
	word := "UNIQUE"
	if t.Dialect.Traits().Values.Ordinals {
		word = "UNIQUE INDEX"
	}
	for _, columns := range unique {
		name := ""
		if word != "UNIQUE" {
			name = " " + t.Dialect.Quote(IndexName(t.Dialect, t.Name, columns, nil))
		}
		lines = append(lines, t.constraint(columns)+word+name+" ("+list(t.Dialect, columns)+")")
	}
	end := "\n)"
	if t.Dialect.Traits().Values.Ordinals {
		end += " ENGINE=InnoDB"
	}
	return "CREATE TABLE " + t.Dialect.QuoteTable(t.Name) + " (\n  " + strings.Join(lines, ",\n  ") + end + after
}

// constraint names the constraint of the target, if the target is named by its constraint.
func (t *Table) constraint(columns []string) string {
	if t.Target.Constraint == "" || !slices.Equal(columns, t.Target.Columns) {
		return ""
	}
	return "CONSTRAINT " + t.Dialect.Quote(t.Target.Constraint) + " "
}

func list(d dialect.Dialect, names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = d.Quote(n)
	}
	return strings.Join(quoted, ", ")
}
