package upsert_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

// bomb is a type whose Scan panics.
type bomb string

func (*bomb) Scan(any) error                { panic("a Scanner's fault") }
func (b bomb) Value() (driver.Value, error) { return string(b), nil }

type bombRow[T any] struct {
	ID int64 `db:"id" upsert:"key"`
	V  T     `db:"v"`
}

// TestScanPanics has the Scan method of a caller's type panic while a row is read back. The panic must come out, the row must be rolled
// back, and no connection may be kept.
func TestScanPanics(t *testing.T) {
	t.Parallel()
	b := bomb("x")
	scanPanics(t, "a value", b)
	scanPanics(t, "a pointer", &b)
	scanPanics(t, "sql.Null", sql.Null[bomb]{V: b, Valid: true})
}

func scanPanics[T any](t *testing.T, name string, v T) {
	t.Helper()
	for _, ends := range []bool{false, true} {
		db := openSQLite(t, "file:"+filepath.Join(t.TempDir(), "x.db"), "CREATE TABLE b (id INTEGER PRIMARY KEY, v TEXT NOT NULL)")
		table := must(upsert.New[bombRow[T]](dialect.SQLite, "b"))
		ctx, cancel := context.Background(), context.CancelFunc(func() {})
		if ends {
			ctx, cancel = context.WithCancel(ctx)
		}
		for verb, call := range map[string]func() error{
			"Put": func() error { _, err := table.Put(ctx, db, &bombRow[T]{1, v}, upsert.Returning()); return err },
			"PutAll": func() error {
				_, err := table.PutAll(ctx, db, []bombRow[T]{{1, v}, {2, v}}, upsert.Returning())
				return err
			},
			"GetOrCreate": func() error { _, err := table.GetOrCreate(ctx, db, &bombRow[T]{1, v}); return err },
		} {
			back := make(chan any, 1)
			go func() {
				defer func() { back <- recover() }()
				t.Errorf("%s of %s returned %v", verb, name, call())
			}()
			select {
			case p := <-back:
				if p != "a Scanner's fault" {
					t.Errorf("%s of %s: the panic is %v", verb, name, p)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("%s of %s hangs", verb, name)
			}
			var rows int
			if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM b").Scan(&rows); err != nil || rows > 0 && verb != "GetOrCreate" || db.Stats().InUse > 0 {
				t.Errorf("%s of %s: %d rows, %v, and %d connections in use; want none", verb, name, rows, err, db.Stats().InUse)
			}
			_, _ = db.ExecContext(t.Context(), "DELETE FROM b")
		}
		cancel()
	}
}
