package keys

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/claimsql"
)

// ParkedError is returned by [Do] for a key whose caller has left no answer: nobody knows whether the effect has happened. fn
// was not called. A person looks what became of the effect and then calls [Resolve], [Store.ResolveFinal] or [Store.Release].
// Until then every call gets this error. A parked key never expires, and GC does not remove it.
type ParkedError struct {
	Key   Key
	Since time.Time // by the database's clock, in UTC
	// Err is the error with which fn or a [Probe] has ended, with its text; it is or wraps an error of [KnownErrors] if fn's
	// error did. If the caller has never come back, Err says so.
	Err error
}

func (e *ParkedError) Error() string {
	return fmt.Sprintf("keys: %s: parked since %s: nobody knows whether its effect has happened: look, and call Resolve, ResolveFinal or Release: %v",
		e.Key, e.Since.Format(time.RFC3339), e.Err)
}

// Unwrap returns Err.
func (e *ParkedError) Unwrap() error { return e.Err }

// Class returns Permanent, whatever Err is: a person decides.
func (e *ParkedError) Class() dialect.Class { return dialect.Permanent }

// errNoAnswer is the reason for a key that nobody has left a note about.
var errNoAnswer = errors.New("the lease has ended, and its caller has left no answer")

// reason returns the stored form of the error for which it is unknown what has happened.
func (s *Store) reason(err error) []byte {
	_, text, _ := s.asFinal(&finalMark{err})
	return text
}

// storedReason is the inverse of reason.
func (s *Store) storedReason(data []byte) error {
	e, err := s.readError(data)
	if err != nil { // there is no note, or it is sealed by another codec
		return errNoAnswer
	}
	return &reasonError{e.Text, s.knownError(e.Known)}
}

// reasonError is an error of fn that was stored.
type reasonError struct {
	text  string
	known error
}

func (e *reasonError) Error() string { return e.text }
func (e *reasonError) Unwrap() error { return e.known }

// Resolve is a person's decision about a parked key of [Do]: the effect has happened, and r is the answer, which later calls get
// with replayed true. R is the R of Do, and r is stored as JSON.
//
// Resolve also decides about a key whose lease has ended without an answer, or whose fn has ended in an error that does not say
// what has happened. While fn runs, Resolve returns an [*InProgressError]. It returns an error that wraps [ErrNotFound] if nothing
// is known of the key or the key is free; an error that wraps [ErrOtherVerb] for a key of Run or Once; an error that says so if the
// key is done; an error that names the part of the key that is wrong; and otherwise the database's error. Inside the fn of Run,
// Resolve is refused on the store's pool.
func Resolve[R any](ctx context.Context, s *Store, k Key, r R) error {
	c, err := s.newClaim(k, Fingerprint{})
	if err != nil {
		return err
	}
	c.leased = true
	_, result, err := roundTrip(c, r)
	if err != nil {
		return err
	}
	return c.decide(ctx, "Resolve", func(e claimsql.Expected) claimsql.Statement {
		return s.sql.Finish(e, c.row.Owner, claimsql.Done, result, c.codec.Name(), c.row.Retain)
	})
}

// ResolveFinal is a person's decision about a parked key of [Do]: the effect has failed, and later calls get answer as a
// [*FinalError]. It returns the errors of [Resolve], and an error if answer is nil.
func (s *Store) ResolveFinal(ctx context.Context, k Key, answer error) error {
	c, err := s.newClaim(k, Fingerprint{})
	if err != nil {
		return err
	}
	if answer == nil {
		return errors.New("keys: ResolveFinal: the answer is nil: call Resolve with a result")
	}
	_, text, ok := s.asFinal(Final(answer))
	if !ok {
		return fmt.Errorf("keys: %s: ResolveFinal: the answer cannot be encoded: %w", k, answer)
	}
	return c.decide(ctx, "ResolveFinal", func(e claimsql.Expected) claimsql.Statement {
		return s.sql.Finish(e, c.row.Owner, claimsql.Failed, text, finalCodec, c.row.Retain)
	})
}

// Release is a person's decision about a parked key of [Do]: the effect has not happened and will not happen, so the next call
// calls fn. It returns the errors of [Resolve].
func (s *Store) Release(ctx context.Context, k Key) error {
	c, err := s.newClaim(k, Fingerprint{})
	if err != nil {
		return err
	}
	return c.decide(ctx, "Release", func(e claimsql.Expected) claimsql.Statement {
		return s.sql.Release(e, c.row.Owner, c.row.Retain)
	})
}

// decide sends a person's decision, unless the key needs none.
func (c *claim) decide(ctx context.Context, verb string, write func(claimsql.Expected) claimsql.Statement) error {
	c.leased, c.row.Owner = true, newLeaseOwner()
	err := c.store.refuseInside(ctx, c.store.lockName(c.key))
	if err == nil {
		err = c.tryDecide(ctx, verb, write)
	}
	if err != nil {
		return c.wrapError(ctx, err)
	}
	return nil
}

func (c *claim) tryDecide(ctx context.Context, verb string, write func(claimsql.Expected) claimsql.Statement) error {
	for range claimAttempts {
		row, err := c.store.readLease(ctx, c.row.Hash)
		if err != nil {
			return err
		}
		if row != nil && row.isOwn(c) { // the answer to an earlier statement was lost
			return nil
		}
		if err := c.needsDecision(row, verb); err != nil {
			return err
		}
		changed, err := c.change(ctx, func(string) claimsql.Statement { return write(row.expect(c, claimsql.Anytime)) }, nil)
		if errors.Is(err, errRowLocked) {
			return c.inProgress(err)
		}
		if err != nil || changed {
			return err
		}
	}
	return c.inProgress(nil)
}

// needsDecision returns an error for a key about which there is nothing to decide.
func (c *claim) needsDecision(row *leasedRow, verb string) error {
	switch {
	case row == nil || row.isLeasable() && row.state == claimsql.Free:
		return fmt.Errorf("keys: %s: %s: %w", c.key, verb, ErrNotFound)
	case !row.isLeasable():
		return fmt.Errorf("keys: %s: %s: %w", c.key, verb, ErrOtherVerb)
	case row.state == claimsql.Parked, row.state == claimsql.Leased && row.isLeft():
		return nil
	case row.state == claimsql.Leased:
		return c.inProgress(nil)
	}
	return fmt.Errorf("keys: %s: %s: the key is done: there is nothing to decide", c.key, verb)
}
