package dialect_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/goupsert/upsert/dialect"
)

// numberState is go-sql-driver's MySQLError.
type numberState struct {
	Number   uint16
	SQLState [5]byte
}

func (e *numberState) Error() string { return fmt.Sprintf("Error %d (%s)", e.Number, e.SQLState) }

func stated(number uint16, state string) error {
	e := &numberState{Number: number}
	copy(e.SQLState[:], state)
	return e
}

// TestBlame: each error is surely a row's fault, surely not, or, on MySQL and MariaDB only, possibly.
func TestBlame(t *testing.T) {
	t.Parallel()
	for want, errs := range map[string][]error{
		"row": {
			stateError("22001"), stateError("23505"), stateError("23514"), stateError("44000"), stateError("P0001"), stateError("21000"),
			stated(1062, "23000"), stated(1048, "23000"), stated(1406, "22001"), stated(1690, "22003"), stated(1644, "45000"), stated(1369, "HY000"), stated(3819, "HY000"), stated(4025, "23000"), stated(1366, "HY000"),
			stated(1265, "01000"), mysqlError(1526), mysqlError(1411), sqliteError(19), sqliteError(1299), sqliteError(18), sqliteError(20),
			errors.New("malformed JSON: 'upsert: other key a'"),
		},
		"not the row": {
			nil, errors.New("anything"), stateError("42P01"), stateError("53100"), stateError("57014"), stateError("45000"),
			stated(1146, "42S02"), stated(1064, "42000"), stated(1142, "42000"), mysqlError(1045), mysqlError(1390), sqliteError(13), sqliteError(8), sqliteError(1),
		},
		"perhaps": {mysqlError(1062), stated(1114, "HY000"), stated(1021, "HY000"), stated(1118, "42000"), stated(1030, "HY000")},
	} {
		for _, err := range errs {
			for _, err := range []error{err, fmt.Errorf("table t: %w", err)} {
				can, surely := dialect.BlamesRow(err), dialect.BlamesRowSurely(err)
				if got := map[[2]bool]string{{true, true}: "row", {}: "not the row", {true, false}: "perhaps"}[[2]bool{can, surely}]; got != want {
					t.Errorf("%v: %q, want %q", err, got, want)
				}
			}
		}
	}
}
