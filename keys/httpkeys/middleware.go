package httpkeys

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/goupsert/upsert/internal/response"
	"github.com/goupsert/upsert/keys"
)

// Middleware carries out requests with an Idempotency-Key header once. [New] returns a Middleware. A Middleware is safe for
// concurrent use, and one is enough for any number of routes.
type Middleware struct {
	store  *keys.Store
	scope  func(*http.Request) (string, error)
	config *config
	routes routes
}

// New returns a middleware that remembers its keys in s.
//
// scope says whose request it is: a tenant, an account or a user, from what the request has proved about its sender. Two
// requests with one key share a response only if their scopes are the same, so a scope that is too wide shows one user the
// response of another. If scope returns an error, or "" without an error, the request is answered with 401, or with the status
// of an error from [Reject], and the handler is not called.
//
// New panics if s or scope is nil, or if an option does not fit.
func New(s *keys.Store, scope func(*http.Request) (string, error), opts ...Option) *Middleware {
	if scope == nil {
		panic("httpkeys: New: the scope is nil: it says whose request it is")
	}
	c, err := newConfig(opts)
	if err == nil {
		err = checkClaiming(s, c.claiming)
	}
	if err == nil {
		err = checkLeased(s, c.doing)
	}
	if err != nil {
		panic("httpkeys: New: " + err.Error())
	}
	return &Middleware{store: s, scope: scope, config: c}
}

// checkClaiming returns an error if s or an option of keys.Run does not fit. Run finds that out before it sends a statement.
func checkClaiming(s *keys.Store, opts []keys.ClaimOption) error {
	_, _, err := keys.Run[*record](context.Background(), s, keys.Key{Scope: "-", Op: "-", ID: "-"}, keys.Fingerprint{}, nil, opts...)
	if errors.Is(err, response.ErrNoFunc) {
		return nil
	}
	return err
}

// Handler returns a handler that calls next once for each key. Handler panics if next is nil.
func (m *Middleware) Handler(next http.Handler) http.Handler {
	if next == nil {
		panic("httpkeys: Handler: the handler is nil")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = m.Serve(w, r, func(w http.ResponseWriter, r *http.Request) error { // the only error is next's
			next.ServeHTTP(w, r)
			return nil
		})
	})
}

// Serve answers a request, by calling next once for each key. If next returns an error, its effect is rolled back, the key is
// free, nothing is written to w, not even a header, and Serve returns this error: the caller answers the request. In every
// other case Serve has answered the request by itself and returns nil. A panic of next rolls back and continues.
//
// Serve calls next again if the database has ended the transaction, after a deadlock or a serialization failure. Each call gets
// a request with the whole body and a writer of its own, which keeps the response until the transaction is committed.
//
// If the method of the request is not one of [Methods], or if the request has passed a middleware of this package already, Serve
// calls next with w and r as they are, and returns its error.
func (m *Middleware) Serve(w http.ResponseWriter, r *http.Request, next func(http.ResponseWriter, *http.Request) error) error {
	if !slices.Contains(m.config.requests.methods, r.Method) || handlingOf(r.Context()) != nil {
		return next(w, r)
	}
	x := &exchange{m: m, w: w, r: r, next: next}
	if p := x.prepare(); p != nil {
		x.refuse(p)
		return nil
	}
	return x.run()
}
