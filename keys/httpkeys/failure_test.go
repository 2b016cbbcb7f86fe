package httpkeys_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/keys/httpkeys"
)

// deadlock is an error after which the database has ended the transaction.
type deadlock struct{}

func (deadlock) Error() string        { return "deadlock" }
func (deadlock) Class() dialect.Class { return dialect.Retryable }

// faulty returns a lab whose statements pass the hook, once it is set.
func faulty(t *testing.T) (*lab, *atomic.Pointer[faults.Hook]) {
	t.Helper()
	var hook atomic.Pointer[faults.Hook]
	db := faults.Open(t, engine.Get("sqlite").Namespace(t), func(p *faults.Point) error {
		if h := hook.Load(); h != nil {
			return (*h)(p)
		}
		return nil
	})
	return newLabOn(t, db.DB), &hook
}

// inject sets the hook.
func inject(hook *atomic.Pointer[faults.Hook], f faults.Hook) { hook.Store(&f) }

// If the transaction is lost, the handler is called again with the same body, and its first response is thrown away.
func TestLostTransaction(t *testing.T) {
	t.Parallel()
	l, hook := faulty(t)
	inject(hook, func(p *faults.Point) error {
		if p.Moment == faults.Before && strings.Contains(p.Text, "'lost'") {
			return deadlock{}
		}
		return nil
	})
	calls := 0
	h := l.handler(func(w http.ResponseWriter, r *http.Request) {
		calls++
		body, err := io.ReadAll(r.Body)
		note := string(body)
		if calls == 1 {
			r.Header.Set("Changed", "by the first call")
			w.Header().Set("X-First", "thrown away")
			note = "lost"
		}
		_, werr := httpkeys.Tx(r.Context()).ExecContext(r.Context(), "INSERT INTO effects (note) VALUES ('"+note+"')")
		if err := errors.Join(err, werr); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, r.Header.Get("Changed")+note)
	})
	if w := do(h, post("k", "kept")); w.Code != 200 || w.Body.String() != "kept" || len(w.Header()["X-First"]) != 0 || calls != 2 {
		t.Errorf("%d %v %s after %d calls; want the second response", w.Code, w.Header(), w.Body, calls)
	}
	if n := l.effects("kept"); n != 1 {
		t.Errorf("%d effects; want 1", n)
	}
	next := func(w http.ResponseWriter, r *http.Request) error {
		if calls++; calls == 3 {
			return deadlock{}
		}
		return nil
	}
	if err := serve(l.middleware(), post("s", ""), next); err != nil || calls != 4 {
		t.Errorf("%v after %d calls; want no error after 4", err, calls)
	}
}

// If the store cannot be reached, the answer is 503 and the handler is not called, also if the key is done.
func TestStoreIsDown(t *testing.T) {
	t.Parallel()
	l, hook := faulty(t)
	var calls atomic.Int32
	h := l.handler(func(w http.ResponseWriter, r *http.Request) { calls.Add(1); l.write(r, "down") })
	do(h, post("done", ""))
	inject(hook, func(*faults.Point) error { return errors.New("secret: no route to host") })
	for _, key := range []string{"done", "new"} {
		w := do(h, post(key, ""))
		if w.Code != 503 || w.Header().Get("Retry-After") != "1" || calls.Load() != 1 || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d %v %s after %d calls; want 503", key, w.Code, w.Header(), w.Body, calls.Load())
		}
		wantProblem(t, w.Body.Bytes(), "store-unavailable", true, false)
	}
	r := post("", "")
	r.SetPathValue("key", "done")
	if w := do(l.middleware().Status(), r); w.Code != 503 {
		t.Errorf("the state: %d; want 503", w.Code)
	}
}

func wantProblem(t *testing.T, body []byte, name string, retryable, safe bool) {
	t.Helper()
	var p struct {
		Type       string
		Retryable  bool
		SafeNewKey bool `json:"safe_new_key"`
	}
	unmarshal(t, body, &p)
	if !strings.HasSuffix(p.Type, "#"+name) || p.Retryable != retryable || p.SafeNewKey != safe {
		t.Errorf("%s; want %s, retryable %t, safe_new_key %t", body, name, retryable, safe)
	}
}

// If the answer to the commit is lost and nobody can be asked, nobody knows what has happened.
func TestCommitOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	l, hook := faulty(t)
	h := l.handler(l.replies("unknown", 201, "made"))
	var cut atomic.Bool
	inject(hook, func(p *faults.Point) error {
		if p.Kind == faults.Commit && p.Moment == faults.After || cut.Load() {
			cut.Store(true)
			return faults.Cut(p)
		}
		return nil
	})
	w := do(h, post("k", ""))
	if w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v %s; want 503", w.Code, w.Header(), w.Body)
	}
	wantProblem(t, w.Body.Bytes(), "outcome-unknown", true, false)
	inject(hook, func(*faults.Point) error { return nil })
	if w := do(h, post("k", "")); w.Code != 201 || w.Header().Get("Idempotent-Replayed") != "true" || l.effects("unknown") != 1 {
		t.Errorf("afterwards: %d %v and %d effects; want the replay of one", w.Code, w.Header(), l.effects("unknown"))
	}
}

// If only the answer to the commit is lost, the handler's own response is sent.
func TestCommitWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	l, hook := faulty(t)
	var cut atomic.Bool
	inject(hook, func(p *faults.Point) error {
		if p.Kind == faults.Commit && p.Moment == faults.After && cut.CompareAndSwap(false, true) {
			return faults.Cut(p)
		}
		return nil
	})
	h := l.handler(func(w http.ResponseWriter, r *http.Request) {
		l.write(r, "once")
		w.Header().Set("X-Own", "not stored")
	})
	if w := do(h, post("k", "")); w.Code != 200 || w.Header().Get("X-Own") == "" || !cut.Load() || l.effects("once") != 1 {
		t.Errorf("%d %v and %d effects; want the handler's own response", w.Code, w.Header(), l.effects("once"))
	}
}

// If a commit is known to have failed, the handler is called again after its success.
func TestCommitIsLost(t *testing.T) {
	t.Parallel()
	l, hook := faulty(t)
	var cut atomic.Bool
	inject(hook, func(p *faults.Point) error {
		if p.Kind == faults.Commit && p.Moment == faults.Before && cut.CompareAndSwap(false, true) {
			return faults.Cut(p)
		}
		return nil
	})
	calls := 0
	h := l.handler(func(w http.ResponseWriter, r *http.Request) { calls++; l.write(r, "lost commit") })
	if w := do(h, post("k", "")); w.Code != 200 || calls != 2 || l.effects("lost commit") != 1 {
		t.Errorf("%d after %d calls and %d effects; want 200 after 2, and 1", w.Code, calls, l.effects("lost commit"))
	}
}

// A statement that fails at the end of the transaction is a 500, and the key is free.
func TestCommitFails(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	l.db.MustExec("CREATE TABLE parents (id INTEGER PRIMARY KEY); CREATE TABLE children (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)")
	h := l.handler(func(w http.ResponseWriter, r *http.Request) {
		if _, err := httpkeys.Tx(r.Context()).ExecContext(r.Context(), "INSERT INTO children (parent) VALUES (1)"); err != nil {
			t.Error(err)
		}
	})
	w := do(h, post("k", ""))
	if w.Code != 500 || strings.Contains(w.Body.String(), "FOREIGN") {
		t.Errorf("%d %s; want 500", w.Code, w.Body)
	}
	wantProblem(t, w.Body.Bytes(), "not-committed", false, true)
	l.db.MustExec("INSERT INTO parents (id) VALUES (1)")
	if w := do(h, post("k", "")); w.Code != 200 || w.Header().Get("Idempotent-Replayed") != "" {
		t.Errorf("%d %v; want 200, not replayed", w.Code, w.Header())
	}
}

// A panic rolls back, frees the key, and continues.
func TestPanic(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	func() {
		defer func() {
			if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // the very value
				t.Errorf("recovered %v; want the handler's panic", v)
			}
		}()
		do(l.handler(func(w http.ResponseWriter, r *http.Request) { l.write(r, "panic"); panic(http.ErrAbortHandler) }), post("k", "a"))
	}()
	if w := do(l.handler(l.replies("after", 200, "")), post("k", "b")); w.Code != 200 || l.effects("panic") != 0 || l.effects("after") != 1 {
		t.Errorf("%d, %d and %d effects; want 200, 0 and 1", w.Code, l.effects("panic"), l.effects("after"))
	}
}
