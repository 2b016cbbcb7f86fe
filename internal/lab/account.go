package lab

import (
	"strconv"
	"time"
)

// Account is the row of the benchmarks: about 120 bytes in eight columns.
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

// CreateAccounts makes SQLite's table for rows of the type Account.
const CreateAccounts = `CREATE TABLE accounts (id BIGINT NOT NULL PRIMARY KEY, email TEXT NOT NULL, name TEXT NOT NULL, balance BIGINT NOT NULL,
score DOUBLE NOT NULL, active BOOLEAN NOT NULL, updated_at TIMESTAMP NOT NULL, payload TEXT NOT NULL)`

// Payload is one that is about as long as such things are.
const Payload = "a payload that is about as long as such things are"

// NewAccount is the account of that number.
func NewAccount(i int, payload string) Account {
	id := strconv.Itoa(i)
	return Account{
		ID: int64(i), Email: "user" + id + "@example.com", Name: "User Number " + id, Balance: int64(i) * 100, Score: float64(i) / 3,
		Active: i%2 == 0, UpdatedAt: time.Date(2026, 1, 1, 0, 0, i%86400, 0, time.UTC), Payload: payload,
	}
}

// NewAccounts are the accounts of the numbers from 1 to n.
func NewAccounts(n int, payload string) []Account {
	rows := make([]Account, n)
	for i := range rows {
		rows[i] = NewAccount(i+1, payload)
	}
	return rows
}
