package upserttest_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/goupsert/upsert/upserttest"
)

func request() *http.Request {
	return httptest.NewRequest(http.MethodPost, "/transfers", strings.NewReader(`{"amount": 40}`))
}

// transfers serves a transfer by f.
func transfers(f func(context.Context, *sql.DB) error) func(*sql.DB) http.Handler {
	return func(db *sql.DB) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := f(r.Context(), db); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
	}
}

func TestHandler(t *testing.T) {
	t.Parallel()
	upserttest.Handler(t, openBank, transfers(func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, "INSERT INTO payments (id, payer, amount) VALUES (7, 'ada', 40) ON CONFLICT DO NOTHING")
		return err
	}), request)
	out, failed := reportOf(t, func(t testing.TB) { upserttest.Handler(t, openBank, transfers(transfer), request) })
	for _, want := range []string{"an error after statement 2 of 4", "broken run  failed: the handler answers 500 Internal Server Error: upserttest: an error after", "60 → 20"} {
		if !failed || !strings.Contains(out, want) {
			t.Errorf("failed = %v, want %q:\n%s", failed, want, out)
		}
	}
}

func TestHandlerThatRefusesOrPanics(t *testing.T) {
	t.Parallel()
	for want, h := range map[string]http.HandlerFunc{
		"the handler answers 409 Conflict: no": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusConflict) },
		"the handler panics: oh":               func(http.ResponseWriter, *http.Request) { panic("oh") },
	} {
		out, failed := reportOf(t, func(t testing.TB) {
			upserttest.Handler(t, openBank, func(*sql.DB) http.Handler { return h }, request)
		})
		if !failed || !strings.Contains(out, want) {
			t.Errorf("failed = %v, want %q:\n%s", failed, want, out)
		}
	}
}

type message struct {
	ID      int
	Balance int
}

// reorder delivers three balances of one account, of which the last is 30.
func reorder(t testing.TB, query string, opts ...upserttest.Option) {
	msgs := []message{{1, 10}, {2, 20}, {3, 30}}
	upserttest.Reorder(t, func(t testing.TB) *sql.DB {
		return upserttest.SQLite(t, bank, "ALTER TABLE accounts ADD COLUMN version INTEGER NOT NULL DEFAULT 0")
	}, msgs, func(ctx context.Context, db *sql.DB, m message) error {
		_, err := db.ExecContext(ctx, query, m.ID, m.Balance)
		return err
	}, opts...)
}

func TestReorder(t *testing.T) {
	t.Parallel()
	reorder(t, "UPDATE accounts SET version = ?1, balance = ?2 WHERE name = 'ada' AND version < ?1")
	reorder(t, "INSERT INTO payments (id, payer, amount) VALUES (?1, 'ada', ?2) ON CONFLICT DO NOTHING")
	for query, wants := range map[string][]string{
		"UPDATE accounts SET balance = ?2 WHERE name = 'ada' AND ?1 > 0":                                                {"in the order 1, 2, 3, 1", "message 1   {ID:1 Balance:10}", "30 → 10"},
		"UPDATE accounts SET balance = balance + ?2 WHERE name = 'ada' AND ?1 > 0":                                      {"in the order 1, 2, 3, 1", "160 → 170", "UPSERTTEST_PLACE=order/1-2-3-1 "},
		"INSERT INTO payments (payer, amount) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM payments WHERE payer = ?1)": {"in the order 2, 1, 3", "different"},
	} {
		out, failed := reportOf(t, func(t testing.TB) { reorder(t, query) })
		for _, want := range wants {
			if !failed || !strings.Contains(out, want) {
				t.Errorf("%s: failed = %v, want %q:\n%s", query, failed, want, out)
			}
		}
	}
}

// Every order and repetition is tried once, or as many as the option allows.
func TestReorderTriesEachDelivery(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{100: 6 * 5, 9: 9} {
		seen := map[string]int{}
		var order string
		upserttest.Reorder(t, func(t testing.TB) *sql.DB {
			seen[order]++
			order = ""
			return openBank(t)
		}, []int{1, 2, 3}, func(ctx context.Context, db *sql.DB, m int) error {
			order += fmt.Sprint(m)
			_, err := db.ExecContext(ctx, "INSERT INTO payments (id, payer, amount) VALUES (?, 'ada', 1) ON CONFLICT DO NOTHING", m)
			return err
		}, upserttest.MaxOrders(limit))
		seen[order]++
		delete(seen, "")
		for delivery, n := range seen {
			if n != 1 && delivery != "123" || strings.Trim(delivery, "123") != "" || len(delivery) < 3 {
				t.Errorf("%s was delivered %d times", delivery, n)
			}
		}
		if len(seen) != want {
			t.Errorf("MaxOrders(%d): %d deliveries, want %d: %v", limit, len(seen), want, seen)
		}
	}
}

// A message that fails is delivered again after the others. One that always fails is reported.
func TestReorderDeliversAgain(t *testing.T) {
	t.Parallel()
	handle := func(ctx context.Context, db *sql.DB, id int) error {
		query := "INSERT INTO payments (id, payer, amount) VALUES (1, 'ada', 40) ON CONFLICT DO NOTHING"
		if id == 2 { // comes after the first
			query = "INSERT INTO payments (id, payer, amount) SELECT 2, payer, -amount FROM payments WHERE id = 1 ON CONFLICT DO NOTHING"
		}
		if _, err := db.ExecContext(ctx, query); err != nil {
			return err
		}
		var n int
		return db.QueryRowContext(ctx, "SELECT id FROM payments WHERE id = ?", id).Scan(&n)
	}
	upserttest.Reorder(t, openBank, []int{1, 2}, handle)
	out, failed := reportOf(t, func(t testing.TB) {
		upserttest.Reorder(t, openBank, []int{1, 2, 3}, handle)
	})
	if !failed || !strings.Contains(out, "message 3: sql: no rows in result set") {
		t.Error(out)
	}
}
