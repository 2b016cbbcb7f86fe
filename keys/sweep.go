package keys

import (
	"context"
	"errors"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/jmoiron/sqlx"
)

// sweeper removes batches of expired rows around those that other transactions have locked.
type sweeper struct {
	store *Store
	// found are rows that were found locked. Only a database that cannot pass over a locked row needs to know them.
	found []claimsql.Mark
}

// mostFound is how many locked rows end a run: it costs time to find each of them, and the next run may find it free.
const mostFound = 50

// batch removes one batch. last says that there is nothing more for this run.
func (w *sweeper) batch(ctx context.Context, size int) (n int64, last bool, err error) {
	s := w.store
	if statement := s.sql.Sweep(size); statement.Text != "" {
		err = s.inTransaction(ctx, s.lightly(), func(tx *sqlx.Tx) error {
			n, err = affected(ctx, tx, statement)
			return err
		})
		return committed(n, err), n < int64(size), err
	}
	var marks []claimsql.Mark
	waits := false
	err = s.inTransaction(ctx, s.lightly(), func(tx *sqlx.Tx) error {
		if marks, err = hashes(ctx, tx, s.sql.Expired(size, w.found)); err != nil || len(marks) == 0 {
			return err
		}
		if waits = s.sql.Lock(marks).Text != ""; waits {
			return nil
		}
		n, err = affected(ctx, tx, s.sql.Remove(marks))
		return err
	})
	if n = committed(n, err); err == nil && waits {
		n, err = w.removeFree(ctx, marks)
	}
	return n, len(marks) < size || len(w.found) >= mostFound, err
}

// errLocked: another transaction has locked one of the rows.
var errLocked = errors.New("a row is locked")

// removeFree removes the rows that no other transaction has locked. One that is locked is found by trying halves, each in a
// transaction of its own: what is free is never held up by what is not for longer than a moment.
func (w *sweeper) removeFree(ctx context.Context, marks []claimsql.Mark) (n int64, err error) {
	s := w.store
	err = s.inTransaction(ctx, s.lightly(), func(tx *sqlx.Tx) error {
		n = 0
		free, err := hashes(ctx, tx, s.sql.Lock(marks))
		if waitedBriefly(err) {
			return errLocked
		}
		if err != nil || len(free) == 0 {
			return err
		}
		n, err = affected(ctx, tx, s.sql.Remove(free))
		return err
	})
	switch {
	case !errors.Is(err, errLocked):
		return committed(n, err), err
	case len(marks) == 1:
		w.found = append(w.found, marks...)
		return 0, nil
	}
	half := len(marks) / 2
	for _, part := range [][]claimsql.Mark{marks[:half], marks[half:]} {
		if len(w.found) >= mostFound {
			break
		}
		more, err := w.removeFree(ctx, part)
		if n += more; err != nil {
			return n, err
		}
	}
	return n, nil
}

// waitedBriefly reports whether a SELECT has given up because it would wait for another transaction: it has come to the limit
// that its hint sets (3024) or, on a server that knows no such limits, to that of the session.
func waitedBriefly(err error) bool {
	n, _ := dialect.MySQLNumber(err)
	return n == 3024 || n == 1205
}

// committed is what a transaction has removed, if it has.
func committed(n int64, err error) int64 {
	if err != nil {
		return 0
	}
	return n
}

func affected(ctx context.Context, tx *sqlx.Tx, q claimsql.Statement) (int64, error) {
	res, err := tx.ExecContext(ctx, q.Text, q.Args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func hashes(ctx context.Context, tx *sqlx.Tx, q claimsql.Statement) (marks []claimsql.Mark, err error) {
	rows, err := tx.QueryContext(ctx, q.Text, q.Args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var digest []byte
		if err := rows.Scan(&digest); err != nil {
			return nil, err
		}
		marks = append(marks, claimsql.Mark{Hash: hash(digest)})
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return marks, rows.Close()
}
