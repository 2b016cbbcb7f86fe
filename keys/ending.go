package keys

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/jmoiron/sqlx"
)

// hold calls fn under the lease, and records how fn has ended.
func (d *doOp) hold(ctx context.Context, h *Held) (outcome, error) {
	inner := h.context(h.start(ctx))
	returned := false
	defer func() {
		h.quit()
		if !returned { // fn has panicked
			d.note(ctx, h, errPanicked)
		}
	}()
	if d.ask != nil && d.unanswered {
		result, done, err := d.ask(inner, h)
		if err != nil || done {
			returned = true
			return d.endProbe(ctx, h, result, err)
		}
	}
	result, err := d.fn(inner, h)
	returned = true
	return d.end(ctx, h, result, err)
}

// errPanicked is the note for a call of fn that has not returned.
var errPanicked = errors.New("fn has panicked")

// end records how fn has ended.
func (d *doOp) end(ctx context.Context, h *Held, result []byte, err error) (outcome, error) {
	c := d.claim
	if h.isGuarded() {
		err = errors.Join(errGuardOpen, err)
	}
	h.quit()
	final, answer, isFinal := c.store.asFinal(err)
	switch {
	case err == nil:
		return outcome{}, d.finish(ctx, h, ending{state: claimsql.Done, result: result, codec: c.codec.Name()})
	case isFinal:
		return outcome{}, d.finish(ctx, h, ending{state: claimsql.Failed, result: answer, codec: finalCodec, final: final})
	case isMarkedNotDone(err):
		if mark, bare := err.(*notDoneMark); bare { //nolint:errorlint // one that is wrapped is found by markOf
			err = mark.err
		} else {
			err = &freedError{err}
		}
		changed, rerr := d.record(ctx, h, claimsql.Free, func(e claimsql.Expected) claimsql.Statement {
			return c.store.sql.Release(e, c.row.Owner, c.row.Retain)
		})
		if rerr == nil && !changed {
			rerr = h.fencedError("nothing has happened, and the key could not be freed")
		}
		if rerr != nil {
			err = errors.Join(err, rerr)
		}
		return outcome{}, &fnError{err: err}
	}
	d.note(ctx, h, err)
	if h.beat.isFenced() {
		err = fmt.Errorf("%w: %w", h.fencedError("fn's context has ended"), err)
	}
	return outcome{}, &fnError{err: err}
}

// endProbe records what the probe has answered.
func (d *doOp) endProbe(ctx context.Context, h *Held, result []byte, err error) (outcome, error) {
	c := d.claim
	h.quit()
	switch {
	case err == nil:
		err = d.finish(ctx, h, ending{state: claimsql.Done, result: result, codec: c.codec.Name()})
		return outcome{result: result, replayed: true, decode: true}, err
	case ctx.Err() != nil:
		d.note(ctx, h, err)
		return outcome{}, &fnError{err: err}
	}
	changed, perr := d.record(ctx, h, claimsql.Parked, func(e claimsql.Expected) claimsql.Statement {
		return c.store.sql.Park(e, c.store.reason(err), finalCodec, "")
	})
	if perr == nil && !changed {
		perr = h.fencedError("the probe's error was not recorded")
	}
	if perr != nil {
		return outcome{}, &fnError{err: errors.Join(err, perr)}
	}
	row, perr := c.store.readLease(ctx, c.row.Hash)
	if perr != nil || row == nil || row.state != claimsql.Parked {
		return outcome{}, &fnError{err: errors.Join(err, perr)}
	}
	return outcome{}, d.parked(row, err)
}

// finish records an answer, and returns fn's final error, if any.
func (d *doOp) finish(ctx context.Context, h *Held, end ending) error {
	c := d.claim
	changed, err := d.record(ctx, h, end.state, func(e claimsql.Expected) claimsql.Statement {
		return c.store.sql.Finish(e, c.row.Owner, end.state, end.result, end.codec, c.row.Retain)
	})
	switch {
	case err != nil:
		return &UnknownError{Key: c.key, Err: fmt.Errorf("fn has ended, and the end could not be recorded: %w", err)}
	case !changed:
		return h.fencedError("fn has ended, and the end was not recorded")
	}
	return c.finish(ctx, end)
}

// note stores why it is unknown what has happened, for a person to read, also after the lease's end. The policy does not depend on
// the note, so an error does not matter.
func (d *doOp) note(ctx context.Context, h *Held, why error) {
	s := d.claim.store
	_, _ = d.record(ctx, h, claimsql.Leased, func(e claimsql.Expected) claimsql.Statement {
		e.Lease = claimsql.Anytime
		return s.sql.Note(e, s.reason(why), finalCodec)
	})
}

// record sends a compare-and-set after fn, which leads to a state, and reports whether the row was as this call has left it. If
// the statement was committed and its answer was lost, record reads the row, which only this call can have written.
func (d *doOp) record(ctx context.Context, h *Held, to int, write func(claimsql.Expected) claimsql.Statement) (changed bool, err error) {
	c := d.claim
	ctx, cancel := outlive(ctx, max(c.row.Lease, time.Second))
	defer cancel()
	q := write(h.expect())
	changed, err = transact(ctx, c.store, func(tx *sqlx.Tx) (bool, error) { return execOne(ctx, tx, q) })
	if err != nil || changed {
		return changed, err
	}
	row, err := c.store.readLease(ctx, c.row.Hash)
	return err == nil && row != nil && row.isOwn(c) && row.fence == h.fence && row.state == to, err
}
