package place

import (
	"context"
	"strconv"
	"strings"

	"github.com/goupsert/upsert/bench/internal/row"
)

// fillRows is below what any engine takes in a statement of thirty columns.
const fillRows = 500

func fill[R any](ctx context.Context, p *Place, s *row.Shape[R], table string, rows []R) error {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	var args []any
	for len(rows) > 0 {
		part := rows[:min(fillRows, len(rows))]
		rows = rows[len(part):]
		args = args[:0]
		for i := range part {
			args = s.Args(args, &part[i])
		}
		query := "INSERT INTO " + table + " VALUES " + marks(p.Dialect() == "postgres", len(part), len(s.Columns))
		if _, err := tx.ExecContext(ctx, query, args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// marks writes the placeholders of so many rows.
func marks(numbered bool, rows, columns int) string {
	var b strings.Builder
	n := 0
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		for j := range columns {
			b.WriteByte("(,"[min(j, 1)])
			if n++; numbered {
				b.WriteString("$" + strconv.Itoa(n))
			} else {
				b.WriteByte('?')
			}
		}
		b.WriteByte(')')
	}
	return b.String()
}
