package httpkeys_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/keys"
	"github.com/goupsert/upsert/keys/httpkeys"
)

// The core runs on every engine: in part, unless the engine is asked for.
func TestCore(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		l := newLab(t, e)
		for _, test := range []struct {
			name  string
			brief bool
			run   func(*lab)
		}{
			{"replays", true, (*lab).testReplays},
			{"rolled back", true, (*lab).testRolledBack},
			{"crowd", true, (*lab).testCrowd},
			{"pool", true, (*lab).testPool},
			{"in flight", true, (*lab).testInFlight},
			{"elsewhere", false, (*lab).testInFlightElsewhere},
			{"big", true, (*lab).testBig},
			{"leased", true, (*lab).testLeased},
		} {
			if test.brief || e.IsAskedFor() {
				t.Run(test.name, func(t *testing.T) { test.run(l.in(t)) })
			}
		}
	})
}

// in returns the lab for a subtest.
func (l *lab) in(t testing.TB) *lab { return &lab{t, l.db, l.store} }

func (l *lab) testReplays() {
	h := l.handler(l.replies("replays", http.StatusCreated, "made"))
	first, second := do(h, post("r1", "x")), do(h, post(`"r1"`, "x"))
	if first.Code != 201 || first.Body.String() != "made" || first.Header().Get("Idempotent-Replayed") != "" {
		l.Errorf("first: %d %v %s", first.Code, first.Header(), first.Body)
	}
	if second.Code != 201 || second.Body.String() != "made" || second.Header().Get("Idempotent-Replayed") != "true" {
		l.Errorf("second: %d %v %s", second.Code, second.Header(), second.Body)
	}
	if n := l.effects("replays"); n != 1 {
		l.Errorf("%d effects; want 1", n)
	}
	if other := do(h, post("r1", "y")); other.Code != 422 {
		l.Errorf("another body: %d; want 422", other.Code)
	}
}

// From 400 on the writes are rolled back, and the response alone is remembered below 500.
func (l *lab) testRolledBack() {
	for key, c := range map[string]struct {
		status int
		second string
	}{
		"declined": {402, "true"}, "failed": {500, ""}, "early": {425, ""},
	} {
		h := l.handler(l.replies(key, c.status, "no"))
		for n, replayed := range []string{"", c.second} {
			w := do(h, post(key, ""))
			if w.Code != c.status || w.Body.String() != "no" || w.Header().Get("Idempotent-Replayed") != replayed {
				l.Errorf("%s %d: %d %v %s; want %d, replayed %q", key, n, w.Code, w.Header(), w.Body, c.status, replayed)
			}
		}
		if n := l.effects(key); n != 0 {
			l.Errorf("%s: %d effects; want 0", key, n)
		}
	}
	if info, err := l.store.Inspect(l.Context(), keys.Key{Scope: "ann", Op: "http", ID: "declined"}); err != nil || info.State != keys.StateFinalError {
		l.Errorf("a declined request is stored as %+v, %v; want a final error", info, err)
	}
}

// 64 simultaneous requests with one key have one effect and one answer.
func (l *lab) testCrowd() {
	h := l.handler(l.replies("crowd", http.StatusCreated, "made"))
	answers := together(64, func(int) string {
		w := do(h, post("crowd", "x"))
		return fmt.Sprintf("%d %s %s", w.Code, w.Body, w.Header().Get("Idempotent-Replayed"))
	})
	if answers["201 made "] != 1 || answers["201 made true"] != 63 || l.effects("crowd") != 1 {
		l.Errorf("%v and %d effects; want one first answer, 63 replays, and 1", answers, l.effects("crowd"))
	}
}

// 50 handlers that also use the pool do not take each other's connections.
func (l *lab) testPool() {
	l.db.SetMaxOpenConns(4)
	defer l.db.SetMaxOpenConns(0)
	h := l.handler(func(w http.ResponseWriter, r *http.Request) {
		l.write(r, "pool")
		var n int
		if err := l.db.QueryRowContext(r.Context(), "SELECT COUNT(*) FROM effects").Scan(&n); err != nil {
			l.Error(err)
		}
	}, httpkeys.MaxWait(time.Minute))
	began := time.Now()
	answers := together(50, func(n int) int { return do(h, post(fmt.Sprint("pool-", n), "")).Code })
	if answers[200]+answers[503]+answers[409] != 50 || answers[200] == 0 || l.effects("pool") != answers[200] || time.Since(began) > time.Minute {
		l.Errorf("%v and %d effects after %v; want an answer to each", answers, l.effects("pool"), time.Since(began))
	}
}

// blocked starts a request whose handler waits until the test calls release, which returns the answer's status.
func (l *lab) blocked(mw *httpkeys.Middleware, key string) (release func() int) {
	entered, free, code := make(chan struct{}), make(chan struct{}), make(chan int)
	h := mw.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		l.write(r, key)
		close(entered)
		<-free
	}))
	go func() { code <- do(h, post(key, "")).Code }()
	select {
	case <-entered:
	case got := <-code:
		l.Fatalf("a request was answered with %d before its handler ran", got)
	}
	return func() int { close(free); return <-code }
}

// A request whose key is in flight is answered with 409 when it has waited long enough, and so is the state of the key.
func (l *lab) testInFlight() {
	release := l.blocked(l.middleware(), "flight")
	for name, opt := range map[string]httpkeys.Option{
		"MaxWait": httpkeys.MaxWait(20 * time.Millisecond), "keys.NoWait": httpkeys.Claiming(keys.NoWait()), "keys.MaxWait": httpkeys.Claiming(keys.MaxWait(20 * time.Millisecond)),
	} {
		w := do(l.handler(l.replies("second", 200, ""), opt), post("flight", ""))
		if w.Code != 409 || w.Header().Get("Retry-After") != "1" {
			l.Errorf("%s: %d %v %s; want 409", name, w.Code, w.Header(), w.Body)
		}
	}
	if state := l.state("flight"); state != "in_progress" {
		l.Errorf("the key is %s; want in_progress", state)
	}
	if state := l.state("another"); state != "unknown" {
		l.Errorf("another key is %s; want unknown", state)
	}
	if code := release(); code != 200 || l.effects("second") != 0 {
		l.Errorf("the first request: %d, and %d effects of the others", code, l.effects("second"))
	}
	if w := do(l.handler(l.replies("second", 200, ""), httpkeys.MaxWait(1)), post("flight", "")); w.Code != 200 || w.Header().Get("Idempotent-Replayed") != "true" {
		l.Errorf("afterwards, with a nanosecond to wait: %d %v; want the replay", w.Code, w.Header())
	}
	if state := l.state("flight"); state != "done" {
		l.Errorf("the key is %s; want done", state)
	}
}

// The same for a request to another process.
func (l *lab) testInFlightElsewhere() {
	release := l.blocked(l.middleware(), "elsewhere")
	other := &lab{l.TB, l.db, openStore(l, l.db)}
	for range 2 {
		w := do(other.handler(l.replies("second", 200, ""), httpkeys.MaxWait(300*time.Millisecond)), post("elsewhere", ""))
		if w.Code != 409 || w.Header().Get("Retry-After") != "1" {
			l.Errorf("%d %v %s; want 409", w.Code, w.Header(), w.Body)
		}
	}
	want := "in_progress"
	if l.db.DriverName() == "sqlite3" {
		want = "unknown"
	}
	if state := other.state("elsewhere"); state != want {
		l.Errorf("the key is %s; want %s", state, want)
	}
	if code := release(); code != 200 {
		l.Errorf("the first request: %d; want 200", code)
	}
}

// A body of MaxResponse bytes is replayed, whatever the store's MaxResult is, for an effect and for a refusal.
func (l *lab) testBig() {
	small := &lab{l.TB, l.db, openStore(l, l.db, keys.MaxResult(10))}
	for key, status := range map[string]int{"big": 201, "big refusal": 402} {
		body := string(pseudoRandom(1 << 20))
		h := small.handler(small.replies("big", status, body))
		for range 2 {
			if w := do(h, post(`"`+key+`"`, "")); w.Code != status || w.Body.String() != body {
				l.Errorf("%s: %d with %d bytes; want the same", key, w.Code, w.Body.Len())
			}
		}
	}
	if n := l.effects("big"); n != 1 {
		l.Errorf("%d effects; want 1", n)
	}
}

// pseudoRandom returns bytes of every value, always the same.
func pseudoRandom(n int) []byte {
	b, x := make([]byte, n), uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func (l *lab) testLeased() {
	calls := 0
	h := l.handler(func(w http.ResponseWriter, r *http.Request) {
		calls++
		if _, err := l.db.ExecContext(context.WithoutCancel(r.Context()), "INSERT INTO effects (note) VALUES ('leased')"); err != nil {
			l.Error(err)
		}
		w.WriteHeader(http.StatusCreated)
	}, httpkeys.Leased())
	for n, replayed := range []string{"", "true"} {
		if w := do(h, post("leased", "")); w.Code != 201 || w.Header().Get("Idempotent-Replayed") != replayed {
			l.Errorf("%d: %d %v %s", n, w.Code, w.Header(), w.Body)
		}
	}
	if calls != 1 || l.effects("leased") != 1 {
		l.Errorf("%d calls and %d effects; want 1", calls, l.effects("leased"))
	}
}
