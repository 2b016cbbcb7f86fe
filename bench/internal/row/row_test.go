package row_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/goupsert/upsert/bench/internal/row"
)

// agrees checks that a shape's parts speak of the same columns in the same order.
func agrees[R any](t *testing.T, s *row.Shape[R], columns int) {
	t.Helper()
	kinds := map[reflect.Type]row.Kind{
		reflect.TypeFor[int64](): row.Int, reflect.TypeFor[string](): row.Text, reflect.TypeFor[float64](): row.Float,
		reflect.TypeFor[bool](): row.Bool, reflect.TypeFor[time.Time](): row.Time,
	}
	r := s.New(7, row.Fresh)
	args, v := s.Args(nil, &r), reflect.ValueOf(r)
	if len(s.Columns) != columns || len(args) != columns || v.NumField() != columns {
		t.Fatalf("%s: %d columns, %d arguments, %d fields, want %d", s.Name, len(s.Columns), len(args), v.NumField(), columns)
	}
	for i, c := range s.Columns {
		f := v.Type().Field(i)
		if c.Name != f.Tag.Get("db") || c.Kind != kinds[f.Type] || args[i] != v.Field(i).Interface() {
			t.Errorf("%s: column %d is %+v with %v, but the field %s has %v", s.Name, i, c, args[i], f.Name, v.Field(i))
		}
	}
	other := s.New(7, row.Other)
	changed := 0
	for i, arg := range s.Args(nil, &other) {
		if arg != args[i] {
			changed++
			if s.Columns[i].Name != "payload" {
				t.Errorf("%s: column %s differs with the payload", s.Name, s.Columns[i].Name)
			}
		}
	}
	if changed != 1 {
		t.Errorf("%s: %d columns differ with the payload, want one", s.Name, changed)
	}
}

func TestShapesAgree(t *testing.T) {
	t.Parallel()
	agrees(t, row.ThreeColumns(), 3)
	agrees(t, row.Accounts(), 8)
	agrees(t, row.ThirtyColumns(), 30)
	agrees(t, row.TextKeys(), 8)
}

func TestArraysAreTheRows(t *testing.T) {
	t.Parallel()
	s := row.Accounts()
	rows := s.Rows(3, row.Fresh)
	for i, array := range s.Arrays(rows) {
		for j := range rows {
			if got, want := reflect.ValueOf(array).Index(j).Interface(), s.Args(nil, &rows[j])[i]; got != want {
				t.Errorf("array %d has %v for row %d, want %v", i, got, j, want)
			}
		}
	}
}
