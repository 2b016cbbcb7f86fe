package keys

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/jmoiron/sqlx"
)

// Do has an effect outside the database, for example a card that is charged or a mail that is sent. Such an effect cannot be
// committed together with its key. So Do takes the key with a lease, calls fn without a transaction and without a connection,
// and records how fn has ended. While fn runs, Do renews the lease; see [Lease]. Hand [Held.Downstream] to the other side: it is
// the same at every attempt.
//
//   - If fn returns nil, its result is remembered, and every later call gets the result with replayed true. An error marked with
//     [Final] is remembered too.
//   - An error marked with [NotDone] says that nothing has happened. The key is free again.
//   - Every other error, a panic and an ended context leave it unknown whether the effect has happened. The call gets the error.
//     The key is kept, and from the lease's end on the policy of the next call decides: [Park], the default, [Rerun] or [Probe].
//
// If the lease could not be renewed in time, another caller may take the key. Then fn's context ends with [ErrFenced] as its
// cause, and Do returns an error that wraps ErrFenced, even if nobody has taken the key: nothing was recorded.
//
// A call that meets a key under another caller's lease waits for that caller, without a connection, as long as the context
// allows; see [NoWait] and [MaxWait]. All times are the database's.
//
// fp is compared with the fingerprint of the key's first use, as in [Run]; a key that was freed takes another fingerprint. The
// result is stored as JSON or by [WithCodec]. If it cannot be stored, the effect has happened all the same: the call returns an
// error, and the key is kept.
//
// Do returns an error that wraps [ErrMismatch], [ErrTooOld], [ErrTooNew], [ErrFenced] or [ErrOtherVerb]; an [*InProgressError], a
// [*ParkedError] or a [*FinalError]; an [*UnknownError] if fn has ended and the database could not be told how; an error that
// names the option or the part of the key that is wrong; otherwise fn's error or the database's. Inside the fn of Run, Do is
// refused on the store's pool.
func Do[R any](ctx context.Context, s *Store, k Key, fp Fingerprint, fn func(context.Context, *Held) (R, error), opts ...DoOption) (r R, replayed bool, err error) {
	d, err := s.lease(k, fp, opts)
	if err == nil {
		err = s.refuseInside(ctx, s.lockName(k))
	}
	if err != nil {
		return r, false, err
	}
	ask, err := probeOf[R](d.policy)
	if err != nil {
		return r, false, err
	}
	if fn == nil {
		return r, false, errNoFunc
	}
	if err := checkStorable[R](d.claim); err != nil { // before there is an effect
		return r, false, fmt.Errorf("keys: %s: a result %T cannot be encoded as json and read back, and fn was not called: %w", k, r, err)
	}
	if isHandler[R]() {
		d.claim.handleResponses()
	}
	ran := r
	d.fn = func(ctx context.Context, h *Held) (result []byte, err error) {
		if ran, err = fn(ctx, h); err != nil {
			return nil, err
		}
		ran, result, err = roundTrip(d.claim, ran)
		return result, err
	}
	if ask != nil {
		d.ask = func(ctx context.Context, h *Held) (result []byte, done bool, err error) {
			r, done, err := ask(ctx, h)
			if err != nil || !done {
				return nil, false, err
			}
			_, result, err = roundTrip(d.claim, r)
			return result, true, err
		}
	}
	out, err := d.run(ctx)
	return answer(ctx, d.claim, out, ran, err)
}

// doOp is the state of one call of Do.
type doOp struct {
	claim  *claim
	policy policy
	fn     func(context.Context, *Held) ([]byte, error)
	ask    func(context.Context, *Held) ([]byte, bool, error) // nil: the policy asks nobody
	waits  int                                                // how often the call has waited for another caller
	// unanswered: the call has taken, or has tried to take, a key whose earlier caller has left no answer.
	unanswered bool
	// mayHold: the call has taken the key, unless the transaction is rolled back. A statement that goes on alone may set it late.
	mayHold atomic.Bool
}

func (s *Store) lease(k Key, fp Fingerprint, opts []DoOption) (*doOp, error) {
	c, err := s.newClaim(k, fp)
	if err != nil {
		return nil, err
	}
	c.leased, c.row.Owner, c.row.Lease = true, newLeaseOwner(), defaultLease
	d := &doOp{claim: c}
	for _, o := range opts {
		if o == nil {
			return nil, errNilOption
		}
		if err := o.applyDo(d); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// doStep says what a call of Do does with the row that it has met.
type doStep int

const (
	resolveRow  doStep = iota // end the call: the row is an answer or a reason for an error
	claimKey                  // there is no row
	takeKey                   // the key is free, or its lease has ended
	parkKey                   // its lease has ended, and a person decides
	keepKey                   // the call has the lease already: the answer to its statement was lost
	awaitHolder               // another caller has the lease
)

func (d *doOp) run(ctx context.Context) (outcome, error) {
	for {
		row, err := d.claim.look(ctx)
		if err != nil {
			return outcome{}, err
		}
		var h *Held
		step := d.next(row)
		switch step {
		case resolveRow:
			return d.resolve(ctx, row)
		case claimKey:
			h, err = d.claimKey(ctx)
		case takeKey:
			h, err = d.takeKey(ctx, row)
		case parkKey:
			err = d.parkKey(ctx, row)
		case keepKey:
			h, err = d.keepKey(ctx, row)
		case awaitHolder:
			err = d.awaitHolder(ctx)
		}
		switch {
		case errors.Is(err, errRowLocked):
			err = d.awaitHolder(ctx)
		case err == nil && h != nil && ctx.Err() == nil:
			return d.hold(ctx, h)
		case err == nil:
			err = ctx.Err()
		}
		if err != nil {
			if step == claimKey || step == takeKey || step == keepKey {
				d.letGo(ctx, row, err)
			}
			return outcome{}, err
		}
	}
}

// next decides what follows a look at the key's row.
func (d *doOp) next(row *leasedRow) doStep {
	switch {
	case row == nil:
		return claimKey
	case !row.isLeasable():
		return resolveRow
	case row.state == claimsql.Free:
		return takeKey
	case row.state != claimsql.Leased || d.claim.compare(row.stored) != nil:
		return resolveRow
	case row.isOwn(d.claim) && !row.ended:
		return keepKey
	case row.isOwn(d.claim): // fn was not called under this lease
		return takeKey
	case !row.ended:
		return awaitHolder
	case d.policy.takesOver:
		return takeKey
	}
	return parkKey
}

// claimKey takes a key that is not stored. It returns nil if another caller was faster.
func (d *doOp) claimKey(ctx context.Context) (*Held, error) {
	c, sent := d.claim, startStopwatch()
	d.unanswered = false
	var t claimResult
	err := c.wait(ctx, func(ctx context.Context) (err error) {
		t, err = transact(ctx, c.store, func(tx *sqlx.Tx) (claimResult, error) {
			t, err := c.takeBounded(ctx, tx)
			if err != nil && ctx.Err() == nil && c.timedOut(err) {
				err = c.inProgress(err)
			}
			if err == nil {
				d.mayHold.Store(t.claimed)
			}
			return t, err
		})
		return err
	})
	if c.store.isBusy(err) {
		err = c.inProgress(err)
	}
	if err != nil || !t.claimed {
		return nil, err
	}
	return d.held(ctx, 1, 1, sent)
}

// takeKey takes a key that is free, or whose lease has ended.
func (d *doOp) takeKey(ctx context.Context, row *leasedRow) (*Held, error) {
	c, sent, when := d.claim, startStopwatch(), claimsql.Anytime
	if row.state == claimsql.Leased {
		when = claimsql.OutLease
	}
	if !row.isOwn(c) {
		d.unanswered = row.state == claimsql.Leased
	}
	changed, err := d.change(ctx, func(prefix string) claimsql.Statement {
		return c.store.sql.TakeOver(row.expect(c, when), c.row, prefix)
	})
	if err != nil || !changed {
		return nil, err
	}
	return d.held(ctx, row.fence+1, row.attempts+1, sent)
}

// keepKey takes note of a lease that the call has got without an answer.
func (d *doOp) keepKey(ctx context.Context, row *leasedRow) (*Held, error) {
	d.mayHold.Store(true)
	return d.held(ctx, row.fence, row.attempts, stopwatch{})
}

// held returns the key under its lease. If the answer to the statement that brought the lease took long, held renews the lease.
// If the lease has ended, held returns nil, and the call looks again.
func (d *doOp) held(ctx context.Context, fence int64, attempt int, sent stopwatch) (*Held, error) {
	h := &Held{claim: d.claim, fence: fence, attempt: attempt, sent: sent}
	if sent.elapsed() < d.claim.row.Lease/2 {
		return h, nil
	}
	h.sent = startStopwatch()
	changed, err := d.change(ctx, func(string) claimsql.Statement {
		return d.claim.store.sql.Renew(h.expect(), d.claim.row.Lease)
	})
	if err != nil || !changed {
		return nil, err
	}
	return h, nil
}

// letGo gives a key up that the call may have taken before its context ended or before an answer was lost. fn was not called, so the
// key is as it was before: free, or left without an answer. row is the row that the call has met; nil: none. If the commit of a claim
// is still under way, letGo waits for the commit, as another claim would, and no longer than for the record of an effect.
func (d *doOp) letGo(ctx context.Context, row *leasedRow, err error) {
	c := d.claim
	if !d.mayHold.Load() || ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded) && dialect.Classify(err) != dialect.Ambiguous {
		return
	}
	e := claimsql.Expected{Hash: c.row.Hash, State: claimsql.Leased, Fence: 1, Owner: &c.row.Owner}
	switch {
	case row != nil && row.isOwn(c):
		e.Fence = row.fence
	case row != nil:
		e.Fence = row.fence + 1
	}
	q := c.store.sql.Release(e, c.row.Owner, c.row.Retain)
	if d.unanswered {
		q = c.store.sql.Renew(e, 0)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	_, _ = transact(ctx, c.store, func(tx *sqlx.Tx) (bool, error) {
		if row == nil {
			other := *c
			other.row.Owner = newLeaseOwner()
			if t, err := other.takeLoop(ctx, tx, ""); err != nil || t.claimed {
				return false, cmp.Or(err, errNotTaken)
			}
		}
		return execOne(ctx, tx, q)
	})
}

// errNotTaken rolls back the claim by which letGo has learned that nobody has the key.
var errNotTaken = errors.New("the key was not taken")

func (d *doOp) parkKey(ctx context.Context, row *leasedRow) error {
	_, err := d.change(ctx, func(prefix string) claimsql.Statement {
		return d.claim.store.sql.Park(row.expect(d.claim, claimsql.OutLease), nil, "", prefix)
	})
	return err
}

// change sends a compare-and-set before fn.
func (d *doOp) change(ctx context.Context, write func(prefix string) claimsql.Statement) (changed bool, err error) {
	err = d.claim.wait(ctx, func(ctx context.Context) (err error) {
		changed, err = d.claim.change(ctx, write, &d.mayHold)
		return err
	})
	return changed, err
}

// awaitHolder waits for a moment, because another caller has the key.
func (d *doOp) awaitHolder(ctx context.Context) error {
	c := d.claim
	if c.limited && c.timeLeft() == 0 {
		err := c.inProgress(nil)
		c.store.emit(ctx, onWait, Event{Key: c.key, Duration: c.waited, Err: err})
		return err
	}
	d.waits++
	return c.pause(ctx, d.waits)
}

// resolve ends the call with the row.
func (d *doOp) resolve(ctx context.Context, row *leasedRow) (outcome, error) {
	c := d.claim
	if d.waits > 0 {
		c.store.emit(ctx, onWait, Event{Key: c.key, Duration: c.waited})
	}
	if row.state != claimsql.Parked || c.refuse(row.stored) != nil {
		return c.resolve(ctx, row.stored)
	}
	return outcome{}, d.parked(row, c.store.storedReason(row.result))
}

// parked returns the error of a call that has met a parked key, or has parked it.
func (d *doOp) parked(row *leasedRow, why error) error {
	since, err := parseTime(row.until)
	if err != nil {
		return fmt.Errorf("keys: %s: %w", d.claim.key, err)
	}
	return &ParkedError{Key: d.claim.key, Since: since, Err: why}
}
