package txn

import (
	"context"
	"errors"
	"time"

	"github.com/goupsert/upsert/dialect"
)

// Grace is how long a call may go on after its context's end before its caller stops waiting. A driver needs a moment to end a
// statement; on a network that has gone silent the driver may never return.
const Grace = 300 * time.Millisecond

// AbandonedError is returned for a call that had not returned when the context had ended and Grace had passed. The call goes on
// without its caller, so the result of the call is not known.
type AbandonedError struct{ Err error } // Err is the context's error

func (e *AbandonedError) Error() string {
	return "the driver did not come back after the context's end (set the driver's read timeout and keepalives, and on SQLite a short busy_timeout): " + e.Err.Error()
}

// Unwrap returns the context's error.
func (e *AbandonedError) Unwrap() error { return e.Err }

// Class returns Ambiguous.
func (e *AbandonedError) Class() dialect.Class { return dialect.Ambiguous }

// Bounded calls f and returns f's error. If f does not return within Grace after the end of ctx, Bounded returns an
// [*AbandonedError]; f goes on in its goroutine, which calls late once f has returned. A context that cannot end costs no
// goroutine. f must not touch anything that the caller uses after such an error.
func Bounded(ctx context.Context, f func() error, late func()) error {
	if ctx.Done() == nil {
		return f()
	}
	c := &boundedCall{back: make(chan struct{})}
	go c.run(f)
	select {
	case <-c.back:
		return c.result()
	case <-ctx.Done():
	}
	timer := time.NewTimer(Grace)
	defer timer.Stop()
	select {
	case <-c.back:
		return c.result()
	case <-timer.C:
	}
	go func() {
		<-c.back
		late()
	}()
	return &AbandonedError{ctx.Err()}
}

// Value calls f through call, which is [Bounded] or [Tx.Do], and returns f's results.
func Value[V any](call func(func() error) error, f func() (V, error)) (V, error) {
	var none, v V
	err := call(func() (err error) {
		v, err = f()
		return err
	})
	if err != nil { // f may still run, and v is f's own
		return none, err
	}
	return v, nil
}

// boundedCall is a call in a goroutine of its own.
type boundedCall struct {
	back     chan struct{} // closed when the call has returned
	err      error
	panicked any
}

func (c *boundedCall) run(f func() error) {
	defer close(c.back)
	defer func() { c.panicked = recover() }()
	c.err = errExited // if f ends its goroutine, as t.Fatal does
	c.err = f()
}

var errExited = errors.New("the call has ended its goroutine")

// result returns the call's error, and repeats a panic of the call, as if the caller had made the call itself.
func (c *boundedCall) result() error {
	if c.panicked != nil {
		panic(c.panicked)
	}
	return c.err
}
