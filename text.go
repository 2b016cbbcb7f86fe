package upsert

import (
	"fmt"
	"math/bits"
	"slices"
	"sync"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/schema"
)

// shape is everything that a statement's text depends on, except the table. omit has a bit for each column with omitzero that is
// left out.
type shape struct {
	mode   dialect.Mode
	rows   int
	omit   uint64
	report bool
	result bool // the Result of an Exec tells the outcome
	back   back
	// removes means that the statement has one row, and this row's merge patches remove members.
	removes bool
	source  dialect.Source
	filter  bool // rows that would change nothing are left out
	split   bool // new rows are inserted without an ON CONFLICT clause
	nth     int  // the number in the stage's name
	wide    bool // an integer is too large for a float to hold exactly
	count   bool // the statement returns one row: how many rows were written, and how many of them are new
}

// back says which columns a statement returns.
type back uint8

const (
	backNone back = iota
	backKeys
	backGenerated
	backAll
)

// texts caches the texts of shapes. There are few shapes, except that the masks of omitted columns can be many. So if the cache
// is full, a new text is not kept.
type texts struct {
	mu   sync.RWMutex
	kept map[shape]string
}

const textsKept = 512

// of returns a shape's text from the cache, or calls write for the text.
func (k *texts) of(s shape, write func() (string, error)) (string, error) {
	k.mu.RLock()
	q, ok := k.kept[s]
	k.mu.RUnlock()
	if ok {
		return q, nil
	}
	q, err := write()
	if err != nil {
		return "", err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kept == nil {
		k.kept = map[shape]string{}
	}
	if len(k.kept) < textsKept {
		k.kept[s] = q
	}
	return q, nil
}

// forget empties the cache.
func (k *texts) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept = nil
}

// text returns the statement of a shape.
func (t *table) text(s shape) (string, error) {
	return t.texts.of(s, func() (string, error) { return t.upsert(s, t.catalog.Kept()) })
}

// upsert writes the statement of a shape with what the catalog says about the table.
func (t *table) upsert(s shape, known *schema.Table) (string, error) {
	u := dialect.Upsert{
		Table: t.ident, Target: t.target, Columns: t.columnsOf(known, s.omit), Rows: s.rows, Mode: s.mode, Removes: s.removes, Wide: s.wide,
		Guard:  s.mode == dialect.Write && t.guards(known),
		Report: s.report, Result: s.result, Return: t.returned(s.back), Source: s.source, Filter: s.filter, Split: s.split, Count: s.count, Nth: s.nth,
	}
	if known != nil {
		u.Types, u.Only = known.Types, known.IsPlain
	}
	text, err := t.dialect.Upsert(u)
	if known != nil && s.source == dialect.FromParams && !s.filter {
		text += known.Mark
	}
	return text, err
}

// columns returns the written columns without the omitted columns. A column that is not inserted must not be assigned either,
// because the excluded row would give the column its DEFAULT (hazard P12).
func (t *table) columns(omit uint64) []dialect.Column { return t.columnsOf(nil, omit) }

// columnsOf is columns, completed by the catalog.
func (t *table) columnsOf(known *schema.Table, omit uint64) []dialect.Column {
	writes := t.writes
	if known != nil {
		writes = known.Writes
	}
	if omit == 0 {
		return writes
	}
	var cols []dialect.Column
	for i, c := range writes {
		if !t.omits(omit, i) {
			cols = append(cols, c)
		}
	}
	return cols
}

// sends reports whether a row's value for the column goes to the server.
func (t *table) sends(omit uint64, col int) bool { return !t.writes[col].Now && !t.omits(omit, col) }

func (t *table) omits(omit uint64, col int) bool {
	if omit == 0 {
		return false
	}
	for bit, i := range t.zeros {
		if i == col {
			return omit&(1<<bit) != 0
		}
	}
	return false
}

func (t *table) returned(b back) []string {
	switch b {
	case backKeys:
		return t.target.Columns
	case backGenerated:
		return columnNames(t.generated)
	case backAll:
		return columnNames(t.all())
	}
	return nil
}

// all returns every column, written and generated.
func (t *table) all() []*column { return slices.Concat(t.cols, t.generated) }

func columnNames(cols []*column) []string {
	var names []string
	for _, c := range cols {
		names = append(names, c.Name)
	}
	return names
}

// full returns how many rows with this number of parameters the largest statement takes.
func (t *table) full(params int) int {
	return min(t.traits.MaxRows, t.traits.MaxParams/max(1, params))
}

// fit returns how many of n rows the next statement takes. If n rows fill a statement, fit returns the number of rows in a full
// statement. Otherwise fit returns n rounded down to three leading bits, so that any batch is cut into few statements of few
// shapes.
func (t *table) fit(n, params int) int {
	full := t.full(params)
	if n >= full {
		return full
	}
	if over := bits.Len(uint(n)) - 3; over > 0 {
		return n >> over << over
	}
	return n
}

// SQL returns the statement and the arguments that PutAll would send for rows, to look at and for golden tests. The rows must fit
// one statement, and no two rows may have the same key; otherwise SQL returns an error. Without rows, SQL returns the text for
// one row and no arguments. The text depends only on the table and the number of rows.
//
// On PostgreSQL the verbs also ask for the columns' types. The verbs compare by these types, bind as text the values that drivers
// would encode in different ways, and name the types in a comment. SQL asks no server.
func (t *Table[T]) SQL(rows ...T) (query string, args []any, err error) {
	if len(rows) == 0 {
		query, err = t.table.upsert(shape{mode: dialect.Write, rows: 1}, nil)
		return query, nil, err
	}
	b, err := t.table.batch(source(rows))
	if err != nil {
		return "", nil, err
	}
	b.untyped = true
	if len(b.passes) > 1 {
		return "", nil, fmt.Errorf("upsert: table %s: SQL: two rows have the same key, so they need two statements", t.table.name)
	}
	s, used, err := b.nextValues(b.passes[0], nil)
	if err != nil {
		return "", nil, err
	}
	if used != len(rows) {
		return "", nil, fmt.Errorf("upsert: table %s: SQL: %d rows need more than one statement", t.table.name, len(rows))
	}
	query, err = t.table.upsert(s.shape, nil)
	return query, s.args, err
}
