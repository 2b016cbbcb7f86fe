package lab

import (
	"strconv"
	"time"
)

// Account is the row type of the benchmarks: about 120 bytes in eight columns.
type Account struct {
	ID        int64     `db:"id" upsert:"key"`
	Email     string    `db:"email"`
	Name      string    `db:"name"`
	Balance   int64     `db:"balance"`
	Score     float64   `db:"score"`
	Active    bool      `db:"active"`
	UpdatedAt time.Time `db:"updated_at"`
	Payload   string    `db:"payload"`
}

// CreateAccounts creates the table for rows of type Account on SQLite.
const CreateAccounts = `CREATE TABLE accounts (id BIGINT NOT NULL PRIMARY KEY, email TEXT NOT NULL, name TEXT NOT NULL, balance BIGINT NOT NULL,
score DOUBLE NOT NULL, active BOOLEAN NOT NULL, updated_at TIMESTAMP NOT NULL, payload TEXT NOT NULL)`

// Payload is a payload of typical length.
const Payload = "a payload that is about as long as such things are"

// NewAccount returns account number i.
func NewAccount(i int, payload string) Account {
	id := strconv.Itoa(i)
	return Account{
		ID: int64(i), Email: "user" + id + "@example.com", Name: "User Number " + id, Balance: int64(i) * 100, Score: float64(i) / 3,
		Active: i%2 == 0, UpdatedAt: time.Date(2026, 1, 1, 0, 0, i%86400, 0, time.UTC), Payload: payload,
	}
}

// NewAccounts returns the accounts with the numbers 1 to n.
func NewAccounts(n int, payload string) []Account {
	rows := make([]Account, n)
	for i := range rows {
		rows[i] = NewAccount(i+1, payload)
	}
	return rows
}
