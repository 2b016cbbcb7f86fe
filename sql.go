package upsert

import (
	"fmt"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/statement"
)

// SQL returns the statement and the arguments that PutAll would send for rows, to look at and for golden tests. The rows must fit
// one statement, and no two rows may have the same key; otherwise SQL returns an error. Without rows, SQL returns the text for
// one row and no arguments. The text depends only on the table and the number of rows.
//
// On PostgreSQL the verbs also ask for the columns' types. The verbs compare by these types, bind as text the values that drivers
// would encode in different ways, and name the types in a comment. SQL asks no server.
func (t *Table[T]) SQL(rows ...T) (query string, args []any, err error) {
	if len(rows) == 0 {
		query, err = t.table.stmts.Plain(statement.Variant{Mode: dialect.Write, Rows: 1})
		return query, nil, err
	}
	b, err := t.table.batch(source(rows))
	if err != nil {
		return "", nil, err
	}
	b.untyped = true
	if len(b.passes) > 1 {
		return "", nil, fmt.Errorf("upsert: table %s: SQL: two rows have the same key, so they need two statements", t.table.name)
	}
	s, used, err := b.nextValues(b.passes[0], nil)
	if err != nil {
		return "", nil, err
	}
	if used != len(rows) {
		return "", nil, fmt.Errorf("upsert: table %s: SQL: %d rows need more than one statement", t.table.name, len(rows))
	}
	query, err = t.table.stmts.Plain(s.variant)
	return query, s.args, err
}
