package row

import (
	"fmt"
	"time"
)

// Named is an [Account] whose key is a text.
type Named struct {
	ID        string    `db:"id" upsert:"key" gorm:"primaryKey" bun:"id,pk"`
	Email     string    `db:"email"`
	Name      string    `db:"name"`
	Balance   int64     `db:"balance"`
	Score     float64   `db:"score"`
	Active    bool      `db:"active"`
	UpdatedAt time.Time `db:"updated_at" gorm:"autoUpdateTime:false"`
	Payload   string    `db:"payload"`
}

// TextKeys is the workload with a text for a key.
func TextKeys() *Shape[Named] {
	return &Shape[Named]{
		Name:    "8 columns, text key",
		Columns: append([]Column{{"id", Text}}, accountColumns()...),
		New: func(i int, payload string) Named {
			a := NewAccount(i, payload)
			return Named{
				ID: fmt.Sprintf("account-%08d", i), Email: a.Email, Name: a.Name, Balance: a.Balance, Score: a.Score,
				Active: a.Active, UpdatedAt: a.UpdatedAt, Payload: payload,
			}
		},
		Args: func(to []any, r *Named) []any {
			return append(to, r.ID, r.Email, r.Name, r.Balance, r.Score, r.Active, r.UpdatedAt, r.Payload)
		},
	}
}
