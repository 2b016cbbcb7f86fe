package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
)

func testBank(t *testing.T, dsn string) *bank {
	t.Helper()
	b, err := openBank(t.Context(), dsn, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.db.Close() })
	return b
}

func testServer(t *testing.T, b *bank) *server {
	t.Helper()
	return &server{bank: b, wait: waitForOther, log: func(err error) { t.Errorf("the server says: %v", err) }}
}

// post returns the answer to one request; a key of "-" is none.
func (s *server) post(key, body string) *http.Response {
	r := httptest.NewRequest(http.MethodPost, "/payments", strings.NewReader(body))
	if key != "-" {
		r.Header[headerKey] = strings.Split(key, "\n")
	}
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, r)
	return w.Result()
}

func bodyOf(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestServer_Answers(t *testing.T) {
	t.Parallel()
	const problems, payments = "application/problem+json", "application/json"
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		b := testBank(t, e.DSN(t))
		if err := b.open(t.Context(), "ann", 100_00); err != nil {
			t.Fatal(err)
		}
		s := testServer(t, b)
		for _, c := range []struct {
			name, key, body string
			status          int
			kind            string
			want            string // in the body
			replayed        bool
		}{
			{"no key", "-", `{"customer":"ann","amount":1}`, 400, problems, "the header is missing", false},
			{"long key", strings.Repeat("k", 256), `{"customer":"ann","amount":1}`, 400, problems, "more than 255 bytes", false},
			{"odd key", "é", `{"customer":"ann","amount":1}`, 400, problems, "printable ASCII", false},
			{"bad JSON", "k0", `{"customer":`, 400, problems, "unexpected end", false},
			{"more JSON", "k0", `{"customer":"ann","amount":1}{}`, 400, problems, "after top-level value", false},
			{"unknown field", "k0", `{"customer":"ann","amount":1,"sum":1}`, 400, problems, "nothing else", false},
			{"no customer", "k0", `{"amount":1}`, 400, problems, "customer: give", false},
			{"bad customer", "k0", `{"customer":"Ann","amount":1}`, 400, problems, "customer: give", false},
			{"no amount", "k0", `{"customer":"ann"}`, 400, problems, "amount: give", false},
			{"great body", "k0", `{"customer":"` + strings.Repeat("a", mostBody) + `"}`, 413, problems, "too large", false},
			{"an amount twice", "k0", `{"customer":"ann","amount":1,"amount":2}`, 400, problems, "Duplicate key", false},
			{"an amount in two cases", "k0", `{"customer":"ann","amount":1,"Amount":2}`, 400, problems, "nothing else", false},
			{"another case", "k0", `{"Customer":"ann","amount":1}`, 400, problems, "nothing else", false},
			{"two keys", "k0\nk1", `{"customer":"ann","amount":1}`, 400, problems, "more than once", false},
			{"paid", "k1", `{"customer":"ann","amount":1250}`, 201, payments, `"balance":8750`, false},
			{"paid again", "k1", `{"amount":1250, "customer":"ann"}`, 201, payments, `"balance":8750`, true},
			{"another amount", "k1", `{"customer":"ann","amount":1251}`, 422, problems, "for one request only", false},
			{"another's key", "k1", `{"customer":"ben","amount":1250}`, 402, problems, errDeclined.Error(), false},
			{"declined", "k2", `{"customer":"ann","amount":8751}`, 402, problems, errDeclined.Error(), false},
			{"declined again", "k2", `{"customer":"ann","amount":8751}`, 402, problems, errDeclined.Error(), true},
			{"the last of it", "k3", `{"customer":"ann","amount":8750}`, 201, payments, `"balance":0`, false},
			{"longest key", strings.Repeat("~", 255), `{"customer":"ann","amount":1}`, 402, problems, errDeclined.Error(), false},
		} {
			r := s.post(c.key, c.body)
			body, header := bodyOf(t, r), ""
			if c.replayed {
				header = "true"
			}
			if r.StatusCode != c.status || r.Header.Get("Content-Type") != c.kind || r.Header.Get(headerReplayed) != header || !strings.Contains(body, c.want) {
				t.Errorf("%s: %d %s, replayed %q: %s; want %d %s, replayed %q and %q", c.name, r.StatusCode, r.Header.Get("Content-Type"),
					r.Header.Get(headerReplayed), body, c.status, c.kind, header, c.want)
			}
		}
		after, err := b.books(t.Context(), []string{"ann", "ben"})
		if err != nil || len(after.entries) != 2 || after.balances["ann"] != 0 || len(after.balances) != 1 {
			t.Errorf("the books have %+v, %v; want two entries, and ann's account alone, at 0", after, err)
		}
	})
}

// TestServer_BodyThatNeverEnds: the server does not wait for ever for the rest of a request.
func TestServer_BodyThatNeverEnds(t *testing.T) {
	t.Parallel()
	s := testServer(t, testBank(t, engine.Get("sqlite").DSN(t)))
	s.read = 50 * time.Millisecond
	at, stop, err := s.listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stop() }()
	conn, err := net.Dial("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	fmt.Fprintf(conn, "POST /payments HTTP/1.1\r\nHost: x\r\n%s: k\r\nContent-Length: 100\r\n\r\n{", headerKey)
	answer, err := io.ReadAll(conn) // it ends when the server hangs up
	if err != nil || !strings.Contains(string(answer), "400 Bad Request") {
		t.Errorf("the answer is %q, %v; want a 400", answer, err)
	}
}

func TestServer_ReplayIsTheSameAnswer(t *testing.T) {
	t.Parallel()
	b := testBank(t, engine.Get("sqlite").DSN(t))
	if err := b.open(t.Context(), "ann", 10_00); err != nil {
		t.Fatal(err)
	}
	s := testServer(t, b)
	for key, order := range map[string]string{"paid": `{"customer":"ann","amount":1000}`, "declined": `{"customer":"ann","amount":1001}`} {
		first, again := s.post(key, order), s.post(key, order)
		if a, b := bodyOf(t, first), bodyOf(t, again); a != b || first.StatusCode != again.StatusCode {
			t.Errorf("%s: %d %q, and replayed %d %q; want the same", key, first.StatusCode, a, again.StatusCode, b)
		}
	}
}

// held is a server in whose payments a test can stop: each says that it is there, and waits until release is closed.
func held(s server) (_ *server, there <-chan struct{}, release chan<- struct{}) {
	arrived, free := make(chan struct{}, 1), make(chan struct{})
	s.hold = func() {
		arrived <- struct{}{}
		<-free
	}
	return &s, arrived, free
}

func TestServer_InProgress(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		b := testBank(t, e.DSN(t))
		if err := b.open(t.Context(), "ann", 100_00); err != nil {
			t.Fatal(err)
		}
		const body = `{"customer":"ann","amount":1}`
		impatient := testServer(t, b)
		impatient.wait = time.Millisecond
		slow, there, release := held(*testServer(t, b))
		first := make(chan *http.Response)
		go func() { first <- slow.post("k", body) }()
		<-there
		r := impatient.post("k", body)
		close(release)
		if text := bodyOf(t, r); r.StatusCode != 409 || r.Header.Get("Retry-After") != "1" || !strings.Contains(text, "being worked on") {
			t.Errorf("%d, Retry-After %q: %s; want 409, 1 and why", r.StatusCode, r.Header.Get("Retry-After"), text)
		}
		if r := <-first; r.StatusCode != 201 || r.Header.Get(headerReplayed) != "" {
			t.Errorf("the first request got %d; want 201, not replayed", r.StatusCode)
		}
		if r := impatient.post("k", body); r.StatusCode != 201 || r.Header.Get(headerReplayed) != "true" {
			t.Errorf("afterwards: %d; want 201, replayed", r.StatusCode)
		}
	})
}

func TestServer_WaitsForTheOther(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		b := testBank(t, e.DSN(t))
		if err := b.open(t.Context(), "ann", 100_00); err != nil {
			t.Fatal(err)
		}
		const body = `{"customer":"ann","amount":1}`
		slow, there, release := held(*testServer(t, b))
		answers := make(chan *http.Response)
		go func() { answers <- slow.post("k", body) }()
		<-there
		go func() { answers <- testServer(t, b).post("k", body) }()
		close(release)
		one, two := <-answers, <-answers
		if one.StatusCode != 201 || two.StatusCode != 201 || one.Header.Get(headerReplayed) == two.Header.Get(headerReplayed) {
			t.Errorf("%d and %d, replayed %q and %q; want 201 twice, one of them replayed", one.StatusCode, two.StatusCode,
				one.Header.Get(headerReplayed), two.Header.Get(headerReplayed))
		}
	})
}

// classed is an error of a class.
type classed dialect.Class

func (c classed) Error() string        { return "secret " + dialect.Class(c).String() }
func (c classed) Class() dialect.Class { return dialect.Class(c) }

func TestServer_ProblemOf(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx    context.Context
		err    error
		status int
		after  string
		logged bool
	}{
		"retryable": {t.Context(), classed(dialect.Retryable), 503, "1", false},
		"ambiguous": {t.Context(), classed(dialect.Ambiguous), 503, "1", false},
		"locked":    {t.Context(), classed(dialect.LockTimeout), 503, "1", false},
		"hung up":   {gone, errors.New("some driver's word for it"), 503, "1", false},
		"permanent": {t.Context(), classed(dialect.Permanent), 500, "", true},
		"violation": {t.Context(), classed(dialect.UniqueViolation), 500, "", true},
	} {
		logged := false
		s := &server{log: func(error) { logged = true }}
		w := httptest.NewRecorder()
		writeProblem(w, s.problemOf(c.ctx, c.err))
		var p problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if w.Code != c.status || p.Status != c.status || p.Title != http.StatusText(c.status) || w.Header().Get("Retry-After") != c.after || logged != c.logged {
			t.Errorf("%s: %d, Retry-After %q, logged %t: %+v; want %d, %q, %t", name, w.Code, w.Header().Get("Retry-After"), logged, p, c.status, c.after, c.logged)
		}
		if strings.Contains(p.Detail, "secret") || p.Detail == "" {
			t.Errorf("%s: the detail is %q; want words for the client", name, p.Detail)
		}
	}
}
