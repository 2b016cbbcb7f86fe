package keys

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/goupsert/upsert/dialect"
)

var (
	// ErrMismatch is wrapped in what [Once] and [Run] return for a key that was used with another fingerprint: the caller has
	// given one key to two requests. The stored effect is untouched, and fn was not called.
	ErrMismatch = errors.New("the key was used for another request: its fingerprint is not the stored one")
	// ErrTooOld is wrapped in what Once and Run return for a key that carries its own time (a UUIDv7, a ULID), is older than
	// its retention and is not stored: it may have been handled and forgotten, so fn was not called. A client whose clock is
	// behind by a retention gets it for each new request.
	ErrTooOld = errors.New("the key is older than its retention, or its maker's clock is behind: whether it was handled is no longer known")
	// ErrTooNew is wrapped in what Once and Run return for a key that carries its own time and is further ahead of the
	// database's clock than its retention: it would have to be remembered for as long. fn was not called. The clock of the
	// key's maker is wrong, or the ID is none that carries a time: see [IgnoreKeyTime].
	ErrTooNew = errors.New("the key's time is further ahead than its retention: mend its maker's clock, or give Open IgnoreKeyTime if such IDs carry no time")
	// ErrClaimLost is wrapped in what [Once], [Run] and [Consume] return if fn has returned nil and the claim, or a batch's
	// marks, are no longer in the transaction: a statement of fn has ended it, as ROLLBACK and COMMIT do and on MySQL and
	// MariaDB DDL, or fn has kept an error to itself that ended it. What fn wrote after that may be committed without its
	// key, so the call is not repeated: mend fn, and look what became of its effect.
	ErrClaimLost = errors.New("the claim is gone from its transaction: a statement of fn has ended the transaction; what fn wrote after that may be committed")
	// ErrFenced is for effects outside the database: somebody else holds the key by now. Nothing in this version returns it.
	ErrFenced = errors.New("somebody else holds the key by now")
	// ErrNotFound is wrapped in what [Store.Inspect] returns for a key of which nothing is known.
	ErrNotFound = errors.New("nothing is known of the key")
)

// InProgressError is returned where another caller has the key and this one asked not to wait for it, or has waited as long
// as it may. fn was not called; the same call can be made again.
type InProgressError struct {
	Key        Key
	RetryAfter time.Duration // when it is worth another attempt, a guess
	Err        error         // what the database said, if it was asked to wait
}

func (e *InProgressError) Error() string {
	text := fmt.Sprintf("keys: %s: another caller is at it: try again in %v", e.Key, e.RetryAfter)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns what the database said.
func (e *InProgressError) Unwrap() error { return e.Err }

// Class is Permanent: to be told so is what the caller asked for, and not a failure to be retried on the spot.
func (e *InProgressError) Class() dialect.Class { return dialect.Permanent }

// busyError is an InProgressError that Run gives some more attempts: on SQLite a lock that was not to be had says nothing of
// the key.
type busyError struct{ err *InProgressError }

func (e *busyError) Error() string        { return e.err.Error() }
func (e *busyError) Unwrap() error        { return e.err }
func (e *busyError) Class() dialect.Class { return dialect.LockTimeout }

// ConflictError is returned by [Once] and [Filter] where the caller's transaction cannot see who won: its snapshot is older
// than the other's commit, or it was chosen to end a deadlock (hazards K24, K27 and H20). The transaction has been rolled
// back, so that it cannot be committed by mistake (hazard E3); run all of it again. dialect.Classify calls it Retryable.
// [Run] does it by itself.
type ConflictError struct {
	Key Key // zero for Filter
	Err error
}

func (e *ConflictError) Error() string {
	what := "the batch"
	if e.Key != (Key{}) {
		what = e.Key.String()
	}
	return "keys: " + what + ": the transaction cannot see who won and has been rolled back: run all of it again: " + e.Err.Error()
}

// Unwrap returns what the database said.
func (e *ConflictError) Unwrap() error { return e.Err }

// Class is Retryable.
func (e *ConflictError) Class() dialect.Class { return dialect.Retryable }

// DeadError is returned by [Store.Fail] for a message whose handling has failed as often as it may: it is not handed out
// again until [Store.Revive] revives it.
type DeadError struct {
	Consumer, ID string
	Attempts     int
}

func (e *DeadError) Error() string {
	return fmt.Sprintf("keys: message %s of consumer %s is dead after %d attempts: Store.Dead lists it, Store.Revive revives it",
		readable(e.ID, false), readable(e.Consumer, false), e.Attempts)
}

// UnknownError is returned by [Run] where the answer to the commit was lost and the database could not be asked again: the
// effect is there or it is not, and the same call with the same key will tell. dialect.Classify calls it Ambiguous.
type UnknownError struct {
	Key Key
	Err error
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("keys: %s: the commit's answer was lost, so it may or may not have happened; repeat the call with this key to learn which: %v", e.Key, e.Err)
}

// Unwrap returns what the database said.
func (e *UnknownError) Unwrap() error { return e.Err }

// Class is Ambiguous.
func (e *UnknownError) Class() dialect.Class { return dialect.Ambiguous }

var errNoFunc = errors.New("keys: the function is nil")

// errGone says that a claim found a key's row, or reported that the row is there, and that the look after it found none.
var errGone = errors.New("the key was neither inserted nor is it there: others remove it each time, or a trigger, a rule or a policy of the table swallows it")

// errSwallowed says that a database has reported success for marks that are not there (hazard K47).
var errSwallowed = errors.New("neither marked nor there: a trigger, a rule or a policy of the table swallows rows: drop it")

// decided: the error is fn's or the claim's answer, and not one of the database's.
func decided(err error) bool {
	if worthRepeating(err) {
		return false
	}
	switch err.(type) { //nolint:errorlint // one that has been wrapped is the database's too
	case *fnError, *FinalError:
		return true
	}
	return strings.HasPrefix(err.Error(), "keys: ")
}

// failed names the key in an error of the claim's own. What fn has returned is left as it is.
func (c *claim) failed(ctx context.Context, err error) error {
	if fe, ok := err.(*fnError); ok { //nolint:errorlint // one that has been wrapped has something to say
		return fe.err
	}
	var unknown *UnknownError
	if decided(err) || errors.As(err, &unknown) { // that is what the caller must know, whatever ended it
		return err
	}
	explained := c.store.explain(ctx, err)
	if explained == err && strings.HasPrefix(err.Error(), "keys: ") { //nolint:errorlint // the same value: nothing was added
		return err
	}
	return fmt.Errorf("keys: %s: %w", c.key, explained)
}

// explain adds to an error of the database what it does not say: that it came of the context's end, or that the table is not
// there.
func (s *Store) explain(ctx context.Context, err error) error {
	if end := ctx.Err(); end != nil && !errors.Is(err, end) {
		return fmt.Errorf("%w: %w", end, err)
	}
	n, _ := dialect.MySQLNumber(err)
	missing := n == 1146 || dialect.SQLState(err) == "42P01" || strings.Contains(err.Error(), "no such table")
	if missing && strings.Contains(err.Error(), s.target.ident.Name) {
		return fmt.Errorf("%w: run Store.Migrate, or give its name with Table", err)
	}
	return err
}
