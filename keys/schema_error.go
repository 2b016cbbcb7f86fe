package keys

import (
	"errors"

	"github.com/goupsert/upsert"
)

// errNoTable: there is no table yet, or a part of the table is missing. Migrate repairs both.
var errNoTable = errors.New("keys: the table, or a part of it, does not exist yet: run Store.Migrate")

// SchemaError is [upsert.SchemaError]. [Open] and [Store.Migrate] return a *SchemaError for an existing table in which keys
// would be lost, confused or slow; they have not changed the table. Each problem says what to do. If you need none of the keys
// in the table, you can also rename the table and have Migrate create another one.
type SchemaError = upsert.SchemaError

// The checks that [Open] and [Store.Migrate] make, as [upsert.Problem] names them.
const (
	// CheckTable says that the name is a view's, or a table's whose rows can disappear: the table is temporary or unlogged, or
	// its engine has no transactions.
	CheckTable upsert.Check = "table"
	// CheckInsert says that something in the table can discard or replace a row that a claim inserts: a trigger, a rule or an
	// ON CONFLICT clause.
	CheckInsert upsert.Check = "insert"
	// CheckColumn says that a column is missing, that its type does not hold its values, or that the database refuses or
	// computes its values.
	CheckColumn upsert.Check = "column"
	// CheckPrimaryKey says that key_hash alone is not the primary key.
	CheckPrimaryKey upsert.Check = "primary key"
	// CheckUniqueIndex says that another index than the primary key is unique.
	CheckUniqueIndex upsert.Check = "unique index"
	// CheckChangingIndex says that an index contains a column that changes when a key is finished.
	CheckChangingIndex upsert.Check = "changing index"
	// CheckNoIndex says that GC has no index on expires_at.
	CheckNoIndex upsert.Check = "no index"
)
