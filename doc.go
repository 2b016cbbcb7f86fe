// Package upsert makes SQL writes safe to repeat.
//
// A struct's tags say which columns identify a row, and what each column takes if the row is already there. From the tags the
// library writes the right statement for SQLite, PostgreSQL, MySQL and MariaDB, runs the statement for one row or ten million on
// database/sql or sqlx, and tells for each row what happened.
//
//	type Account struct {
//		ID        int64     `db:"id" upsert:"key"`
//		Email     string    `db:"email"`
//		LastSeen  time.Time `db:"last_seen" upsert:"max"`
//		CreatedAt time.Time `db:"created_at" upsert:"keep,now"`
//		UpdatedAt time.Time `db:"updated_at" upsert:"touch,now"`
//	}
//
//	accounts, err := upsert.New[Account](dialect.Postgres, "accounts")
//	outcome, err := accounts.Put(ctx, db, &account)
//
// # What it does not do
//
// The library creates temporary tables only, and checks the schema only if you call [Table.Verify]. The one exception is the unique
// index on exactly the key's columns. SQLite and PostgreSQL refuse every statement without this index. MySQL and MariaDB would
// insert a second row, so there the library asks for the index before the first write, and returns a [*SchemaError] if the index is
// missing. [Table.Schema] writes a CREATE TABLE statement for your migrations.
//
// BEFORE triggers also run for rows that end in a conflict, and such rows use up identity values. If a trigger changes what is
// stored, the outcome still describes the row that was sent. MySQL and MariaDB run UPDATE triggers for every row that is there,
// changed or not, and store what a BEFORE UPDATE trigger assigns even if the outcome is [Unchanged] or [Stale] (hazard H41). On a
// handle that is not a transaction, a lost connection can falsify an outcome: see [Table.Put].
//
// Behind PgBouncer in transaction mode, lib/pq with its default settings can run another client's statement instead of the one
// that was sent. [Table.Put] and the other verbs see the pooler and put a transaction around such a statement. They do not see
// the pooler if the driver is wrapped, or if the handle has a BeginTx method and no Conn method. Then lib/pq needs
// binary_parameters=yes, or a transaction around every call (hazard E2).
//
// # Columns
//
// A struct has the columns that sqlx gives it: the db tag names a column, or else the field's name in lower case. Embedded
// structs are flattened, and nested structs give names like "address.street". A struct that implements driver.Valuer or
// sql.Scanner is one column, and so is time.Time. A String method means nothing. JSON (json.RawMessage, and columns of rule
// merge) is sent as text. To read JSON text from SQLite, use sqlx's types.JSONText rather than json.RawMessage. The library
// refuses mistakes that sqlx accepts silently: two fields with one column, a tag on an unexported field, an unknown option.
//
// # Rules
//
// The upsert tag is one rule and modifiers, separated by commas.
//
//	rule       what the column takes on a conflict               repeat-safe  order-free
//	(none)     the new value                                     yes          with a version
//	key        part of the conflict target; never assigned       –            –
//	keep       the stored value: written by an insert only       yes          no
//	fill       the new value only if the stored value is NULL    yes          no
//	coalesce   the new value unless the new value is NULL        yes          no
//	max, min   the greater value, the lesser value               yes          without a version
//	or, and    a flag that only turns on, only turns off         yes          without a version
//	merge      JSON Merge Patch (RFC 7396) onto the stored value yes          no
//	version    a row that is not newer changes nothing           yes          yes
//	touch      the new value, but only if another column changed yes          –
//	add        stored + new                                      no           without a version
//	generated  never written, read back                          –            –
//
// NULL loses against any value in max, min, or, and, add and merge.
//
//	modifier   meaning
//	key=NAME   the column is part of the further target NAME, which [Target] picks
//	omitzero   a zero value is left to the column's DEFAULT on insert and to the stored value on conflict
//	now        the database's clock gives the value; with keep, fill or touch (on MySQL and MariaDB in the session's
//	           time_zone, which should be the loc of the driver's DSN; on PostgreSQL in UTC in a column without a zone)
//
// Repeat-safe: applying a row twice leaves the same row as applying the row once. Order-free: any order of arrival leaves the
// same row. [Table.Guarantee] reports the weakest promise among a table's columns. If two different rows have the same version
// and key, the first row wins. The rules max, min and version compare text by the column's collation.
//
// The rule add is not repeat-safe, and if an answer is lost, database/sql can run a statement twice without telling. So a table
// with such a column accepts a [Claim] only, and refuses any other handle with [ErrUnguarded].
//
// # One meaning everywhere
//
// The same rows give the same table on every database:
//
//   - Rows of one key in a batch act as if they were sent one by one in their order.
//   - NULL in a key is refused.
//   - Two keys are the same only if they are equal byte by byte.
//   - A conflict with a unique key other than the target is an error ([ErrOtherKey]), never a silent update.
//   - A row that would not change is not written.
//
// A feature that the database lacks is a *dialect.UnsupportedError; no clause is dropped.
//
// Rows are sent in key order, unless [InOrder] asks for the caller's order, and a transaction that the library owns is run again
// after a deadlock. So concurrent batches do not make each other fail. An atomic [Table.PutSeq] is the exception, because its
// sequence can be read only once.
//
// # Batches
//
// [Table.PutAll] and [Table.PutSeq] send rows by one of several paths, which [Via] can name: with a parameter for every value, as
// an array for every column, or through a temporary table. The rows mean the same on each path.
//
// On PostgreSQL a batch of two rows or more leaves out, before the insert, the rows that would change nothing. The rows left out
// are not written and not logged, no BEFORE INSERT trigger and no CHECK constraint sees them, and they are not locked. So another
// transaction may change or delete such a row before this transaction commits, as if the other transaction came after this one.
// Under REPEATABLE READ the snapshot decides whether a row would change. If rows must be locked in any case, lock them first with
// SELECT … FOR UPDATE.
//
// In these cases every row that is there is locked, and is written only if it changes:
//
//   - [Table.Put], and a batch of one row;
//   - a table with [IndexWhere];
//   - a batch in which the type of a key column could take two different keys for one: for example texts for a char or a number,
//     a uuid that is not in lower case, or a time with a zone other than UTC for a column without a zone;
//   - MariaDB and MySQL.
//
// SQLite has one writer.
//
// The library calls the caller's code on the goroutine of the call only: a sequence, a Valuer, the functions given to [Progress]
// and [EachOutcome]. In a transaction that the library has begun on a pool's connection, another goroutine sends statements
// meanwhile. In the caller's transaction, or on a *sql.Conn, nothing is sent while the caller's code runs.
//
// On PostgreSQL a [Table] asks once for the types of its columns, and asks again after an error that changed types could have
// caused. If a type changes without such an error, the library does not notice. For example, if a real column becomes double
// precision, its numbers are stored with a real's digits until New is called again. The answer holds for one search_path, so a
// Table is for one search_path.
package upsert
