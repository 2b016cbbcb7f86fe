package write

import (
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/statement"
)

// valuesTransport sends a parameter for every value.
type valuesTransport struct{}

func (t valuesTransport) send(w *writer, left []int32) (int, error) { return sendNext(w, t, left) }

func (valuesTransport) next(b *batch, p plan, left []int32, room []any) (s batchStatement, taken int, err error) {
	s, taken, err = b.nextValues(left, room)
	s.variant.Filter = p.filter
	return s, taken, err
}

func (valuesTransport) maxRows(b *batch) int {
	if n := b.sent.rows.n; b.table.stmts.Fit(n, dialect.Params(b.table.spec.Writes)) < n {
		return 0
	}
	return b.sent.rows.n
}

func (b *batch) nextValues(left []int32, buf []any) (s batchStatement, taken int, err error) {
	omit := b.sent.findOmitted(left[0])
	params := dialect.Params(b.table.stmts.Columns(omit))
	limit := min(len(left), b.table.stmts.Fit(len(left), params))
	to, rows, removes := argEncoder{table: b.table, args: buf[:0]}, 0, false
	for rows < limit && !removes && (rows == 0 || b.sent.findOmitted(left[rows]) == omit) {
		if err = b.sent.encodeArgs(&to, left[rows], omit); err != nil {
			return s, 0, err
		}
		// A patch that removes members goes in a statement of its own.
		if rows > 0 && (to.removes || to.size > b.table.traits.Limits.Bytes) {
			break
		}
		removes = to.removes
		rows++
	}
	rows = b.table.stmts.Fit(rows, params)
	return batchStatement{variant: statement.Variant{Mode: dialect.Write, Rows: dialect.Rows{N: rows, Removes: removes, Wide: to.wide}, Omit: omit}, args: to.args[:rows*params], rows: left[:rows]}, rows, nil
}
