package httpkeys_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/keys"
	"github.com/goupsert/upsert/keys/httpkeys"
)

// The tests of this file check what a client gets for a key that a person has decided, and what the middleware says of a key while its
// store is busy.

func keyOf(id string) keys.Key { return keys.Key{Scope: "ann", Op: "http", ID: id} }

func statusBy(mw *httpkeys.Middleware, id string) string {
	r := post("", "")
	r.SetPathValue("key", id)
	w := do(mw.Status(), r)
	return http.StatusText(w.Code) + " " + w.Body.String()
}

// TestLeased_Resolved parks keys, decides them as a person does, and sends the requests again.
func TestLeased_Resolved(t *testing.T) {
	t.Parallel()
	sealed := []keys.Option{keys.Codecs(reversed("x"))}
	for name, opts := range map[string][2][]keys.Option{ // of the server, and of the person's program
		"JSON": {}, "sealed": {sealed, sealed}, "a server that seals": {sealed, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLabOn(t, engine.Get("sqlite").Open(t), opts[0]...)
			person := openStore(t, l.db, opts[1]...)
			mw := l.middleware(httpkeys.Leased(keys.NoWait()))
			h := mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }))
			for id, c := range map[string]struct {
				decide func(keys.Key) error
				code   int
				kind   string
				state  string
			}{
				"an object": {func(k keys.Key) error { return keys.Resolve(t.Context(), person, k, map[string]int{"a": 1}) }, 200, "resolved", `OK {"state":"done"}`},
				"nothing":   {func(k keys.Key) error { return keys.Resolve[*int](t.Context(), person, k, nil) }, 200, "resolved", `OK {"state":"done"}`},
				"an error":  {func(k keys.Key) error { return person.ResolveFinal(t.Context(), k, errors.New("card declined")) }, 422, "failed", `OK {"state":"done"}`},
				"released":  {func(k keys.Key) error { return person.Release(t.Context(), k) }, 502, "", `OK {"state":"in_progress"}`},
			} {
				id = strings.ReplaceAll(id, " ", "-")
				if got := codeOf(h, post(id, "")); got != 502 {
					t.Fatalf("%s: %d; want 502", id, got)
				}
				if err := c.decide(keyOf(id)); err != nil {
					t.Fatalf("%s: %v", id, err)
				}
				w := do(h, post(id, ""))
				if isProblem := strings.Contains(w.Body.String(), "#"+c.kind+`"`); w.Code != c.code || isProblem != (c.kind != "") || strings.Contains(w.Body.String(), "declined") {
					t.Errorf("%s: %d %s; want %d %s", id, w.Code, w.Body, c.code, c.kind)
				}
				if got := statusBy(mw, id); got != c.state {
					t.Errorf("%s: the status is %s; want %s", id, got, c.state)
				}
			}
		})
	}
}

// The status of a key that is done needs no lock and no place, also if the process has not seen the key.
func TestStatus_OfAnotherProcess(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	do(l.handler(l.replies("x", 201, "made")), post("done", ""))
	release := l.blocked(l.middleware(), "other")
	defer release()
	fresh := &lab{t, l.db, openStore(t, l.db)}
	if got := statusBy(fresh.middleware(), "done"); got != `OK {"state":"done","status":201}` {
		t.Errorf("%s; want done, 201", got)
	}
}

// A request whose key is in flight in this process is told so, even if no connection is left to ask the store.
func TestInFlight_PoolIsTaken(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	l.db.SetMaxOpenConns(1)
	release := l.blocked(l.middleware(), "taken")
	defer release()
	w := do(l.handler(l.replies("second", 200, ""), httpkeys.MaxWait(50*time.Millisecond)), post("taken", ""))
	if w.Code != 409 || !strings.Contains(w.Body.String(), "in-flight") {
		t.Errorf("%d %s; want 409 in-flight", w.Code, w.Body)
	}
}

// The log has no key, whatever the error's form.
func TestLog_HidesTheKey(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	var log bytes.Buffer
	h := l.handler(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = httpkeys.Tx(r.Context()).ExecContext(r.Context(), "ROLLBACK")
	}, httpkeys.Logger(slog.New(slog.NewTextHandler(&log, nil))))
	do(h, post("secret-key-1", ""))
	if text := log.String(); !strings.Contains(text, "claim") || strings.Contains(text, "secret-key-1") {
		t.Errorf("the log is %s; want the error without the key", text)
	}
}

// A handler that takes its transaction by keys.TxFrom has asked for it.
func TestUnusedTx_TxFrom(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	h := l.handler(func(_ http.ResponseWriter, r *http.Request) {
		tx, _ := keys.TxFrom(r.Context())
		tx.MustExec("INSERT INTO effects (note) VALUES ('from')")
	}, httpkeys.OnUnusedTx(func(*http.Request) { t.Error("the handler has used its Tx") }))
	if w := do(h, post("k", "")); w.Code != 200 || l.effects("from") != 1 {
		t.Errorf("%d and %d effects; want 200 and 1", w.Code, l.effects("from"))
	}
}

// The repetition of a response that was not stored keeps the tags of what the request has made.
func TestNotStored_KeepsTags(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	h := l.handler(func(w http.ResponseWriter, r *http.Request) {
		_ = httpkeys.Tx(r.Context())
		w.Header().Set("Etag", `"v1"`)
		w.WriteHeader(201)
		_, _ = w.Write(make([]byte, 20))
	}, httpkeys.MaxResponse(10), httpkeys.StoreNothingAbove())
	do(h, post("k", ""))
	if w := do(h, post("k", "")); w.Code != 201 || w.Header().Get("Etag") != `"v1"` || !strings.Contains(w.Body.String(), "response-not-stored") {
		t.Errorf("%d %v %s; want 201 with the tag", w.Code, w.Header(), w.Body)
	}
}

// A timeout of the connection's own is a lost connection, and the request is sent again.
func TestTransport_TimeoutOfTheConnection(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	dials := 0
	c := http.Client{Transport: &httpkeys.Transport{Pause: time.Millisecond, Base: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dials++; dials == 1 {
			short, cancel := context.WithTimeout(ctx, time.Nanosecond)
			defer cancel()
			return (&net.Dialer{}).DialContext(short, network, addr)
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}}}}
	res, err := c.Post(s.URL, "text/plain", strings.NewReader("x")) //nolint:noctx // the client's
	if err != nil || dials < 2 {
		t.Fatalf("%v after %d dials; want an answer after 2", err, dials)
	}
	_ = res.Body.Close()
}

// untilLeaseEnded waits until the row tells a lease that has ended.
func (l *lab) untilLeaseEnded(id string) {
	l.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		info, err := l.store.Inspect(l.Context(), keyOf(id))
		if err != nil || time.Now().After(deadline) {
			l.Fatalf("the lease does not end: %v", err)
		}
		if info.LeaseEnded {
			return
		}
	}
}

// A key whose caller works in a guarded transaction is in progress, although the row still tells a lease's end that has passed.
func TestLeased_StatusUnderGuard(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	mw := l.middleware(httpkeys.Leased(keys.Lease(time.Second)))
	h := mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tx := l.db.MustBegin()
		defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
		if err := httpkeys.Held(r.Context()).Guard(r.Context(), tx); err != nil {
			t.Errorf("Guard: %v", err)
		}
		l.untilLeaseEnded("guarded") // as others read it
		if got := statusBy(mw, "guarded"); got != `OK {"state":"in_progress"}` {
			t.Errorf("the status is %s; want in_progress", got)
		}
		if err := tx.Commit(); err != nil {
			t.Errorf("Commit: %v", err)
		}
		w.WriteHeader(201)
	}))
	if got := codeOf(h, post("guarded", "")); got != 201 {
		t.Errorf("%d; want 201", got)
	}
}
