package engine

import (
	"context"
	"database/sql"
	"testing"
)

// family is the common part of engines that use the same protocol.
type family interface {
	// driver returns the name of the database/sql driver. [Driver] can name another.
	driver() string

	// adminDSN returns the DSN of the pool that creates and drops namespaces.
	adminDSN(base string) (string, error)

	// version asks the server for its version.
	version(ctx context.Context, admin *sql.DB) (string, error)

	// check reports an error if a server of that version does not match the engine's name.
	check(version string) error

	// name returns a namespace name that no other test uses.
	name(t testing.TB) (string, error)

	create(ctx context.Context, admin *sql.DB, name string) error
	drop(ctx context.Context, admin *sql.DB, name string) error

	// dsn adds the namespace and the options to the server's DSN.
	dsn(base, name string, o options) (string, error)
}
