package write

import (
	"errors"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/rowtext"
	"github.com/goupsert/upsert/internal/statement"
)

// arraysRows is the number of rows in a statement with arrays. With fewer rows the server waits for the client, and with more
// rows the client waits for the server.
const arraysRows = 5000

// arrays collects rows as one array for each column.
type arrays struct {
	cols []*rowtext.Writer // the columns whose values come from the caller
	size int
}

func (b *batch) arrays(omit uint64) *arrays {
	a := &arrays{}
	for _, c := range b.table.stmts.Columns(omit) {
		if !c.Now {
			w := rowtext.New(rowtext.Array)
			hex := formOf(b.table.catalog.Column(c.Name))
			w.Hex, w.HexText = hex.bytes, hex.text
			w.Buf = append(w.Buf, '{')
			a.cols = append(a.cols, w)
		}
	}
	return a
}

// arraysTransport sends an array for every column.
type arraysTransport struct{}

func (t arraysTransport) send(w *writer, left []int32) (int, error) { return sendNext(w, t, left) }

func (arraysTransport) maxRows(*batch) int { return arraysRows }

func (arraysTransport) next(b *batch, p plan, left []int32, _ []any) (s batchStatement, taken int, err error) {
	omit := b.sent.findOmitted(left[0])
	a := b.arrays(omit)
	for taken < min(len(left), arraysRows) && (taken == 0 || b.sent.findOmitted(left[taken]) == omit) && a.size < b.table.traits.Limits.Bytes {
		whole, err := b.sent.hasRemoval(left[taken], omit)
		if err == nil && !whole {
			err = b.appendArrays(a, left[taken], omit)
		}
		if whole || p.auto && isUnknown(err) { // this row goes as values, and the rows after it too
			if taken > 0 {
				break
			}
			return valuesTransport{}.next(b, p, left, nil)
		}
		if err != nil {
			return s, 0, err
		}
		taken++
	}
	s = batchStatement{variant: statement.Variant{Mode: dialect.Write, Omit: omit, Rows: dialect.Rows{Source: dialect.FromArrays}, Filter: p.filter}, rows: left[:taken]}
	for _, w := range a.cols {
		s.args = append(s.args, string(append(w.Buf, '}')))
	}
	return s, taken, nil
}

func isUnknown(err error) bool {
	var unknown *rowtext.UnknownError
	return errors.As(err, &unknown)
}

// appendArrays appends a row to the arrays, or leaves the arrays unchanged if there is an error.
func (b *batch) appendArrays(a *arrays, i int32, omit uint64) error {
	row, at, size := b.sent.rows.at(int(i)), 0, 0
	var err error
	for c := range b.table.rows.cols {
		if !b.table.stmts.Sends(omit, c) {
			continue
		}
		w := a.cols[at]
		w.Mark()
		if at++; len(w.Buf) > 1 {
			w.Buf = append(w.Buf, ',')
		}
		if err = b.sent.encodeOne(w, i, c, row, &w.Err); err != nil {
			break
		}
		size += len(w.Buf)
	}
	if err != nil {
		for _, w := range a.cols[:at] {
			w.Undo()
		}
		return err
	}
	a.size = size
	return nil
}

// hasRemoval reports whether a merge patch of the row removes members. Such a row is not sent together with others.
func (k *keyedRows) hasRemoval(i int32, omit uint64) (bool, error) {
	if !k.table.rows.merges {
		return false, nil
	}
	patches := argEncoder{table: k.table, merge: true}
	row := k.rows.at(int(i))
	for c := range k.table.rows.cols {
		if k.table.spec.Writes[c].Rule == dialect.Merge && !k.table.stmts.Omits(omit, c) {
			if err := k.encodeOne(&patches, i, c, row, &patches.err); err != nil {
				return false, err
			}
		}
	}
	return patches.removes, nil
}
