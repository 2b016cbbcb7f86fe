package conformance

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

// twins are two equal tables. Prepared statements must do to one table exactly what Put does to the other.
type twins[T any] struct {
	place    *place
	plain    *upsert.Table[T]
	prepared *upsert.Prepared[T]
	on       upsert.DB
}

// twinsOf creates both tables, empty.
func twinsOf[T any](p *place, columns string, on upsert.DB, opts ...upsert.Option) *twins[T] {
	p.Helper()
	p.create("plain", columns)
	p.create("prepared", columns)
	return &twins[T]{p, table[T](p, "plain", opts...), prepare(p, table[T](p, "prepared", opts...), on), on}
}

// put puts the row into both tables. Both calls must return the same outcome, the same values read back, and the same error
// except for the table name.
func (w *twins[T]) put(row T, want upsert.Outcome) (err error) {
	w.place.Helper()
	one, other := copyOf(row), copyOf(row)
	o, err := w.plain.Put(w.place.ctx, w.on, &one)
	got, gotErr := w.prepared.Put(w.place.ctx, &other)
	if o != want || got != want {
		w.place.Errorf("row %s: Put = %v, %v; Prepared.Put = %v, %v; want %v", show(row), o, err, got, gotErr, want)
	}
	if a, b := faceOf(err), faceOf(gotErr); a != b {
		w.place.Errorf("row %s: the error of Put is %s, and the error of Prepared.Put is %s; want the same", show(row), a, b)
	}
	wantSame(w.place, "the row after a prepared Put", other, one)
	return gotErr
}

// end expects the same rows in both tables.
func (w *twins[T]) end(rows int) {
	w.place.Helper()
	w.place.wantCount("plain", rows)
	wantSame(w.place, "what is stored", contents(w.place, "prepared"), contents(w.place, "plain"))
}

func copyOf[T any](row T) T {
	if m, ok := any(row).(map[string]any); ok {
		return any(maps.Clone(m)).(T)
	}
	return row
}

// faceOf returns everything that a program can learn from an error except its text.
func faceOf(err error) string {
	var at *upsert.RowError
	errors.As(err, &at)
	face := fmt.Sprint(err == nil, dialect.Classify(err), dialect.SQLState(err),
		errors.Is(err, upsert.ErrNullKey), errors.Is(err, upsert.ErrOtherKey), errors.Is(err, upsert.ErrUnguarded))
	if at != nil {
		face += fmt.Sprintf(" column %q, row %d", at.Column, at.Row)
	}
	return face
}

// contents returns the rows of a table as text, ordered by the first column.
func contents(p *place, name string) string {
	p.Helper()
	rows, err := p.db.QueryxContext(p.ctx, "SELECT * FROM "+name+" ORDER BY 1")
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var all strings.Builder
	for rows.Next() {
		values, err := rows.SliceScan()
		if err != nil {
			p.Fatal(err)
		}
		for _, v := range values {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			fmt.Fprint(&all, v, "|")
		}
		all.WriteString("\n")
	}
	if err := rows.Err(); err != nil {
		p.Fatal(err)
	}
	return all.String()
}
