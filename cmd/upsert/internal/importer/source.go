package importer

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/goupsert/upsert"
)

// source is the file as the library takes it.
type source struct {
	file string
	rd   reader
	cols []column
	// repeats counts the rows that have the key of an earlier row.
	repeats repeats
	// lines are the lines of the last rows that were handed out; first is the index of the first of these rows.
	lines []int
	first int
}

// rows is an iter.Seq2; its error names the place in the file.
func (s *source) rows(yield func(map[string]any, error) bool) {
	for {
		row, line, err := s.next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			yield(nil, err)
			return
		}
		s.lines = append(s.lines, line)
		if !yield(row, nil) {
			return
		}
	}
}

// next is the next row as it is sent, and its line. At the end of the file the error is io.EOF.
func (s *source) next() (map[string]any, int, error) {
	cells, err := s.rd.next()
	if err != nil {
		return nil, 0, err
	}
	row := make(map[string]any, len(s.cols))
	for i, v := range cells {
		c := &s.cols[i]
		if row[c.name], err = c.value(v); err != nil {
			return nil, 0, wrongRow(c.name, s.file, v.line, v.col, "%v", err)
		}
	}
	s.repeats.note(s.cols, row, cells[0].line)
	return row, cells[0].line, nil
}

// recent is how many lines of rows that are written are kept: the rows of a batch are not sent in the file's order.
const recent = 1 << 16

// written forgets the lines of rows that are long written, so that no file is too long.
func (s *source) written(rows int64) {
	if done := int(rows) - s.first; done > 2*recent && done <= len(s.lines) {
		s.lines = slices.Delete(s.lines, 0, done-recent)
		s.first += done - recent
	}
}

// place puts the file and the line before an error about a row.
func (s *source) place(err error) error {
	var partial *upsert.PartialError
	if known := (*posError)(nil); errors.As(err, &known) && !errors.As(err, &partial) {
		return known // the reader's own, which has its place in front; of a part that stays, more is to be said
	}
	var row *upsert.RowError
	if !errors.As(err, &row) {
		return err
	}
	if at := row.Row - s.first; row.Row >= 0 && at >= 0 && at < len(s.lines) {
		return fmt.Errorf("%s:%d:1: %w", s.file, s.lines[at], err)
	}
	return err
}
