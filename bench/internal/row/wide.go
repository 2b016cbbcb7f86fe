package row

import (
	"fmt"
	"strconv"
	"time"
)

// Wide is a row of thirty columns.
type Wide struct {
	ID      int64     `db:"id" upsert:"key" gorm:"primaryKey;autoIncrement:false" bun:"id,pk"`
	Payload string    `db:"payload"`
	T1      string    `db:"t1"`
	T2      string    `db:"t2"`
	T3      string    `db:"t3"`
	T4      string    `db:"t4"`
	T5      string    `db:"t5"`
	T6      string    `db:"t6"`
	T7      string    `db:"t7"`
	T8      string    `db:"t8"`
	T9      string    `db:"t9"`
	I1      int64     `db:"i1"`
	I2      int64     `db:"i2"`
	I3      int64     `db:"i3"`
	I4      int64     `db:"i4"`
	I5      int64     `db:"i5"`
	I6      int64     `db:"i6"`
	I7      int64     `db:"i7"`
	I8      int64     `db:"i8"`
	F1      float64   `db:"f1"`
	F2      float64   `db:"f2"`
	F3      float64   `db:"f3"`
	F4      float64   `db:"f4"`
	B1      bool      `db:"b1"`
	B2      bool      `db:"b2"`
	B3      bool      `db:"b3"`
	B4      bool      `db:"b4"`
	D1      time.Time `db:"d1"`
	D2      time.Time `db:"d2"`
	D3      time.Time `db:"d3"`
}

// ThirtyColumns are wide rows.
func ThirtyColumns() *Shape[Wide] {
	cols := []Column{{"id", Int}, {"payload", Text}}
	for _, group := range []struct {
		letter string
		n      int
		kind   Kind
	}{{"t", 9, Text}, {"i", 8, Int}, {"f", 4, Float}, {"b", 4, Bool}, {"d", 3, Time}} {
		for i := range group.n {
			cols = append(cols, Column{fmt.Sprintf("%s%d", group.letter, i+1), group.kind})
		}
	}
	return &Shape[Wide]{
		Name: "30 columns", Columns: cols, New: newWide,
		Args: func(to []any, r *Wide) []any {
			return append(to, r.ID, r.Payload, r.T1, r.T2, r.T3, r.T4, r.T5, r.T6, r.T7, r.T8, r.T9,
				r.I1, r.I2, r.I3, r.I4, r.I5, r.I6, r.I7, r.I8, r.F1, r.F2, r.F3, r.F4, r.B1, r.B2, r.B3, r.B4, r.D1, r.D2, r.D3)
		},
	}
}

func newWide(i int, payload string) Wide {
	n, f, odd, text := int64(i), float64(i), i%2 == 1, "text "+strconv.Itoa(i)
	return Wide{
		ID: n, Payload: payload, T1: text, T2: text, T3: text, T4: text, T5: text, T6: text, T7: text, T8: text, T9: text,
		I1: n, I2: n + 1, I3: n * 3, I4: n * 5, I5: n * 7, I6: -n, I7: n * n, I8: 0, F1: f / 3, F2: f / 7, F3: -f, F4: 0.5,
		B1: odd, B2: !odd, B3: true, B4: false, D1: moment(i), D2: moment(i + 1), D3: moment(i + 2),
	}
}
