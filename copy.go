package upsert

import (
	"errors"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/pipeline"
	"github.com/goupsert/upsert/internal/rowtext"
)

const (
	// linesSize is about how many bytes of rows are streamed at once.
	linesSize = 60 << 10
	// stageRows is the most rows of a slice that are staged before they are inserted: each time they are joined with
	// the table.
	stageRows = 50000
	// seqRows is the same for a sequence, whose rows are held in memory until then.
	seqRows = 10000
)

// stepCopy streams the next rows of those that are left into the staging table and has them inserted from there.
func (w *writer) stepCopy(left []int32) (taken int, err error) {
	if w.stage.stream == nil {
		return w.stepRows(left)
	}
	omit := w.omitted(left[0])
	s := statement{shape: shape{mode: dialect.Write, omit: omit, source: dialect.FromStage, filter: w.route.filter, nth: w.stage.nth}}
	rows, stage := w.pipe.NewStream(stageRows), w.stage
	defer rows.CloseWrite(errUnwritten) // if a callback panics
	job := func() (int, error) {
		err := stage.fill(w.runner, w.columns(omit), rows)
		if rows.CloseRead(); err != nil { // now it is known which rows were among them
			return 0, w.failStatement(s, err)
		}
		return len(s.rows), w.failStatement(s, w.sendStaged(s))
	}
	if w.pipe.Concurrent() {
		if err := w.pipe.Submit(job); err != nil {
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
		return w.stepValues(left)
	case !w.pipe.Concurrent(): // the rows were written first, and are read now
		return taken, w.pipe.Submit(job)
	}
	return taken, nil
}

// stepValues sends the next rows as values, because the first of them cannot be copied.
func (w *writer) stepValues(left []int32) (taken int, err error) {
	s, taken, err := w.nextValues(left, w.buffer())
	if err != nil {
		return 0, err
	}
	s.filter = w.route.filter
	return taken, w.pipe.Submit(func() (int, error) { return taken, w.failStatement(s, w.send(s)) })
}

// writeLines writes rows until the stage is full or one cannot be among them.
func (w *writer) writeLines(rows *pipeline.Stream, left []int32, omit uint64) (taken int, err error) {
	text := rowtext.New(w.stage.style)
	text.Buf = make([]byte, 0, linesSize+linesSize/8)
	for taken < min(len(left), stageRows) && w.omitted(left[taken]) == omit {
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

// appendLine appends a row's line, or nothing if the row cannot be copied. If that is because only the driver knows a value, the
// rows after it are most likely the same, and all of them go as values.
func (w *writer) appendLine(text *rowtext.Writer, i int32, omit uint64, place int) (fits bool, err error) {
	if whole, err := w.removesRow(i, omit); whole || err != nil {
		return false, err
	}
	row, start, first := w.rows.at(int(i)), len(text.Buf), true
	for c := range w.cols {
		if !w.sends(omit, c) {
			continue
		}
		if !first {
			text.Buf = append(text.Buf, '\t')
		}
		first = false
		hex := w.stage.hex[c]
		text.Hex, text.HexText, text.HexNumber, text.Numbers = hex.bytes, hex.text, hex.number, hex.numbers
		if err := w.encodeOne(text, i, c, row, &text.Err); err != nil {
			text.Buf, text.Err = text.Buf[:start], nil
			if w.route.auto && isUnknown(err) {
				w.route.path = Values
				return false, nil
			}
			return false, err
		}
	}
	if w.stage.place {
		text.Buf = append(text.Buf, '\t')
		text.Int(int64(place))
	}
	text.Buf = append(text.Buf, '\n')
	return true, nil
}

// savepoint is what a split statement is rolled back to.
const savepoint = "_upsert_split"

// sendStaged inserts what is staged. The split statement inserts faster what is not there yet; where others have inserted one
// of its keys meanwhile, the one that resolves conflicts does it all. Where each row's outcome is asked for there is that one
// alone.
func (w *writer) sendStaged(s statement) error {
	if !w.stage.splits || !s.filter || w.each != nil || w.rechecks && w.cfg.outcomes {
		return w.send(s)
	}
	if _, err := w.db.ExecContext(w.ctx, "SAVEPOINT "+savepoint); err != nil {
		return err
	}
	split := s
	split.split = true
	end := "RELEASE SAVEPOINT "
	_, err := w.db.ExecContext(w.ctx, w.stage.text.Order)
	if err == nil {
		err = w.send(split)
	}
	conflict := dialect.Classify(err) == dialect.UniqueViolation
	switch {
	case conflict:
		end = "ROLLBACK TO SAVEPOINT "
	case err != nil:
		return err
	}
	if _, err := w.db.ExecContext(w.ctx, end+savepoint); err != nil || !conflict {
		return err
	}
	return w.send(s)
}
