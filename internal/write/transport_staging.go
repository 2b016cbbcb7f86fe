package write

import (
	"errors"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/pipeline"
	"github.com/goupsert/upsert/internal/rowtext"
	"github.com/goupsert/upsert/internal/statement"
)

const (
	// linesSize is about how many bytes of rows are streamed in one block.
	linesSize = 60 << 10
	// stageRows is the largest number of a slice's rows that are staged before they are inserted. The number is large because
	// each insert joins the staged rows with the table.
	stageRows = 50000
	// seqRows is the same for a sequence. It is smaller because a sequence's rows are held in memory until the insert.
	seqRows = 10000
)

// stagingTransport streams rows into a staging table, and inserts them from there.
type stagingTransport struct{}

func (stagingTransport) send(w *writer, left []int32) (taken int, err error) {
	if w.session.stage.loader == nil {
		return w.stageRowByRow(left)
	}
	omit := w.batch.sent.findOmitted(left[0])
	s := batchStatement{variant: statement.Variant{Mode: dialect.Write, Omit: omit, Rows: dialect.Rows{Source: dialect.FromStage, Nth: w.session.stage.number}, Filter: w.plan.filter}}
	rows, stage := w.session.pipe.NewStream(stageRows), w.session.stage
	defer rows.CloseWrite(errUnwritten) // if a callback panics
	job := func() (int, error) {
		err := stage.fill(w.session, w.table.stmts.Columns(omit), rows)
		if rows.CloseRead(); err != nil { // s.rows is known after CloseRead
			return 0, w.failStatement(s, err)
		}
		return len(s.rows), w.sendStaged(s)
	}
	if w.session.pipe.Concurrent() {
		if err := w.session.pipe.Submit(job); err != nil {
			return 0, err
		}
	}
	taken, err = w.writeLines(rows, left, omit)
	s.rows = left[:taken]
	rows.CloseWrite(err)
	switch {
	case err != nil:
		return taken, err
	case taken == 0:
		return sendNext(w, valuesTransport{}, left)
	case !w.session.pipe.Concurrent(): // all rows have been written to the stream, and the job reads them now
		return taken, w.session.pipe.Submit(job)
	}
	return taken, nil
}

// writeLines writes rows to the stream until the stage is full or a row cannot be copied together with the others.
func (w *writer) writeLines(rows *pipeline.Stream, left []int32, omit uint64) (taken int, err error) {
	text := rowtext.New(w.session.stage.style)
	text.Buf = make([]byte, 0, linesSize+linesSize/8)
	for taken < min(len(left), stageRows) && w.batch.sent.findOmitted(left[taken]) == omit {
		fits, err := w.appendLine(text, left[taken], omit, taken)
		if err != nil {
			return taken, err
		}
		if !fits {
			break
		}
		if taken++; len(text.Buf) >= linesSize {
			if err := rows.WriteBlock(text.Buf); err != nil {
				break // the job knows why
			}
			text.Buf = make([]byte, 0, linesSize+linesSize/8)
		}
	}
	if len(text.Buf) > 0 {
		_ = rows.WriteBlock(text.Buf)
	}
	return taken, nil
}

var errUnwritten = errors.New("the rows were not all written")

// appendLine appends a row's line, or nothing if the row cannot be copied. If only the driver can encode a value of the row, the
// rows after it most likely have such values too, and the rest of the batch goes as values.
func (w *writer) appendLine(text *rowtext.Writer, i int32, omit uint64, place int) (fits bool, err error) {
	if whole, err := w.batch.sent.hasRemoval(i, omit); whole || err != nil {
		return false, err
	}
	row, start, first := w.batch.sent.rows.at(int(i)), len(text.Buf), true
	for c := range w.table.rows.cols {
		if !w.table.stmts.Sends(omit, c) {
			continue
		}
		if !first {
			text.Buf = append(text.Buf, '\t')
		}
		first = false
		hex := w.session.stage.forms[c]
		text.Hex, text.HexText, text.HexNumber, text.Numbers = hex.bytes, hex.text, hex.number, hex.numbers
		if err := w.batch.sent.encodeOne(text, i, c, row, &text.Err); err != nil {
			text.Buf, text.Err = text.Buf[:start], nil
			if w.plan.auto && isUnknown(err) {
				w.transport = valuesTransport{}
				return false, nil
			}
			return false, err
		}
	}
	if w.session.stage.place {
		text.Buf = append(text.Buf, '\t')
		text.Int(int64(place))
	}
	text.Buf = append(text.Buf, '\n')
	return true, nil
}

// savepoint is the savepoint to which a failed insert of staged rows is rolled back.
const savepoint = "_upsert_split"

// sendStaged moves the staged rows into the table, and returns the error of the row that the table does not take.
func (w *writer) sendStaged(s batchStatement) error {
	if !w.session.ownsTx || w.session.stage.text.Part == "" {
		_, err := w.moveStaged(s)
		return w.failStatement(s, err)
	}
	if _, err := w.session.db.ExecContext(w.session.ctx, "SAVEPOINT "+savepoint); err != nil {
		return err
	}
	if last, err := w.moveStaged(s); err != nil {
		return w.locateStaged(last, w.failStatement(s, err))
	}
	_, err := w.session.db.ExecContext(w.session.ctx, "RELEASE SAVEPOINT "+savepoint)
	return err
}

// moveStaged inserts the staged rows, and returns the last statement that it sent. It first tries the split statement, which
// inserts new rows without an ON CONFLICT clause and is faster. If another transaction inserts one of these keys meanwhile, the
// split statement fails with a unique violation. Then moveStaged rolls back to the savepoint and sends the statement that resolves
// conflicts. If the outcome of each row is asked for, moveStaged uses only the latter statement.
func (w *writer) moveStaged(s batchStatement) (last statement.Variant, err error) {
	if !w.session.stage.splits || !s.variant.Filter || w.result.each != nil || w.rechecks && w.options.Outcomes {
		return s.variant, w.send(s)
	}
	split := s
	split.variant.Split = true
	if _, err = w.session.db.ExecContext(w.session.ctx, w.session.stage.text.Order); err == nil {
		err = w.send(split)
	}
	if dialect.Classify(err) != dialect.UniqueViolation {
		return split.variant, err
	}
	if _, err := w.session.db.ExecContext(w.session.ctx, "ROLLBACK TO SAVEPOINT "+savepoint); err != nil {
		return split.variant, err
	}
	return s.variant, w.send(s)
}
