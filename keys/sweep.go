package keys

import (
	"context"
	"errors"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/jmoiron/sqlx"
)

// sweeper removes batches of expired rows and skips the rows that other transactions have locked.
type sweeper struct {
	store *Store
	// locked are the rows that were found locked. They are needed only on a database that cannot skip locked rows.
	locked []claimsql.Mark
}

// maxLocked is how many locked rows end a run: finding each of them costs time, and the next run may find the row unlocked.
const maxLocked = 50

// batch removes one batch. last reports that this run can remove nothing more.
func (w *sweeper) batch(ctx context.Context, size int) (n int64, last bool, err error) {
	s := w.store
	if statement := s.sql.Sweep(size); statement.Text != "" {
		n, err = transact(ctx, s, func(tx *sqlx.Tx) (int64, error) { return execAffected(ctx, tx, statement) })
		return n, n < int64(size), err
	}
	found, err := transact(ctx, s, func(tx *sqlx.Tx) (b removal, err error) {
		if b.marks, err = queryHashes(ctx, tx, s.sql.Expired(size, w.locked)); err != nil || len(b.marks) == 0 {
			return b, err
		}
		if b.needsLock = s.sql.Lock(b.marks).Text != ""; b.needsLock {
			return b, nil
		}
		b.n, err = execAffected(ctx, tx, s.sql.Remove(b.marks))
		return b, err
	})
	if n = found.n; err == nil && found.needsLock {
		n, err = w.removeUnlocked(ctx, found.marks)
	}
	return n, len(found.marks) < size || len(w.locked) >= maxLocked, err
}

// removal says which rows a transaction has found expired, and how many of them the transaction has removed.
type removal struct {
	marks     []claimsql.Mark
	needsLock bool // removing the rows would wait for a transaction that has locked one of them
	n         int64
}

// errLocked: another transaction has locked one of the rows.
var errLocked = errors.New("a row is locked")

// removeUnlocked removes the rows that no other transaction has locked. removeUnlocked finds a locked row by trying halves,
// each in a transaction of its own, so that a locked row holds up the others only for a moment.
func (w *sweeper) removeUnlocked(ctx context.Context, marks []claimsql.Mark) (n int64, err error) {
	s := w.store
	n, err = transact(ctx, s, func(tx *sqlx.Tx) (int64, error) {
		free, err := queryHashes(ctx, tx, s.sql.Lock(marks))
		if isBrieflyBlocked(err) {
			return 0, errLocked
		}
		if err != nil || len(free) == 0 {
			return 0, err
		}
		return execAffected(ctx, tx, s.sql.Remove(free))
	})
	switch {
	case !errors.Is(err, errLocked):
		return n, err
	case len(marks) == 1:
		w.locked = append(w.locked, marks...)
		return 0, nil
	}
	half := len(marks) / 2
	for _, part := range [][]claimsql.Mark{marks[:half], marks[half:]} {
		if len(w.locked) >= maxLocked {
			break
		}
		more, err := w.removeUnlocked(ctx, part)
		if n += more; err != nil {
			return n, err
		}
	}
	return n, nil
}

// isBrieflyBlocked reports whether a SELECT has given up because it would wait for another transaction: the SELECT has
// reached the limit that its hint sets (3024) or, on a server without such hints, the session's limit.
func isBrieflyBlocked(err error) bool {
	n, _ := dialect.MySQLNumber(err)
	return n == 3024 || n == 1205
}

func execAffected(ctx context.Context, tx *sqlx.Tx, q claimsql.Statement) (int64, error) {
	res, err := tx.ExecContext(ctx, q.Text, q.Args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func queryHashes(ctx context.Context, tx *sqlx.Tx, q claimsql.Statement) (marks []claimsql.Mark, err error) {
	return queryAll(ctx, tx, q, func(scan func(...any) error) (claimsql.Mark, error) {
		var digest []byte
		if err := scan(&digest); err != nil {
			return claimsql.Mark{}, err
		}
		return claimsql.Mark{Hash: hash(digest)}, nil
	})
}
