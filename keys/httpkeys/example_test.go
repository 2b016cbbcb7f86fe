package httpkeys_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/goupsert/upsert/keys"
	"github.com/goupsert/upsert/keys/httpkeys"
	"github.com/jmoiron/sqlx"
	_ "github.com/mattn/go-sqlite3"
)

// exampleStore returns a database in a file with the table of keys, and a table of payments.
func exampleStore() (db *sqlx.DB, store *keys.Store, remove func()) {
	folder, err := os.MkdirTemp("", "httpkeys-example-")
	if err != nil {
		panic(err)
	}
	db = sqlx.MustOpen("sqlite3", filepath.Join(folder, "shop.db")+"?_journal_mode=WAL&_busy_timeout=5000")
	db.MustExec("CREATE TABLE payments (customer TEXT, cents INTEGER)")
	if store, err = keys.Open(context.Background(), db); err != nil {
		panic(err)
	}
	if err := store.Migrate(context.Background()); err != nil {
		panic(err)
	}
	return db, store, func() { db.Close(); _ = os.RemoveAll(folder) }
}

// customerOf stands for the check of a request's credentials.
func customerOf(r *http.Request) (string, error) {
	customer, _, ok := r.BasicAuth()
	if !ok {
		return "", errors.New("the request says nothing of its sender")
	}
	return customer, nil
}

// A payment is made once, however often its request comes.
func Example() {
	db, store, remove := exampleStore()
	defer remove()

	idempotent := httpkeys.New(store, customerOf)
	mux := http.NewServeMux()
	mux.Handle("POST /payments", idempotent.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tx := httpkeys.Tx(r.Context())
		if _, err := tx.ExecContext(r.Context(), "INSERT INTO payments (customer, cents) VALUES (?, ?)", tx.Key().Scope, 4000); err != nil {
			http.Error(w, "the payment was not made", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Location", "/payments/1")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "paid")
	})))
	mux.Handle("GET /keys/{key}", idempotent.Status())

	for range 2 {
		r := httptest.NewRequest(http.MethodPost, "/payments", strings.NewReader(`{"euros":40}`))
		r.SetBasicAuth("ada", "secret")
		r.Header.Set("Idempotency-Key", "7f3a")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Printf("%d %s %s replayed %q\n", w.Code, w.Body, w.Header().Get("Location"), w.Header().Get("Idempotent-Replayed"))
	}
	var payments int
	fmt.Println(db.Get(&payments, "SELECT COUNT(*) FROM payments"), payments)
	// Output:
	// 201 paid /payments/1 replayed ""
	// 201 paid /payments/1 replayed "true"
	// <nil> 1
}

// A client gives each request a key, and sends it again under this key, as long as that makes sense.
func ExampleTransport() {
	lost := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("key of", len(r.Header.Get("Idempotency-Key")), "characters")
		if lost {
			lost = false
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusCreated)
	}))
	defer server.Close()

	client := &http.Client{Transport: &httpkeys.Transport{}}
	res, err := client.Post(server.URL+"/payments", "application/json", strings.NewReader(`{"euros":40}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = res.Body.Close() }()
	fmt.Println(res.Status)
	// Output:
	// key of 38 characters
	// key of 38 characters
	// 201 Created
}

// A card is charged by another service, which must recognize the downstream key.
func ExampleLeased() {
	_, store, remove := exampleStore()
	defer remove()
	charge := func(downstream string) string { return "charged once for " + downstream }

	idempotent := httpkeys.New(store, customerOf, httpkeys.Leased(keys.Rerun()))
	h := idempotent.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, charge(httpkeys.Held(r.Context()).Downstream()))
	}))

	var answers []string
	for range 2 {
		r := httptest.NewRequest(http.MethodPost, "/charges", nil)
		r.SetBasicAuth("ada", "secret")
		r.Header.Set("Idempotency-Key", "7f3a")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		answers = append(answers, w.Body.String())
	}
	fmt.Println(answers[0] == answers[1], len(answers[0]))
	// Output: true 53
}
