package keys

import (
	"context"
	"errors"

	"github.com/jmoiron/sqlx"
)

// Consume is [Filter] in a transaction of the library's: it calls fn with the messages that the consumer has not handled, in
// the order they came, marks them as handled, and commits fn's effect and the marks together. fn is not called if there
// are none. Tables with a column of rule add take fn's [Tx].
//
// As in [Run], fn may be called more than once by one call, each time after what the time before wrote was rolled back, and
// must have no effect but through its Tx. After a commit whose answer was lost the batch is filtered again, and what is
// found handled is not handled again.
//
// fn's error rolls everything back and is returned: [Store.Fail] counts the attempt. A panic rolls back and goes on. Beside
// fn's error it returns those of Filter but for *ConflictError, and the database's.
func Consume[M any](ctx context.Context, s *Store, consumer string, msgs []M, id func(M) string, fn func(ctx context.Context, tx *Tx, fresh []M) error) error {
	if s == nil {
		return errors.New("keys: the store is nil: Open returns one")
	}
	calls := 0
	err := s.inTransaction(ctx, func(tx *sqlx.Tx) error {
		fresh, err := Filter(ctx, s, tx, consumer, msgs, id)
		if err != nil || len(fresh) == 0 {
			return err
		}
		calls++
		t := s.tx(tx, Key{Scope: consumer}, calls)
		defer t.ended.Store(true)
		if err := fn(ctx, t, fresh); err != nil {
			return &fnError{err}
		}
		return t.UpsertClaim()
	})
	if fe, ok := err.(*fnError); ok { //nolint:errorlint // one that has been wrapped has something to say
		return fe.err
	}
	return err
}
