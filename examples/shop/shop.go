package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/jmoiron/sqlx"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/keys"
	"github.com/goupsert/upsert/keys/httpkeys"
)

// account is a balance, to which each payment adds its negative amount.
type account struct {
	Bank    string `db:"bank" upsert:"key"`
	Balance int64  `db:"balance" upsert:"add"`
}

// payment is a line of the ledger.
type payment struct {
	ID        string `db:"id" upsert:"key" json:"id"`
	Bank      string `db:"bank" json:"-"`
	Amount    int64  `db:"amount" json:"amount"` // in cents
	Reference string `db:"reference" json:"reference"`
}

// address is the record that the form saves: the second save meets the row of the first.
type address struct {
	Bank   string `db:"bank" upsert:"key" json:"-"`
	ID     string `db:"id" upsert:"key" json:"id"`
	Name   string `db:"name" json:"name"`
	Street string `db:"street" json:"street"`
}

// parcel is what a message makes the shop send.
type parcel struct {
	ID       string `db:"id" upsert:"key" json:"id"`
	Bank     string `db:"bank" json:"-"`
	Contents string `db:"contents" json:"contents"`
}

// message asks for a parcel. A queue gives each message an ID, and the same ID if it delivers the message again.
type message struct {
	ID       string `json:"id"`
	Bank     string `json:"-"`
	Contents string `json:"contents"`
}

// shop is the server with the library.
type shop struct {
	keys      *keys.Store
	db        *sqlx.DB
	accounts  *upsert.Table[account]
	payments  *upsert.Table[payment]
	addresses *upsert.Table[address]
	parcels   *upsert.Table[parcel]
}

func openShop(ctx context.Context, db *sqlx.DB, say *reporter) (*shop, error) {
	d, err := dialect.Detect(ctx, db)
	if err != nil {
		return nil, err
	}
	s := &shop{db: db}
	s.keys, err = keys.Open(ctx, db, keys.Table(keysTable), keys.WithHooks(say.hooks()))
	if err != nil {
		return nil, err
	}
	var errs [4]error
	s.accounts, errs[0] = upsert.New[account](d, "shop_accounts", upsert.WithHooks(say.tableHooks()))
	s.payments, errs[1] = upsert.New[payment](d, "shop_payments", upsert.WithHooks(say.tableHooks()))
	s.addresses, errs[2] = upsert.New[address](d, "shop_addresses", upsert.WithHooks(say.tableHooks()))
	s.parcels, errs[3] = upsert.New[parcel](d, "shop_parcels", upsert.WithHooks(say.tableHooks()))
	return s, errors.Join(errs[:]...)
}

func (s *shop) routes() http.Handler {
	idempotent := httpkeys.New(s.keys, scopeOf)
	mux := http.NewServeMux()
	pay := idempotent.Handler(http.HandlerFunc(s.pay))
	mux.Handle("POST /payments", pay)
	mux.HandleFunc("PUT /addresses/{id}", s.saveAddress)
	mux.HandleFunc("POST /messages", s.receive)
	return mux
}

// pay is POST /payments. The transaction commits with the answer, and whoever asks with the same key again gets that answer.
func (s *shop) pay(w http.ResponseWriter, r *http.Request) {
	var p payment
	if !readJSON(w, r, &p) {
		return
	}
	p.ID, p.Bank = rand.Text(), bankOf(r)
	tx := httpkeys.Tx(r.Context())
	charge := account{p.Bank, -p.Amount}
	_, err := s.accounts.Put(r.Context(), tx, &charge)
	if err == nil {
		_, err = s.payments.Put(r.Context(), tx, &p)
	}
	answer(w, http.StatusCreated, p, err)
}

// saveAddress is PUT /addresses/{id}. The tags of address say what makes the row the same row, and an unchanged row is not written.
func (s *shop) saveAddress(w http.ResponseWriter, r *http.Request) {
	var a address
	if !readJSON(w, r, &a) {
		return
	}
	a.Bank, a.ID = bankOf(r), r.PathValue("id")
	outcome, err := s.addresses.Put(r.Context(), s.db, &a)
	answer(w, http.StatusOK, outcome.String(), err)
}

// receive is POST /messages, by which the queue delivers. The parcel and the mark that the message was handled commit together.
func (s *shop) receive(w http.ResponseWriter, r *http.Request) {
	var m message
	if !readJSON(w, r, &m) {
		return
	}
	m.Bank = bankOf(r)
	pack := func(ctx context.Context, tx *keys.Tx, fresh []message) error {
		for _, m := range fresh {
			p := parcel{rand.Text(), m.Bank, m.Contents}
			if _, err := s.parcels.Put(ctx, tx, &p); err != nil {
				return err
			}
		}
		return nil
	}
	id := func(m message) string { return m.ID }
	err := keys.Consume(r.Context(), s.keys, consumerOf(m.Bank),
		[]message{m}, id, pack)
	answer(w, http.StatusOK, "done", err)
}

// bankOf is whose request it is. A real server knows it from the session, not from a header that anybody can write.
func bankOf(r *http.Request) string { return r.Header.Get("Bank") }

// scopeOf keeps the keys of each bank apart.
func scopeOf(r *http.Request) (string, error) { return bankOf(r), nil }

// consumerOf names who handles the messages: each browser's shop has a queue of its own.
func consumerOf(bank string) string { return "parcels of " + bank }

func readJSON(w http.ResponseWriter, r *http.Request, v any) bool {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostBody)).Decode(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
	return err == nil
}

func answer(w http.ResponseWriter, status int, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that is gone asks again
}
