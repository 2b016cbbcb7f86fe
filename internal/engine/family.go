package engine

import (
	"context"
	"database/sql"
	"testing"
)

// family is what engines have in common that are spoken to in the same way.
type family interface {
	// driver is the database/sql driver used unless [Driver] names another.
	driver() string

	// adminDSN is the DSN of the pool that makes and drops namespaces.
	adminDSN(base string) (string, error)

	// version asks the server what it is.
	version(ctx context.Context, admin *sql.DB) (string, error)

	// check says whether a server of that version may go by the engine's name.
	check(version string) error

	// name is that of a namespace no other test uses.
	name(t testing.TB) (string, error)

	create(ctx context.Context, admin *sql.DB, name string) error
	drop(ctx context.Context, admin *sql.DB, name string) error

	// dsn adds the namespace and the options to the server's DSN.
	dsn(base, name string, o options) (string, error)
}
