package row

// Narrow is a row of three columns.
type Narrow struct {
	ID      int64  `db:"id" upsert:"key" gorm:"primaryKey;autoIncrement:false" bun:"id,pk"`
	Balance int64  `db:"balance"`
	Payload string `db:"payload"`
}

// ThreeColumns are narrow rows.
func ThreeColumns() *Shape[Narrow] {
	return &Shape[Narrow]{
		Name:    "3 columns",
		Columns: []Column{{"id", Int}, {"balance", Int}, {"payload", Text}},
		New: func(i int, payload string) Narrow {
			return Narrow{ID: int64(i), Balance: int64(i) * 100, Payload: payload}
		},
		Args: func(to []any, r *Narrow) []any { return append(to, r.ID, r.Balance, r.Payload) },
	}
}
