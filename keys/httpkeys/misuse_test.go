package httpkeys_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/keys"
	"github.com/goupsert/upsert/keys/httpkeys"
)

// panicOf returns what f panics with.
func panicOf(f func()) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprint(v)
		}
	}()
	f()
	return ""
}

// Bad options panic in New.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	for name, c := range map[string]struct {
		store *keys.Store
		opt   httpkeys.Option
		want  string
	}{
		"a nil store":     {nil, httpkeys.Strict(), "the store is nil or zero"},
		"a zero store":    {&keys.Store{}, httpkeys.Strict(), "the store is nil or zero"},
		"a nil option":    {l.store, nil, "an option is nil"},
		"Authorize":       {l.store, httpkeys.Authorize(nil), "Authorize: the function is nil"},
		"FingerprintBy":   {l.store, httpkeys.FingerprintBy(nil), "FingerprintBy: the function is nil"},
		"Remember":        {l.store, httpkeys.Remember(nil), "Remember: the function is nil"},
		"CommitIf":        {l.store, httpkeys.CommitIf(nil), "CommitIf: the function is nil"},
		"OnUnusedTx":      {l.store, httpkeys.OnUnusedTx(nil), "OnUnusedTx: the function is nil"},
		"Logger":          {l.store, httpkeys.Logger(nil), "Logger: the function is nil"},
		"MaxResponse":     {l.store, httpkeys.MaxResponse(-1), "MaxResponse(-1) is negative"},
		"MaxRequest":      {l.store, httpkeys.MaxRequest(-1), "MaxRequest(-1) is negative"},
		"MaxWait":         {l.store, httpkeys.MaxWait(0), "MaxWait(0s): it must be positive"},
		"an empty method": {l.store, httpkeys.Methods(""), "Methods"},
		"no method":       {l.store, httpkeys.Methods(), "Methods"},
		"Op":              {l.store, httpkeys.Op(""), "Op"},
		"a long Op":       {l.store, httpkeys.Op(strings.Repeat("o", 256)), "Op"},
		"ReplayHeader":    {l.store, httpkeys.ReplayHeader(""), "ReplayHeader"},
		"Problems":        {l.store, httpkeys.Problems("/problems"), "Problems"},
		"Set-Cookie":      {l.store, httpkeys.StoreHeaders("set-cookie"), "StoreHeaders"},
		"Authorization":   {l.store, httpkeys.StoreHeaders("authorization"), "StoreHeaders"},
		"Claiming nil":    {l.store, httpkeys.Claiming(nil), "Claiming: an option is nil"},
		"Claiming":        {l.store, httpkeys.Claiming(keys.Retain(0)), "a retention of 0s"},
		"Leased nil":      {l.store, httpkeys.Leased(nil), "Leased: an option is nil"},
		"Leased Probe":    {l.store, httpkeys.Leased(keys.Probe(func(context.Context, *keys.Held) (string, bool, error) { return "", false, nil })), "Probe: the function is a"},
		"Leased":          {l.store, httpkeys.Leased(keys.Lease(0)), "Lease(0s)"},
	} {
		if text := panicOf(func() { httpkeys.New(c.store, byUser, c.opt) }); !strings.Contains(text, c.want) || !strings.HasPrefix(text, "httpkeys: New: ") {
			t.Errorf("%s: New panics with %q; want %q", name, text, c.want)
		}
	}
	if text := panicOf(func() { l.middleware(httpkeys.Leased(), httpkeys.Claiming(keys.NoWait())) }); !strings.Contains(text, "no effect with Leased") {
		t.Errorf("Leased and Claiming: %q", text)
	}
	if text := panicOf(func() { httpkeys.New(l.store, nil) }); !strings.Contains(text, "the scope is nil") {
		t.Errorf("a nil scope: %q", text)
	}
	if text := panicOf(func() { l.middleware().Handler(nil) }); !strings.Contains(text, "the handler is nil") {
		t.Errorf("a nil handler: %q", text)
	}
	if text := panicOf(func() { _ = httpkeys.Reject(200, errors.New("x")) }); !strings.Contains(text, "from 400 to 599") {
		t.Errorf("Reject(200): %q", text)
	}
}

// Tx and Held never return nil.
func TestTxOutside(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	get := httptest.NewRequest(http.MethodGet, "/", nil)
	for name, c := range map[string]struct {
		h    http.HandlerFunc
		opts []httpkeys.Option
		r    *http.Request
		want string
	}{
		"Tx of GET":   {func(_ http.ResponseWriter, r *http.Request) { httpkeys.Tx(r.Context()) }, nil, get, "has not passed the middleware"},
		"Held of GET": {func(_ http.ResponseWriter, r *http.Request) { httpkeys.Held(r.Context()) }, nil, get, "has not passed the middleware"},
		"Held":        {func(_ http.ResponseWriter, r *http.Request) { httpkeys.Held(r.Context()) }, nil, post("a", ""), "is not Leased"},
		"Tx leased":   {func(_ http.ResponseWriter, r *http.Request) { httpkeys.Tx(r.Context()) }, []httpkeys.Option{httpkeys.Leased()}, post("b", ""), "use Held"},
		"Optional": {func(_ http.ResponseWriter, r *http.Request) {
			if httpkeys.Tx(r.Context()) != nil {
				panic("there is a Tx")
			}
		}, []httpkeys.Option{httpkeys.Optional()}, post("", ""), "there is a Tx"},
	} {
		if text := panicOf(func() { do(l.handler(c.h, c.opts...), c.r) }); !strings.Contains(text, c.want) {
			t.Errorf("%s panics with %q; want %q", name, text, c.want)
		}
	}
}

// A handler that does not ask for its Tx is told to the hook each time, and logged once a route.
func TestUnusedTx(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	var log bytes.Buffer
	told := 0
	mux := http.NewServeMux()
	for pattern, status := range map[string]int{"POST /a/{id}": 200, "POST /b": 201, "POST /declined": 402} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	}
	mux.HandleFunc("POST /good", l.replies("good", 200, ""))
	h := l.middleware(httpkeys.Logger(slog.New(slog.NewTextHandler(&log, nil))), httpkeys.OnUnusedTx(func(*http.Request) { told++ })).Handler(mux)
	for n, path := range []string{"/a/1", "/a/2", "/b", "/declined", "/good"} {
		r := httptest.NewRequest(http.MethodPost, path, nil)
		r.Header.Set("Idempotency-Key", fmt.Sprint("key-", n))
		do(h, r)
	}
	if text := log.String(); told != 3 || strings.Count(text, "\n") != 2 || !strings.Contains(text, `route="POST /a/{id}"`) || !strings.Contains(text, `route="POST /b"`) {
		t.Errorf("told %d times, and logged\n%s\nwant 3 times, and a line for /a and for /b", told, text)
	}
}

// A middleware inside another one passes the request on.
func TestTwice(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	h := l.middleware().Handler(l.handler(l.replies("twice", 201, "made")))
	for range 2 {
		if w := do(h, post("k", "")); w.Code != 201 || w.Body.String() != "made" {
			t.Errorf("%d %s; want 201", w.Code, w.Body)
		}
	}
	if n := l.effects("twice"); n != 1 {
		t.Errorf("%d effects; want 1", n)
	}
}

// The form of a request that was parsed before the middleware is compared too.
func TestParsedForm(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	h := l.handler(func(w http.ResponseWriter, r *http.Request) { l.write(r, r.PostFormValue("note")) })
	send := func(note string) int {
		r := post("k", "note="+note)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if err := r.ParseForm(); err != nil {
			t.Fatal(err)
		}
		return do(h, r).Code
	}
	if a, b, c := send("a"), send("b"), send("a"); a != 200 || b != 422 || c != 200 || l.effects("a") != 1 {
		t.Errorf("%d, %d, %d and %d effects; want 200, 422, 200 and 1", a, b, c, l.effects("a"))
	}
}

// Whoever waits for the pool is not kept waiting for ever.
func TestPoolIsTaken(t *testing.T) {
	t.Parallel()
	l := newSQLite(t)
	l.db.SetMaxOpenConns(2)
	release := l.blocked(l.middleware(), "holds-the-only-place")
	w := do(l.handler(l.replies("none", 200, ""), httpkeys.MaxWait(20*time.Millisecond)), post("k", ""))
	if w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v; want 503", w.Code, w.Header())
	}
	w = do(l.handler(l.replies("none", 200, ""), httpkeys.Claiming(keys.MaxWait(20*time.Millisecond))), post("k", ""))
	if w.Code != 503 || l.effects("none") != 0 {
		t.Errorf("%d and %d effects; want 503 and 0", w.Code, l.effects("none"))
	}
	if code := release(); code != 200 {
		t.Errorf("the first: %d; want 200", code)
	}
}
