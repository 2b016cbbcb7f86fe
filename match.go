package upsert

import (
	"database/sql"
	"fmt"
	"reflect"
	"sort"
)

// matcher finds the row that a returned one belongs to, by its key: the order in which rows come back means nothing
// (hazard P3).
type matcher struct {
	*batch
	rows []int32
	seen []bool
	row  reflect.Value
	dest []any
}

func (w *writer) matcher(s statement) *matcher {
	m := &matcher{batch: w.batch, rows: s.rows}
	if s.back != backKeys {
		return m
	}
	m.seen = make([]bool, len(s.rows))
	m.row, m.dest = w.scratch()
	return m
}

// scan reads dest and, where keys are returned, the key; it returns the row's index.
func (m *matcher) scan(rows *sql.Rows, dest ...any) (int32, error) {
	if m.seen == nil {
		return m.rows[0], rows.Scan(dest...)
	}
	if err := rows.Scan(append(dest, m.dest...)...); err != nil {
		return 0, err
	}
	key, err := m.scanned()
	if err != nil {
		return 0, err
	}
	at := sort.Search(len(m.rows), func(n int) bool { return compareKeys(m.key(m.rows[n]), key) >= 0 })
	if at == len(m.rows) || compareKeys(m.key(m.rows[at]), key) != 0 || m.seen[at] {
		return 0, fmt.Errorf("the database returned the key %v, which was not sent: the key's column changes or folds what it stores, so rows cannot be told apart by it", key)
	}
	m.seen[at] = true
	return m.rows[at], nil
}

// scratch returns a row to scan keys into. A map's keys are scanned into the types they were sent as.
func (b *batch) scratch() (reflect.Value, []any) {
	if b.plan.IsMap() {
		var dest []any
		for _, k := range b.key(0) {
			dest = append(dest, reflect.New(reflect.TypeOf(k)).Interface())
		}
		return reflect.Value{}, dest
	}
	row := reflect.New(b.plan.Type).Elem()
	var dest []any
	for _, c := range b.keys {
		dest = append(dest, b.cols[c].Dest(row))
	}
	return row, dest
}

func (m *matcher) scanned() ([]any, error) {
	var key []any
	for at, c := range m.keys {
		if m.plan.IsMap() {
			key = append(key, reflect.ValueOf(m.dest[at]).Elem().Interface())
			continue
		}
		v, err := m.value(c, m.row)
		if err != nil {
			return nil, err
		}
		key = append(key, v)
	}
	return key, nil
}
