package main

import (
	"context"
)

// rows are what is stored of one bank.
type rows struct {
	Opening   int       `json:"opening"` // cents
	Balance   int64     `json:"balance"`
	Payments  []payment `json:"payments"`
	Addresses []address `json:"addresses"`
	Parcels   []parcel  `json:"parcels"`
	Keys      []keyRow  `json:"keys"`
}

// effects counts what a story was to do once.
func (r *rows) effects(thing string) int {
	switch thing {
	case "record":
		return len(r.Addresses)
	case "message":
		return len(r.Parcels)
	default:
		return len(r.Payments)
	}
}

// keyRow is a row of the keys' table, as people read it.
type keyRow struct {
	Op string `json:"op" db:"op"` // "" for a message
	ID string `json:"id" db:"id"`
}

// rows reads what is stored of a bank.
func (h *host) rows(ctx context.Context, bank string) (*rows, error) {
	r := &rows{Opening: opening}
	for _, q := range []struct {
		into any
		text string
	}{
		{&r.Payments, "SELECT id, bank, amount, reference FROM shop_payments WHERE bank = ?"},
		{&r.Addresses, "SELECT bank, id, name, street FROM shop_addresses WHERE bank = ?"},
		{&r.Parcels, "SELECT id, bank, contents FROM shop_parcels WHERE bank = ?"},
	} {
		if err := h.db.SelectContext(ctx, q.into, h.db.Rebind(q.text), bank); err != nil {
			return nil, err
		}
	}
	err := h.db.SelectContext(ctx, &r.Keys, h.db.Rebind("SELECT op, id FROM "+keysTable+" WHERE scope IN (?, ?)"), bank, consumerOf(bank))
	if err != nil {
		return nil, err
	}
	return r, h.db.GetContext(ctx, &r.Balance, h.db.Rebind("SELECT balance FROM shop_accounts WHERE bank = ?"), bank)
}

// reset gives a bank its first balance, and nothing else.
func (h *host) reset(ctx context.Context, bank string) error {
	if err := h.clear(ctx, bank); err != nil {
		return err
	}
	_, err := h.db.ExecContext(ctx, h.db.Rebind("INSERT INTO shop_accounts (bank, balance) VALUES (?, ?)"), bank, opening)
	return err
}

// clear removes what is stored of a bank.
func (h *host) clear(ctx context.Context, bank string) error {
	for _, t := range tables {
		if _, err := h.db.ExecContext(ctx, h.db.Rebind("DELETE FROM "+t.name+" WHERE bank = ?"), bank); err != nil {
			return err
		}
	}
	_, err := h.db.ExecContext(ctx, h.db.Rebind("DELETE FROM "+keysTable+" WHERE scope IN (?, ?)"), bank, consumerOf(bank))
	return err
}
