// Package upsert makes SQL writes safe to repeat.
//
// A struct's tags say what makes a row the same row and what each column takes when it is already there. From that the
// library writes the right statement for SQLite, PostgreSQL, MySQL and MariaDB, runs it for one row or ten million on
// database/sql or sqlx, and says per row what happened.
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
// It makes no tables but temporary ones, and does not check the schema. The one exception is the unique index on exactly the
// key's columns: SQLite and PostgreSQL refuse every statement without it, and on MySQL and MariaDB, which would insert a second
// row, the library asks for it before the first write and refuses with a [*SchemaError]. BEFORE triggers run for rows that end
// in a conflict, and such rows use up identity values. If a trigger changes what is stored, the outcome speaks of what was
// sent. MySQL and MariaDB run UPDATE triggers for every row that is there, changed or not, and store what a BEFORE UPDATE
// trigger assigns even if the outcome is [Unchanged] or [Stale] (hazard H41). Outcomes of a handle that is no transaction can be
// falsified by a lost connection: see [Table.Put].
//
// Behind PgBouncer in transaction mode lib/pq's default settings can have a statement run as another client's. [Table.Put] and
// the others see the pooler and put a transaction around such a statement; where the driver is wrapped, or the handle has a
// BeginTx method and no Conn, they do not, and lib/pq needs binary_parameters=yes or a transaction around every call (hazard E2).
//
// # Columns
//
// A struct's columns are those of sqlx: the db tag, or the field's name in lower case; embedded structs are flattened and
// nested ones give names like "address.street". A struct that implements driver.Valuer or sql.Scanner is one column, and
// so is time.Time; a String method means nothing. JSON (json.RawMessage, and columns of rule merge) is sent as text; what
// reads text from SQLite is sqlx's types.JSONText rather than json.RawMessage. What sqlx takes silently is refused: two
// fields with one column, a tag on an unexported field, an unknown option.
//
// # Rules
//
// The upsert tag is one rule and modifiers, separated by commas.
//
//	rule       what the column takes on a conflict               repeat-safe  order-free
//	(none)     the new value                                     yes          with a version
//	key        part of the conflict target; never assigned       –            –
//	keep       the stored value: written by an insert only       yes          no
//	fill       the new value only where the stored one is NULL   yes          no
//	coalesce   the new value unless it is NULL                   yes          no
//	max, min   the greater, the lesser                           yes          without a version
//	or, and    a flag that only ever turns on, off               yes          without a version
//	merge      JSON Merge Patch (RFC 7396) onto the stored       yes          no
//	version    a row that is not newer changes nothing at all    yes          yes
//	touch      the new value, if another column changed          yes          –
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
// Repeat-safe: applying a row twice leaves what applying it once leaves. Order-free: any order of arrival leaves the same
// row. [Table.Guarantee] reports the weakest of a table's columns. Where rows of one version and key differ, the first one
// wins; max, min and version compare text by the column's collation.
//
// add is not repeat-safe, and when an answer is lost database/sql can run a statement twice without telling. So a table
// with such a column refuses every handle that is no [Claim], with [ErrUnguarded].
//
// # One meaning everywhere
//
// The same rows give the same table on every database: the rows of one key in a batch act as if they were sent one by one
// in their order, NULL in a key is refused, a key is the same only byte by byte, another unique key than the target is an error
// ([ErrOtherKey]) and never a silent update, and a row that is the same is not written. What a database cannot say is a
// *dialect.UnsupportedError; no clause is dropped.
//
// Rows are sent in key order, unless [InOrder] asks for the caller's order, and a transaction that the library owns is run again
// after a deadlock, so concurrent batches do not fail each other. An atomic [Table.PutSeq] is the exception: its sequence can be read only once.
//
// # Batches
//
// [Table.PutAll] and [Table.PutSeq] send rows by one of several paths, which [Via] can name: with a parameter for every value,
// as an array for every column, or through a temporary table. What they mean is the same on each.
//
// On PostgreSQL a batch of two rows or more leaves out, before the insert, the rows that would change nothing. They are not
// written and not logged, no BEFORE INSERT trigger and no CHECK constraint sees them, and they are not locked: another
// transaction may change or delete such a row before this one commits, as if it came after it. Under REPEATABLE READ the
// snapshot decides whether it would change. Lock rows with SELECT … FOR UPDATE first where they must be locked in any case.
//
// Every row that is there is locked, and written only if it changes: by [Table.Put] and by a batch of one row; with
// [IndexWhere]; where two keys of the batch could be one to the column's type, as texts for a char or a number can, a uuid
// that is not in lower case, or a time with another zone than UTC for a column without one; and on MariaDB and MySQL. SQLite
// has one writer.
//
// All code of the caller's is called on the goroutine of the call: a sequence, a Valuer, what [Progress] and [EachOutcome]
// were given. In a transaction that the library has begun on a pool's connection another goroutine sends statements
// meanwhile. In a transaction of the caller's, or on a *sql.Conn, nothing is sent while the caller's code runs.
//
// On PostgreSQL a [Table] asks once for the types of its columns, and again after an error that other types could have caused.
// A type that changes without such an error is not noticed: a real column that becomes a double precision one takes numbers
// with a real's digits until New is called again. The answer is that of one search_path, so a Table is for one.
package upsert
