package httpkeys

import (
	"context"
	"sync/atomic"

	"github.com/goupsert/upsert/keys"
)

// handling is what a handler runs in: a transaction or a lease.
type handling struct {
	tx    *keys.Tx    // nil with Leased
	held  *keys.Held  // nil without Leased
	asked atomic.Bool // the handler has asked for tx
}

type handlingKey struct{}

func handlingOf(ctx context.Context) *handling {
	p, _ := ctx.Value(handlingKey{}).(*handling)
	return p
}

// mustHandling is handlingOf for the function of the given name, which needs a request that has passed the middleware.
func mustHandling(ctx context.Context, name string) *handling {
	p := handlingOf(ctx)
	if p == nil {
		panic("httpkeys: " + name + ": this request has not passed the middleware: wrap the handler with Middleware.Handler or Middleware.Serve, name the request's method in Methods, and pass the context of the handler's own request")
	}
	return p
}

// Tx returns the transaction that is committed together with the handler's response. ctx is the context of the request that the
// handler was given. Tx never returns nil: Tx panics if the request has not passed the middleware, or if the middleware is
// [Leased].
func Tx(ctx context.Context) *keys.Tx {
	p := mustHandling(ctx, "Tx")
	if p.tx == nil {
		panic("httpkeys: Tx: the middleware is Leased, so the handler has no transaction: use Held")
	}
	p.asked.Store(true)
	return p.tx
}

// Held returns the lease under which the handler of a [Leased] middleware runs. ctx is the context of the request that the
// handler was given. Held never returns nil: Held panics if the request has not passed the middleware, or if the middleware is
// not Leased.
func Held(ctx context.Context) *keys.Held {
	p := mustHandling(ctx, "Held")
	if p.held == nil {
		panic("httpkeys: Held: the middleware is not Leased, so the handler has a transaction: use Tx")
	}
	return p.held
}
