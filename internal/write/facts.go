package write

import (
	"context"
	"errors"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/statement"
)

// loadFacts asks the catalog if a statement needs the answer.
func (t *Table) loadFacts(ctx context.Context, db dbconn.Handle) error {
	if !t.stmts.NeedsFacts() {
		return nil
	}
	_, err := t.catalog.Look(ctx, db)
	return err
}

// text returns the statement of a variant, written with the facts that are known.
func (t *Table) text(v statement.Variant) (string, error) { return t.stmts.Upsert(v, t.catalog.Kept()) }

// maySkip reports whether a statement may leave a row unwritten without having seen a stored row (hazard P42).
func (t *Table) maySkip() bool {
	c := t.catalog.Kept()
	return c != nil && c.MaySkip
}

// mustRecheck reports whether a statement's result alone does not tell the outcome of a row that the statement has not written.
func (t *Table) mustRecheck() bool { return t.rows.versioned || t.maySkip() }

var errZeroKey = errors.New("the key is 0, for which AUTO_INCREMENT stores its next number, so that each repetition inserts another row: give another key, or set NO_AUTO_VALUE_ON_ZERO in sql_mode")

// checkZero refuses a key of 0 if the column has AUTO_INCREMENT (hazard H26). In other columns 0 is a key like any other.
// checkZero calls rest before it asks on the connection.
func (k *keyedRows) checkZero(ctx context.Context, db dbconn.Handle, rest func() error) error {
	if !k.table.traits.Values.Ordinals {
		return nil
	}
	for place, c := range k.table.rows.keys {
		i := k.keyed[place].FirstZero()
		if i < 0 {
			continue
		}
		if err := rest(); err != nil {
			return err
		}
		known, err := k.table.catalog.Look(ctx, db)
		if err != nil {
			return err
		}
		name := k.table.spec.Writes[c].Name
		if !known.Columns[name].AutoIncrement {
			continue
		}
		if mode, err := k.table.checks.Mode(ctx, db); err != nil || !strings.Contains(mode, "NO_AUTO_VALUE_ON_ZERO") {
			if err == nil {
				err = errZeroKey
			}
			return k.fail(i, name, err)
		}
	}
	return nil
}

// atRest is a rest for checkZero, for a call that has no statement running on the connection.
func atRest() error { return nil }

// checkPeer refuses a handle on which the name of a prepared statement may belong to another client's statement.
func (t *Table) checkPeer(ctx context.Context, db dbconn.Handle) error {
	if !t.traits.Typed || !dbconn.CanBegin(db) {
		return nil // a transaction stays on its connection
	}
	p, err := t.peers.Of(ctx, db)
	if err != nil || p.IsDirect() {
		return err
	}
	hint := "use Put, or Prepare in a transaction"
	if !p.IsKnown() {
		hint = "it cannot be seen through this driver whether there is a pooler: " + hint
	}
	return &dialect.UnsupportedError{Feature: "way to know behind a pooler in transaction mode that a prepared statement is the connection's own (hazard E2)", Dialect: t.spec.Dialect.Name(), Hint: hint}
}
