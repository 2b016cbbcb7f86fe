package upsert_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
)

type numbered struct {
	ID int64  `db:"id" upsert:"key"`
	V  *int64 `db:"v"`
}

// TestErrorNamesTheTableOfTheCall checks that an error names the table of the call, even if the rows come from a failing
// call on another table.
func TestErrorNamesTheTableOfTheCall(t *testing.T) {
	t.Parallel()
	db, ctx := engine.Get("sqlite").Open(t), context.Background()
	db.MustExec("CREATE TABLE copies (id INTEGER PRIMARY KEY NOT NULL, v INTEGER)")
	sources, copies := newTable[numbered](t, "sources"), newTable[numbered](t, "copies")
	rows := func() iter.Seq2[numbered, error] {
		return func(yield func(numbered, error) bool) {
			if yield(numbered{ID: 1}, nil) {
				_, err := sources.Put(ctx, db, &numbered{ID: 2})
				_ = yield(numbered{}, err)
			}
		}
	}
	for name, opts := range map[string][]upsert.PutOption{"one transaction": nil, "a transaction for each row": {upsert.ChunkTx(1)}} {
		db.SetMaxOpenConns(4)
		_, err := copies.PutSeq(ctx, db, rows(), opts...)
		var row, cause *upsert.RowError
		if !errors.As(err, &row) || row.Table != "copies" || row.Row != 1 {
			t.Fatalf("%s: the error is %#v, want a *RowError of the table copies about row 1", name, err)
		}
		if !errors.As(row.Err, &cause) || cause.Table != "sources" {
			t.Errorf("%s: the cause is %v, want the error of the table sources", name, row.Err)
		}
		if upsert := strings.Count(err.Error(), "upsert: "); name == "one transaction" && upsert != 1 {
			t.Errorf("%s: the error is %q, want the prefix once", name, err)
		}
	}
}

func newTable[T any](t *testing.T, name string) *upsert.Table[T] {
	t.Helper()
	table, err := upsert.New[T](dialect.SQLite, name)
	if err != nil {
		t.Fatal(err)
	}
	return table
}
