package upserttest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Handler is [Idempotent] for an HTTP handler: each run makes a handler on the run's handle and serves one request. A response
// with a status of 400 or more, and a panic, count as an error, after which the client sends the request again.
//
// Function newHandler returns the handler for a handle; request returns the request, with a new body at each call. The handler
// gets the request with a context that ends with the run.
func Handler[D DB](t testing.TB, open func(testing.TB) D, newHandler func(D) http.Handler, request func() *http.Request, opts ...Option) {
	t.Helper()
	Idempotent(t, open, func(ctx context.Context, db D) error {
		return serve(newHandler(db), request().WithContext(ctx))
	}, opts...)
}

// serve returns what a client takes for an error.
func serve(h http.Handler, r *http.Request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the handler panics: %v", p) // as net/http does, the client gets no answer
		}
	}()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code >= http.StatusBadRequest {
		return fmt.Errorf("the handler answers %d %s: %s", w.Code, http.StatusText(w.Code), clip(strings.TrimSpace(w.Body.String()), 0))
	}
	return nil
}
