package upserttest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// mysql is MySQL and MariaDB.
type mysql struct{}

func (mysql) tables(ctx context.Context, db asker) ([]*table, error) {
	if name, err := askText(ctx, db, "SELECT DATABASE()"); err != nil || name == "" {
		return nil, errors.Join(err, errIf(err == nil, "the connection has no current database: name one in the data source name"))
	}
	rows, err := askAll(ctx, db, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY 1")
	if err != nil {
		return nil, err
	}
	var all []*table
	for _, row := range rows {
		all = append(all, &table{name: row[0], from: quoteWith("`", row[0])})
	}
	keys, err := askAll(ctx, db, "SELECT table_name, column_name FROM information_schema.statistics WHERE table_schema = DATABASE() AND index_name = 'PRIMARY' ORDER BY 1, seq_in_index")
	addKeys(all, keys)
	return all, err
}

func (mysql) session(ctx context.Context, conn *sql.Conn) (id int64, err error) {
	err = conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&id)
	return id, err
}

func (mysql) isGone(ctx context.Context, db asker, session int64) (bool, error) {
	n, err := askText(ctx, db, fmt.Sprintf("SELECT COUNT(*) FROM information_schema.processlist WHERE id = %d", session))
	return n == "0", err
}

var (
	innodbTrx    = regexp.MustCompile(`(?m)^---TRANSACTION `)
	innodbThread = regexp.MustCompile(`thread id (\d+),`)
)

// isWaiting reads InnoDB's status. INNODB_TRX has the same facts, but shows a copy that is up to 100 ms old, and older still if
// others read it too. Waits for metadata and for GET_LOCK are in the process list.
func (mysql) isWaiting(ctx context.Context, db asker, session int64, _ []int64) (bool, error) {
	rows, err := askAll(ctx, db, "SHOW ENGINE INNODB STATUS")
	if err != nil {
		return false, fmt.Errorf("InnoDB was asked who waits for a lock (needs GRANT PROCESS ON *.*): %w", err)
	}
	if len(rows) == 1 && len(rows[0]) == 3 {
		for _, trx := range innodbTrx.Split(rows[0][2], -1)[1:] {
			if m := innodbThread.FindStringSubmatch(trx); m != nil && m[1] == fmt.Sprint(session) && strings.Contains(trx, "LOCK WAIT") {
				return true, nil
			}
		}
	}
	n, err := askText(ctx, db, fmt.Sprintf("SELECT COUNT(*) FROM information_schema.processlist WHERE id = %d AND (state LIKE 'Waiting for %%lock' OR state = 'User lock')", session))
	return n == "1", err
}

func (mysql) failTx(context.Context, *sql.Conn) {} // a failed statement leaves a transaction as it is

// versions is "": InnoDB does not write a row whose new values are the old ones.
func (mysql) versions(context.Context, asker, *table) (string, error) { return "", nil }

func errIf(condition bool, text string) error {
	if condition {
		return errors.New(text)
	}
	return nil
}
