package httpkeys_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/keys/httpkeys"
)

// payment is the body of the benchmarks' requests, and receipt of their responses.
const (
	payment = `{"account":"acc-17","amount":1250,"currency":"EUR","reference":"invoice 2026-117"}`
	receipt = `{"id":"pay-981","account":"acc-17","amount":1250,"currency":"EUR","state":"paid"}`
)

// benchRounds is how often each way runs a block of calls, in turn.
const (
	benchRounds = 20
	benchCalls  = 200
)

// BenchmarkMiddleware compares the first request of a key with the same handler around a hand-written claim (x-hand: the bar is
// 1.3), and a replay with the first request (x-first: the bar is 0.5).
func BenchmarkMiddleware(b *testing.B) {
	benchMiddleware(b, engine.Get("sqlite"))
}

func benchMiddleware(b *testing.B, e *engine.Engine) {
	l := newLab(b, e, engine.Param("_synchronous", "FULL")) // as SQLite has it by default: a commit is on the disk
	if _, err := l.db.Exec("CREATE TABLE hand (id VARCHAR(255) PRIMARY KEY, request VARCHAR(64), status INTEGER, body TEXT, made TIMESTAMP DEFAULT CURRENT_TIMESTAMP); CREATE INDEX hand_made ON hand (made)"); err != nil {
		b.Fatal(err)
	}
	library := l.handler(func(w http.ResponseWriter, r *http.Request) {
		pay(b, w, r, httpkeys.Tx(r.Context()))
	})
	byHand := &handWritten{l}
	var n int
	fresh := func(h http.Handler) time.Duration {
		return block(b, h, func(int) *http.Request { n++; return post(fmt.Sprintf("key-%d", n), payment) })
	}
	var first, hand, again []time.Duration
	for range benchRounds {
		from := n
		first = append(first, fresh(library))
		again = append(again, block(b, library, func(i int) *http.Request { return post(fmt.Sprintf("key-%d", from+1+i), payment) }))
		hand = append(hand, fresh(byHand))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(first).Seconds()*1e6/benchCalls, "µs/call")
	b.ReportMetric(float64(median(first))/float64(median(hand)), "x-hand")
	b.ReportMetric(float64(median(again))/float64(median(first)), "replay-x-first")
}

func median(times []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(times))[len(times)/2]
}

// block returns how long the handler takes for a block of requests.
func block(b *testing.B, h http.Handler, next func(int) *http.Request) time.Duration {
	b.Helper()
	requests := make([]*http.Request, benchCalls)
	for i := range requests {
		requests[i] = next(i)
	}
	start := time.Now()
	for _, r := range requests {
		if w := do(h, r.WithContext(b.Context())); w.Code != http.StatusCreated || w.Body.String() != receipt {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	return time.Since(start)
}

// pay is what both handlers do.
func pay(b testing.TB, w http.ResponseWriter, r *http.Request, tx execer) {
	var p struct{ Account, Reference string }
	if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
		b.Error(err)
	}
	if _, err := tx.ExecContext(r.Context(), "INSERT INTO effects (note) VALUES ('"+p.Account+"')"); err != nil {
		b.Error(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, receipt)
}

// handWritten claims the key as a careful engineer would for one database.
type handWritten struct{ l *lab }

func (h *handWritten) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h.serve(w, r); err != nil {
		h.l.Error(err)
	}
}

func (h *handWritten) serve(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	key := "ann/" + r.Header.Get("Idempotency-Key")
	request := fmt.Sprintf("%x", sha256.Sum256(append([]byte(r.Method+r.URL.Path), body...)))
	tx, err := h.l.db.BeginTx(r.Context(), nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	res, err := tx.ExecContext(r.Context(), h.l.db.Rebind("INSERT INTO hand (id, request) VALUES (?, ?)"), key, request)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("%d rows: %w", n, err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	pay(h.l, answer, r, tx)
	if _, err := tx.ExecContext(r.Context(), h.l.db.Rebind("UPDATE hand SET status = ?, body = ? WHERE id = ?"), answer.Code, answer.Body.String(), key); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
	w.WriteHeader(answer.Code)
	_, err = w.Write(answer.Body.Bytes())
	return err
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}
