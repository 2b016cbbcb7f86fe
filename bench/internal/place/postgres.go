package place

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/goupsert/upsert/bench/internal/row"
	"github.com/goupsert/upsert/internal/engine"
)

type postgres struct {
	noCheckpoint bool // the user may not
}

func (*postgres) driver() string { return "postgres" }

func (*postgres) params() []engine.Option { return nil }

func (*postgres) aside() []engine.Option { return nil }

// create keeps autovacuum away: it would fall into somebody's turn. rest does its work.
func (*postgres) create(table string, columns []row.Column) string {
	return createTable(table, columns, func(c row.Column, _ bool) string {
		return map[row.Kind]string{
			row.Int: "bigint", row.Text: "text", row.Float: "double precision", row.Bool: "boolean", row.Time: "timestamptz",
		}[c.Kind]
	}, " WITH (autovacuum_enabled = off)")
}

func (s *postgres) settle(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "CHECKPOINT")
	s.noCheckpoint = err != nil
	return ctx.Err()
}

func (*postgres) truncate() string { return "TRUNCATE accounts" }

// rest does what autovacuum would have done to a table that has been there for a while, and writes what is dirty. An
// empty table is left as a new one is.
func (s *postgres) rest(ctx context.Context, db *sql.DB, filled bool) error {
	if filled {
		if _, err := db.ExecContext(ctx, "VACUUM (ANALYZE) accounts"); err != nil {
			return err
		}
	}
	if s.noCheckpoint {
		return nil
	}
	_, err := db.ExecContext(ctx, "CHECKPOINT")
	return err
}

func (*postgres) same(a, b string, _ row.Kind) string { return a + " = " + b }

func (s *postgres) settings(ctx context.Context, db *sql.DB) ([]string, error) {
	var all []string
	for _, name := range []string{
		"shared_buffers", "fsync", "synchronous_commit", "full_page_writes", "wal_level", "max_wal_size", "work_mem", "jit",
	} {
		var value string
		if err := db.QueryRowContext(ctx, "SELECT current_setting($1)", name).Scan(&value); err != nil {
			return nil, fmt.Errorf("setting %s: %w", name, err)
		}
		all = append(all, name+" = "+value)
	}
	if s.noCheckpoint {
		all = append(all, "no checkpoint between the runs: the user may not")
	}
	return all, nil
}

func (*postgres) wal(ctx context.Context, db *sql.DB) (at int64, err error) {
	err = db.QueryRowContext(ctx, "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint").Scan(&at)
	return at, err
}
