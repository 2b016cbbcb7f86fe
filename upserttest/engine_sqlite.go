package upserttest

import (
	"context"
	"database/sql"
	"reflect"
	"strings"
)

// sqlite has no server: nobody waits in the database itself. A statement that finds a lock fails with SQLITE_BUSY.
type sqlite struct{ inMemory bool }

func (sqlite) tables(ctx context.Context, db asker) ([]*table, error) {
	rows, err := askAll(ctx, db, `SELECT m.name, COALESCE(c.name, '') FROM sqlite_master AS m LEFT JOIN pragma_table_info(m.name) AS c ON c.pk > 0
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY m.name, c.pk`)
	var all []*table
	for _, row := range rows {
		if n := len(all); n == 0 || all[n-1].name != row[0] {
			all = append(all, &table{name: row[0], from: quoteWith(`"`, row[0])})
		}
		if row[1] != "" {
			addKeys(all[len(all)-1:], [][]string{row})
		}
	}
	return all, err
}

func (sqlite) session(context.Context, *sql.Conn) (int64, error) { return 0, nil }

func (sqlite) isGone(context.Context, asker, int64) (bool, error) { return true, nil }

func (sqlite) isWaiting(context.Context, asker, int64, []int64) (bool, error) { return false, nil }

func (sqlite) failTx(context.Context, *sql.Conn) {} // a failed statement leaves a transaction as it is

// versions is not known for a table: see writeCount.
func (sqlite) versions(context.Context, asker, *table) (string, error) { return "", nil }

// isBusy reports whether SQLite refused a statement because of another connection's lock, and would take it later. The drivers
// cannot be imported, so their errors are known by what they say. SQLITE_BUSY_SNAPSHOT is no such error, because only ROLLBACK
// helps.
func isBusy(err error) bool {
	if err == nil {
		return false
	}
	const busySnapshot = 517
	text := err.Error()
	if !strings.Contains(text, "database is locked") && !strings.Contains(text, "table is locked") {
		return false
	}
	return sqliteCode(err) != busySnapshot
}

// sqliteCode returns the extended result code in an error of mattn/go-sqlite3 (a field) or of modernc.org/sqlite (a method), or 0.
func sqliteCode(err error) int64 {
	if with, ok := err.(interface{ Code() int }); ok {
		return int64(with.Code())
	}
	v := reflect.Indirect(reflect.ValueOf(err))
	if v.Kind() == reflect.Struct {
		if f := v.FieldByName("ExtendedCode"); f.IsValid() && f.CanInt() {
			return f.Int()
		}
	}
	return 0
}
