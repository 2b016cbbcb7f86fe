package main

import (
	"crypto/rand"
	"net/http"

	"github.com/jmoiron/sqlx"
)

// naive is the server without the library. Its transactions are right, but it takes each request for a new one.
type naive struct{ db *sqlx.DB }

func (n *naive) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /payments", n.pay)
	mux.HandleFunc("PUT /addresses/{id}", n.saveAddress)
	mux.HandleFunc("POST /messages", n.receive)
	return mux
}

func (n *naive) pay(w http.ResponseWriter, r *http.Request) {
	var p payment
	if !readJSON(w, r, &p) {
		return
	}
	p.ID, p.Bank = rand.Text(), bankOf(r)
	tx, err := n.db.BeginTxx(r.Context(), nil)
	if err != nil {
		answer(w, 0, nil, err)
		return
	}
	defer func() { _ = tx.Rollback() }() // not after Commit
	_, err = tx.NamedExecContext(r.Context(),
		`UPDATE shop_accounts SET balance = balance - :amount
		WHERE bank = :bank`, p)
	if err == nil {
		_, err = tx.NamedExecContext(r.Context(),
			`INSERT INTO shop_payments (id, bank, amount, reference)
			VALUES (:id, :bank, :amount, :reference)`, p)
	}
	if err == nil {
		err = tx.Commit()
	}
	answer(w, http.StatusCreated, p, err)
}

func (n *naive) saveAddress(w http.ResponseWriter, r *http.Request) {
	var a address
	if !readJSON(w, r, &a) {
		return
	}
	a.ID, a.Bank = rand.Text(), bankOf(r)
	_, err := n.db.NamedExecContext(r.Context(),
		`INSERT INTO shop_addresses (bank, id, name, street)
		VALUES (:bank, :id, :name, :street)`, a)
	answer(w, http.StatusOK, "inserted", err)
}

func (n *naive) receive(w http.ResponseWriter, r *http.Request) {
	var m message
	if !readJSON(w, r, &m) {
		return
	}
	p := parcel{rand.Text(), bankOf(r), m.Contents}
	_, err := n.db.NamedExecContext(r.Context(),
		`INSERT INTO shop_parcels (id, bank, contents)
		VALUES (:id, :bank, :contents)`, p)
	answer(w, http.StatusOK, "done", err)
}
