package keys

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/goupsert/upsert/internal/response"
	"github.com/goupsert/upsert/internal/txn"
	"github.com/jmoiron/sqlx"
)

const (
	// runAttempts is how often Run and the store's own transactions try at most, unless [Attempts] says otherwise.
	runAttempts = 20
	// lookTimeout bounds how long Run asks the database after a lost commit if the caller's context is over. txn.Grace for the
	// commit comes on top, and once more for the question.
	lookTimeout = 300 * time.Millisecond
)

// Run claims the key in a transaction of its own, calls fn in that transaction, stores fn's result and commits: fn's effect and
// the record of the effect are committed together or not at all. If several calls use one key at the same time, in any number
// of processes, one of them has its effect. The others wait for this call and get its result, with replayed true and without a
// call of fn.
//
// One call may call fn more than once: Run begins again after a serialization failure, a deadlock, a busy database or a lost
// connection, up to 20 times ([Attempts]) with growing pauses. Each attempt has a new transaction; the writes of the attempt
// before were rolled back. So fn must have no effect except through its [Tx]. If the answer to a commit is lost, Run asks the
// database on another connection what became of the key, and returns the truth (hazard K32).
//
// An error of fn rolls everything back and is returned; the key is as if it had never been seen. An error marked with [Final]
// is remembered. A panic of fn rolls everything back and continues to the caller.
//
// fp is compared with the fingerprint of the key's first use; the zero [Fingerprint] is not compared. The result is stored as
// JSON, or by [Codecs] or [WithCodec]. Every caller gets a decoded value, also the caller whose fn ran. If JSON would lose a
// part of type R, Run returns an error: JSON loses unexported fields, funcs, channels, and interfaces with methods.
//
// Run returns an error that wraps [ErrMismatch], [ErrTooOld], [ErrTooNew] or [ErrClaimLost]; an [*InProgressError], a
// [*FinalError] or an [*UnknownError]; an error that names the part of the key that is wrong; otherwise fn's error or the
// database's.
//
// Within a process one caller of a key works, and the others wait in memory, without a connection (hazard K50). If this caller
// commits, each of the others gets the stored result, and compares and decodes it for itself. If this caller ends without an
// effect, the next caller calls its own fn. [MaxWait] bounds the wait.
//
// Run sends two statements more than the transaction would send without Run, on MySQL three. If a call is repeated in the same
// process, one read answers the repeated call. In another process a transaction does, which ends when the key is found.
//
// Inside fn, with fn's context, a call on the store's pool is refused, because such a call would commit by itself or wait for
// fn's transaction. This holds for the verbs of package upsert, and for Run, Exec, Do, Consume, Fail,
// Revive, Forget and ForgetScope. Use fn's Tx, [Once] and [Filter] there, or say with [Outside] that you mean the call.
func Run[R any](ctx context.Context, s *Store, k Key, fp Fingerprint, fn func(context.Context, *Tx) (R, error), opts ...ClaimOption) (r R, replayed bool, err error) {
	c, err := s.claim(k, fp, false, opts)
	if err == nil {
		err = s.refuseInside(ctx, s.lockName(k))
	}
	if err != nil {
		return r, false, err
	}
	if fn == nil {
		return r, false, errNoFunc
	}
	if isHandler[R]() {
		c.handleResponses()
	}
	ran := r
	out, err := c.run(ctx, func(ctx context.Context, tx *Tx) (result []byte, err error) {
		if ran, err = fn(ctx, tx); err != nil {
			return nil, err
		}
		ran, result, err = roundTrip(c, ran)
		return result, err
	})
	return answer(ctx, c, out, ran, err)
}

// runOp is the state of one call of Run.
type runOp struct {
	claim         *claim
	fn            effect
	attempts      int           // attempts so far
	counted       int           // attempts that count: an attempt that has only waited for SQLite's lock does not
	busyWait      time.Duration // how long the call has waited for SQLite's lock
	countedWait   time.Duration // the part of waited that count has taken in
	calls         int           // calls of fn
	lookFirst     bool          // the key may be stored: look before trying to claim it
	end           ending        // how fn's last call has ended
	commitUnknown error         // the error of a commit whose answer was lost

	hasTurn   bool    // the call is the one in this process that works on the key
	committed *stored // the key's row, if the row is known to be committed
}

// step says what follows an attempt.
type step int

const (
	endCall     step = iota // with a result, or with an error that another attempt would not change
	retry                   // nothing was committed, or the next attempt finds the committed row
	recordFinal             // in the next attempt: fn has ended in a final error, and its writes were rolled back
	askDatabase             // a commit's answer was lost, and no next attempt will find what became of it
)

func (c *claim) run(ctx context.Context, fn effect) (outcome, error) {
	r := &runOp{claim: c, fn: fn}
	defer r.passTurn() // also if a hook or fn panics
	row, err := r.awaitTurn(ctx)
	switch {
	case err != nil:
		return outcome{}, err
	case row != nil:
		return c.resolve(ctx, *row)
	}
	r.countedWait, r.lookFirst = c.waited, c.store.seen.has(c.row.Hash) || response.LooksFirst(ctx)
	for {
		r.attempts++
		began := time.Now()
		out, err := r.try(ctx)
		next, err := r.next(ctx, err)
		if next == retry {
			next, err = r.beforeNext(ctx, time.Since(began), err)
		}
		switch next {
		case endCall:
			return out, err
		case askDatabase:
			return r.askDatabase(ctx)
		case retry, recordFinal:
		}
	}
}

// next decides what follows an attempt that has ended in err, and returns the error for the call's caller.
func (r *runOp) next(ctx context.Context, err error) (step, error) {
	spent := r.count(err)
	switch {
	case err == nil:
		return endCall, nil
	case errors.Is(err, errRecordFinal):
		return recordFinal, nil
	case isRetryable(err) && ctx.Err() == nil && spent == nil && r.counted < r.claim.attempts:
		return retry, err
	case r.commitUnknown != nil:
		return askDatabase, err
	case !isRetryable(err) || ctx.Err() != nil:
		return endCall, err
	case spent != nil:
		return endCall, spent
	}
	return endCall, fmt.Errorf("after %d attempts: %w", r.counted, err)
}

// beforeNext tells the hooks about an attempt that took so long and ended in err, and waits. If the context ends, the next step
// can change.
func (r *runOp) beforeNext(ctx context.Context, took time.Duration, err error) (step, error) {
	r.claim.store.emit(ctx, onRetry, Event{Key: r.claim.key, Duration: took, Count: int64(r.attempts), Err: err})
	r.lookFirst = true
	end := r.claim.pause(ctx, r.attempts)
	switch {
	case end == nil:
		return retry, nil
	case r.commitUnknown != nil:
		return askDatabase, nil
	}
	return endCall, errors.Join(end, err)
}

// count counts an attempt that has ended in err. count returns an error if the call has waited for SQLite's lock as long as it
// may. The limit is the call's own or, without one, the time that a statement on the pool would wait.
func (r *runOp) count(err error) (spent error) {
	took := r.claim.waited - r.countedWait
	r.countedWait = r.claim.waited
	var busy *busyError
	if !errors.As(err, &busy) {
		r.counted++
		return nil
	}
	if r.busyWait += took; r.claim.limited && r.claim.timeLeft() > 0 || !r.claim.limited && r.busyWait < r.claim.store.server.busyTimeout {
		return nil
	}
	return busy.err
}

// errRecordFinal makes Run record fn's final error in a new transaction, which contains none of fn's writes.
var errRecordFinal = errors.New("fn has ended in a final error")

// isRetryable reports whether another attempt makes sense: nothing was committed, or another attempt can learn what was.
func isRetryable(err error) bool {
	c := dialect.Classify(err)
	return c == dialect.Retryable || c == dialect.LockTimeout || c == dialect.Ambiguous || errors.Is(err, errRowMissing)
}

func (r *runOp) try(ctx context.Context) (out outcome, err error) {
	r.sealQueue()
	if r.lookFirst {
		if st, found, err := r.claim.lookUp(ctx, r.claim.store.sql.Look(r.claim.row.Hash)); found || err != nil {
			return r.resolve(ctx, st, err)
		}
	}
	leave, err := r.claim.takePlace(ctx)
	if err != nil {
		return outcome{}, err
	}
	defer leave()
	r.claim.setOwner(r.attempts)
	h, first, err := r.claim.begin(ctx)
	if err != nil {
		return outcome{}, asNotCommitted(err)
	}
	defer h.own.Rollback(ctx) // also if fn panics
	if err := r.claim.begun(ctx, h); err != nil {
		return outcome{}, asNotCommitted(err)
	}
	got, st, err := r.take(ctx, h, first)
	if err != nil || !got {
		return r.resolve(ctx, st, err)
	}
	r.commitUnknown = nil // nothing was committed, or the key could not have been claimed
	r.noteClaim()
	if r.end.final == nil {
		r.calls++
		if r.end, err = r.claim.call(ctx, h, r.fn, r.calls); err != nil {
			return outcome{}, asNotCommitted(err)
		}
		if r.end.final != nil {
			return outcome{}, errRecordFinal
		}
	}
	r.sealQueue()
	began := time.Now()
	end := r.end
	undone, err := h.own.CommitAfter(ctx, func() error { return r.claim.record(ctx, h.tx, end) })
	if undone {
		return outcome{}, asNotCommitted(err)
	}
	r.claim.waited += time.Since(began)
	return r.resolveCommit(ctx, r.claim.asBusy(err))
}

// take claims the key, unless begin has sent the claim.
func (r *runOp) take(ctx context.Context, h handle, first *claimAnswer) (bool, stored, error) {
	if first != nil {
		return r.claim.judge(ctx, *first)
	}
	return r.claim.take(ctx, h)
}

// resolve ends the call with the stored row.
func (r *runOp) resolve(ctx context.Context, st stored, err error) (outcome, error) {
	if err != nil {
		return outcome{}, asNotCommitted(err)
	}
	r.commitUnknown = nil
	if st.isDone() {
		r.committed = &st
		if r.claim.ownedByCaller(st) {
			return r.resolveOwn(ctx, st)
		}
	}
	return r.claim.resolve(ctx, st)
}

// resolveOwn ends the call with the row of an earlier attempt, which was committed after all. If fn has been called again
// since, fn's last result may differ from the stored result. This can happen in a cluster whose nodes lag (hazard E4).
func (r *runOp) resolveOwn(ctx context.Context, st stored) (outcome, error) {
	if r.calls <= 1 {
		return r.resolveCommit(ctx, nil)
	}
	if r.end.final = nil; st.state == claimsql.Failed {
		return outcome{}, r.claim.store.storedFinal(st.result)
	}
	return outcome{result: st.result, decode: true}, r.claim.finish(ctx, r.end)
}

// resolveCommit ends the call after its commit. err is the commit's error.
func (r *runOp) resolveCommit(ctx context.Context, err error) (outcome, error) {
	switch {
	case err == nil:
		if r.committed == nil {
			r.committed = &stored{r.end.state, "", r.claim.row.FingerprintVersion, r.claim.row.Fingerprint, r.end.result, r.end.codec}
		}
		return outcome{}, r.claim.finish(ctx, r.end)
	case ctx.Err() != nil || r.isUnanswered(err):
		r.commitUnknown = err
		return outcome{}, &UnknownError{Key: r.claim.key, Err: err}
	}
	return outcome{}, err
}

// isUnanswered reports whether a commit's error leaves open whether the commit happened: the server has not sent the error.
func (r *runOp) isUnanswered(err error) bool {
	switch dialect.Classify(err) {
	case dialect.Ambiguous:
		return true
	case dialect.Permanent:
		_, mysql := dialect.MySQLNumber(err)
		return !mysql && dialect.SQLState(err) == "" && !r.claim.store.dialect.Traits().Immediate
	}
	return false
}

// askDatabase finds out what became of a commit whose answer was lost, and ends the call.
func (r *runOp) askDatabase(ctx context.Context) (outcome, error) {
	lost := r.commitUnknown
	short, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	st, found, err := r.learnCommit(short)
	switch {
	case err != nil:
		return outcome{}, &UnknownError{Key: r.claim.key, Err: lost}
	case found:
		return r.resolve(ctx, st, nil)
	case ctx.Err() != nil:
		return outcome{}, ctx.Err()
	}
	return outcome{}, &txn.LostError{Err: lost}
}

// learnCommit learns what became of the commit. Either the key is stored, or the key can be claimed, which an open transaction
// that holds the key would prevent. The claim is not kept.
func (r *runOp) learnCommit(ctx context.Context) (st stored, found bool, err error) {
	h, err := r.claim.store.begin(ctx, txn.Options{})
	if err != nil {
		return st, false, err
	}
	defer h.own.Rollback(ctx)
	if err := r.claim.begun(ctx, h); err != nil {
		return st, false, err
	}
	t, err := send(ctx, h, func(tx *sqlx.Tx) (claimResult, error) { return r.claim.takeLoop(ctx, tx, "") })
	return t.row, err == nil && !t.claimed, err
}

// asNotCommitted marks the error of a statement before the commit: even if the connection was lost, nothing was committed.
func asNotCommitted(err error) error {
	if dialect.Classify(err) == dialect.Ambiguous {
		return &txn.LostError{Err: err}
	}
	return err
}
