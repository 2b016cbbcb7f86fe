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
// It makes no tables and does not look at the schema: without a unique index on exactly the key's columns SQLite and
// PostgreSQL refuse every statement, but MySQL and MariaDB insert a second row. BEFORE triggers run for rows that end in a
// conflict, identity values are used up by them, and where a trigger changes what is stored, the outcome speaks of what
// was sent. Behind PgBouncer in transaction mode lib/pq needs binary_parameters=yes or a transaction around every call
// (hazard E2). MySQL and MariaDB run AFTER UPDATE triggers for every row that is there, changed or not. Outcomes of a handle
// that is no transaction can be falsified by a lost connection: see [Table.Put].
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
//	           time_zone, which should be the loc of the driver's DSN)
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
// The same rows give the same table on every database: duplicates in a batch act as if the rows were sent one by one in
// order, NULL in a key is refused, a key is the same only byte by byte, another unique key than the target is an error
// ([ErrOtherKey]) and never a silent update, and a row that is the same is not written. What a database cannot say is a
// *dialect.UnsupportedError; no clause is dropped.
//
// Rows are sent in key order, and a transaction that the library owns is run again after a deadlock, so concurrent batches
// do not fail each other. An atomic [Table.PutSeq] is the exception: its sequence can be read only once.
package upsert
