package keys

import (
	"context"
	"fmt"
	"strings"

	"github.com/goupsert/upsert/internal/claimsql"
)

// Consume is [Filter] in a transaction of the library's own. Consume calls fn with the messages that the consumer has not
// handled, in the order of msgs, marks them as handled, and commits fn's effect and the marks together. If there are no such
// messages, fn is not called. Tables with a column of rule add accept fn's [Tx].
//
// As with [Run], one call may call fn more than once, each time after the writes of the call before were rolled back, so fn
// must have no effect except through its Tx. If the answer to a commit is lost, Consume filters the batch again, and does not
// handle again the messages that are found handled.
//
// The transaction has the database's default level of isolation.
//
// An error of fn rolls everything back and is returned. If the error is one message's, call [Store.Fail] for this message
// afterwards, not inside fn, and consume the others without it. A panic rolls everything back and continues to the caller.
// Apart from fn's error, Consume returns the errors of Filter, and the database's.
func Consume[M any](ctx context.Context, s *Store, consumer string, msgs []M, id func(M) string, fn func(ctx context.Context, tx *Tx, fresh []M) error) error {
	if err := s.checkReady(); err != nil {
		return err
	}
	if fn == nil {
		return errNoFunc
	}
	if err := s.refuseInside(ctx, s.messagesLockName(consumer)); err != nil {
		return err
	}
	calls := 0
	err := s.inTransaction(ctx, nil, func(h handle) error {
		fresh, b, err := filter(ctx, s, h, consumer, msgs, id)
		if err != nil || len(fresh) == 0 {
			return err
		}
		calls++
		t := s.tx(h, Key{Scope: consumer}, calls, func() claimsql.Statement { return s.sql.Proof(b.fresh, b.owner) })
		defer t.ended.Store(true)
		t.claim.Hold(s.messagesLockName(consumer))
		err = t.markError(ctx, fn(t.context(ctx), t, fresh))
		if err == nil {
			err = t.prove(ctx)
		}
		return err
	})
	if fe, ok := err.(*fnError); ok { //nolint:errorlint // one that has been wrapped has something to say
		return fe.err
	}
	if err != nil && !strings.HasPrefix(err.Error(), "keys: ") {
		return fmt.Errorf("keys: the batch of consumer %s: %w", readable(consumer, false), err)
	}
	return err
}
