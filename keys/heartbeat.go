package keys

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/goupsert/upsert/internal/backoff"
	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/jmoiron/sqlx"
)

// heartbeat renews a lease while fn runs, and ends fn's context if the lease has not been renewed in time. The time between
// two renewals is measured by the monotonic clock of the process, which setting the clock does not change. Whether a lease has
// ended is decided by the database alone.
type heartbeat struct {
	end     context.CancelCauseFunc // ends fn's context
	stop    context.CancelFunc      // ends the renewals
	stopped chan struct{}           // closed when no renewal follows
	sending sync.Mutex              // held while a renewal or the statement of Guard is under way

	mu        sync.Mutex
	renewed   stopwatch // since the last successful renewal was sent
	deadline  *time.Timer
	interrupt context.CancelFunc // ends the renewal that is under way
	guard     *sql.Tx            // a transaction that holds the row's lock; nil: none
	guarded   bool               // there was a guard since the last renewal
	fenced    bool
}

// renewalsPerLease is how often a lease is renewed before it would end.
const renewalsPerLease = 3

// guardPoll is how often the heartbeat looks whether a guarded transaction has ended. This costs no statement.
const guardPoll = 50 * time.Millisecond

// start begins the renewals and returns fn's context.
func (h *Held) start(ctx context.Context) context.Context {
	b := &h.beat
	b.mu.Lock()
	defer b.mu.Unlock()
	inner, end := context.WithCancelCause(ctx)
	beating, stop := context.WithCancel(context.WithoutCancel(ctx))
	b.end, b.stop, b.stopped, b.interrupt = end, stop, make(chan struct{}), func() {}
	b.renewed = h.sent
	b.deadline = time.AfterFunc(h.claim.row.Lease-h.sent.elapsed(), h.expire)
	go h.keepAlive(beating)
	return inner
}

// quit ends the renewals and fn's context. It waits for a renewal that is under way, but not much longer than the driver needs.
func (h *Held) quit() {
	b := &h.beat
	h.quitted.Do(func() {
		h.ended.Store(true)
		b.stop()
		<-b.stopped
		b.deadline.Stop()
		b.end(nil)
	})
}

func (h *Held) keepAlive(ctx context.Context) {
	defer close(h.beat.stopped)
	every := h.claim.row.Lease / renewalsPerLease
	for pause := every; backoff.Pause(ctx, pause) == nil; {
		err := h.renew(ctx)
		switch {
		case err == nil:
			pause = every
		case errors.Is(err, errGuarded):
			pause = min(every, guardPoll)
		case errors.Is(err, ErrFenced):
			h.loseLease()
			return
		default: // another attempt may succeed before the deadline
			pause = every / 4
		}
		if h.beat.isFenced() {
			return
		}
	}
}

// errGuarded: a guarded transaction is open, so the lease needs no renewal and the row is locked.
var errGuarded = errors.New("a guarded transaction is open")

// renew sends one renewal.
func (h *Held) renew(ctx context.Context) error {
	b, s := &h.beat, h.claim.store
	b.sending.Lock()
	defer b.sending.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if h.isGuarded() || !b.enter(cancel) {
		return errGuarded
	}
	sent := startStopwatch()
	q := s.sql.Renew(h.expect(), h.claim.row.Lease)
	var changed bool
	err := s.tryTransaction(ctx, s.readCommittedOptions(), func(x handle) (err error) {
		changed, err = send(ctx, x, func(tx *sqlx.Tx) (bool, error) { return execOne(ctx, tx, q) })
		return err
	})
	switch {
	case err != nil:
		return err
	case !changed:
		return ErrFenced
	}
	h.setRenewed(sent)
	return nil
}

// enter notes how to interrupt a renewal. It returns false if a guarded transaction has begun.
func (b *heartbeat) enter(cancel context.CancelFunc) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.interrupt = cancel
	return b.guard == nil
}

func (h *Held) setRenewed(sent stopwatch) {
	b := &h.beat
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.guard == nil {
		b.guarded = false
	}
	b.renewed = sent
	b.deadline.Reset(h.claim.row.Lease - sent.elapsed())
}

// expire ends fn's context if the lease was not renewed in time: others may have taken the key. A renewal may still be under
// way, and hang.
func (h *Held) expire() {
	guarded, b, lease := h.isGuarded(), &h.beat, h.claim.row.Lease
	b.mu.Lock()
	left := lease - b.renewed.elapsed()
	if guarded {
		left = lease
	}
	if left > 0 {
		b.deadline.Reset(left)
	}
	b.mu.Unlock()
	if left <= 0 {
		h.loseLease()
	}
}

// loseLease ends fn's context.
func (h *Held) loseLease() {
	h.beat.mu.Lock()
	h.beat.fenced = true
	h.beat.mu.Unlock()
	h.beat.end(ErrFenced)
}

func (b *heartbeat) isFenced() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fenced
}

func (b *heartbeat) wasGuarded() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.guarded
}

// isGuarded reports whether a guarded transaction is open. The time of its end counts as a renewal: nobody could take the key
// before.
func (h *Held) isGuarded() bool {
	b := &h.beat
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.guard != nil && isOver(b.guard) {
		b.guard, b.renewed = nil, startStopwatch()
	}
	return b.guard != nil
}

// isOver reports whether a transaction was committed or rolled back. Nothing is sent: database/sql looks whether the
// transaction is over before it refuses a statement that belongs to no pool.
func isOver(tx *sql.Tx) bool {
	return errors.Is(tx.Stmt(&sql.Stmt{}).Close(), sql.ErrTxDone)
}

// guardedLeases is how many leases a guarded transaction may last without a risk. Nothing can renew the lease while the row is
// locked, and the row that the transaction commits must not tell an end that has passed.
const guardedLeases = 10

// guardLease returns the lease that Guard writes.
func (h *Held) guardLease() time.Duration { return guardedLeases * h.claim.row.Lease }

// beginGuard makes the heartbeat pause for a transaction, interrupts a renewal that is under way, and returns the row as it must
// be.
func (h *Held) beginGuard(tx *sql.Tx) (claimsql.Expected, error) {
	e, b := h.expect(), &h.beat
	if other := h.isGuarded(); other {
		b.mu.Lock()
		same := b.guard == tx
		b.mu.Unlock()
		if !same {
			return e, errTwoGuards
		}
	}
	b.mu.Lock()
	b.guard, b.guarded = tx, true
	b.interrupt()
	b.mu.Unlock()
	return e, nil
}

// errTwoGuards: the second transaction would wait for the first.
var errTwoGuards = errors.New("another guarded transaction is open: end it before")

// endGuard takes beginGuard back.
func (h *Held) endGuard() {
	h.beat.mu.Lock()
	defer h.beat.mu.Unlock()
	h.beat.guard = nil
}
