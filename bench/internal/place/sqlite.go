package place

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/goupsert/upsert/bench/internal/row"
	"github.com/goupsert/upsert/internal/engine"
)

type sqlite struct{}

func (sqlite) driver() string { return "sqlite3" }

// params set what a program would: tests have no use for a file that survives a power cut.
func (sqlite) params() []engine.Option {
	return []engine.Option{engine.Param("_synchronous", "NORMAL")}
}

func (sqlite) aside() []engine.Option { return nil }

func (sqlite) create(table string, columns []row.Column) string {
	return createTable(table, columns, func(c row.Column, _ bool) string {
		return map[row.Kind]string{
			row.Int: "BIGINT", row.Text: "TEXT", row.Float: "DOUBLE", row.Bool: "BOOLEAN", row.Time: "TIMESTAMP",
		}[c.Kind]
	}, "")
}

func (sqlite) settle(context.Context, *sql.DB) error { return nil }

func (sqlite) truncate() string { return "DELETE FROM accounts" }

// rest empties the log, so that everybody's begins at the same length.
func (sqlite) rest(ctx context.Context, db *sql.DB, _ bool) error {
	var busy, frames, done int
	if err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &done); err != nil {
		return err
	}
	if busy != 0 {
		return errors.New("the log cannot be emptied: somebody has left a transaction open")
	}
	return nil
}

// same compares the moments of times, which every library writes in its own form.
func (sqlite) same(a, b string, kind row.Kind) string {
	if kind == row.Time {
		return fmt.Sprintf("strftime('%%Y-%%m-%%d %%H:%%M:%%f', %s) = strftime('%%Y-%%m-%%d %%H:%%M:%%f', %s)", a, b)
	}
	return a + " = " + b
}

func (sqlite) settings(ctx context.Context, db *sql.DB) ([]string, error) {
	var all []string
	for _, name := range []string{"journal_mode", "synchronous", "page_size", "cache_size", "wal_autocheckpoint"} {
		var value string
		if err := db.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value); err != nil {
			return nil, fmt.Errorf("setting %s: %w", name, err)
		}
		if name == "synchronous" && value == "1" {
			value = "NORMAL"
		}
		all = append(all, name+" = "+value)
	}
	return all, nil
}
