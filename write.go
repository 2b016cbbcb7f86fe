package upsert

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/goupsert/upsert/dialect"
)

// writer sends a batch's statements on one handle.
type writer struct {
	*batch
	*runner
	cfg    *putConfig
	result Result
	each   []Outcome // by row, where they are asked for
	buf    []any
	flag   bool // an insert can be told by a flag
}

// write sends the batch on db and returns what happened.
func (b *batch) write(ctx context.Context, r *runner, cfg *putConfig) (w *writer, err error) {
	w = &writer{batch: b, runner: r, cfg: cfg}
	if cfg.each != nil {
		w.each = make([]Outcome, b.rows.n)
	}
	if err := b.ready(ctx, r.db); err != nil {
		return w, err
	}
	if cfg.outcomes {
		if w.flag, err = b.flags(ctx, r.db); err != nil {
			return w, err
		}
	}
	done := 0
	for _, wave := range b.waves {
		for left := wave; len(left) > 0; {
			s, n, err := b.next(left, w.buf)
			if err != nil {
				return w, err
			}
			w.buf = s.args
			w.more = n == w.rowsMax && len(left) >= 2*n
			if err := w.send(s); err != nil {
				return w, b.failStatement(s, err)
			}
			left = left[n:]
			if done += n; cfg.progress != nil {
				cfg.progress(int64(done))
			}
		}
	}
	return w, nil
}

func (b *batch) failStatement(s statement, err error) error {
	if len(s.rows) == 1 {
		return b.table.fail(err, int(s.rows[0])+b.rows.first)
	}
	return &failedStatement{b, s.rows, err}
}

func (w *writer) send(s statement) error {
	switch {
	case !w.cfg.outcomes:
		return w.blind(s)
	case w.traits.Reporting == dialect.ReportBeforehand:
		return w.foretold(s)
	case w.traits.Reporting == dialect.ReportCode:
		return w.coded(s)
	case w.traits.Reporting == dialect.ReportLastID:
		return w.oneByOne(s)
	case !w.traits.Returning:
		return w.blind(s)
	}
	return w.flagged(s)
}

// blind sends a statement without asking.
func (w *writer) blind(s statement) error {
	query, err := w.text(s.shape)
	if err != nil {
		return err
	}
	if _, err := w.exec(query, s.args); err != nil {
		return err
	}
	w.result.count(Unknown, len(s.rows))
	return nil
}

func (w *writer) happened(i int32, o Outcome) {
	w.result.count(o, 1)
	if w.each != nil {
		w.each[i] = o
	}
}

// foretold asks what the statement will do and then sends it. It runs in a write transaction.
func (w *writer) foretold(s statement) error {
	fates, err := w.compare(s)
	if err != nil {
		return err
	}
	query, err := w.text(s.shape)
	if err != nil {
		return err
	}
	if _, err := w.exec(query, s.args); err != nil {
		return err
	}
	for at, i := range s.rows {
		o, err := fates[at].outcome(Inserted)
		if err != nil {
			return w.batch.fail(int(i), w.target.Columns[0], err)
		}
		w.happened(i, o)
	}
	return nil
}

// coded sends a statement that returns a code for every row.
func (w *writer) coded(s statement) error {
	s.report = true
	if w.each != nil && len(s.rows) > 1 {
		s.back = backKeys
	}
	query, err := w.text(s.shape)
	if err != nil {
		return err
	}
	m := w.matcher(s)
	return w.query(query, s.args, func(rows *sql.Rows) error {
		var code int64
		i, err := m.scan(rows, &code)
		if err != nil {
			return err
		}
		o, err := codeOutcome(code)
		if err == nil {
			w.happened(i, o)
		}
		return err
	})
}

func codeOutcome(code int64) (Outcome, error) {
	switch code {
	case dialect.CodeInserted:
		return Inserted, nil
	case dialect.CodeUpdated:
		return Updated, nil
	case dialect.CodeUnchanged:
		return Unchanged, nil
	case dialect.CodeStale:
		return Stale, nil
	}
	return Unknown, fmt.Errorf("the database reports %d for a row, which is no code of the statement's", code)
}

// oneByOne sends each row in a statement of its own and reads the code from LastInsertId. An inserted row leaves there
// whatever the table's auto-increment makes, which is no code.
func (w *writer) oneByOne(s statement) error {
	params := len(s.args) / len(s.rows)
	single := shape{mode: s.mode, rows: 1, omit: s.omit, report: true}
	query, err := w.text(single)
	if err != nil {
		return err
	}
	for at, i := range s.rows {
		o, err := lastID(w.exec(query, s.args[at*params:(at+1)*params]))
		if err != nil {
			return w.batch.failStatement(statement{rows: s.rows[at : at+1]}, err)
		}
		w.happened(i, o)
	}
	return nil
}

func lastID(res sql.Result, err error) (Outcome, error) {
	if err != nil {
		return Unknown, err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return Unknown, err
	}
	if o, err := codeOutcome(id); err == nil {
		return o, nil
	}
	return Inserted, nil
}

// flagged sends a statement that returns the rows it wrote, with a flag for the inserted ones where there is one. The rows
// it skipped are the same, or stale where there is a version.
func (w *writer) flagged(s statement) error {
	s.report, s.back = w.flag, backKeys
	if s.report && (len(s.rows) == 1 || w.each == nil && !w.versioned) {
		s.back = backNone // how many is enough
	}
	query, err := w.text(s.shape)
	if err != nil {
		return err
	}
	m := w.matcher(s)
	written := 0
	err = w.query(query, s.args, func(rows *sql.Rows) error {
		var dest []any
		inserted, o := false, Unknown
		if s.report {
			dest = append(dest, &inserted)
		}
		i, err := m.scan(rows, dest...)
		if err != nil {
			return err
		}
		if s.report {
			o = Updated
			if inserted {
				o = Inserted
			}
		}
		written++
		w.happened(i, o)
		return nil
	})
	if err != nil || written == len(s.rows) {
		return err
	}
	return w.skipped(s, m, written)
}

// skipped tells what the rows were that a statement did not return.
func (w *writer) skipped(s statement, m *matcher, written int) error {
	if !w.versioned && (m.seen == nil || w.each == nil) {
		w.result.count(Unchanged, len(s.rows)-written)
		if w.each != nil { // then it is the only row
			w.each[s.rows[0]] = Unchanged
		}
		return nil
	}
	if !w.versioned {
		for at, i := range s.rows {
			if !m.seen[at] {
				w.happened(i, Unchanged)
			}
		}
		return nil
	}
	fates, err := w.compare(s)
	if err != nil {
		return err
	}
	for at, i := range s.rows {
		if m.seen == nil || !m.seen[at] {
			o, err := fates[at].outcome(Unknown)
			if err != nil {
				return w.batch.fail(int(i), w.target.Columns[0], err)
			}
			w.happened(i, o)
		}
	}
	return nil
}
