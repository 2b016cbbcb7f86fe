package upserttest

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// engine is what must be known of a database: its tables, its sessions, and who waits for whom.
type engine interface {
	// tables returns the tables of the current database, without their rows, in the order of their names.
	tables(ctx context.Context, db asker) ([]*table, error)
	// session returns the server's number of the connection, or 0 if there is no server.
	session(ctx context.Context, conn *sql.Conn) (int64, error)
	// isGone reports whether the server has ended the session and rolled its transaction back.
	isGone(ctx context.Context, db asker, session int64) (bool, error)
	// isWaiting reports whether a session waits for a lock that one of the others has.
	isWaiting(ctx context.Context, db asker, session int64, others []int64) (bool, error)
	// failTx makes the open transaction fail as an error of the server would.
	failTx(ctx context.Context, conn *sql.Conn)
	// versions returns a text that is another one after each write to the table, or "" if the database does not tell.
	versions(ctx context.Context, db asker, t *table) (string, error)
}

// asker is a pool or a connection.
type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// table is a table and its rows.
type table struct {
	name    string // as in reports; with its schema if that is needed to find the table
	from    string // quoted, for a query
	columns []string
	key     []string // the primary key's columns
	rows    [][]cell
	version string
	isFake  bool // of [Effects]; the database may have a table with the same name
}

// detect asks the server what it is. The driver's name does not matter.
func detect(ctx context.Context, db asker) (engine, error) {
	banner, err := askText(ctx, db, "SELECT version()")
	lower := strings.ToLower(banner)
	switch {
	case err == nil && strings.HasPrefix(lower, "postgresql"):
		return postgres{}, nil
	case err == nil && lower != "" && lower[0] >= '0' && lower[0] <= '9':
		return mysql{}, nil
	case err == nil:
		return nil, fmt.Errorf("the server says %q: upserttest knows SQLite, PostgreSQL, MariaDB and MySQL", banner)
	}
	if _, lite := askText(ctx, db, "SELECT sqlite_version()"); lite == nil {
		file, err := askText(ctx, db, "SELECT COALESCE(file, '') FROM pragma_database_list WHERE name = 'main'")
		return sqlite{inMemory: file == ""}, err
	}
	return nil, fmt.Errorf("the server was asked for its version: %w", err)
}

// askAll returns the rows of a query whose columns are texts. NULL is "".
func askAll(ctx context.Context, db asker, query string, args ...any) (all [][]string, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		texts := make([]sql.NullString, len(columns))
		to := make([]any, len(columns))
		for i := range texts {
			to[i] = &texts[i]
		}
		if err := rows.Scan(to...); err != nil {
			return nil, err
		}
		row := make([]string, len(columns))
		for i, text := range texts {
			row[i] = text.String
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// askText returns the first column of the only row.
func askText(ctx context.Context, db asker, query string, args ...any) (string, error) {
	all, err := askAll(ctx, db, query, args...)
	if err != nil {
		return "", err
	}
	if len(all) != 1 || len(all[0]) == 0 {
		return "", fmt.Errorf("%s: want one row, got %d", query, len(all))
	}
	return all[0][0], nil
}

// quoteWith writes an identifier.
func quoteWith(quote, name string) string {
	return quote + strings.ReplaceAll(name, quote, quote+quote) + quote
}

// addKeys reads the columns of primary keys: a table's name and a column in each row.
func addKeys(tables []*table, rows [][]string) {
	byName := map[string]*table{}
	for _, t := range tables {
		byName[t.name] = t
	}
	for _, row := range rows {
		if t := byName[row[0]]; t != nil {
			t.key = append(t.key, row[1])
		}
	}
}
