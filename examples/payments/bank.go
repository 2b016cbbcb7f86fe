package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/examples/internal/database"
	"github.com/goupsert/upsert/keys"
)

// openingBalance is enough for many runs: 1,000,000.00.
const openingBalance = 1_000_000_00

// account is a customer's balance, to which every payment adds its negative amount.
type account struct {
	Customer string `db:"customer" upsert:"key"`
	Balance  int64  `db:"balance" upsert:"add"`
}

// entry is a line of the ledger. Its id is drawn anew each time and its reference, the key of the order, is not unique:
// nothing here would keep a payment that is carried out twice from having two lines.
type entry struct {
	ID        string `db:"id" upsert:"key"`
	Customer  string `db:"customer"`
	Amount    int64  `db:"amount"`
	Reference string `db:"reference"`
}

// bank is the database.
type bank struct {
	db       *sqlx.DB
	kind     string // the dialect's name
	keys     *keys.Store
	accounts *upsert.Table[account]
	ledger   *upsert.Table[entry]
}

// openBank connects to the database of a DSN and makes the tables that are missing. wrap, if it is not nil, puts something
// between database/sql and the driver.
func openBank(ctx context.Context, dsn string, wrap func(driver.Connector) driver.Connector) (*bank, error) {
	connector, kind, err := database.Connector(dsn)
	if err != nil {
		return nil, err
	}
	if kind == database.SQLite && !strings.Contains(dsn, "?") {
		// Readers do not wait for the writer, and writers wait for one another.
		connector, _, err = database.Connector(dsn + "?_journal_mode=WAL&_busy_timeout=10000")
		if err != nil {
			return nil, err
		}
	}
	if wrap != nil {
		connector = wrap(connector)
	}
	b := &bank{db: sqlx.NewDb(sql.OpenDB(connector), kind.Driver())}
	b.db.SetMaxOpenConns(16)
	if err := b.prepare(ctx); err != nil {
		b.db.Close()
		return nil, err
	}
	return b, nil
}

func (b *bank) prepare(ctx context.Context) error {
	d, err := dialect.Detect(ctx, b.db)
	if err != nil {
		return err
	}
	b.kind = d.Name()
	for _, text := range []string{
		"CREATE TABLE IF NOT EXISTS accounts (customer VARCHAR(64) NOT NULL PRIMARY KEY, balance BIGINT NOT NULL)",
		"CREATE TABLE IF NOT EXISTS payments (id VARCHAR(32) NOT NULL PRIMARY KEY, customer VARCHAR(64) NOT NULL, amount BIGINT NOT NULL, reference VARCHAR(255) NOT NULL)",
	} {
		if _, err := b.db.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	if b.accounts, err = upsert.New[account](d, "accounts"); err != nil {
		return err
	}
	if b.ledger, err = upsert.New[entry](d, "payments"); err != nil {
		return err
	}
	// A client's key is any text, and rand.Text makes some that look like a ULID and carry no time.
	if b.keys, err = keys.Open(ctx, b.db, keys.IgnoreKeyTime()); err != nil {
		return err
	}
	return b.keys.Migrate(ctx)
}

// open gives a customer the opening balance, once: its key is made of the customer's name, so that whoever starts the
// program again opens nothing again.
func (b *bank) open(ctx context.Context, customer string, balance int64) error {
	key, err := keys.Derive("bank", "accounts.open", customer)
	if err != nil {
		return err
	}
	_, _, err = keys.Run(ctx, b.keys, key, keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (struct{}, error) {
		_, err := b.accounts.Put(ctx, tx, &account{customer, balance})
		return struct{}{}, err
	})
	return err
}

// books is what the database says was paid by some customers.
type books struct {
	balances map[string]int64
	entries  map[string]entry // by id
}

func (b *bank) books(ctx context.Context, customers []string) (books, error) {
	var accounts []account
	if err := b.db.SelectContext(ctx, &accounts, "SELECT customer, balance FROM accounts"); err != nil {
		return books{}, err
	}
	var entries []entry
	if err := b.db.SelectContext(ctx, &entries, "SELECT id, customer, amount, reference FROM payments"); err != nil {
		return books{}, err
	}
	out := books{balances: map[string]int64{}, entries: map[string]entry{}}
	for _, a := range accounts {
		if slices.Contains(customers, a.Customer) {
			out.balances[a.Customer] = a.Balance
		}
	}
	for _, e := range entries {
		if slices.Contains(customers, e.Customer) {
			out.entries[e.ID] = e
		}
	}
	return out, nil
}
