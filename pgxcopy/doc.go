// Package pgxcopy lets package upsert stream rows to PostgreSQL through pgx.
//
// The path upsert.Copy needs the driver's own COPY … FROM STDIN. For lib/pq, package upsert finds it by itself. For pgx, opened
// through github.com/jackc/pgx/v5/stdlib, pass [From]:
//
//	db, err := sql.Open("pgx", dsn)
//	...
//	products, err := upsert.New[Product](d, "products", upsert.CopyThrough(pgxcopy.From))
//	...
//	result, err := products.PutAll(ctx, db, rows)
//
// With From, a batch of some thousand rows or more is sent by COPY, and with upsert.Via(upsert.Copy) every batch is. Without
// From, batches are sent as arrays, upsert.Arrays.
//
// # What it cannot do
//
// Through the caller's *sql.Tx, database/sql gives nobody pgx's connection. There batches are sent as arrays, and
// upsert.Via(upsert.Copy) is refused. If you want COPY, let the call begin the transaction, on the *sql.DB or a *sql.Conn.
//
// A driver that wraps pgx's, for example to trace its statements, hides the connection as well, and [From] refuses such a
// connection. Make the tables for such a pool without CopyThrough.
//
// The package is a module of its own, so that users of other drivers do not have pgx among their modules:
//
//	go get github.com/goupsert/upsert/pgxcopy
package pgxcopy
