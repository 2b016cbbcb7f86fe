package keys

import (
	"context"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/claimsql"
)

// effect is the caller's fn, with the result encoded.
type effect func(context.Context, *Tx) ([]byte, error)

// ending says how a call of fn has ended, in the form that is recorded.
type ending struct {
	state  int
	result []byte
	codec  string
	final  *FinalError // set in state Failed
}

// call runs fn. If fn returns an error that is not final, call returns this error.
func (c *claim) call(ctx context.Context, h handle, fn effect, attempt int) (ending, error) {
	t := c.store.tx(h, c.key, attempt, func() claimsql.Statement { return c.store.sql.Proof(c.row.Hash, c.row.Owner) })
	defer t.ended.Store(true)
	t.claim.Hold(c.store.lockName(c.key))
	result, err := fn(t.context(ctx), t)
	// An error that has lost the transaction is not an answer, even if fn has marked the error as final.
	if final, answer, ok := c.store.asFinal(err); ok && !t.isLost(ctx, err) {
		return ending{state: claimsql.Failed, result: answer, codec: finalCodec, final: final}, nil
	}
	return ending{state: claimsql.Done, result: result, codec: c.codec.Name()}, t.markError(ctx, err)
}

// finish calls the hooks at the end of a call, and returns fn's final error, if any.
func (c *claim) finish(ctx context.Context, end ending) error {
	c.store.seen.add(c.row.Hash)
	event := Event{Key: c.key, Duration: time.Since(c.began)}
	if end.final != nil {
		event.Err = end.final
	}
	c.store.emit(ctx, onClaim, event)
	return event.Err
}

// fnError is an error of fn, which the caller gets unchanged.
type fnError struct {
	err   error
	retry bool // the error is the transaction's: fn is called again if the error's class says so
}

func (e *fnError) Error() string { return e.err.Error() }
func (e *fnError) Unwrap() error { return e.err }

// Class returns Permanent for an error that fn has brought from elsewhere, even if the error looks like the database's.
func (e *fnError) Class() dialect.Class {
	if e.retry {
		return dialect.Classify(e.err)
	}
	return dialect.Permanent
}

// outcome says how a call has ended.
type outcome struct {
	result   []byte // encoded
	replayed bool
	decode   bool // the result is the stored one, and not the one that fn has returned
}

// answer gives the caller fn's own value, or the stored value.
func answer[R any](ctx context.Context, c *claim, out outcome, ran R, err error) (r R, replayed bool, _ error) {
	switch {
	case err != nil:
		return r, out.replayed, c.wrapError(ctx, err)
	case !out.decode:
		return ran, false, nil
	}
	if err := c.decode(out.result, &r); err != nil {
		var none R
		return none, out.replayed, err
	}
	return r, out.replayed, nil
}
