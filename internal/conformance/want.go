package conformance

import (
	"bytes"
	"errors"
	"reflect"
	"time"

	"github.com/goupsert/upsert"
)

// The names are short because tables of cases use them.
const (
	inserted  = upsert.Inserted
	updated   = upsert.Updated
	unchanged = upsert.Unchanged
	stale     = upsert.Stale
)

// put puts a row and expects the outcome.
func put[T any](p *place, t *upsert.Table[T], row *T, want upsert.Outcome) {
	p.Helper()
	got, err := t.Put(p.ctx, p.db, row)
	switch {
	case err != nil:
		p.Fatalf("Put(%+v): %v; want %v", *row, err, want)
	case got != want:
		p.Errorf("Put(%+v) = %v, want %v", *row, got, want)
	}
}

// putAll puts rows and expects an outcome for each row, and the matching counts.
func putAll[T any](p *place, t *upsert.Table[T], rows []T, want ...upsert.Outcome) {
	p.Helper()
	got := make([]upsert.Outcome, len(rows))
	next := 0
	res, err := t.PutAll(p.ctx, p.db, rows, upsert.EachOutcome(func(i int, o upsert.Outcome) {
		if i != next {
			p.Errorf("EachOutcome reports row %d, want row %d: rows must be reported in order", i, next)
		}
		got[i] = o
		next++
	}))
	if err != nil {
		p.Fatalf("PutAll: %v; want %v", err, want)
	}
	if next != len(rows) {
		p.Errorf("EachOutcome was called %d times, want %d", next, len(rows))
	}
	wrong := 0
	for i, w := range want {
		if got[i] != w && wrong < 5 {
			p.Errorf("row %d, %+v: %v, want %v", i, rows[i], got[i], w)
			wrong++
		}
	}
	wantResult(p, "PutAll", res, resultOf(want))
}

func resultOf(outcomes []upsert.Outcome) (r upsert.Result) {
	for _, o := range outcomes {
		switch o {
		case inserted:
			r.Inserted++
		case updated:
			r.Updated++
		case unchanged:
			r.Unchanged++
		case stale:
			r.Stale++
		default:
			r.Unknown++
		}
	}
	return r
}

func wantResult(p *place, what string, got, want upsert.Result) {
	p.Helper()
	if got != want {
		p.Errorf("%s = %+v, want %+v", what, got, want)
	}
}

// wantRows expects the rows of a query.
func wantRows[T any](p *place, query string, want ...T) {
	p.Helper()
	got := list[T](p, query)
	if len(got) != len(want) {
		p.Errorf("%s: %d rows %+v, want %d rows %+v", query, len(got), got, len(want), want)
		return
	}
	for i := range want {
		if !same(got[i], want[i]) {
			p.Errorf("%s: row %d is %s, want %s", query, i, show(got[i]), show(want[i]))
		}
	}
}

// wantSame expects equal values.
func wantSame[T any](p *place, what string, got, want T) {
	p.Helper()
	if !same(got, want) {
		p.Errorf("%s: %s, want %s", what, show(got), show(want))
	}
}

// wantRowError expects an error about a row and column of a table.
func wantRowError(p *place, err error, table, column string, row int) {
	p.Helper()
	var at *upsert.RowError
	if !errors.As(err, &at) {
		p.Errorf("error %v (%T), want a *RowError of table %s, column %q, row %d", err, err, table, column, row)
		return
	}
	if at.Table != table || at.Column != column || at.Row != row {
		p.Errorf("error %q is of table %q, column %q, row %d; want %q, %q, %d", err, at.Table, at.Column, at.Row, table, column, row)
	}
}

// wantIs expects an error that matches target.
func wantIs(p *place, what string, err, target error) {
	p.Helper()
	if !errors.Is(err, target) {
		p.Errorf("%s: error %v, want an error that is %q", what, err, target)
	}
}

// same reports whether two values are equal. Times are equal if they are the same instant.
func same(a, b any) bool { return sameValue(reflect.ValueOf(a), reflect.ValueOf(b)) }

func sameValue(a, b reflect.Value) bool {
	if !a.IsValid() || !b.IsValid() {
		return a.IsValid() == b.IsValid()
	}
	if a.Type() != b.Type() {
		return false
	}
	if at, ok := a.Interface().(time.Time); ok {
		return at.Equal(b.Interface().(time.Time))
	}
	if raw, ok := a.Interface().([]byte); ok {
		return bytes.Equal(raw, b.Bytes()) // modernc.org/sqlite returns an empty BLOB as nil; a NULL shows as a nil pointer
	}
	switch a.Kind() {
	case reflect.Pointer, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return sameValue(a.Elem(), b.Elem())
	case reflect.Struct:
		for i := range a.NumField() {
			if !sameValue(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}
