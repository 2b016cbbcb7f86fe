package upsert

import (
	"context"
	"database/sql"
)

// runner sends statements on one handle, and prepares those that come again.
type runner struct {
	ctx      context.Context //nolint:containedctx // a runner lives within one call
	db       DB
	prepares bool
	seen     map[string]*sql.Stmt // nil after the first use
	more     bool                 // the next statements are known to come again
}

func (t *table) runner(ctx context.Context, db DB) *runner {
	return &runner{ctx: ctx, db: db, prepares: t.traits.PrepareChunks}
}

func (r *runner) exec(query string, args []any) (sql.Result, error) {
	stmt, err := r.prepared(query)
	switch {
	case err != nil:
		return nil, err
	case stmt != nil:
		return stmt.ExecContext(r.ctx, args...)
	}
	return r.db.ExecContext(r.ctx, query, args...)
}

// query runs a statement and gives each row to scan.
func (r *runner) query(query string, args []any, scan func(*sql.Rows) error) error {
	stmt, err := r.prepared(query)
	if err != nil {
		return err
	}
	var rows *sql.Rows
	if stmt != nil {
		rows, err = stmt.QueryContext(r.ctx, args...)
	} else {
		rows, err = r.db.QueryContext(r.ctx, query, args...)
	}
	if err != nil {
		return err
	}
	return each(rows, func() error { return scan(rows) })
}

// each calls f for every row and closes rows. It reads to the end, for some drivers report a statement's error only there.
func each(rows *sql.Rows, f func() error) (err error) {
	defer func() {
		if closing := rows.Close(); err == nil {
			err = closing
		}
	}()
	for rows.Next() {
		if err := f(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// prepared returns the prepared statement from a text's second use on, or from the first where it is known to come again.
func (r *runner) prepared(query string) (*sql.Stmt, error) {
	if !r.prepares {
		return nil, nil
	}
	stmt, again := r.seen[query]
	if stmt != nil {
		return stmt, nil
	}
	p, ok := r.db.(preparer)
	if r.seen == nil {
		r.seen = map[string]*sql.Stmt{}
	}
	if !again && !r.more || !ok {
		r.seen[query] = nil
		return nil, nil
	}
	stmt, err := p.PrepareContext(r.ctx, query)
	if err != nil {
		return nil, err
	}
	r.seen[query] = stmt
	return stmt, nil
}

func (r *runner) close() {
	for _, stmt := range r.seen {
		if stmt != nil {
			_ = stmt.Close()
		}
	}
}
