package main

import (
	"errors"
	"slices"

	"github.com/go-sql-driver/mysql"
	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/mattn/go-sqlite3"
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
	var lite sqlite3.Error
	switch {
	case errors.Is(err, upsert.ErrOtherKey):
		return true
	case errors.As(err, &my):
		return blamesRowMySQL(my)
	case errors.As(err, &lite), dialect.SQLState(err) != "":
		return dialect.BlamesRow(err)
	}
	return row.Row >= 0 // refused before it was sent
}

// blamesRowMySQL goes by the SQLSTATE, and by the number where that says nothing.
func blamesRowMySQL(err *mysql.MySQLError) bool {
	switch string(err.SQLState[:2]) {
	case "22", "23", "44", "45": // data, integrity, view check, raised by a trigger
		return true
	}
	// No such partition, wrong value, value truncated, view check, wrong value for a function, CHECK of MySQL and of MariaDB.
	return slices.Contains([]uint16{1526, 1366, 1265, 1369, 1411, 3819, 4025}, err.Number)
}

// reasonOf is what a reject says of an error: its row's number in a call of the library means nothing to the user.
func reasonOf(err error) (column, reason string) {
	var row *upsert.RowError
	if errors.As(err, &row) {
		return row.Column, row.Err.Error()
	}
	return "", err.Error()
}
