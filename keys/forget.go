package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/jmoiron/sqlx"
)

// Forget removes the record of a key, with its result, so that the next call with the key is the first again. Its effect
// stays. Forget of a key that is not stored does nothing and returns nil, so Forget can be repeated. If a call with the key is
// running, Forget waits until the call's transaction has ended, and forgets what the call has recorded; [MaxWait] and
// [NoWait], given to Open, bound the wait. Forget is also how a person removes a key in StateClaimed, after a look at what
// became of its effect.
//
// A key of [Do] that is leased or parked is not removed, because its effect may have happened without a record. While fn runs,
// Forget returns an [*InProgressError]. If the key is parked, or its lease has ended without an answer, Forget returns a
// [*ParkedError]: decide with [Resolve], [Store.ResolveFinal] or [Store.Release], and then forget the key.
//
// Forget also returns an error that names the part if a part of the key is wrong, an error inside fn, see [Outside], and
// otherwise the database's error.
func (s *Store) Forget(ctx context.Context, k Key) error {
	c, err := s.claim(k, Fingerprint{}, true, nil)
	if err != nil {
		return err
	}
	if err := s.refuseInside(ctx, s.lockName(k)); err != nil {
		return err
	}
	c.row.KeyTime = 0 // an old key can be forgotten too
	err = s.inTransaction(ctx, s.readCommittedOptions(), func(h handle) error { return c.forget(ctx, h) })
	var kept *unforgettableError
	switch {
	case err == nil, errors.Is(err, errNothingStored):
		return nil
	case errors.As(err, &kept):
		err = c.refuseForgetting(ctx, kept.row)
	}
	return c.wrapError(ctx, err)
}

// unforgettableError rolls back the transaction of Forget, because the row must be kept.
type unforgettableError struct{ row stored }

func (e *unforgettableError) Error() string { return "the key must be kept" }

// errNothingStored rolls back the transaction of Forget, with the claim in it.
var errNothingStored = errors.New("nothing is stored")

// forget removes the key's row. It claims the key first, because only a claim waits for the open transaction of another claim
// on every database: on PostgreSQL a DELETE does not see the row that another transaction has inserted.
func (c *claim) forget(ctx context.Context, h handle) error {
	got, st, err := c.take(ctx, h)
	switch {
	case err != nil:
		return err
	case got:
		return errNothingStored
	case !slices.Contains(claimsql.Forgettable(), st.state):
		return &unforgettableError{st}
	}
	n, err := send(ctx, h, func(tx *sqlx.Tx) (int64, error) { return execAffected(ctx, tx, c.store.sql.Forget(c.row.Hash)) })
	if err == nil && n == 0 {
		return errRowMissing // another caller was faster, or the state has changed: look again
	}
	return err
}

// refuseForgetting returns the error for a key that must be kept.
func (c *claim) refuseForgetting(ctx context.Context, st stored) error {
	if st.state != claimsql.Leased && st.state != claimsql.Parked {
		return fmt.Errorf("keys: %s: its row has the state %d, which this version does not know: a newer version of this package may have written the row", c.key, st.state)
	}
	row, err := c.store.readLease(ctx, c.row.Hash)
	switch {
	case err != nil:
		return err
	case row == nil || row.state == claimsql.Leased && !row.isLeft():
		return c.inProgress(nil)
	}
	return (&doOp{claim: c}).parked(row, c.store.storedReason(row.result))
}

// KeptError is returned by [Store.ForgetScope] if keys of the scope were leased or parked. All other keys of the scope have
// been removed. When the leases have ended, and a person has decided about the parked keys, call ForgetScope again.
type KeptError struct {
	Scope          string
	Leased, Parked int64
}

func (e *KeptError) Error() string {
	return fmt.Sprintf("keys: %d leased and %d parked keys of scope %s were not forgotten, because nobody knows yet what became of their effects: decide about the parked keys, and forget the scope again when the leases have ended",
		e.Leased, e.Parked, readable(e.Scope, false))
}

// spanRows is how many rows ForgetScope looks at in one statement.
const spanRows = 5000

// ForgetScope removes the records of all keys of a scope, for example because a person has asked for erasure, and returns how
// many. The effects stay, and so do messages, whose consumer is no scope. ForgetScope can be repeated. Stop the scope's calls
// first, because a key whose first transaction is running is not seen.
//
// No index has the scope, so ForgetScope reads the whole table once, 5,000 rows in a statement, and removes the scope's keys in
// transactions of 100 keys. As [Store.GC] does, it works a tenth of the time, and GCBatchSize, GCShare, GCLimit and GCProgress
// change that; with a limit, ForgetScope ends when as many keys have been removed. The hook Remove is called for each batch.
//
// Keys that are leased or parked are left out. If there are any, ForgetScope returns a [*KeptError] after it has removed the
// others. It returns an error if the scope is empty or too long or an option does not fit, an error inside fn, see [Outside],
// and otherwise the context's error or the database's. removed counts the keys whose removal was committed, also if
// ForgetScope returns an error.
func (s *Store) ForgetScope(ctx context.Context, scope string, opts ...GCOption) (removed int64, err error) {
	if err := s.checkReady(); err != nil {
		return 0, err
	}
	if err := checkPart("key's Scope", scope); err != nil {
		return 0, err
	}
	if err := s.refuseInside(ctx, ""); err != nil {
		return 0, err
	}
	g, err := newGC(opts)
	if err != nil {
		return 0, err
	}
	e := eraser{store: s, gc: g, scope: scope, kept: KeptError{Scope: scope}}
	if err := e.run(ctx); err != nil {
		return e.removed, fmt.Errorf("keys: ForgetScope: %w", s.explain(ctx, err))
	}
	if e.kept.Leased+e.kept.Parked > 0 {
		return e.removed, &e.kept
	}
	return e.removed, nil
}

// eraser is one call of ForgetScope.
type eraser struct {
	store   *Store
	gc      gc
	scope   string
	removed int64
	kept    KeptError
}

func (e *eraser) run(ctx context.Context) error {
	var after *hash
	for {
		began := time.Now()
		last, err := readCommitted(ctx, e.store, func(db upsert.DB) (*hash, error) { return findHash(ctx, db, e.store.sql.SpanEnd(after, spanRows)) })
		if err != nil {
			return err
		}
		marks, err := e.look(ctx, claimsql.Span{After: after, Last: last})
		if err != nil {
			return err
		}
		if err := e.gc.pause(ctx, time.Since(began)); err != nil {
			return err
		}
		for len(marks) > 0 && !e.isFull() {
			n := e.size(len(marks))
			if err := e.remove(ctx, marks[:n]); err != nil {
				return err
			}
			marks = marks[n:]
		}
		if after = last; last == nil || e.isFull() {
			return nil
		}
	}
}

func (e *eraser) isFull() bool { return e.gc.limit > 0 && e.removed >= e.gc.limit }

// size returns how many of n keys the next batch removes.
func (e *eraser) size(n int) int {
	n = min(n, e.gc.batch)
	if e.gc.limit > 0 {
		n = int(min(int64(n), e.gc.limit-e.removed))
	}
	return n
}

// look returns the scope's keys in a part of the table that may be removed, and counts the others.
func (e *eraser) look(ctx context.Context, span claimsql.Span) ([]claimsql.Mark, error) {
	q := e.store.sql.InScope(readable(e.scope, e.store.server.asciiOnly), span)
	found, err := readCommitted(ctx, e.store, func(db upsert.DB) ([]keyState, error) { return queryAll(ctx, db, q, scanState) })
	var marks []claimsql.Mark
	for _, k := range found {
		switch {
		case slices.Contains(claimsql.Forgettable(), k.state):
			marks = append(marks, claimsql.Mark{Hash: k.hash})
		case k.state == claimsql.Leased:
			e.kept.Leased++
		default:
			e.kept.Parked++
		}
	}
	return marks, err
}

// remove removes a batch.
func (e *eraser) remove(ctx context.Context, marks []claimsql.Mark) error {
	began := time.Now()
	q := e.store.sql
	n, err := transact(ctx, e.store, func(tx *sqlx.Tx) (int64, error) {
		lock := q.LockForgettable(marks)
		if lock.Text == "" {
			return execAffected(ctx, tx, q.ForgetAll(marks))
		}
		locked, err := queryHashes(ctx, tx, lock)
		if err != nil || len(locked) == 0 {
			return 0, err
		}
		return execAffected(ctx, tx, q.Remove(locked))
	})
	if err != nil {
		return err
	}
	e.removed += n
	e.gc.tell(ctx, e.store, Event{Duration: time.Since(began), Count: n}, e.removed)
	return e.gc.pause(ctx, time.Since(began))
}

// keyState is a key's hash and state.
type keyState struct {
	hash  hash
	state int
}

func scanState(scan func(...any) error) (k keyState, err error) {
	var digest []byte
	if err := scan(&digest, &k.state); err != nil {
		return k, err
	}
	k.hash = hash(digest)
	return k, nil
}

// findHash returns the hash in the first row, or nil if there is no row.
func findHash(ctx context.Context, db upsert.DB, q claimsql.Statement) (*hash, error) {
	var digest []byte
	found, err := queryRow(ctx, db, q, &digest)
	if err != nil || !found {
		return nil, err
	}
	h := hash(digest)
	return &h, nil
}
