package write

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/pipeline"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/txn"
)

// session sends the statements of one call on one handle, and prepares a statement whose text comes again.
type session struct {
	table     *Table
	ctx       context.Context //nolint:containedctx // a session lives within one call
	db        dbconn.Handle
	cancel    context.CancelFunc
	ownsTx    bool                 // the library began the transaction
	seen      map[string]*sql.Stmt // by text; the value is nil after the first use
	abandoned bool                 // the call no longer waits for a statement that is still running
	pipe      *pipeline.Pipeline
	stage     *stage
	counts    Counts        // the outcomes of the jobs that are done
	known     *schema.Table // the catalog that the first part of a sequence was given
	free      chan []any    // argument buffers that are not in use
}

// newSession returns a session for a call of one statement or of several statements. The session works in the background only in the
// library's own transaction on a connection of its own, because the caller's code cannot use this connection between two rows. If
// keys or rows are read back into the caller's types, the session does not work in the background, because these types' methods are the
// caller's code too.
func (t *Table) newSession(ctx context.Context, db dbconn.Handle, several bool, o *Options) *session {
	tx, own := db.(*txn.Tx)
	r := &session{table: t, ctx: ctx, db: db, cancel: func() {}, ownsTx: own, free: make(chan []any, 3)}
	readsKeys := o.Each != nil || o.Outcomes && t.rows.versioned || t.readsRowByRow(o)
	r.pipe = pipeline.New(own && tx.IsPrivate() && several && !readsKeys, o.Progress)
	if r.pipe.Concurrent() {
		r.ctx, r.cancel = context.WithCancel(ctx)
	}
	return r
}

// finish waits for the statements in the background and cleans up. abort must be called after finish.
func (r *session) finish() error {
	err := r.pipe.Close()
	return cmp.Or(err, r.leave())
}

// abort does nothing after finish. If a callback has panicked before finish, abort ends the statements in the background. Nobody
// will commit them, so abort does not wait for a statement that waits for a lock.
func (r *session) abort() {
	defer r.cancel()
	timer := time.AfterFunc(txn.Grace, r.cancel)
	defer timer.Stop()
	r.pipe.Abort()
	_ = r.leave()
}

// leave drops the staging table and closes the prepared statements.
func (r *session) leave() (err error) {
	if r.stage != nil {
		err = r.stage.drop(r)
		r.stage = nil
	}
	for query, stmt := range r.seen {
		if stmt != nil && !r.abandoned { // a statement that is still running ends with its transaction
			_ = stmt.Close()
		}
		delete(r.seen, query)
	}
	return err
}

// buffer returns an argument buffer that is not in use, or nil.
func (r *session) buffer() []any {
	select {
	case args := <-r.free:
		return args[:0]
	default:
		return nil
	}
}

// release takes back an argument buffer. A handle of the caller's may have kept the arguments.
func (r *session) release(args []any) {
	if !r.ownsTx {
		return
	}
	clear(args)
	select {
	case r.free <- args:
	default:
	}
}

// run runs a statement and reports only whether the statement worked. On the caller's handle run never sends a query, because
// such a handle may send queries elsewhere, for example to a pool of readers.
func (r *session) run(s batchStatement, query string) error {
	if r.table.traits.QueryBinds && r.ownsTx {
		return r.query(s, query, func(*sql.Rows) error { return nil })
	}
	_, err := r.exec(s, query)
	return err
}

func (r *session) exec(s batchStatement, query string) (sql.Result, error) {
	stmt, err := r.prepared(query, s.more)
	if err != nil {
		return nil, err
	}
	var res sql.Result
	if stmt != nil {
		res, err = r.table.txn.ExecStmt(r.ctx, r.db, stmt, s.args)
	} else {
		res, err = r.table.txn.Exec(r.ctx, r.db, query, s.args)
	}
	r.checkAbandoned(err)
	return res, err
}

// query runs a statement and calls scan for each row.
func (r *session) query(s batchStatement, query string, scan func(*sql.Rows) error) error {
	stmt, err := r.prepared(query, s.more)
	if err != nil {
		return err
	}
	if stmt != nil {
		err = r.table.txn.QueryStmt(r.ctx, r.db, stmt, s.args, scan)
	} else {
		err = r.table.txn.Query(r.ctx, r.db, query, s.args, scan)
	}
	r.checkAbandoned(err)
	return err
}

// read is query for a text that may come again.
func (r *session) read(_ context.Context, _ dbconn.Handle, query string, args []any, scan func(*sql.Rows) error) error {
	return r.query(batchStatement{args: args}, query, scan)
}

// checkAbandoned notices an error which says that the statement is still running.
func (r *session) checkAbandoned(err error) {
	if err != nil {
		var a *txn.AbandonedError
		r.abandoned = r.abandoned || errors.As(err, &a)
	}
}

// prepared returns the prepared statement for a text, or nil if the text should be sent unprepared. A text is prepared at its
// second use, or at its first use if more statements with this text will follow.
func (r *session) prepared(query string, more bool) (*sql.Stmt, error) {
	if !r.table.traits.PrepareChunks {
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
	stmt, err := r.table.txn.Prepare(r.ctx, r.db, p, query)
	r.checkAbandoned(err)
	if err != nil {
		return nil, err
	}
	r.seen[query] = stmt
	return stmt, nil
}
