// Package httpkeys is net/http middleware for the Idempotency-Key header.
//
// The handler may be called again, so it must have no effect but through its [Tx]. If the database ends the handler's
// transaction, after a deadlock or a serialization failure, the first response is thrown away and the handler is called once
// more with the same request.
//
//	idempotent := httpkeys.New(store, func(r *http.Request) (string, error) { return tenantOf(r) })
//	mux.Handle("POST /payments", idempotent.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
//		tx := httpkeys.Tx(r.Context())
//		…
//		w.WriteHeader(http.StatusCreated)
//	})))
//
// The header is as draft-ietf-httpapi-idempotency-key-header-07 has it, which expired in April 2026.
//
// # Responses
//
// Nothing is sent before the commit. The response and the handler's writes on its Tx are committed together if the status is
// below 400. From 400 on the writes are rolled back. The response alone is then remembered if the status is below 500, but for
// 408, 425 and 429; otherwise the key is free. [CommitIf] and [Remember] change this. A panic rolls back and continues.
//
// A repetition gets the status, the body and some of the headers of the first response; see [StoreHeaders].
//
// The middleware's own answers are problem documents (RFC 9457). Each has the member retryable, which says that the same request
// may be sent again; safe_new_key, which says that another key does no harm; and idempotency_key.
//
// # The pool
//
// A handler holds a connection of the store's pool while it runs. If the pool has a maximum, the middleware leaves one of its
// connections free, so that handlers can also read through the pool: the pool must have at least two. A handler that holds two
// other connections at a time can still wait for ever.
package httpkeys
