package place

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/goupsert/upsert/bench/internal/row"
	"github.com/goupsert/upsert/internal/engine"
)

// server is what differs between databases outside the clock.
type server interface {
	driver() string

	// params are for every connection, measured or not; aside are for those that fill and restore tables.
	params() []engine.Option
	aside() []engine.Option

	create(table string, columns []row.Column) string

	// settle finds out what the place may do on this server.
	settle(ctx context.Context, db *sql.DB) error

	// truncate empties accounts; rest leaves the server with nothing to do that is not the next run's.
	truncate() string
	rest(ctx context.Context, db *sql.DB, filled bool) error

	// same compares a column of two tables.
	same(a, b string, kind row.Kind) string

	settings(ctx context.Context, db *sql.DB) ([]string, error)
}

func serverOf(dialect string) (server, error) {
	switch dialect {
	case "sqlite":
		return sqlite{}, nil
	case "postgres":
		return &postgres{}, nil
	case "mariadb", "mysql":
		return &mysql{}, nil
	}
	return nil, fmt.Errorf("there is no workload for %s", dialect)
}

// createTable writes a table with the key first and nothing NULL.
func createTable(table string, columns []row.Column, typeOf func(row.Column, bool) string, tail string) string {
	defs := make([]string, len(columns))
	for i, c := range columns {
		defs[i] = c.Name + " " + typeOf(c, i == 0) + " NOT NULL"
		if i == 0 {
			defs[i] += " PRIMARY KEY"
		}
	}
	return "CREATE TABLE " + table + " (" + strings.Join(defs, ", ") + ")" + tail
}
