package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/goupsert/upsert/keys"
)

// order is the body of POST /payments.
type order struct {
	Customer string `json:"customer"`
	Amount   int64  `json:"amount"` // in cents
}

// payment is the answer to an order that was carried out. It is kept with the order's key and given again.
type payment struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Amount   int64  `json:"amount"`
	Balance  int64  `json:"balance"`
}

// errDeclined is answered with 402, which is remembered: the same order gets it again, even when there is money by then.
var errDeclined = errors.New("the balance is too low")

const (
	mostAmount    = 1_000_000_000_00
	mostNameBytes = 64
)

// check says what is wrong with an order, in words for the one who sent it.
func (o order) check() error {
	switch {
	case o.Customer == "" || len(o.Customer) > mostNameBytes || strings.Trim(o.Customer, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return fmt.Errorf("customer: give 1 to %d of a-z, 0-9 and -", mostNameBytes)
	case o.Amount < 1 || o.Amount > mostAmount:
		return fmt.Errorf("amount: give 1 to %d cents", int64(mostAmount))
	}
	return nil
}

// pay carries out an order in the transaction that holds its key. It adds first and looks afterwards: the row is locked by
// then, so that two orders of one customer cannot both spend the last of the money.
func (b *bank) pay(ctx context.Context, tx *keys.Tx, o order, reference string) (payment, error) {
	if _, err := b.accounts.Put(ctx, tx, &account{o.Customer, -o.Amount}); err != nil {
		return payment{}, err
	}
	p := payment{ID: rand.Text(), Customer: o.Customer, Amount: o.Amount}
	if err := tx.GetContext(ctx, &p.Balance, tx.Rebind("SELECT balance FROM accounts WHERE customer = ?"), o.Customer); err != nil {
		return payment{}, err
	}
	if p.Balance < 0 {
		return payment{}, errDeclined
	}
	_, err := b.ledger.Put(ctx, tx, &entry{ID: p.ID, Customer: o.Customer, Amount: o.Amount, Reference: reference})
	return p, err
}
