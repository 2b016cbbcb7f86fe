package upserttest

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

type postgres struct{}

// tables returns the tables of all schemas. If the connection has a search_path of its own, only its schemas count, because the
// test keeps its tables there, and other tests may use the other schemas.
func (postgres) tables(ctx context.Context, db asker) ([]*table, error) {
	path, err := askText(ctx, db, "SHOW search_path")
	if err != nil {
		return nil, err
	}
	schemas := "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'"
	if strings.ReplaceAll(path, " ", "") != `"$user",public` {
		schemas = "n.nspname = ANY (current_schemas(false))"
	}
	const name = "CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END"
	rows, err := askAll(ctx, db, `SELECT `+name+`, format('%I.%I', n.nspname, c.relname)
		FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't' AND `+schemas+` ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	var all []*table
	for _, row := range rows {
		all = append(all, &table{name: row[0], from: row[1]})
	}
	keys, err := askAll(ctx, db, `SELECT `+name+`, a.attname
		FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
		JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
		WHERE i.indisprimary AND `+schemas+` ORDER BY 1, a.attnum`)
	addKeys(all, keys)
	return all, err
}

func (postgres) session(ctx context.Context, conn *sql.Conn) (pid int64, err error) {
	err = conn.QueryRowContext(ctx, "SELECT pg_backend_pid()").Scan(&pid)
	return pid, err
}

func (postgres) isGone(ctx context.Context, db asker, session int64) (bool, error) {
	n, err := askText(ctx, db, fmt.Sprintf("SELECT count(*) FROM pg_stat_activity WHERE pid = %d", session))
	return n == "0", err
}

// isWaiting asks the lock manager. It forgets a wait when the lock is granted, while pg_stat_activity shows the wait until the
// waiting process runs again.
func (postgres) isWaiting(ctx context.Context, db asker, session int64, others []int64) (bool, error) {
	pids := make([]string, len(others))
	for i, pid := range others {
		pids[i] = fmt.Sprint(pid)
	}
	n, err := askText(ctx, db, fmt.Sprintf("SELECT count(*) FROM pg_stat_activity WHERE pid = %d AND pg_blocking_pids(pid) && ARRAY[%s]::int[]",
		session, strings.Join(pids, ", ")))
	return n == "1", err
}

// failTx is needed because PostgreSQL refuses every statement of a transaction after an error.
func (postgres) failTx(ctx context.Context, conn *sql.Conn) {
	_, _ = conn.ExecContext(ctx, "DO $$ BEGIN RAISE EXCEPTION 'upserttest: a statement is made to fail here'; END $$")
}

func (postgres) versions(ctx context.Context, db asker, t *table) (string, error) {
	return askText(ctx, db, "SELECT COALESCE(string_agg(tableoid::text || ctid::text || xmin::text, ' ' ORDER BY tableoid, ctid), '') FROM "+t.from)
}
