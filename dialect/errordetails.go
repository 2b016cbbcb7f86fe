package dialect

import (
	"cmp"
	"errors"
	"reflect"
	"regexp"
	"strings"
)

// mysqlNumber reads the field Number of go-sql-driver's MySQLError, the only error whose Number is a uint16.
func mysqlNumber(err error) (uint64, bool) {
	f, ok := errorField(err, "Number")
	if !ok || f.Kind() != reflect.Uint16 {
		return 0, false
	}
	return f.Uint(), true
}

// sqliteCode reads the field ExtendedCode of go-sqlite3's error and the method Code of modernc.org/sqlite's.
func sqliteCode(err error) (int64, bool) {
	if e, ok := err.(interface{ Code() int }); ok && strings.Contains(typePath(err), "sqlite") {
		return int64(e.Code()), true
	}
	f, ok := errorField(err, "ExtendedCode")
	if !ok || !f.CanInt() {
		return 0, false
	}
	return f.Int(), true
}

// MySQLNumber returns the error number of a go-sql-driver error in err's chain. ok is false if the chain has no such error.
func MySQLNumber(err error) (number int, ok bool) {
	for ; err != nil; err = errors.Unwrap(err) {
		if n, ok := mysqlNumber(err); ok {
			return int(n), true
		}
	}
	return 0, false
}

// Family returns the database whose drivers reach the dialect's servers: "sqlite", "mysql" or "postgres". For builders of
// dialects.
func Family(d Dialect) string { return d.family() }

// Speaks reports whether err can come from a server of the dialect: the driver that made err belongs to one family of
// databases. If no driver made err, this is not known, and Speaks returns true. For builders of dialects.
func Speaks(d Dialect, err error) bool {
	family := d.family()
	for e := err; e != nil; e = errors.Unwrap(e) {
		if _, ok := mysqlNumber(e); ok {
			return family == "mysql"
		}
		if _, ok := sqliteCode(e); ok {
			return family == "sqlite"
		}
	}
	return SQLState(err) == "" || family == "postgres"
}

// IsSyntax reports whether a server did not understand a statement. The error can also come from pgx, which inserts the
// arguments itself in its simple protocol. For builders of dialects.
func IsSyntax(err error) bool {
	if n, ok := MySQLNumber(err); ok {
		return n == 1064
	}
	if state := SQLState(err); err == nil || state != "" {
		return state == "42601"
	}
	return strings.Contains(err.Error(), "syntax error") || strings.HasPrefix(err.Error(), "unused argument: ")
}

// WithoutAlias returns the text of a server's error about a statement of this package, with the table's name in place of the
// alias that the statement gives the table. For builders of dialects.
func WithoutAlias(text, table string) string {
	return strings.NewReplacer("table "+storedAlias+" ", "table "+table+" ", "column "+storedAlias+".", "column "+table+".", "no such column: "+storedAlias+".", "no such column: "+table+".").Replace(text)
}

// otherKeyMark is part of the error with which SQLite and PostgreSQL abort a statement of this package.
const otherKeyMark = "upsert: other key"

// IsOtherKey reports whether err is a failure that a statement of this package causes on purpose: a row met a stored row whose
// key is equal only under a collation or, on MySQL and MariaDB, a stored row with an equal value of another unique key than the
// target.
func IsOtherKey(err error) bool {
	if SQLState(err) == "21000" { // two rows of a statement met, although no two had the same key (hazard P5)
		return true
	}
	if n, ok := MySQLNumber(err); ok {
		return n == 1690 && strings.Contains(err.Error(), greatest+" + ")
	}
	// A wrapped driver may put the statement into its errors, and the statement contains the mark in quotes of its own.
	return err != nil && strings.Contains(strings.ReplaceAll(err.Error(), otherKeyMark+" ' ||", ""), otherKeyMark)
}

// isStalePlan reports whether a prepared statement was refused because a change of the schema has changed the types of its
// result. The statement did nothing, and must be prepared again, as pgx does by itself. isStalePlan looks at the routine
// because the message is in the server's language, and at the message because a driver or a proxy may leave the routine out.
func isStalePlan(err error) bool {
	if f, ok := errorField(err, "Routine"); ok && f.Kind() == reflect.String && f.String() == "RevalidateCachedQuery" {
		return true
	}
	return strings.Contains(err.Error(), "cached plan must not change result type")
}

// SQLState returns the SQLSTATE of the first error in err's chain that has one, or "".
func SQLState(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		return e.SQLState()
	}
	return ""
}

var (
	// mysqlColumn matches "Column 'n' cannot be null", "Data too long for column 'n' at row 3", "for column `db`.`t`.`n` at row
	// 1".
	mysqlColumn = regexp.MustCompile("[Cc]olumn (?:`[^`]*`\\.)*[`']([^`']+)[`']")
	// sqliteColumn matches "NOT NULL constraint failed: t.n", "table _t has no column named n".
	sqliteColumn = regexp.MustCompile(`NOT NULL constraint failed: .*\.([^.]+)$|has no column named ([^ ]+)`)
)

// ErrorDetail returns the DETAIL of a PostgreSQL server's error, which names columns and values, or "". lib/pq and pgx leave
// the DETAIL out of the error's text.
func ErrorDetail(err error) string {
	for ; err != nil; err = errors.Unwrap(err) {
		if f, ok := errorField(err, "Detail"); ok && f.Kind() == reflect.String {
			return f.String()
		}
	}
	return ""
}

// ErrorColumn returns the column that a driver's error names, or "". The name is in a field (pgx, lib/pq) or, if there is no
// such field, in the error's text (MySQL, MariaDB, SQLite).
func ErrorColumn(err error) string {
	for ; err != nil; err = errors.Unwrap(err) {
		for _, name := range []string{"ColumnName", "Column"} {
			if f, ok := errorField(err, name); ok && f.Kind() == reflect.String {
				return f.String()
			}
		}
		text := sqliteColumn
		if _, ok := mysqlNumber(err); ok {
			text = mysqlColumn
		} else if _, ok := sqliteCode(err); !ok {
			continue
		}
		if m := text.FindStringSubmatch(err.Error()); m != nil {
			return cmp.Or(m[1:]...)
		}
	}
	return ""
}

func errorField(err error, name string) (reflect.Value, bool) {
	v := reflect.ValueOf(err)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return reflect.Value{}, false
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return reflect.Value{}, false
	}
	f := v.FieldByName(name)
	return f, f.IsValid()
}

func typePath(err error) string {
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath()
}
