package keys

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/jmoiron/sqlx"
)

// leaseMark begins the owner of every row of Do, so that a finished key of Do differs from a finished key of Run: the owner of
// a key of Run is random.
const leaseMark = "\x00upsert\x01"

// newLeaseOwner returns newOwner with the mark.
func newLeaseOwner() (owner [claimsql.OwnerSize]byte) {
	_, _ = rand.Read(owner[copy(owner[:], leaseMark):]) // never fails, see crypto/rand
	return owner
}

// isLeasable reports whether the row is a key of Do.
func (st *stored) isLeasable() bool { return strings.HasPrefix(st.owner, leaseMark) }

// leasedRow is the part of a row that a call of Do needs to know.
type leasedRow struct {
	stored
	attempts int
	fence    int64
	ended    bool   // the lease has ended, by the database's clock
	until    string // the lease's end; of a parked key: since when it is parked
}

// isOwn reports whether this call has written the row.
func (r *leasedRow) isOwn(c *claim) bool { return r.owner == string(c.row.Owner[:]) }

// isLeft reports whether the key's caller has ended without an answer.
func (r *leasedRow) isLeft() bool { return r.ended || r.codec != "" }

// expect describes the row for a change of it.
func (r *leasedRow) expect(c *claim, when claimsql.LeasePart) claimsql.Expected {
	return claimsql.Expected{Hash: c.row.Hash, State: r.state, Fence: r.fence, Lease: when}
}

// look reads the key's row, and returns nil if there is none. look waits for no other transaction.
func (c *claim) look(ctx context.Context) (row *leasedRow, err error) {
	err = c.wait(ctx, func(ctx context.Context) (err error) {
		row, err = c.store.readLease(ctx, c.row.Hash)
		return err
	})
	return row, err
}

func (s *Store) readLease(ctx context.Context, h hash) (*leasedRow, error) {
	read := func(db upsert.DB) (*leasedRow, error) {
		var r leasedRow
		found, err := queryRow(ctx, db, s.sql.Lease(h), &r.state, &r.owner, &r.fingerprintVersion, &r.fingerprint,
			&r.result, &r.codec, &r.attempts, &r.fence, &r.ended, &r.until)
		if err != nil || !found {
			return nil, err
		}
		return &r, nil
	}
	row, err := callBounded(ctx, func() (*leasedRow, error) { return readCommitted(ctx, s, read) })
	if err != nil && isRetryable(err) && ctx.Err() == nil { // a transaction is tried several times
		row, err = transact(ctx, s, func(tx *sqlx.Tx) (*leasedRow, error) { return read(tx) })
	}
	return row, err
}

// errRowLocked: a transaction that Guard has joined to the lease has locked the row, or another call is changing the row. On
// SQLite any writer may be the reason.
var errRowLocked = errors.New("keys: another transaction has locked the key's row")

// change sends a compare-and-set, and reports whether the row was as expected. A change that was committed and whose answer was
// lost is sent again, and then reports false. If another transaction has locked the row, change returns errRowLocked: the holder
// is at work. changes, if it is not nil, becomes true if the row was changed and the change is about to be committed.
func (c *claim) change(ctx context.Context, write func(prefix string) claimsql.Statement, changes *atomic.Bool) (changed bool, err error) {
	changed, err = transact(ctx, c.store, func(tx *sqlx.Tx) (bool, error) {
		var w claimsql.Wait
		switch immediate := c.store.dialect.Traits().Immediate; {
		case !immediate:
			w = c.store.sql.Wait(0)
		case c.limited: // SQLite has one lock, which says nothing about the row
			w = c.store.sql.Wait(c.timeLeft())
		}
		var changed bool
		err := withWait(ctx, tx, w, func() (err error) {
			if changed, err = execOne(ctx, tx, write(w.Prefix)); changed && changes != nil {
				changes.Store(true)
			}
			return err
		})
		if dialect.Classify(err) == dialect.LockTimeout && !c.store.isBusy(err) {
			return false, errRowLocked
		}
		return changed, err
	})
	if c.store.isBusy(err) {
		err = errRowLocked
	}
	return changed, err
}

// execOne reports whether a statement has affected a row.
func execOne(ctx context.Context, db upsert.DB, q claimsql.Statement) (bool, error) {
	res, err := db.ExecContext(ctx, q.Text, q.Args...)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// outlive returns a context that ends after the time limit, or soon after the end of ctx. Whoever has had an effect must try to
// record the effect, even if nobody waits for the answer any more.
func outlive(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	long, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(recordTimeout, cancel)
		context.AfterFunc(long, func() { timer.Stop() })
	})
	return long, func() { stop(); cancel() }
}

// recordTimeout bounds how long Do goes on after the end of its context to record what has happened.
const recordTimeout = 3 * time.Second
