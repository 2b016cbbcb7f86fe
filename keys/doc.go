// Package keys makes a request or a message have its effect once.
//
// A table remembers which keys have been handled. The record of a key and the effect of its request are written in one
// transaction, so either both are committed or neither is. The process may therefore die at any moment.
//
//	payment, replayed, err := keys.Run(ctx, store, key, fingerprint, func(ctx context.Context, tx *keys.Tx) (Payment, error) {
//		return pay(ctx, tx, request)
//	})
//
// # What it is
//
// [Run] claims a [Key] in a transaction of its own and calls a function in that transaction; [Once] does the same in the
// caller's transaction. [Open] takes a *sql.DB or a *sqlx.DB. If several callers use one key, one of them has the effect; the
// others wait and get the stored result. [Filter] does the same for batches of messages: it returns the messages that a
// consumer has not handled yet. [Consume] runs Filter in a transaction of its own.
//
// A key names the request: it is an Idempotency-Key header, for example, or a name that [Derive] makes of the data. A
// [Fingerprint] of the request tells a repeated request from another request that was given the same key by mistake.
//
// # What it is not
//
// Only writes through the transaction happen once. If fn sends a mail, calls another service or writes a file, this happens as
// often as fn is called, and [Run] calls fn again after a conflict. Use [Do] for such an effect: it takes the key with a lease,
// has a stable key for the other side, and says so if nobody knows whether the effect has happened.
//
// A key is remembered for a time, the [Retention]. If a key comes again after [Store.GC] has removed it, the key counts as new.
// The exception is a key that carries its own time, as a UUIDv7 or a ULID does: it can be refused with [ErrTooOld] or
// [ErrTooNew].
//
// All times are the database's. The clocks of the calling machines do not matter (hazard K8).
//
// # Inside fn
//
// Write on fn's [Tx], and never on the pool: a write on the pool commits by itself, and stays if fn fails. Inside fn, with fn's
// context, the verbs of package upsert, and [Run], [Consume] and the methods of [Store] that write, are refused on the pool of fn's
// store, also if a struct embeds the pool. If you mean such a call, for example for a row of an audit log, say so with
// [Outside]. A transaction or a connection of your own, another pool, and a statement that you send on the pool yourself are
// not refused.
//
// # Isolation
//
// The package works at READ COMMITTED, REPEATABLE READ and SERIALIZABLE. At the two stronger levels, a caller that has waited
// for another caller meets a serialization failure on PostgreSQL, and on MariaDB with innodb_snapshot_isolation. [Run] then
// begins again and finds the stored result. [Once] returns a [*ConflictError], and its caller must begin again.
//
// # Databases
//
// The package runs on SQLite, PostgreSQL, MariaDB and MySQL from 5.7 on. MySQL does not return the row that a claim has found,
// so a call costs one statement more there. MySQL before version 8 cannot skip a row that another transaction has locked; the
// package finds such a row by trying for 20 ms (hazard K42).
//
// # The table
//
// [Store.Migrate] creates the table; [Migrations] has the same SQL as numbered files, and [Schema] has it as text. A row is
// found by a SHA-256 of the key's parts; the parts are stored beside the hash for people to read. The rows of finished keys are
// immutable.
//
// # Behind a transaction pooler
//
// The package prepares nothing with lib/pq and go-sql-driver/mysql, takes no advisory lock, and leaves no session setting
// behind, except with [MaxWait] on MySQL (hazards E2, E8 and K31). Behind a transaction pooler pgx needs a mode without
// prepared statements, such as default_query_exec_mode=exec.
package keys
