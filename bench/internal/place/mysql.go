package place

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/goupsert/upsert/bench/internal/row"
	"github.com/goupsert/upsert/internal/engine"
)

// mysql is MariaDB or MySQL.
type mysql struct {
	quiet []string // what writes dirty pages: as much as the user may
}

func (*mysql) driver() string { return "mysql" }

func (*mysql) params() []engine.Option { return nil }

// aside lets MariaDB fill an empty table without an undo record for each row, which it would be clearing away during the
// next run.
func (*mysql) aside() []engine.Option {
	return []engine.Option{engine.Param("unique_checks", "0"), engine.Param("foreign_key_checks", "0")}
}

func (*mysql) create(table string, columns []row.Column) string {
	return createTable(table, columns, func(c row.Column, key bool) string {
		if key && c.Kind == row.Text {
			return "VARCHAR(64)" // a TEXT cannot be a key
		}
		return map[row.Kind]string{
			row.Int: "BIGINT", row.Text: "TEXT", row.Float: "DOUBLE", row.Bool: "BOOLEAN", row.Time: "DATETIME(6)",
		}[c.Kind]
	}, " ENGINE=InnoDB STATS_AUTO_RECALC=0") // rest does that
}

// checkpoint is what MySQL has only in debug builds; there the table's own pages must do.
const checkpoint = "SET GLOBAL innodb_log_checkpoint_now = ON"

func (s *mysql) settle(ctx context.Context, db *sql.DB) error {
	for _, s.quiet = range [][]string{{checkpoint}, {"FLUSH TABLES accounts FOR EXPORT", "UNLOCK TABLES"}, nil} {
		if s.checkpoint(ctx, db) == nil {
			break
		}
	}
	return ctx.Err()
}

func (*mysql) truncate() string { return "TRUNCATE TABLE accounts" }

// rest writes the dirty pages.
func (s *mysql) rest(ctx context.Context, db *sql.DB, filled bool) error {
	if filled {
		if _, err := db.ExecContext(ctx, "ANALYZE TABLE accounts"); err != nil {
			return err
		}
	}
	return s.checkpoint(ctx, db)
}

func (s *mysql) checkpoint(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // it goes back to the pool
	for _, query := range s.quiet {
		if _, err := conn.ExecContext(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

// same compares texts byte by byte, as the collation does not.
func (*mysql) same(a, b string, kind row.Kind) string {
	if kind == row.Text {
		return "BINARY " + a + " = BINARY " + b
	}
	return a + " = " + b
}

func (s *mysql) settings(ctx context.Context, db *sql.DB) ([]string, error) {
	var all []string
	for _, name := range []string{
		"innodb_buffer_pool_size", "innodb_log_file_size", "innodb_flush_log_at_trx_commit", "innodb_doublewrite", "log_bin",
		"max_allowed_packet", "local_infile", "performance_schema", "collation_server",
	} {
		var value string
		err := db.QueryRowContext(ctx, "SELECT CAST(@@"+name+" AS CHAR)").Scan(&value)
		if errors.Is(err, context.Canceled) {
			return nil, err
		}
		if err != nil { // MySQL and MariaDB do not have the same ones
			continue
		}
		all = append(all, fmt.Sprintf("%s = %s", name, value))
	}
	switch len(s.quiet) {
	case 2:
		all = append(all, "only the table's dirty pages are written between the runs: the server has no checkpoint")
	case 0:
		all = append(all, "dirty pages stay between the runs: the user may not write them")
	}
	return all, nil
}
