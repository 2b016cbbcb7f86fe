package httpkeys_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/keys"
	"github.com/goupsert/upsert/keys/httpkeys"
	"github.com/jmoiron/sqlx"
)

// lab is a database with a store and a table of effects.
type lab struct {
	testing.TB
	db    *sqlx.DB
	store *keys.Store
}

func newLab(t testing.TB, e *engine.Engine, opts ...engine.Option) *lab {
	t.Helper()
	return newLabOn(t, e.Open(t, opts...))
}

func newSQLite(t testing.TB) *lab {
	t.Helper()
	return newLab(t, engine.Get("sqlite"))
}

func newLabOn(t testing.TB, db *sqlx.DB, opts ...keys.Option) *lab {
	t.Helper()
	l := &lab{TB: t, db: db, store: openStore(t, db, opts...)}
	if err := l.store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE effects (note VARCHAR(255) NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	return l
}

func openStore(t testing.TB, db *sqlx.DB, opts ...keys.Option) *keys.Store {
	t.Helper()
	store, err := keys.Open(t.Context(), db, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// middleware returns a middleware whose scope is the header User, and which logs nothing.
func (l *lab) middleware(opts ...httpkeys.Option) *httpkeys.Middleware {
	return httpkeys.New(l.store, byUser, append([]httpkeys.Option{httpkeys.Logger(silent)}, opts...)...)
}

func byUser(r *http.Request) (string, error) {
	if user := r.Header.Get("User"); user != "" {
		return user, nil
	}
	return "ann", nil
}

// handler returns the middleware around a handler.
func (l *lab) handler(f http.HandlerFunc, opts ...httpkeys.Option) http.Handler {
	return l.middleware(opts...).Handler(f)
}

// write inserts an effect in the transaction of a request.
func (l *lab) write(r *http.Request, note string) {
	l.Helper()
	if _, err := httpkeys.Tx(r.Context()).ExecContext(r.Context(), "INSERT INTO effects (note) VALUES ('"+note+"')"); err != nil {
		l.Errorf("an effect was not written: %v", err)
	}
}

// effects returns how many effects have the note.
func (l *lab) effects(note string) (n int) {
	l.Helper()
	if err := l.db.QueryRow("SELECT COUNT(*) FROM effects WHERE note = '" + note + "'").Scan(&n); err != nil {
		l.Fatal(err)
	}
	return n
}

// replies returns a handler that writes the effect, and answers with the status and the body.
func (l *lab) replies(note string, status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		l.write(r, note)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// post returns a request with a key.
func post(key, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/effects", strings.NewReader(body))
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	return r
}

// do returns the answer of a handler to a request.
func do(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var silent = slog.New(slog.DiscardHandler)

func rawJSON(body []byte) json.RawMessage { return body }

func unmarshal(t testing.TB, data []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
}

// serve returns what Serve returns, and fails the test's answer if both have answered.
func serve(mw *httpkeys.Middleware, r *http.Request, next func(http.ResponseWriter, *http.Request) error) error {
	return mw.Serve(httptest.NewRecorder(), r, next)
}

// together calls f n times at once, and counts the results.
func together[T comparable](n int, f func(n int) T) map[T]int {
	results := make(chan T, n)
	start := make(chan struct{})
	for i := range n {
		go func() {
			<-start
			results <- f(i)
		}()
	}
	close(start)
	counts := map[T]int{}
	for range n {
		counts[<-results]++
	}
	return counts
}
