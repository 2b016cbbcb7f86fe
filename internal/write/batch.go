package write

import (
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/statement"
)

// batch is the rows of a call while they are sent, in sending order.
type batch struct {
	table *Table
	sent  keyedRows
	// passes are row indexes in key order, without two rows of one key in a pass. The n-th pass has the n-th row of each key, so
	// duplicates act as if the rows were sent one by one. Key order keeps concurrent batches from deadlocking (hazard P24). If
	// the call wants the caller's order, a pass is a run of rows that follow one another in the caller's order.
	passes  [][]int32
	inOrder bool
	bound   *batchStatement // the only statement, if the batch is a single statement
	known   *schema.Table   // the answer of the catalog, if this call has asked already
}

func (t *Table) batch(rows Rows) (*batch, error) {
	b := &batch{table: t, sent: keyedRows{table: t, rows: rows, keyed: t.keySet(nil, rows.n)}}
	for i := range rows.n {
		if err := b.sent.checkRow(i); err != nil {
			return nil, err
		}
	}
	b.passes = b.sent.keyed.Passes(rows.n)
	return b, nil
}

// keepOrder puts the rows back into the caller's order.
func (b *batch) keepOrder() {
	b.passes, b.inOrder = b.sent.keyed.InOrder(b.passes, b.sent.rows.n), true
}

// findDuplicate returns the first row, in the caller's order, whose key an earlier row has.
func (b *batch) findDuplicate() (row int, ok bool) {
	for _, pass := range b.passes[1:] {
		for _, i := range pass {
			if !ok || int(i) < row {
				row, ok = int(i), true
			}
		}
	}
	return row, ok
}

// batchStatement is one statement's variant, arguments and rows.
type batchStatement struct {
	variant statement.Variant
	args    []any
	rows    []int32
	more    bool // the next statements are known to have the same text
}
