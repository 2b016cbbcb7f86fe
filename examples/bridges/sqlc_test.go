package bridges_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/goupsert/upsert/keys"
)

// What follows is written by hand in the form of sqlc's generated code for database/sql; sqlc itself was not run.

type DBTX interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	PrepareContext(context.Context, string) (*sql.Stmt, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

func New(db DBTX) *Queries { return &Queries{db: db} }

type Queries struct{ db DBTX }

func (q *Queries) WithTx(tx *sql.Tx) *Queries { return &Queries{db: tx} }

const addNote = `-- name: AddNote :exec
INSERT INTO notes (text) VALUES (?)
`

func (q *Queries) AddNote(ctx context.Context, text string) error {
	_, err := q.db.ExecContext(ctx, addNote, text)
	return err
}

// Up to here.

func TestSqlc_InsideRun(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	for _, want := range []bool{false, true} {
		_, replayed, err := keys.Run(t.Context(), s.keys, welcome, keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			if err := New(tx).AddNote(ctx, "welcome"); err != nil {
				return "", err
			}
			_, err := s.devices.Put(ctx, tx, &Device{"d1", "lamp", 1})
			return "noted", err
		})
		if replayed != want || err != nil {
			t.Errorf("replayed %v, %v; want %v", replayed, err, want)
		}
		s.wants(1, 1)
	}
}

func TestSqlc_OneTransaction(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	queries := New(s.db)
	save := func(ctx context.Context, d *Device) error {
		tx, err := s.db.DB.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() //nolint:errcheck // after a commit there is nothing left to roll back
		if err := queries.WithTx(tx).AddNote(ctx, d.Name); err != nil {
			return err
		}
		if _, err := s.devices.Put(ctx, tx, d); err != nil {
			return err
		}
		return tx.Commit()
	}
	if err := save(t.Context(), &Device{"d1", "lamp", 1}); err != nil {
		t.Fatal(err)
	}
	s.wants(1, 1)
}
