package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/cmd/upsert/internal/cli"
	"github.com/goupsert/upsert/cmd/upsert/internal/database"
	"github.com/goupsert/upsert/cmd/upsert/internal/tabledef"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/schema"
)

const schemaHelp = `upsert schema writes the CREATE TABLE, with the unique index, of a table that upsert verify finds sound. It makes nothing.

  upsert schema [flags]

  upsert schema -dialect postgres -table items -key sku -column 'sku=varchar(40)' -column qty=bigint
  upsert schema -dsn shop.db -config items.toml

Each column needs its type: -column name=type, or [columns] in the file of -config.

Exit status: 0, or 2 if the command line is wrong or the database cannot be asked.

Flags:
`

const sqlHelp = `upsert sql prints the statement that upserts rows, as it is sent to the database. It writes nothing.

  upsert sql [flags]

  upsert sql -dialect mysql:5.7 -table items -key sku -column name -rule qty=max
  upsert sql -dsn postgres://me@localhost/shop -table items -key sku -rows 3
  upsert sql -dsn shop.db -table items -key sku -plain

Without -column a database is asked for the table's columns. With -plain the database is also asked which clauses of the statement its
table does not need; if the table has faults, upsert sql names them and prints no statement.

Exit status: 0, or 2 if the command line is wrong or the database cannot be asked.

Flags:
`

// text is one run of upsert schema or upsert sql.
type text struct {
	table   tabledef.Definition
	dialect string
	rows    int
	plain   bool
	trust   bool
}

func runSchema(ctx context.Context, args []string, stdout, _ io.Writer) (int, error) {
	t := &text{}
	fs := flag.NewFlagSet("upsert schema", flag.ContinueOnError)
	if err := t.parse(fs, args, schemaHelp, stdout); err != nil {
		return 0, err
	}
	d, db, err := t.open(ctx)
	if err != nil {
		return 0, err
	}
	if db != nil {
		db.Close()
	}
	table, err := t.table.New(d, t.table.Names(), nil)
	if err != nil {
		return 0, err
	}
	schema, err := table.Schema()
	var row *upsert.RowError
	if errors.As(err, &row) && row.Column != "" {
		return 0, cli.Usagef("the type of column %q is not known: give -column '%s=TYPE', with the type in SQL", row.Column, row.Column)
	}
	if err == nil {
		fmt.Fprintln(stdout, schema)
	}
	return statusDone, err
}

func runSQL(ctx context.Context, args []string, stdout, _ io.Writer) (int, error) {
	t := &text{}
	fs := flag.NewFlagSet("upsert sql", flag.ContinueOnError)
	fs.IntVar(&t.rows, "rows", 1, "the statement of `n` rows")
	fs.BoolVar(&t.plain, "plain", false, "leave out the clauses that the table of -dsn does not need")
	fs.BoolVar(&t.trust, "trust-unique-indexes", false, "with -plain: the table will get no further unique index, which on MySQL and MariaDB would make a statement without "+
		"the key's comparison change another row")
	if err := t.parse(fs, args, sqlHelp, stdout); err != nil {
		return 0, err
	}
	if t.rows < 1 {
		return 0, cli.Usagef("-rows %d: give at least 1", t.rows)
	}
	if t.plain && (t.dialect != "" || t.table.DSN == "") {
		return 0, cli.Usagef("-plain asks the database about the table: give -dsn, and no -dialect")
	}
	if t.trust && !t.plain {
		return 0, cli.Usagef("-trust-unique-indexes goes with -plain")
	}
	d, db, err := t.open(ctx)
	if err != nil {
		return 0, err
	}
	if db != nil {
		defer db.Close()
	}
	table, columns, err := t.make(ctx, db, d)
	if err != nil {
		return 0, err
	}
	query, _, err := table.SQL(t.sample(columns)...)
	if err == nil {
		fmt.Fprintln(stdout, query)
	}
	return statusDone, err
}

// parse parses the flags of either command.
func (t *text) parse(fs *flag.FlagSet, args []string, help string, stdout io.Writer) error {
	t.table.Register(fs)
	t.table.RegisterWhere(fs)
	fs.StringVar(&t.dialect, "dialect", "", tabledef.DialectUsage)
	if err := cli.Parse(fs, args, help, stdout); err != nil {
		return err
	}
	return errors.Join(noArguments(fs), t.table.Load())
}

// open returns the dialect that was named, and no database, or the database and what it says that it is.
func (t *text) open(ctx context.Context) (dialect.Dialect, *sql.DB, error) {
	if t.dialect != "" {
		d, err := tabledef.Dialect(t.dialect)
		return d, nil, err
	}
	if t.table.DSN == "" {
		return nil, nil, cli.Usagef("give -dialect, or -dsn to ask a database")
	}
	db, err := database.Open(t.table.DSN)
	if err != nil {
		return nil, nil, err
	}
	d, err := dialect.Detect(ctx, db)
	if err != nil {
		db.Close()
		return nil, nil, err
	}
	return d, db, nil
}

// make returns the table and its columns.
func (t *text) make(ctx context.Context, db *sql.DB, d dialect.Dialect) (*upsert.Table[map[string]any], []string, error) {
	if db == nil {
		columns := t.table.Names()
		table, err := t.table.New(d, columns, nil)
		return table, columns, err
	}
	table, columns, err := t.table.Stored(ctx, db, d)
	if err != nil || !t.plain {
		return table, columns, err
	}
	var opts []upsert.VerifyOption
	if t.trust {
		opts = append(opts, upsert.TrustUniqueIndexes())
	}
	table, err = table.Plain(schema.InFlags(ctx), db, opts...)
	return table, columns, err
}

// sample returns rows of different keys. The statement depends on their number only.
func (t *text) sample(columns []string) []map[string]any {
	rows := make([]map[string]any, t.rows)
	for i := range rows {
		rows[i] = map[string]any{}
		for _, name := range columns {
			rows[i][name] = nil
			if slices.Contains(t.table.Keys, name) || t.table.Rules.Word(name) == "version" {
				rows[i][name] = i
			}
		}
	}
	return rows
}
