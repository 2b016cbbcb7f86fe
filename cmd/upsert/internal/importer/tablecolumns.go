package importer

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/goupsert/upsert/cmd/upsert/internal/tabledef"
)

// tableColumn is a column of the table as it is, as far as values are checked before they are sent: the database's own
// error would not say which line of the file it means.
type tableColumn struct {
	name     string
	declared string
	kind     kind
	limits   limits
	// padded: blanks at the end of text are none to the column.
	padded bool
	// single: a floating-point number of 32 bits.
	single bool
	// spell is for the keys of a type that has several spellings of one value and is sent as text; nil for others.
	spell spelling
}

// limits are what fits besides the kind. The zero limits bound nothing.
type limits struct {
	runes    int // characters of text; 0: any number
	min, max int64
	// scale is the number of digits after the point, of a number or of a time's seconds, if scaled.
	scaled bool
	scale  int
}

func (l limits) integer(n int64) bool { return l.max == 0 || l.min <= n && n <= l.max }

// tableColumns asks the database for the columns of a table. If there is no such table, the error is the database's.
func (f family) tableColumns(ctx context.Context, db *sql.DB, table string) ([]tableColumn, error) {
	rows, err := db.QueryContext(ctx, "SELECT * FROM "+f.quoteTable(table)+" WHERE 1 = 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	cols := make([]tableColumn, len(types))
	for i, t := range types {
		cols[i] = f.tableColumn(t.Name(), strings.ToUpper(t.DatabaseTypeName()))
		if _, scale, ok := t.DecimalSize(); ok && f.isScaled(cols[i].declared) {
			cols[i].limits.scaled, cols[i].limits.scale = true, int(scale)
		}
		if n, ok := t.Length(); ok && n <= math.MaxInt32 && f == familyPostgres && cols[i].kind == kindText {
			cols[i].limits.runes = int(n)
		}
	}
	if err := rows.Err(); err != nil {
		return cols, err
	}
	switch f {
	case familyMySQL:
		err = f.lookCloser(ctx, db, table, cols)
	case familyPostgres:
		err = f.lookAtTimes(ctx, db, table, cols)
	}
	for i := range cols {
		cols[i].spell = f.spellingOf(cols[i].declared, cols[i].limits)
	}
	return cols, err
}

func (f family) tableColumn(name, typeName string) tableColumn {
	c := tableColumn{name: name, declared: typeName, kind: f.kindOf(typeName), limits: f.limitsOf(typeName)}
	c.padded = f == familyPostgres && typeName == "BPCHAR" || f == familyMySQL && typeName == "CHAR"
	c.single = f == familyPostgres && typeName == "FLOAT4" || f == familyMySQL && typeName == "FLOAT"
	return c
}

// isScaled tells the types of which a driver knows the digits after the point: MySQL's has some for FLOAT too, which mean nothing.
func (f family) isScaled(typeName string) bool {
	return slices.Contains([]string{"NUMERIC", "DECIMAL", "DATETIME", "TIMESTAMP", "TIME"}, typeName) && f != familySQLite
}

// lookAtTimes finds what lib/pq does not tell: the digits of a time's seconds.
func (f family) lookAtTimes(ctx context.Context, db *sql.DB, table string, cols []tableColumn) error {
	const query = `SELECT attname, CASE WHEN atttypmod < 0 THEN 6 ELSE atttypmod END FROM pg_catalog.pg_attribute
WHERE attrelid = $1::pg_catalog.regclass AND attnum > 0 AND atttypid IN ('time'::pg_catalog.regtype, 'timestamp'::pg_catalog.regtype, 'timestamptz'::pg_catalog.regtype)`
	return eachRow(ctx, db, query, cols, func(c *tableColumn, name string, digits int64) {
		if c.name == name {
			c.limits.scaled, c.limits.scale = true, int(digits)
		}
	}, f.quoteTable(table))
}

// lookCloser finds what MySQL's and MariaDB's driver does not tell: the length of text, MariaDB's UUIDs and addresses, and its JSON columns,
// which are LONGTEXT with a check.
func (f family) lookCloser(ctx context.Context, db *sql.DB, table string, cols []tableColumn) error {
	var version string
	if err := db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version); err != nil {
		return err
	}
	schema, name := tabledef.SplitTable(table)
	const here = " = COALESCE(NULLIF(?, ''), DATABASE()) AND TABLE_NAME = ?"
	lengths := "SELECT COLUMN_NAME, CHARACTER_MAXIMUM_LENGTH FROM information_schema.COLUMNS WHERE CHARACTER_MAXIMUM_LENGTH IS NOT NULL AND TABLE_SCHEMA" + here
	err := eachRow(ctx, db, lengths, cols, func(c *tableColumn, text string, n int64) {
		if c.name == text && n <= math.MaxInt32 {
			c.limits.runes = int(n)
		}
	}, schema, name)
	if err != nil || !strings.Contains(version, "MariaDB") {
		return err
	}
	types := "SELECT COLUMN_NAME, FIELD(DATA_TYPE, 'uuid', 'inet6', 'inet4') FROM information_schema.COLUMNS WHERE DATA_TYPE IN ('uuid', 'inet6', 'inet4') AND TABLE_SCHEMA" + here
	err = eachRow(ctx, db, types, cols, func(c *tableColumn, text string, n int64) {
		if c.name == text {
			*c = tableColumn{name: c.name, declared: [...]string{"UUID", "INET6", "INET4"}[n-1]}
		}
	}, schema, name)
	if err != nil {
		return err
	}
	checks := "SELECT CHECK_CLAUSE, 0 FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA" + here
	return eachRow(ctx, db, checks, cols, func(c *tableColumn, clause string, _ int64) {
		if clause == "json_valid("+f.quoteName(c.name)+")" {
			c.kind = kindJSON
		}
	}, schema, name)
}

// eachRow calls see for each row of a query about a table and each column.
func eachRow(ctx context.Context, db *sql.DB, query string, cols []tableColumn, see func(*tableColumn, string, int64), args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		var n uint64
		if err := rows.Scan(&text, &n); err != nil {
			return err
		}
		for i := range cols {
			see(&cols[i], text, int64(min(n, math.MaxInt64)))
		}
	}
	return rows.Err()
}

// checkKey refuses a table of MySQL or MariaDB without a unique index on exactly the key: there nothing would be a
// conflict, and every run would insert every row again. The other databases say so themselves.
func (f family) checkKey(ctx context.Context, db *sql.DB, table string, keys []string) error {
	if f != familyMySQL {
		return nil
	}
	schema, name := tabledef.SplitTable(table)
	rows, err := db.QueryContext(ctx, `SELECT INDEX_NAME, COLUMN_NAME FROM information_schema.STATISTICS
WHERE NON_UNIQUE = 0 AND COLUMN_NAME IS NOT NULL AND TABLE_SCHEMA = COALESCE(NULLIF(?, ''), DATABASE()) AND TABLE_NAME = ?`, schema, name)
	if err != nil {
		return err
	}
	defer rows.Close()
	indexes := map[string][]string{}
	for rows.Next() {
		var index, column string
		if err := rows.Scan(&index, &column); err != nil {
			return err
		}
		indexes[index] = append(indexes[index], column)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	want := slices.Sorted(slices.Values(keys))
	for _, columns := range indexes {
		if slices.Equal(slices.Sorted(slices.Values(columns)), want) {
			return nil
		}
	}
	return errors.New(noIndex(table, keys))
}

// limitsOf is the range of the database's integers. SQLite's have one width, whatever they are called.
func (f family) limitsOf(typeName string) limits {
	if f == familySQLite {
		return limits{}
	}
	switch typeName {
	case "TINYINT":
		return limits{min: math.MinInt8, max: math.MaxInt8}
	case "UNSIGNED TINYINT":
		return limits{max: math.MaxUint8}
	case "INT2", "SMALLINT":
		return limits{min: math.MinInt16, max: math.MaxInt16}
	case "UNSIGNED SMALLINT":
		return limits{max: math.MaxUint16}
	case "MEDIUMINT":
		return limits{min: -1 << 23, max: 1<<23 - 1}
	case "UNSIGNED MEDIUMINT":
		return limits{max: 1<<24 - 1}
	case "INT4", "INT":
		return limits{min: math.MinInt32, max: math.MaxInt32}
	case "UNSIGNED INT":
		return limits{max: math.MaxUint32}
	}
	return limits{}
}

// kindOf is how values for a column of a database's type are sent.
func (f family) kindOf(typeName string) kind {
	switch f {
	case familyPostgres:
		return postgresKind(typeName)
	case familyMySQL:
		return mysqlKind(typeName)
	}
	return sqliteKind(typeName)
}

func postgresKind(name string) kind {
	switch name {
	case "INT2", "INT4", "INT8":
		return kindInteger
	case "FLOAT4", "FLOAT8":
		return kindReal
	case "BOOL":
		return kindBoolean
	case "TEXT", "VARCHAR", "BPCHAR":
		return kindText
	case "JSON", "JSONB":
		return kindJSON
	case "TIMESTAMP", "TIMESTAMPTZ":
		return kindTimestamp
	}
	return kindAny
}

func mysqlKind(name string) kind {
	switch name {
	case "TINYINT":
		return kindFlag
	case "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "UNSIGNED TINYINT", "UNSIGNED SMALLINT", "UNSIGNED MEDIUMINT", "UNSIGNED INT":
		return kindInteger
	case "FLOAT", "DOUBLE":
		return kindReal
	case "CHAR", "VARCHAR", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT":
		return kindText
	case "JSON":
		return kindJSON
	case "DATETIME", "TIMESTAMP":
		return kindTimestamp
	}
	return kindAny
}

// sqliteKind follows SQLite's own rules of affinity, and the names that the driver converts.
func sqliteKind(name string) kind {
	for _, rule := range []struct {
		word string
		kind kind
	}{
		{"INT", kindInteger}, {"JSON", kindJSON}, {"CHAR", kindText}, {"CLOB", kindText}, {"TEXT", kindText},
		{"REAL", kindReal}, {"FLOA", kindReal}, {"DOUB", kindReal}, {"BOOL", kindBoolean}, //nolint:misspell // affinity goes by the first letters
		{"TIMESTAMP", kindTimestamp}, {"DATETIME", kindTimestamp},
	} {
		if strings.Contains(name, rule.word) {
			return rule.kind
		}
	}
	return kindAny
}
