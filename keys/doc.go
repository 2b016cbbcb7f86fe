// Package keys makes a request or a message have its effect once.
//
// A table remembers which keys have been handled, in the same transaction as their effect: both are committed, or neither
// is. There is no moment at which one is there without the other, so it does not matter where the process dies.
//
//	payment, replayed, err := keys.Run(ctx, store, key, fingerprint, func(ctx context.Context, tx *keys.Tx) (Payment, error) {
//		return pay(ctx, tx, request)
//	})
//
// # What it is
//
// [Run] claims a [Key] in a transaction of its own and calls a function in it; [Once] does so in the caller's transaction.
// [Open] takes a *sql.DB or a *sqlx.DB. Of any number of callers one has the effect, and the others wait and get its stored result. [Filter] is the same for
// batches of messages: it returns those that a consumer has not handled yet. [Consume] does that in a transaction of its own.
//
// A key names the request: an Idempotency-Key header, or what [Derive] makes of the data. A [Fingerprint] of the request
// tells a repeated one from another one that was given the same key by mistake.
//
// # What it is not
//
// Only what is written through the transaction happens once. A mail that fn sends, a call of another service, a file: these
// happen as often as fn is called, which [Run] does again after a conflict. Write what is to be done to a table instead, and
// do it from there.
//
// A key is remembered for a time, the [Retention]. One that comes again after [Store.GC] has removed it is a new one;
// unless it carries its own time, as UUIDv7 and ULID do, and can be refused with [ErrTooOld] or [ErrTooNew].
//
// Time is the database's throughout. The clocks of the machines that call do not matter (hazard K8).
//
// # Inside fn
//
// Write on fn's [Tx], and never on the pool: a write on the pool commits by itself, and stays if fn fails. With fn's context the
// verbs of package upsert, and [Run], [Consume], [Store.Fail] and [Store.Revive], are refused on the pool of fn's store, also if a
// struct embeds the pool. If that is meant, as for a row of an audit log, say so with [Outside]. A transaction or a connection of
// your own, another pool, and a statement that you send on the pool yourself are not refused.
//
// # Isolation
//
// It works at READ COMMITTED, REPEATABLE READ and SERIALIZABLE. At the stronger levels a caller that has waited for another
// meets a serialization failure on PostgreSQL, and on MariaDB with innodb_snapshot_isolation: [Run] begins again and finds
// the stored result, [Once] returns a [*ConflictError] for its caller to do so.
//
// # Databases
//
// It runs on SQLite, PostgreSQL, MariaDB and MySQL from 5.7 on. MySQL does not return the row that a claim has found, so a call
// costs a statement more there than elsewhere. Before version 8 it cannot pass over a row that another transaction has locked,
// and finds out by trying for 20 ms (hazard K42).
//
// # The table
//
// [Store.Migrate] creates it; [Migrations] has the same as numbered SQL files, and [Schema] as text. A row is found by a
// SHA-256 of the key's parts, which stand beside it for people to read. The rows of finished keys are immutable.
//
// # Behind a transaction pooler
//
// Nothing is prepared with lib/pq and go-sql-driver/mysql, no session setting is left behind but by [MaxWait] on MySQL, and
// no advisory lock is taken (hazards E2, E8 and K31). pgx needs a mode without prepared statements there, such as
// default_query_exec_mode=exec.
package keys
