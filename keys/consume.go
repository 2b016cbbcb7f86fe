package keys

import (
	"context"
	"fmt"
	"strings"
)

// Consume is [Filter] in a transaction of the library's: it calls fn with the messages that the consumer has not handled, in
// the order they came, marks them as handled, and commits fn's effect and the marks together. fn is not called if there
// are none. Tables with a column of rule add take fn's [Tx].
//
// As in [Run], fn may be called more than once by one call, each time after what the time before wrote was rolled back, and
// must have no effect but through its Tx. After a commit whose answer was lost the batch is filtered again, and what is
// found handled is not handled again.
//
// The transaction has the database's default level of isolation.
//
// fn's error rolls everything back and is returned. Where it is one message's, call [Store.Fail] for that one then, not inside
// fn, and consume the others without it. A panic rolls back and goes on. Beside fn's error it returns those of Filter, and
// the database's.
func Consume[M any](ctx context.Context, s *Store, consumer string, msgs []M, id func(M) string, fn func(ctx context.Context, tx *Tx, fresh []M) error) error {
	if err := s.ready(); err != nil {
		return err
	}
	if fn == nil {
		return errNoFunc
	}
	if err := s.outside(ctx, s.heldMessages(consumer)); err != nil {
		return err
	}
	calls := 0
	err := s.inTransaction(ctx, nil, func(h handle) error {
		fresh, b, err := filter(ctx, s, h, consumer, msgs, id)
		if err != nil || len(fresh) == 0 {
			return err
		}
		calls++
		t := s.tx(h, Key{Scope: consumer}, calls, s.sql.Proof(b.fresh, b.owner))
		defer t.ended.Store(true)
		t.claim.Hold(s.heldMessages(consumer))
		err = t.outcome(ctx, fn(t.context(ctx), t, fresh))
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
