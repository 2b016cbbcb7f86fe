package upsert_test

import (
	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/lab"
)

// labTable is New, which must succeed.
func labTable[T any](l *lab.Lab, name string, opts ...upsert.Option) *upsert.Table[T] {
	l.Helper()
	table, err := upsert.New[T](l.D, name, opts...)
	if err != nil {
		l.Fatalf("New: %v", err)
	}
	return table
}

// labPut is Put, which must succeed.
func labPut[T any](l *lab.Lab, table *upsert.Table[T], db upsert.DB, row T) upsert.Outcome {
	l.Helper()
	o, err := table.Put(l.Context(), db, &row)
	if err != nil {
		l.Fatalf("Put(%+v): %v", row, err)
	}
	return o
}
