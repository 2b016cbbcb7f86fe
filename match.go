package upsert

import (
	"cmp"
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"sort"

	"github.com/goupsert/upsert/internal/plan"
)

// matcher finds the row that a returned one belongs to, by its key: the order in which rows come back means nothing
// (hazard P3).
type matcher struct {
	*batch
	rows []int32
	at   []int32 // positions in rows by key; nil if rows are in key order
	seen []bool
	row  reflect.Value   // what a struct's key is scanned into
	maps []reflect.Value // what a map's key is scanned into
	dest []any
	back batch // of the row that has come back
}

func (w *writer) matcher(s statement) *matcher {
	m := &matcher{batch: w.batch, rows: s.rows}
	if s.back != backKeys {
		return m
	}
	m.seen = make([]bool, len(s.rows))
	m.makeDest()
	if w.inOrder {
		m.at = make([]int32, len(s.rows))
		for n := range m.at {
			m.at[n] = int32(n)
		}
		slices.SortFunc(m.at, func(i, j int32) int { return w.compareKeys(s.rows[i], s.rows[j]) })
	}
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
	if err := m.scanned(); err != nil {
		return 0, err
	}
	at := sort.Search(len(m.rows), func(n int) bool { return m.compare(m.rows[m.position(n)]) >= 0 })
	if at < len(m.rows) {
		at = m.position(at)
	}
	if at == len(m.rows) || m.compare(m.rows[at]) != 0 || m.seen[at] {
		return 0, fmt.Errorf("the database returned the key %v, which was not sent: the key's column changes or folds what it stores, so rows cannot be told apart by it", m.back.keyValues(0))
	}
	m.seen[at] = true
	return m.rows[at], nil
}

// position is where the n-th of the rows' keys is.
func (m *matcher) position(n int) int {
	if m.at == nil {
		return n
	}
	return int(m.at[n])
}

// makeDest makes what keys are scanned into. A map's are scanned into the types they were sent as.
func (m *matcher) makeDest() {
	if m.plan.IsMap() {
		for _, k := range m.keyValues(0) {
			v := reflect.New(reflect.TypeOf(k)).Elem()
			m.maps, m.dest = append(m.maps, v), append(m.dest, plan.DestOf(v))
		}
		return
	}
	m.row = reflect.New(m.plan.Type).Elem()
	for _, c := range m.keys {
		m.dest = append(m.dest, m.cols[c].Dest(m.row))
	}
}

// scanned takes the key that has come back.
func (m *matcher) scanned() error {
	m.back.keyed = m.keyColumns(make([]keyColumn, len(m.keyed)), 1)
	for at, c := range m.keys {
		key := &m.back.keyed[at]
		var err error
		if m.plan.IsMap() {
			err = plan.GiveAny(m.maps[at].Interface(), key)
		} else {
			err = m.cols[c].Give(m.row, key)
		}
		if err = cmp.Or(err, key.err); err != nil {
			return err
		}
	}
	return nil
}

// compare orders a row that was sent before or after the one that has come back.
func (m *matcher) compare(i int32) int {
	for at := range m.keyed {
		if c := m.keyed[at].compare(i, &m.back.keyed[at], 0); c != 0 {
			return c
		}
	}
	return 0
}
