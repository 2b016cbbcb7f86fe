package httpkeys_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/goupsert/upsert/keys"
	"github.com/goupsert/upsert/keys/httpkeys"
)

// leased returns a handler that counts its calls, and ends as end says.
func (l *lab) leased(calls *int, end func(http.ResponseWriter), opts ...httpkeys.Option) http.Handler {
	opts = append([]httpkeys.Option{httpkeys.Leased(keys.NoWait())}, opts...)
	return l.handler(func(w http.ResponseWriter, r *http.Request) {
		*calls++
		if httpkeys.Held(r.Context()).Downstream() == "" {
			l.Error("there is no downstream key")
		}
		end(w)
	}, opts...)
}

// afterLease sends a request with a key again after the lease of the key, if there is one, has ended.
func (l *lab) afterLease(h http.Handler, key string) (code int, w http.Header) {
	l.Helper()
	l.db.MustExec("UPDATE idempotency_keys SET lease_until = '2000-01-01 00:00:00.000' WHERE state = 6 AND id = ?", key)
	res := do(h, post(key, ""))
	return res.Code, res.Header()
}

// With Leased an answer that is remembered is replayed, whatever its status, and an unknown end parks the key.
func TestLeased(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	for key, c := range map[string]struct {
		end    func(http.ResponseWriter)
		first  int // 0: a panic
		second int
		state  string
	}{
		"done":     {func(w http.ResponseWriter) { w.WriteHeader(201) }, 201, 201, "done"},
		"declined": {func(w http.ResponseWriter) { w.WriteHeader(402) }, 402, 402, "done"},
		"failed":   {func(w http.ResponseWriter) { w.WriteHeader(502) }, 502, 409, "parked"},
		"panic":    {func(http.ResponseWriter) { panic("oops") }, 0, 409, "parked"},
		"oversize": {func(w http.ResponseWriter) { _, _ = w.Write(make([]byte, 11)) }, 500, 409, "parked"},
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			l, calls := &lab{t, l.db, l.store}, 0
			h := l.leased(&calls, c.end, httpkeys.MaxResponse(10))
			if got := codeOf(h, post(key, "")); got != c.first {
				t.Errorf("first: %d; want %d", got, c.first)
			}
			code, header := l.afterLease(h, key)
			if replayed := header.Get("Idempotent-Replayed") == "true"; code != c.second || replayed != (c.state == "done") || header.Get("Retry-After") != "" {
				t.Errorf("second: %d %v; want %d", code, header, c.second)
			}
			if state := l.state(key); state != c.state || calls != 1 {
				t.Errorf("%s after %d calls; want %s after 1", state, calls, c.state)
			}
		})
	}
}

// codeOf returns the status of an answer, or 0 if the handler panics.
func codeOf(h http.Handler, r *http.Request) (code int) {
	defer func() { _ = recover() }()
	return do(h, r).Code
}

// state asks the status handler.
func (l *lab) state(key string) string { return l.stateBy(l.middleware(), key) }

// stateBy asks the status handler of a middleware.
func (l *lab) stateBy(mw *httpkeys.Middleware, key string) string {
	l.Helper()
	r := post("", "")
	r.SetPathValue("key", key)
	var state struct{ State string }
	unmarshal(l, do(mw.Status(), r).Body.Bytes(), &state)
	return state.State
}

// The status of a key whose lease has ended without an answer is what the next request will find.
func TestLeased_StatusAfterTheLease(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	for key, c := range map[string]struct {
		policy []keys.DoOption
		want   string
	}{
		"park": {nil, "parked"}, "rerun": {[]keys.DoOption{keys.Rerun()}, "in_progress"}, "park after all": {[]keys.DoOption{keys.Rerun(), keys.Park()}, "parked"},
	} {
		mw := l.middleware(httpkeys.Leased(c.policy...))
		if got := codeOf(mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) })), post(`"`+key+`"`, "")); got != 502 {
			t.Errorf("%s: %d; want 502", key, got)
		}
		if state := l.stateBy(mw, key); state != "in_progress" {
			t.Errorf("%s: %s before the lease's end; want in_progress", key, state)
		}
		l.db.MustExec("UPDATE idempotency_keys SET lease_until = '2000-01-01 00:00:00.000' WHERE state = 6")
		if state := l.stateBy(mw, key); state != c.want {
			t.Errorf("%s: %s after the lease's end; want %s", key, state, c.want)
		}
	}
}

// 429, and an error that is marked with NotDone, free the key.
func TestLeased_NotDone(t *testing.T) {
	t.Parallel()
	l, calls, status := newSQLite(t), 0, 429
	h := l.leased(&calls, func(w http.ResponseWriter) { w.WriteHeader(status) })
	if w := do(h, post("busy", "a")); w.Code != 429 {
		t.Errorf("%d; want 429", w.Code)
	}
	if state := l.state("busy"); state != "unknown" {
		t.Errorf("the key is %s; want unknown", state)
	}
	status = 201
	if w := do(h, post("busy", "b")); w.Code != 201 || calls != 2 {
		t.Errorf("%d after %d calls; want 201 after 2", w.Code, calls)
	}
	mw, refused := l.middleware(httpkeys.Leased(keys.NoWait())), errors.New("refused")
	next := func(http.ResponseWriter, *http.Request) error {
		return fmt.Errorf("at the bank: %w", keys.NotDone(refused))
	}
	for range 2 {
		if err := serve(mw, post("refused", ""), next); !errors.Is(err, refused) {
			t.Errorf("%v; want the error of next", err)
		}
	}
	unknown := errors.New("no answer")
	next = func(http.ResponseWriter, *http.Request) error { return keys.Final(unknown) } // the mark does not count here
	if err := serve(mw, post("unknown", ""), next); !errors.Is(err, unknown) {
		t.Errorf("%v; want the error of next", err)
	}
	if w := do(mw.Handler(http.NotFoundHandler()), post("unknown", "")); w.Code != 409 {
		t.Errorf("%d; want 409, because the key is kept", w.Code)
	}
}

// With Leased a handler holds no connection, so a pool of one is enough.
func TestLeased_PoolOfOne(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	l.db.SetMaxOpenConns(1)
	h := l.handler(func(w http.ResponseWriter, r *http.Request) {
		if _, err := l.db.ExecContext(r.Context(), "INSERT INTO effects (note) VALUES ('one')"); err != nil {
			t.Error(err)
		}
	}, httpkeys.Leased())
	answers := together(20, func(n int) int { return do(h, post(fmt.Sprint("key-", n%10), "")).Code })
	if answers[200] != 20 || l.effects("one") != 10 {
		t.Errorf("%v and %d effects; want 20 times 200, and 10", answers, l.effects("one"))
	}
}

// A key that a route with a transaction has used is not for a leased route, and the other way round.
func TestLeased_OtherVerb(t *testing.T) {
	t.Parallel()
	l, calls := newSQLite(t), 0
	h, other := l.leased(&calls, func(http.ResponseWriter) {}), l.handler(l.replies("other", 200, ""))
	for n, c := range []struct {
		h    http.Handler
		key  string
		want int
	}{{h, "a", 200}, {other, "a", 422}, {other, "b", 200}, {h, "b", 422}} {
		if w := do(c.h, post(c.key, "")); w.Code != c.want {
			t.Errorf("%d: %d %s; want %d", n, w.Code, w.Body, c.want)
		}
	}
}
