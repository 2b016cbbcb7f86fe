package write

import (
	"cmp"
	"database/sql"
	"fmt"
	"reflect"
	"slices"

	"github.com/goupsert/upsert/internal/mapping"
	"github.com/goupsert/upsert/internal/rowkey"
	"github.com/goupsert/upsert/internal/statement"
)

// matcher finds the sent row that a returned row belongs to, by its key, because rows come back in no particular order (hazard
// P3).
type matcher struct {
	batch    *batch
	rows     []int32
	order    []int32 // positions in rows, in key order; nil if rows are in key order already
	seen     []bool
	row      reflect.Value   // a struct into which a returned key is scanned
	maps     []reflect.Value // values into which a returned key is scanned, if rows are maps
	dest     []any
	returned rowkey.Set // the key of the returned row
}

func (w *writer) matcher(s batchStatement) *matcher {
	m := &matcher{batch: w.batch, rows: s.rows}
	if s.variant.Return != statement.ReturnKeys {
		return m
	}
	m.seen = make([]bool, len(s.rows))
	m.makeDest()
	if w.batch.inOrder {
		m.order = make([]int32, len(s.rows))
		for n := range m.order {
			m.order[n] = int32(n)
		}
		slices.SortFunc(m.order, func(i, j int32) int { return w.batch.sent.keyed.Compare(s.rows[i], s.rows[j]) })
	}
	return m
}

// scan reads a returned row into dest, and finds the sent row by the returned key. It returns the sent row's index.
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
	at := m.batch.sent.keyed.Find(len(m.rows), func(n int) int32 { return m.rows[m.position(n)] }, m.returned)
	if at >= 0 {
		at = m.position(at)
	}
	if at < 0 || m.seen[at] {
		return 0, fmt.Errorf("the database returned the key %v, which was not sent: the key's column changes or folds what it stores, so rows cannot be told apart by it", m.returned.Values(0))
	}
	m.seen[at] = true
	return m.rows[at], nil
}

// position returns the position in rows of the n-th row in key order.
func (m *matcher) position(n int) int {
	if m.order == nil {
		return n
	}
	return int(m.order[n])
}

// makeDest makes the destinations for returned keys. If rows are maps, each destination has the type of the sent value.
func (m *matcher) makeDest() {
	if m.batch.table.rows.mapping.IsMap() {
		for _, k := range m.batch.sent.keyed.Values(0) {
			v := reflect.New(reflect.TypeOf(k)).Elem()
			m.maps, m.dest = append(m.maps, v), append(m.dest, mapping.ScanTargetOf(v))
		}
		return
	}
	m.row = reflect.New(m.batch.table.rows.mapping.Type).Elem()
	for _, c := range m.batch.table.rows.keys {
		m.dest = append(m.dest, m.batch.table.rows.cols[c].ScanTarget(m.row))
	}
}

// scanned encodes the returned key into m.back.
func (m *matcher) scanned() error {
	m.returned = m.batch.table.keySet(nil, 1)
	for at, c := range m.batch.table.rows.keys {
		key := &m.returned[at]
		var err error
		if m.batch.table.rows.mapping.IsMap() {
			err = mapping.EncodeAny(m.maps[at].Interface(), key)
		} else {
			err = m.batch.table.rows.cols[c].Encode(m.row, key)
		}
		if err = cmp.Or(err, key.Err); err != nil {
			return err
		}
	}
	return nil
}
