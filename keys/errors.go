package keys

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/response"
)

var (
	// ErrMismatch is wrapped in the error of [Once] and [Run] if the key was used with another fingerprint: one key was given
	// to two requests. The stored effect is untouched, and fn was not called.
	ErrMismatch = errors.New("the key was used for another request: its fingerprint differs from the stored one")
	// ErrTooOld is wrapped in the error of Once and Run if the key carries its own time (a UUIDv7, a ULID), is older than its
	// retention and is not stored. The key may have been handled and forgotten, so fn was not called. If a client's clock is
	// behind by a retention, the client gets ErrTooOld for each new request.
	ErrTooOld = errors.New("the key is older than its retention, or the clock of its maker is behind: the store no longer knows whether the key was handled")
	// ErrTooNew is wrapped in the error of Once and Run if the key carries its own time and is further ahead of the database's
	// clock than its retention: the key would have to be remembered for as long. fn was not called. Either the clock of the
	// key's maker is wrong, or the ID does not carry a time: see [IgnoreKeyTime].
	ErrTooNew = errors.New("the key's time is further in the future than its retention: set the clock of the key's maker, or pass IgnoreKeyTime to Open if such IDs carry no time")
	// ErrClaimLost is wrapped in the error of [Once], [Run] and [Consume] if fn has returned nil but the claim, or a batch's
	// marks, are no longer in the transaction. Either a statement of fn has ended the transaction, as ROLLBACK and COMMIT do,
	// and DDL on MySQL and MariaDB; or fn has not returned an error that ended the transaction. The writes of fn after that may
	// be committed without the key, so the call is not repeated: fix fn, and check what became of its effect.
	ErrClaimLost = errors.New("the claim is no longer in its transaction: a statement of fn has ended the transaction, and later writes of fn may be committed")
	// ErrFenced is wrapped in the error of [Do] and [Held.Guard], and is the cause of the end of fn's context, if the lease has
	// ended before it was renewed: another caller may hold the key, and nothing was recorded. The effect may have happened.
	ErrFenced = errors.New("the lease has ended, and another caller may hold the key")
	// ErrOtherVerb is wrapped in the error of [Once] and [Run] for a key of [Do], and in the error of Do, [Resolve],
	// [Store.ResolveFinal] and [Store.Release] for a key of Once or Run. fn was not called.
	ErrOtherVerb = errors.New("the key belongs to another verb: Do uses other keys than Run and Once, so give one of them another Op")
	// ErrNotFound is wrapped in the error of [Store.Inspect] if nothing is known of the key.
	ErrNotFound = errors.New("the key is not stored")
)

// InProgressError is returned if another caller has the key, and this caller asked not to wait or has waited as long as it may.
// fn was not called; the same call can be made again.
type InProgressError struct {
	Key        Key
	RetryAfter time.Duration // when another attempt may succeed, a guess
	Err        error         // the database's error, if the database was asked to wait
}

func (e *InProgressError) Error() string {
	text := fmt.Sprintf("keys: %s: another caller is working on it: try again in %v", e.Key, e.RetryAfter)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the database's error, or nil.
func (e *InProgressError) Unwrap() error { return e.Err }

// Class returns Permanent: the caller asked for this answer, so it is not a failure to be retried on the spot.
func (e *InProgressError) Class() dialect.Class { return dialect.Permanent }

// busyError is an InProgressError after which Run tries some more times: on SQLite, a lock that was not to be had says nothing
// about the key.
type busyError struct{ err *InProgressError }

func (e *busyError) Error() string        { return e.err.Error() }
func (e *busyError) Unwrap() error        { return e.err }
func (e *busyError) Class() dialect.Class { return dialect.LockTimeout }

// ConflictError is returned by [Once] and [Filter] if the caller's transaction cannot see who won: its snapshot is older than
// the other transaction's commit, or the database ended this transaction to resolve a deadlock (hazards K24, K27 and H20). The
// transaction has been rolled back, so that it cannot be committed by mistake (hazard E3); run all of it again.
// dialect.Classify returns Retryable for this error. [Run] begins again by itself.
type ConflictError struct {
	Key Key // zero for Filter
	Err error
}

func (e *ConflictError) Error() string {
	what := "the batch"
	if e.Key != (Key{}) {
		what = e.Key.String()
	}
	return "keys: " + what + ": the transaction cannot see which caller won and has been rolled back: run the whole transaction again: " + e.Err.Error()
}

// Unwrap returns the database's error.
func (e *ConflictError) Unwrap() error { return e.Err }

// Class returns Retryable.
func (e *ConflictError) Class() dialect.Class { return dialect.Retryable }

// DeadError is returned by [Store.Fail] for a message whose handling has failed [MaxAttempts] times: [Filter] leaves the
// message out until [Store.Revive] revives the message.
type DeadError struct {
	Consumer, ID string
	Attempts     int
}

func (e *DeadError) Error() string {
	return fmt.Sprintf("keys: message %s of consumer %s is dead after %d attempts: Store.Dead lists it, Store.Revive revives it",
		readable(e.ID, false), readable(e.Consumer, false), e.Attempts)
}

// UnknownError is returned by [Run] if the answer to the commit was lost and the database could not be asked again. The effect
// may or may not be committed; the same call with the same key will find out. dialect.Classify returns Ambiguous for this
// error.
type UnknownError struct {
	Key Key
	Err error
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("keys: %s: the answer to the commit was lost, so the effect may or may not be committed: repeat the call with this key to find out: %v", e.Key, e.Err)
}

// Unwrap returns the error of the commit.
func (e *UnknownError) Unwrap() error { return e.Err }

// Class returns Ambiguous.
func (e *UnknownError) Class() dialect.Class { return dialect.Ambiguous }

var (
	errNoFunc    = response.ErrNoFunc
	errNilOption = errors.New("keys: an option is nil")
)

// errRowMissing: a claim found a key's row, or was told that the row exists, but the look-up after the claim found no row.
var errRowMissing = errors.New("the key was not inserted and no row is stored: others remove the row each time, or a trigger, a rule or a policy of the table discards the row")

// errSwallowed: a database has reported success for marks that are not there (hazard K47).
var errSwallowed = errors.New("neither marked nor stored: a trigger, a rule or a policy of the table discards rows: drop it")

// isDecided reports whether the error comes from fn or is the claim's answer, and is not the database's.
func isDecided(err error) bool {
	if isRetryable(err) {
		return false
	}
	switch err.(type) { //nolint:errorlint // one that has been wrapped is the database's too
	case *fnError, *FinalError:
		return true
	}
	return strings.HasPrefix(err.Error(), "keys: ")
}

// wrapError adds the key to an error of the claim. An error of fn is returned unchanged.
func (c *claim) wrapError(ctx context.Context, err error) error {
	if fe, ok := err.(*fnError); ok { //nolint:errorlint // one that has been wrapped has something to say
		return fe.err
	}
	var unknown *UnknownError
	if isDecided(err) || errors.As(err, &unknown) { // the caller must know this error, whatever ended the call
		return err
	}
	explained := c.store.explain(ctx, err)
	if explained == err && strings.HasPrefix(err.Error(), "keys: ") { //nolint:errorlint // the same value: nothing was added
		return err
	}
	return fmt.Errorf("keys: %s: %w", c.key, explained)
}

// explain adds to a database's error a fact that the error does not contain: the context has ended, or the table does not
// exist.
func (s *Store) explain(ctx context.Context, err error) error {
	if end := ctx.Err(); end != nil && !errors.Is(err, end) {
		return fmt.Errorf("%w: %w", end, err)
	}
	n, _ := dialect.MySQLNumber(err)
	missing := n == 1146 || dialect.SQLState(err) == "42P01" || strings.Contains(err.Error(), "no such table")
	if missing && strings.Contains(err.Error(), s.target.ident.Name) {
		return fmt.Errorf("%w: run Store.Migrate, or name the table with the option Table", err)
	}
	return err
}
