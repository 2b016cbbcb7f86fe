package peer

import (
	"strconv"
	"strings"

	"github.com/goupsert/upsert/bench/internal/row"
)

// upsertText is a statement of so many rows, as its database's documentation has it.
func upsertText(dialect string, columns []row.Column, rows int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO accounts (" + names(columns) + ") VALUES ")
	n := 0
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		for j := range columns {
			if j > 0 {
				b.WriteByte(',')
			}
			if n++; dialect == "postgres" {
				b.WriteString("$" + strconv.Itoa(n))
			} else {
				b.WriteByte('?')
			}
		}
		b.WriteByte(')')
	}
	b.WriteString(onConflict(dialect, columns))
	return b.String()
}

func names(columns []row.Column) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.Name
	}
	return strings.Join(list, ", ")
}

// onConflict replaces every column but the key, which is the first.
func onConflict(dialect string, columns []row.Column) string {
	var sets []string
	for _, c := range columns[1:] {
		if isMySQL(dialect) {
			sets = append(sets, c.Name+" = VALUES("+c.Name+")")
		} else {
			sets = append(sets, c.Name+" = excluded."+c.Name)
		}
	}
	if isMySQL(dialect) {
		return " ON DUPLICATE KEY UPDATE " + strings.Join(sets, ", ")
	}
	return " ON CONFLICT (" + columns[0].Name + ") DO UPDATE SET " + strings.Join(sets, ", ")
}

func isMySQL(dialect string) bool { return dialect == "mariadb" || dialect == "mysql" }

// merge is the statement that upserts another table's rows. SQLite takes ON for a join's without a WHERE.
func merge(dialect, from string, columns []row.Column) string {
	query := "INSERT INTO accounts (" + names(columns) + ") SELECT " + names(columns) + " FROM " + from
	if dialect == "sqlite" {
		query += " WHERE true"
	}
	return query + onConflict(dialect, columns)
}
