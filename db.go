package upsert

import (
	"context"
	"database/sql"

	"github.com/jmoiron/sqlx"
)

// DB is what a verb runs on: a *sql.DB, *sql.Tx or *sql.Conn, or sqlx's.
//
// On a handle that can begin a transaction the library does so where it needs one, retries it, and never commits one in
// which a statement failed. A *sql.Conn counts as such a handle: one on which a transaction was begun by hand must be
// wrapped, as in struct{ upsert.DB }{conn}, so that only the two methods are seen. On any other handle the transaction is
// the caller's, and so is running it again.
//
// A wrapper of a *sql.DB should have its methods BeginTx, Conn and PrepareContext too. Without Conn no batch is copied unless
// Via says so, statements are not sent in the background, and a pooler is not seen (hazard E2); without PrepareContext
// [Table.Prepare] refuses it.
type DB interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

var (
	_ DB = (*sql.DB)(nil)
	_ DB = (*sql.Tx)(nil)
	_ DB = (*sql.Conn)(nil)
	_ DB = (*sqlx.DB)(nil)
	_ DB = (*sqlx.Tx)(nil)
	_ DB = (*sqlx.Conn)(nil)
)

// Claim is a transaction in which a key has been claimed: whatever is written on it is committed together with the record
// that it was, once. Only on a Claim does a table with an Add column run.
type Claim interface {
	DB
	// UpsertClaim returns nil while the claim is held and its transaction open, or why it is not.
	UpsertClaim() error
}
