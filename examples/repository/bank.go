// Package repository has a method that is not safe to repeat, and the same method repaired. Its tests show what package upserttest
// says of each.
package repository

import (
	"context"
	"database/sql"
)

// Schema has the tables of a bank for SQLite.
const Schema = `
	CREATE TABLE accounts (name TEXT NOT NULL PRIMARY KEY, balance INTEGER NOT NULL);
	CREATE TABLE transfers (request TEXT NOT NULL PRIMARY KEY, payer TEXT NOT NULL, payee TEXT NOT NULL, amount INTEGER NOT NULL);
	INSERT INTO accounts (name, balance) VALUES ('ada', 100), ('bob', 0)`

// Bank keeps accounts.
type Bank struct{ db *sql.DB }

// NewBank returns a bank on a handle.
func NewBank(db *sql.DB) *Bank { return &Bank{db} }

// TransferNaive moves an amount, unless the request has been handled. It looks right, and every test of it with one call and
// with two calls passes.
func (b *Bank) TransferNaive(ctx context.Context, request, payer, payee string, amount int64) error {
	var n int
	err := b.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM transfers WHERE request = ?", request).Scan(&n)
	if err != nil || n > 0 {
		return err
	}
	if _, err := b.db.ExecContext(ctx, "UPDATE accounts SET balance = balance - ? WHERE name = ?", amount, payer); err != nil {
		return err
	}
	if _, err := b.db.ExecContext(ctx, "UPDATE accounts SET balance = balance + ? WHERE name = ?", amount, payee); err != nil {
		return err
	}
	_, err = b.db.ExecContext(ctx, "INSERT INTO transfers (request, payer, payee, amount) VALUES (?, ?, ?, ?)", request, payer, payee, amount)
	return err
}

// Transfer moves an amount, unless the request has been handled. The row that says so is inserted first, in the transaction of the
// transfer: of two calls at once, one waits for the other and then finds the row.
func (b *Bank) Transfer(ctx context.Context, request, payer, payee string, amount int64) error {
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	r, err := tx.ExecContext(ctx, "INSERT INTO transfers (request, payer, payee, amount) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", request, payer, payee, amount)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE accounts SET balance = balance - ? WHERE name = ?", amount, payer); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE accounts SET balance = balance + ? WHERE name = ?", amount, payee); err != nil {
		return err
	}
	return tx.Commit()
}
