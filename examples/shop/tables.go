package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/goupsert/upsert/examples/internal/database"
	"github.com/goupsert/upsert/examples/internal/statements"
)

const keysTable = "shop_keys"

// tables are made when the program starts and dropped when it ends. The column bank says whose browser a row belongs to. Only
// accounts and addresses have a key that means something; the other ids are drawn anew for each row, so nothing in the tables
// keeps a second charge or a second parcel away.
var tables = [...]struct{ name, columns string }{
	{"shop_accounts", "bank VARCHAR(32) NOT NULL PRIMARY KEY, balance BIGINT NOT NULL"},
	{"shop_payments", "id VARCHAR(32) NOT NULL PRIMARY KEY, bank VARCHAR(32) NOT NULL, amount BIGINT NOT NULL, reference VARCHAR(64) NOT NULL"},
	{"shop_addresses", "bank VARCHAR(32) NOT NULL, id VARCHAR(32) NOT NULL, name VARCHAR(255) NOT NULL, street VARCHAR(255) NOT NULL, PRIMARY KEY (bank, id)"},
	{"shop_parcels", "id VARCHAR(32) NOT NULL PRIMARY KEY, bank VARCHAR(32) NOT NULL, contents VARCHAR(64) NOT NULL"},
}

// openDB connects to the database of a DSN. observe, if it is not nil, is called for each statement.
func openDB(dsn string, observe statements.Observer) (*sqlx.DB, error) {
	connector, kind, err := database.Connector(dsn)
	if err != nil {
		return nil, err
	}
	if kind == database.SQLite && !strings.Contains(dsn, "?") {
		// Readers do not wait for the writer, and writers wait for one another.
		if connector, _, err = database.Connector(dsn + "?_journal_mode=WAL&_busy_timeout=10000"); err != nil {
			return nil, err
		}
	}
	if observe != nil {
		connector = statements.Watch(connector, observe)
	}
	db := sqlx.NewDb(sql.OpenDB(connector), kind.Driver())
	db.SetMaxOpenConns(16)
	return db, nil
}

// makeTables refuses a database that has one of the tables, because dropTables would drop it.
func makeTables(ctx context.Context, db *sqlx.DB) error {
	for _, name := range tableNames() {
		if _, err := db.ExecContext(ctx, "SELECT 1 FROM "+name+" WHERE 1 = 0"); err == nil {
			return fmt.Errorf("the database has a table %s already: another shop runs there, or one was killed; stop the other or drop its tables (%s)",
				name, strings.Join(tableNames(), ", "))
		}
	}
	charset := ""
	if db.DriverName() == database.MySQL.Driver() {
		charset = " DEFAULT CHARSET=utf8mb4" // the server's may have no room for what people type
	}
	for i, t := range tables {
		if _, err := db.ExecContext(ctx, "CREATE TABLE "+t.name+" ("+t.columns+")"+charset); err != nil {
			return errors.Join(err, dropTables(ctx, db, tableNames()[:i]))
		}
	}
	return nil
}

func dropTables(ctx context.Context, db *sqlx.DB, names []string) (err error) {
	for _, name := range names {
		_, e := db.ExecContext(ctx, "DROP TABLE IF EXISTS "+name)
		err = errors.Join(err, e)
	}
	return err
}

// tableNames has the keys' table last, which the library makes.
func tableNames() (names []string) {
	for _, t := range tables {
		names = append(names, t.name)
	}
	return append(names, keysTable)
}
