package dialect

import (
	"errors"
	"slices"
)

// BlamesRow reports whether err can be about a row's values: a constraint, or a value that is out of range or has the wrong
// form. If this is not known of an error of MySQL or MariaDB, BlamesRow returns true. So BlamesRow is for a search of the row:
// if no row fails alone, the error was about something else.
func BlamesRow(err error) bool { return blame(err) != blameOther }

// BlamesRowSurely reports whether err is about a row's values and about nothing else, so that other rows can still be written.
// If this is not known, BlamesRowSurely returns false. So BlamesRowSurely is for a decision to leave the row out: a full disk
// must not make every row be left out, one after the other.
func BlamesRowSurely(err error) bool { return blame(err) == blameRow }

// blamed is what an error is about.
type blamed int

const (
	blameOther   blamed = iota // the statement, the schema, the rights or the server
	blameUnknown               // perhaps the row's values
	blameRow                   // the row's values
)

// blame is the one list of errors that a row's values cause.
func blame(err error) blamed {
	if IsOtherKey(err) {
		return blameRow
	}
	if state := SQLState(err); len(state) == 5 {
		return blameIf(stateBlamesRow(state) || state[:2] == "P0") // P0: raised by a trigger
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if n, ok := mysqlNumber(e); ok {
			return blameMySQL(n, mysqlState(e))
		}
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if code, ok := sqliteCode(e); ok {
			primary := code & 0xff
			return blameIf(primary >= 18 && primary <= 20) // TOOBIG, CONSTRAINT, MISMATCH
		}
	}
	return blameOther
}

func blameIf(row bool) blamed {
	if row {
		return blameRow
	}
	return blameOther
}

// stateBlamesRow reports whether the class of a SQLSTATE is one of data, integrity or a view's check.
func stateBlamesRow(state string) bool {
	return len(state) == 5 && slices.Contains([]string{"22", "23", "44"}, state[:2])
}

// blameMySQL looks at the number if the SQLSTATE says nothing, because many of the server's errors have the SQLSTATE HY000.
func blameMySQL(number uint64, state string) blamed {
	switch number {
	case 1044, 1045, 1049, 1054, 1064, 1142, 1143, 1146, 1305, 1370, 1390: // rights, names, syntax
		return blameOther
	case 1526, 1366, 1265, 1369, 1411, // no partition for the value, wrong value, value cut, a view's check, wrong value for a function
		3819, 4025: // CHECK of MySQL and of MariaDB
		return blameRow
	}
	if stateBlamesRow(state) || len(state) == 5 && state[:2] == "45" { // 45: raised by a trigger
		return blameRow
	}
	return blameUnknown
}

// mysqlState reads the field SQLState of go-sql-driver's MySQLError.
func mysqlState(err error) string {
	f, ok := errorField(err, "SQLState")
	if !ok {
		return ""
	}
	state, _ := f.Interface().([5]byte)
	return string(state[:])
}
