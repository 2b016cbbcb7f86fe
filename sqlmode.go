package upsert

import (
	"context"
	"errors"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/stmtcache"
)

// askMode returns the session's sql_mode.
func (t *table) askMode(ctx context.Context, db dbconn.Handle) (mode string, err error) {
	_, err = t.txn.QueryRow(ctx, stmtcache.Unwrap(db), "SELECT @@sql_mode", nil, []any{&mode})
	return mode, err
}

// checkMode refuses a session that is not strict, because such a session cuts values that do not fit, and a key that is cut is
// the key of another row (hazard H29).
func (t *table) checkMode(ctx context.Context, db dbconn.Handle) error {
	mode, err := t.askMode(ctx, db)
	if err != nil || strings.Contains(mode, "STRICT_") {
		return err
	}
	return &dialect.UnsupportedError{
		Feature: "strict mode in this session (sql_mode is '" + mode + "'), and cuts what does not fit, a key too", Dialect: t.dialect.Name(),
		Hint: "add STRICT_TRANS_TABLES to sql_mode, in the DSN or on the server",
	}
}

var errZeroKey = errors.New("the key is 0, for which AUTO_INCREMENT stores its next number, so that each repetition inserts another row: give another key, or set NO_AUTO_VALUE_ON_ZERO in sql_mode")

// checkZero refuses a key of 0 if the column has AUTO_INCREMENT (hazard H26). In other columns 0 is a key like any other.
// checkZero calls rest before it asks on the connection.
func (b *batch) checkZero(ctx context.Context, db dbconn.Handle, rest func() error) error {
	if !b.table.traits.Ordinals {
		return nil
	}
	for place, c := range b.table.keys {
		i := b.keyed[place].FirstZero()
		if i < 0 {
			continue
		}
		if err := rest(); err != nil {
			return err
		}
		known, err := b.table.look(ctx, db)
		if err != nil {
			return err
		}
		name := b.table.writes[c].Name
		if !known.held[name].auto {
			continue
		}
		if mode, err := b.table.askMode(ctx, db); err != nil || !strings.Contains(mode, "NO_AUTO_VALUE_ON_ZERO") {
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
