package importer

import (
	"database/sql"
	"fmt"
	"os"
	"strings"

	"github.com/goupsert/upsert/cmd/upsert/internal/database"
)

// family is the kind of database a DSN names, as far as the text of CREATE TABLE is concerned.
type family database.Kind

const (
	familySQLite   = family(database.SQLite)
	familyPostgres = family(database.Postgres)
	familyMySQL    = family(database.MySQL)
)

// openDatabase opens the database of a DSN without connecting to it. With create, a SQLite file need not exist.
func openDatabase(dsn string, create bool) (*sql.DB, family, error) {
	connector, kind, err := database.Connector(dsn)
	if err != nil {
		return nil, 0, err
	}
	// SQLite makes a file that is missing: a misspelt name would be an empty database.
	path := database.Path(dsn)
	if kind == database.SQLite && !create && !strings.HasPrefix(path, "file:") && !strings.HasPrefix(path, ":memory:") {
		name, _, _ := strings.Cut(path, "?")
		if _, err := os.Stat(name); err != nil {
			return nil, 0, fmt.Errorf("-dsn: %w: -create makes the file and its table", err)
		}
	}
	return sql.OpenDB(connector), family(kind), nil
}
