// Package pgxcopy lets package upsert stream rows to PostgreSQL through pgx.
//
// The path upsert.Copy needs the driver's own COPY … FROM STDIN. For lib/pq it finds that by itself; for pgx, opened through
// github.com/jackc/pgx/v5/stdlib, [From] has it:
//
//	db, err := sql.Open("pgx", dsn)
//	...
//	products, err := upsert.New[Product](d, "products", upsert.CopyThrough(pgxcopy.From))
//	...
//	result, err := products.PutAll(ctx, db, rows)
//
// With it, a batch of some thousand rows or more goes as a COPY by itself, and upsert.Via(upsert.Copy) has every one go so.
// Without it they go as arrays, upsert.Arrays.
//
// # What it cannot do
//
// Through a *sql.Tx of the caller's, database/sql gives nobody pgx's connection: there batches go as arrays, and
// upsert.Via(upsert.Copy) is refused. Let the call begin the transaction, on the *sql.DB or a *sql.Conn, to have it copy.
//
// A driver that wraps pgx's, to trace its statements for example, hides the connection as well, and [From] refuses it.
// Tables for such a pool are made without CopyThrough.
//
// It is a module of its own, so that users of other drivers do not have pgx among their modules:
//
//	go get github.com/goupsert/upsert/pgxcopy
package pgxcopy
