package upsert

import (
	"context"
	"database/sql"

	"github.com/jmoiron/sqlx"
)

// DB is the handle that a verb runs on: a *sql.DB, *sql.Tx or *sql.Conn, or one of sqlx's.
//
// If a handle can begin a transaction, the library begins one if it needs one, retries this transaction, and never commits a
// transaction in which a statement failed. A *sql.Conn can begin a transaction too. If you have begun a transaction on a
// *sql.Conn with a BEGIN statement, hide the BeginTx method: pass struct{ upsert.DB }{conn}, which has the two methods of DB
// only. With any other handle, such as a *sql.Tx, the transaction is the caller's, and the caller must run it again.
//
// A wrapper of a *sql.DB should have the methods BeginTx, Conn and PrepareContext too. Without Conn, no batch is copied unless
// Via says so, statements are not sent in the background, and a pooler is not seen (hazard E2). Without PrepareContext,
// [Table.Prepare] refuses the wrapper.
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

// Claim is a transaction in which a key has been claimed. Writes on the Claim are committed together with the record of the
// claim, and therefore once. A table with an Add column accepts a Claim only.
type Claim interface {
	DB
	// UpsertClaim returns nil while the claim is held and its transaction is open, or else the reason why not.
	UpsertClaim() error
}
