package httpkeys

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/goupsert/upsert/internal/response"
	"github.com/goupsert/upsert/keys"
)

// Leased is for handlers whose effect is outside the database, for example a card that is charged: the middleware is built on
// [keys.Do] and not on [keys.Run]. While the handler runs, no transaction and no connection is held, and [Held] gives its lease
// in place of [Tx]. opts are options of Do: the length of the lease, what becomes of a key whose handler has left no answer,
// and the options that [Claiming] has otherwise.
//
// Leased is weaker. The response and the handler's effect are not committed together: if the process dies between the two,
// nobody knows whether the effect has happened. Nothing is rolled back either:
//
//   - A response that is remembered is recorded, whatever its status.
//   - A response below 500 that is not remembered (408, 425, 429), and an error of Serve's next marked with [keys.NotDone], say
//     that nothing has happened. The key is free.
//   - Every other end leaves it unknown what has happened: a response from 500 on, a response that is too large, another error
//     of next, a panic. The key is kept for the rest of its lease, and then parked: a repetition is answered with 409, until a
//     person has found out. After Store.Release the handler is called again. After [keys.Resolve] a repetition is answered with
//     200 and the problem "resolved", and after Store.ResolveFinal with 422 and "failed", because there is no response.
//     [keys.Rerun] calls the handler again without a person.
//
// [New] refuses [keys.Probe], because only the handler makes a response.
func Leased(opts ...keys.DoOption) Option {
	return option(func(c *config) error {
		c.leased = true
		c.doing = append(slices.Clip(c.doing), opts...)
		return passOn(c, "Leased", opts)
	})
}

// checkLeased returns an error if s or an option of keys.Do does not fit. Do finds that out before it sends a statement.
func checkLeased(s *keys.Store, opts []keys.DoOption) error {
	_, _, err := keys.Do[*record](context.Background(), s, keys.Key{Scope: "-", Op: "-", ID: "-"}, keys.Fingerprint{}, nil, opts...)
	if errors.Is(err, response.ErrNoFunc) {
		return nil
	}
	return err
}

// callLeased is the effect of the key in keys.Do.
func (x *exchange) callLeased(ctx context.Context, h *keys.Held) (*record, error) {
	if err := x.patience.pause(ctx); err != nil {
		if h.Attempt() > 1 && response.TakesOver(x.m.config.doing) {
			return nil, err // an earlier attempt has left no answer, and this one has learned nothing
		}
		return nil, keys.NotDone(err)
	}
	rec, err := x.callNext(ctx, &handling{held: h})
	if x.isNotDone(err) {
		return nil, keys.NotDone(err)
	}
	return rec, err
}

// isNotDone reports whether next has said that nothing has happened.
func (x *exchange) isNotDone(err error) bool {
	var own *nextError
	if errors.As(err, &own) {
		return response.IsNotDone(own.err)
	}
	return errors.Is(err, errNotKept) && x.last.writer.status < http.StatusInternalServerError
}
