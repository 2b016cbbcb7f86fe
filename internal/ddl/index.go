package ddl

import (
	"slices"
	"strconv"
	"strings"

	"github.com/goupsert/upsert/dialect"
)

// IndexName returns a name for the unique index of the columns that no index of the table has.
func IndexName(d dialect.Dialect, t dialect.Table, columns, taken []string) string {
	base := t.Name + "_" + strings.Join(columns, "_") + "_key"
	if d.CheckIdent(base+"_99") != nil {
		base = "upsert_" + strconv.Itoa(len(taken)) + "_key"
	}
	name := base
	for n := 2; slices.ContainsFunc(taken, func(have string) bool { return strings.EqualFold(have, name) }); n++ {
		name = base + "_" + strconv.Itoa(n)
	}
	return name
}

// CreateIndex returns the statement that makes the target's unique index while others read and write the table, if concurrently is
// set and the database can.
func CreateIndex(d dialect.Dialect, t dialect.Table, by dialect.Target, name string, concurrently bool) string {
	table, columns, where := d.QuoteTable(t), list(d, by.Columns), ""
	if by.Where != "" {
		where = " WHERE " + by.Where
	}
	switch d.Name() {
	case "sqlite":
		index := d.Quote(name)
		if t.Schema != "" { // the index names the schema, and the table does not
			index, table = d.Quote(t.Schema)+"."+index, d.Quote(t.Name)
		}
		return "CREATE UNIQUE INDEX " + index + " ON " + table + " (" + columns + ")" + where
	case "postgres":
		how := ""
		if concurrently {
			how = "CONCURRENTLY "
		}
		return "CREATE UNIQUE INDEX " + how + d.Quote(name) + " ON " + table + " (" + columns + ")" + where
	}
	return "ALTER TABLE " + table + " ADD UNIQUE INDEX " + d.Quote(name) + " (" + columns + "), ALGORITHM=INPLACE, LOCK=NONE"
}

// UseIndex returns the statement that makes a constraint of an index, on PostgreSQL, or "" if the index stays an index.
func UseIndex(d dialect.Dialect, t dialect.Table, by dialect.Target, index string) string {
	if d.Name() != "postgres" || by.Where != "" {
		return ""
	}
	name := by.Constraint
	if name == "" {
		name = index
	}
	return "ALTER TABLE " + d.QuoteTable(t) + " ADD CONSTRAINT " + d.Quote(name) + " UNIQUE USING INDEX " + d.Quote(index)
}

// AddConstraint returns the statement that makes the target's constraint, for a table in which no index can become a constraint.
func AddConstraint(d dialect.Dialect, t dialect.Table, by dialect.Target) string {
	return "ALTER TABLE " + d.QuoteTable(t) + " ADD CONSTRAINT " + d.Quote(by.Constraint) + " UNIQUE (" + list(d, by.Columns) + ")"
}

// RenameIndex returns PostgreSQL's statement that gives an index another name.
func RenameIndex(d dialect.Dialect, t dialect.Table, index, name string) string {
	return "ALTER INDEX " + d.QuoteTable(dialect.Table{Schema: t.Schema, Name: index}) + " RENAME TO " + d.Quote(name)
}

// ReplacePrimaryKey returns the statement that makes another primary key on MySQL and MariaDB, in place of one of the beginnings of
// values.
func ReplacePrimaryKey(d dialect.Dialect, t dialect.Table, by dialect.Target) string {
	return "ALTER TABLE " + d.QuoteTable(t) + " DROP PRIMARY KEY, ADD PRIMARY KEY (" + list(d, by.Columns) + "), ALGORITHM=INPLACE, LOCK=NONE"
}

// DropIndex returns the statement that removes an index, or the constraint that the index belongs to.
func DropIndex(d dialect.Dialect, t dialect.Table, name string, isConstraint bool) string {
	switch {
	case isConstraint && d.Name() == "postgres":
		return "ALTER TABLE " + d.QuoteTable(t) + " DROP CONSTRAINT " + d.Quote(name)
	case d.Name() == "postgres":
		return "DROP INDEX CONCURRENTLY " + d.QuoteTable(dialect.Table{Schema: t.Schema, Name: name})
	}
	return "ALTER TABLE " + d.QuoteTable(t) + " DROP INDEX " + d.Quote(name) + ", ALGORITHM=INPLACE, LOCK=NONE"
}

// FindDuplicates returns the query for the keys that are stored more than once. Rows with NULL in one of the nullable columns do not
// stop a unique index.
func FindDuplicates(d dialect.Dialect, t dialect.Table, by dialect.Target, nullable []string) string {
	columns := list(d, by.Columns)
	var conditions []string
	if by.Where != "" {
		conditions = append(conditions, "("+by.Where+")")
	}
	for _, c := range nullable {
		conditions = append(conditions, d.Quote(c)+" IS NOT NULL")
	}
	where := ""
	if len(conditions) > 0 {
		where = " WHERE " + strings.Join(conditions, " AND ")
	}
	return "SELECT " + columns + ", COUNT(*) FROM " + d.QuoteTable(t) + where + " GROUP BY " + columns + " HAVING COUNT(*) > 1"
}

// FindNulls returns the query for the rows that have NULL in a column.
func FindNulls(d dialect.Dialect, t dialect.Table, column string) string {
	return "SELECT * FROM " + d.QuoteTable(t) + " WHERE " + d.Quote(column) + " IS NULL"
}

// SetNotNull returns the statements that make a column NOT NULL while others read and write the table, or "" if the database cannot
// do so. definition is the column's, for a database that repeats it. PostgreSQL takes the CHECK for a proof and does not read the
// table again under its lock.
func SetNotNull(d dialect.Dialect, t dialect.Table, column, definition string) string {
	table, name := d.QuoteTable(t), d.Quote(column)
	switch d.Name() {
	case "postgres":
		check := d.Quote("upsert_not_null")
		return strings.Join([]string{
			"ALTER TABLE " + table + " ADD CONSTRAINT " + check + " CHECK (" + name + " IS NOT NULL) NOT VALID",
			"ALTER TABLE " + table + " VALIDATE CONSTRAINT " + check,
			"ALTER TABLE " + table + " ALTER COLUMN " + name + " SET NOT NULL",
			"ALTER TABLE " + table + " DROP CONSTRAINT " + check,
		}, "; ")
	case "mysql", "mariadb":
		if definition != "" {
			return "ALTER TABLE " + table + " MODIFY " + name + " " + definition + " NOT NULL, ALGORITHM=INPLACE, LOCK=NONE"
		}
	}
	return ""
}
