// Package response is the door between package keys and the packages above keys that store an answer in a form of their own, as
// httpkeys stores a response. Only types go through the door; keys does not know what they hold.
package response

import (
	"context"
	"errors"
)

// Bounded is implemented by the type of a result that a handler has made. The maker bounds the result's size, so MaxResult does
// not apply, and only the server's own limit does. The handler may use the store's pool beside its transaction, so Run always
// leaves a connection of the pool free for the handlers that are running.
type Bounded interface{ IsBounded() }

// Final is an error for keys.Final that carries an answer. keys stores the answer beside the error's text. On a replay the
// *keys.FinalError wraps a *Final with the stored answer.
type Final struct {
	Text   string
	Answer []byte
}

func (e *Final) Error() string { return e.Text }

// SizeError says that a result has more bytes than are stored. The effect was rolled back.
type SizeError struct{ Text string }

func (e *SizeError) Error() string { return e.Text }

// IsNotDone reports whether an error is marked with keys.NotDone.
func IsNotDone(err error) bool {
	var mark interface {
		error
		IsNotDone()
	}
	return errors.As(err, &mark)
}

// TakesOver reports whether options of keys.Do say that a call takes over a key whose lease has ended without an answer. The last
// option that says anything wins.
func TakesOver[O any](opts []O) (takes bool) {
	for _, o := range opts {
		if policy, ok := any(o).(interface{ TakesOver() bool }); ok {
			takes = policy.TakesOver()
		}
	}
	return takes
}

// ErrForm says that a result is stored under the key that no handler has made: a person has resolved the key, or another program
// uses it.
var ErrForm = errors.New("no handler has made the stored result")

// ErrQueued says that a call has waited for another call of this process, which has the key.
var ErrQueued = errors.New("another call of this process has the key")

type lookKey struct{}

// LookFirst returns a context with which Run looks for the stored row before it claims the key. A look takes no lock and no place.
func LookFirst(ctx context.Context) context.Context { return context.WithValue(ctx, lookKey{}, true) }

// LooksFirst reports whether the context comes from LookFirst.
func LooksFirst(ctx context.Context) bool { return ctx.Value(lookKey{}) != nil }

type takenKey struct{}

// OnTaken returns a context with which keys.TxFrom calls f.
func OnTaken(ctx context.Context, f func()) context.Context {
	return context.WithValue(ctx, takenKey{}, f)
}

// NoteTaken calls the function of OnTaken, if there is one.
func NoteTaken(ctx context.Context) {
	if f, ok := ctx.Value(takenKey{}).(func()); ok {
		f()
	}
}

// ErrNoPlace says that the transactions of other handlers have taken the pool.
var ErrNoPlace = errors.New("the transactions of other handlers have taken the pool: raise SetMaxOpenConns")

// ErrNoFunc is returned for a call without a function. A call checks its options before its function, so a caller that gets
// ErrNoFunc knows that the options fit.
var ErrNoFunc = errors.New("keys: the function is nil")
