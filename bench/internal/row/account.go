package row

import (
	"strconv"
	"time"
)

// Account is the row of the workload: eight columns, about 120 bytes.
type Account struct {
	ID        int64     `db:"id" upsert:"key" gorm:"primaryKey;autoIncrement:false" bun:"id,pk"`
	Email     string    `db:"email"`
	Name      string    `db:"name"`
	Balance   int64     `db:"balance"`
	Score     float64   `db:"score"`
	Active    bool      `db:"active"`
	UpdatedAt time.Time `db:"updated_at" gorm:"autoUpdateTime:false"`
	Payload   string    `db:"payload"`
}

// Accounts is the workload.
func Accounts() *Shape[Account] {
	return &Shape[Account]{
		Name:    "8 columns",
		Columns: append([]Column{{"id", Int}}, accountColumns()...),
		New:     NewAccount,
		Args: func(to []any, r *Account) []any {
			return append(to, r.ID, r.Email, r.Name, r.Balance, r.Score, r.Active, r.UpdatedAt, r.Payload)
		},
		Arrays: accountArrays,
	}
}

// NewAccount makes the i-th account.
func NewAccount(i int, payload string) Account {
	id := strconv.Itoa(i)
	return Account{
		ID: int64(i), Email: "user" + id + "@example.com", Name: "User Number " + id, Balance: int64(i) * 100, Score: float64(i) / 3,
		Active: i%2 == 0, UpdatedAt: moment(i), Payload: payload,
	}
}

// moment is a whole second, for not every database and library keeps the same fraction of one.
func moment(i int) time.Time { return time.Date(2026, 1, 1, 0, 0, i%86400, 0, time.UTC) }

// accountColumns are those beside the key.
func accountColumns() []Column {
	return []Column{
		{"email", Text}, {"name", Text}, {"balance", Int}, {"score", Float}, {"active", Bool}, {"updated_at", Time}, {"payload", Text},
	}
}

func accountArrays(rows []Account) []any {
	n := len(rows)
	ids, emails, names, balances := make([]int64, n), make([]string, n), make([]string, n), make([]int64, n)
	scores, actives, times, payloads := make([]float64, n), make([]bool, n), make([]time.Time, n), make([]string, n)
	for i := range rows {
		r := &rows[i]
		ids[i], emails[i], names[i], balances[i] = r.ID, r.Email, r.Name, r.Balance
		scores[i], actives[i], times[i], payloads[i] = r.Score, r.Active, r.UpdatedAt, r.Payload
	}
	return []any{ids, emails, names, balances, scores, actives, times, payloads}
}
