package write

import (
	"context"
	"errors"
	"strings"

	"github.com/goupsert/upsert/internal/dbconn"
)

var errZeroKey = errors.New("the key is 0, for which AUTO_INCREMENT stores its next number, so that each repetition inserts another row: give another key, or set NO_AUTO_VALUE_ON_ZERO in sql_mode")

// checkZero refuses a key of 0 if the column has AUTO_INCREMENT (hazard H26). In other columns 0 is a key like any other.
// checkZero calls rest before it asks on the connection.
func (b *batch) checkZero(ctx context.Context, db dbconn.Handle, rest func() error) error {
	if !b.table.traits.Ordinals {
		return nil
	}
	for place, c := range b.table.rows.keys {
		i := b.keyed[place].FirstZero()
		if i < 0 {
			continue
		}
		if err := rest(); err != nil {
			return err
		}
		known, err := b.table.catalog.Look(ctx, db)
		if err != nil {
			return err
		}
		name := b.table.spec.Writes[c].Name
		if !known.Columns[name].AutoIncrement {
			continue
		}
		if mode, err := b.table.checks.Mode(ctx, db); err != nil || !strings.Contains(mode, "NO_AUTO_VALUE_ON_ZERO") {
			if err == nil {
				err = errZeroKey
			}
			return b.fail(i, name, err)
		}
	}
	return nil
}

// atRest is a rest for checkZero, for a call that has no statement running on the connection.
func atRest() error { return nil }
