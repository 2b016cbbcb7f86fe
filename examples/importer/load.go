package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/examples/internal/words"
)

// rules are the words of -rule. A key is -key's to name, and a generated column is never written, but a file's all are.
var rules = map[string]upsert.Rule{
	"replace": upsert.Replace, "keep": upsert.Keep, "fill": upsert.Fill, "coalesce": upsert.Coalesce,
	"max": upsert.Max, "min": upsert.Min, "or": upsert.Or, "and": upsert.And,
	"merge": upsert.Merge, "version": upsert.Version, "touch": upsert.Touch,
}

func ruleNames() []string {
	return []string{"replace", "keep", "fill", "coalesce", "max", "min", "or", "and", "merge", "version", "touch"}
}

// checkRules refuses a word that is no rule, and the rules a file cannot be written with.
func checkRules(given []assignment, keys []string) error {
	for _, r := range given {
		if problem := ruleProblem(r, slices.Contains(keys, r.column)); problem != "" {
			return usagef("-rule %s=%s: %s", r.column, r.word, problem)
		}
	}
	return nil
}

func ruleProblem(r assignment, isKey bool) string {
	if _, ok := rules[r.word]; ok && isKey {
		return "the column is a -key: what makes two rows the same row takes no rule"
	} else if ok {
		return ""
	}
	switch r.word {
	case "add":
		return "adding is not safe to repeat: the same file twice would count twice. So the importer does not offer it"
	case "generated":
		return "a generated column is never written: leave it out of the file"
	case "key":
		return "say -key " + r.column
	}
	return "there is no such rule: give one of " + strings.Join(ruleNames(), ", ")
}

// columnRules are the columns and rules as the library's options.
func columnRules(cols []column, given []assignment) []upsert.Option {
	var opts []upsert.Option
	for _, c := range cols {
		rule := upsert.Replace
		if c.key {
			rule = upsert.Key
		}
		for _, g := range given {
			if g.column == c.name {
				rule = rules[g.word]
			}
		}
		opts = append(opts, upsert.Column(c.name, rule))
	}
	return opts
}

// upsertRows writes what rd reads: the one place where this program meets the library.
func upsertRows(ctx context.Context, db *sql.DB, d dialect.Dialect, cfg *config, cols []column, file string, rd reader, seen func(int64)) (upsert.Result, error) {
	table, err := upsert.New[map[string]any](d, cfg.table, columnRules(cols, cfg.rules)...)
	if err != nil {
		return upsert.Result{}, err
	}
	src := &source{file: file, rd: rd, cols: cols}
	opts := []upsert.PutOption{upsert.Outcomes(), upsert.Progress(func(rows int64) {
		src.written(rows)
		seen(rows)
	})}
	if cfg.chunk > 0 {
		opts = append(opts, upsert.ChunkTx(cfg.chunk))
	}
	result, err := table.PutSeq(ctx, db, src.rows, opts...)
	return result, src.place(err)
}

// source is the file as the library takes it.
type source struct {
	file string
	rd   reader
	cols []column
	// lines are those of the last rows that were handed out; first is the index of the first of them.
	lines []int
	first int
}

// rows is an iter.Seq2; its error names the place in the file.
func (s *source) rows(yield func(map[string]any, error) bool) {
	for {
		cells, err := s.rd.next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			yield(nil, err)
			return
		}
		row := make(map[string]any, len(s.cols))
		for i, v := range cells {
			if row[s.cols[i].name], err = s.cols[i].value(v); err != nil {
				yield(nil, wrongf(s.file, v.line, v.col, "%v", err))
				return
			}
		}
		s.lines = append(s.lines, cells[0].line)
		if !yield(row, nil) {
			return
		}
	}
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

// aftermath says what a failed run has left in the table, as far as that is known. Until the library was called with the
// rows, which writing tells, a lost connection has lost none.
func aftermath(err error, writing bool) string {
	var partial *upsert.PartialError
	left := "nothing was written"
	switch {
	case writing && dialect.Classify(err) == dialect.Ambiguous:
		left = "the answer of the database was lost, so rows may have been written: run the same command again, that is safe"
	case errors.As(err, &partial) && partial.Rows > 0:
		left = words.Count(int(partial.Rows), "row") + " written before stay: run the same command again to go on"
	case writing && errors.Is(err, context.Canceled):
		left = "rolled back, nothing was written"
	}
	if errors.Is(err, context.Canceled) {
		return "interrupted: " + left
	}
	return left
}
