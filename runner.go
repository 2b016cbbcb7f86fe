package upsert

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/pipeline"
	"github.com/goupsert/upsert/internal/txn"
)

// runner sends the statements of one call on one handle, and prepares those that come again.
type runner struct {
	table     *table
	ctx       context.Context //nolint:containedctx // a runner lives within one call
	db        DB
	cancel    context.CancelFunc
	own       bool // the transaction is the library's
	prepares  bool
	queries   bool                 // also what returns nothing
	seen      map[string]*sql.Stmt // nil after the first use
	abandoned bool                 // a statement is at work without its caller
	pipe      *pipeline.Pipeline
	stage     *stage
	result    Result     // of the jobs that are done
	known     *catalog   // as the first part of a sequence was told
	free      chan []any // room for arguments that is not in use
}

// runner returns one for a call of one statement or of several. Only in a transaction of its own on a connection of its own
// it works in the background: nothing that the caller does between two rows can meet it there. Where keys are read back
// into the caller's types, whose methods are the caller's too, it does not.
func (t *table) runner(ctx context.Context, db DB, several bool, cfg *putConfig) *runner {
	tx, own := db.(*txn.Tx)
	r := &runner{table: t, ctx: ctx, db: db, cancel: func() {}, own: own, prepares: t.traits.PrepareChunks, queries: t.traits.QueryBinds, free: make(chan []any, 3)}
	readsKeys := cfg.each != nil || cfg.outcomes && t.versioned
	r.pipe = pipeline.New(own && tx.IsPrivate() && several && !readsKeys, cfg.progress)
	if r.pipe.Concurrent() {
		r.ctx, r.cancel = context.WithCancel(ctx)
	}
	return r
}

// finish waits for what is under way and leaves nothing behind. abort must be called after it.
func (r *runner) finish() error {
	err := r.pipe.Close()
	return cmp.Or(err, r.leave())
}

// abort does nothing after finish. If a callback has panicked instead, abort ends what is under way, which nobody will commit: a
// statement that waits for a lock is not waited for.
func (r *runner) abort() {
	defer r.cancel()
	timer := time.AfterFunc(txn.Grace, r.cancel)
	defer timer.Stop()
	r.pipe.Abort()
	_ = r.leave()
}

func (r *runner) leave() (err error) {
	if r.stage != nil {
		err = r.stage.drop(r)
		r.stage = nil
	}
	for query, stmt := range r.seen {
		if stmt != nil && !r.abandoned { // one at work ends with its transaction
			_ = stmt.Close()
		}
		delete(r.seen, query)
	}
	return err
}

// buffer returns room for arguments.
func (r *runner) buffer() []any {
	select {
	case args := <-r.free:
		return args[:0]
	default:
		return nil
	}
}

// recycle takes room for arguments back.
func (r *runner) recycle(args []any) {
	clear(args)
	select {
	case r.free <- args:
	default:
	}
}

// run runs a statement of which nothing is to be known but whether it worked. A handle of the caller's may send queries
// elsewhere, as to a pool of readers.
func (r *runner) run(s statement, query string) error {
	if r.queries && r.own {
		return r.query(s, query, func(*sql.Rows) error { return nil })
	}
	_, err := r.exec(s, query)
	return err
}

func (r *runner) exec(s statement, query string) (sql.Result, error) {
	stmt, err := r.prepared(query, s.more)
	if err != nil {
		return nil, err
	}
	var res sql.Result
	if stmt != nil {
		res, err = r.table.execStmt(r.ctx, r.db, stmt, s.args)
	} else {
		res, err = r.table.exec(r.ctx, r.db, query, s.args)
	}
	r.saw(err)
	return res, err
}

// query runs a statement and gives each row to scan.
func (r *runner) query(s statement, query string, scan func(*sql.Rows) error) error {
	stmt, err := r.prepared(query, s.more)
	if err != nil {
		return err
	}
	if stmt != nil {
		err = r.table.queryStmt(r.ctx, r.db, stmt, s.args, scan)
	} else {
		err = r.table.query(r.ctx, r.db, query, s.args, scan)
	}
	r.saw(err)
	return err
}

func (r *runner) saw(err error) {
	if err != nil {
		var a *txn.AbandonedError
		r.abandoned = r.abandoned || errors.As(err, &a)
	}
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

// prepared returns the prepared statement from a text's second use on, or from the first where there are more to come.
func (r *runner) prepared(query string, more bool) (*sql.Stmt, error) {
	if !r.prepares {
		return nil, nil
	}
	stmt, again := r.seen[query]
	if stmt != nil {
		return stmt, nil
	}
	p, ok := r.db.(dbconn.Preparer)
	if r.seen == nil {
		r.seen = map[string]*sql.Stmt{}
	}
	if !again && !more || !ok {
		r.seen[query] = nil
		return nil, nil
	}
	stmt, err := r.table.prepare(r.ctx, r.db, p, query)
	if err != nil {
		return nil, err
	}
	r.seen[query] = stmt
	return stmt, nil
}
