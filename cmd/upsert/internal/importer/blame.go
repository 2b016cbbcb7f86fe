package importer

import (
	"errors"

	"github.com/go-sql-driver/mysql"
	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"modernc.org/sqlite"
)

// blamesRow reports whether an error is about the values of a row, so that the rows beside it can be written. A full disk or a
// missing right is not.
func blamesRow(err error) bool {
	var fatal *fatalError
	var row *upsert.RowError
	if errors.As(err, &fatal) || !errors.As(err, &row) {
		return false
	}
	if c := row.Class(); c != dialect.Permanent && c != dialect.UniqueViolation {
		return false
	}
	var my *mysql.MySQLError
	var lite *sqlite.Error
	switch {
	case errors.Is(err, upsert.ErrOtherKey):
		return true
	case errors.As(err, &my), errors.As(err, &lite), dialect.SQLState(err) != "":
		return dialect.BlamesRowSurely(err)
	}
	return row.Row >= 0 // refused before it was sent
}

// reasonOf is what a reject says of an error: its row's number in a call of the library means nothing to the user.
func reasonOf(err error) (column, reason string) {
	var row *upsert.RowError
	if errors.As(err, &row) {
		return row.Column, row.Err.Error()
	}
	return "", err.Error()
}
