package write

import (
	"context"
	"errors"
	"fmt"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/txn"
)

// plan says how a batch is sent.
type plan struct {
	path   Path
	auto   bool // another path may be taken if the handle turns out not to have this one
	filter bool // rows that would change nothing are left out before the insert
}

// copyFrom is the number of rows from which on a staging table is worth the time to create it.
const copyFrom = 2000

// choosePlan finds the plan of a batch on a handle. It returns an error if the call names a path that the database or the table's
// types do not have.
func (b *batch) choosePlan(ctx context.Context, db dbconn.Handle, o *Options) (plan, error) {
	if o.InOrder || b.table.readsRowByRow(o) {
		return plan{path: Values}, nil
	}
	r := plan{path: o.Via, auto: o.Via == Auto}
	if err := b.table.loadFacts(ctx, db); err != nil {
		return r, err
	}
	if !b.table.traits.Batches.Filter {
		return b.choosePlanElsewhere(r, o)
	}
	// The statement's own condition compares a single row, because planning a filter takes longer.
	if b.sent.rows.n < 2 && r.path <= Values {
		r.path = Values
		return r, nil
	}
	if c := b.table.catalog.Kept(); r.path == Copy && c != nil && !c.TempTables { // the right may have been granted in the meantime
		b.table.catalog.Invalidate()
		b.known = nil
	}
	known := b.known
	if known == nil {
		var err error
		if known, err = b.table.catalog.Look(ctx, db); err != nil {
			return r, err
		}
		b.known = known
	}
	if !known.HasTypes(b.table.spec.Writes) { // the error of a statement that needs no types explains best what is wrong
		return plan{path: Values}, nil
	}
	// A row that is not in a partial index does not conflict through the index, and only the insert knows whether the row is in
	// the index.
	r.filter = b.table.spec.Target.Where == "" && b.areKeysDistinct(known)
	misfit := b.table.refuseArrays(known)
	switch {
	case r.path == Arrays && misfit != nil:
		return r, misfit
	case r.path == Copy && !known.TempTables:
		return r, &dialect.UnsupportedError{Feature: "right for this user to make the temporary table of Via(Copy)", Dialect: b.table.spec.Dialect.Name(), Hint: "grant TEMPORARY on the database, or use Via(Arrays)"}
	case !r.auto:
	case b.isScattered():
		r.path = Values
	case b.sent.rows.n >= copyFrom && known.TempTables && givesDriverConn(db):
		r.path = Copy
	default:
		r.path = b.table.pathWithoutCopy(known)
	}
	return r, nil
}

// choosePlanElsewhere is choosePlan for a database that has only one path beside Copy.
func (b *batch) choosePlanElsewhere(r plan, o *Options) (plan, error) {
	switch r.path {
	case Arrays:
		return r, dialect.RefuseSource(b.table.spec.Dialect, dialect.FromArrays)
	case Copy:
		if err := b.table.refuseCopy(); err != nil || !o.Outcomes || !b.table.reporter.isRowAtATime() {
			return r, err
		}
	}
	r.path = Values
	return r, nil
}

// areKeysDistinct reports whether all keys of the batch are different keys to the database too. Otherwise the filter must not be used:
// the filter compares all rows before any row is written, so it would not see that one row of the batch changes the stored row
// that another row of the batch meets.
func (b *batch) areKeysDistinct(known *schema.Table) bool {
	for place, c := range b.table.rows.keys {
		if h := known.Columns[b.table.spec.Writes[c].Name]; !b.sent.keyed[place].IsDistinctIn(h.Base, h.Exact) {
			return false
		}
	}
	return true
}

// isScattered reports whether omitzero splits the rows into many small groups, because each statement takes only neighbouring rows
// that omit the same columns. Then a statement would have only few rows on any path.
func (b *batch) isScattered() bool {
	if len(b.table.spec.Zeros) == 0 {
		return false
	}
	runs, last := 0, uint64(0)
	for at, i := range b.passes[0] {
		if omit := b.sent.findOmitted(i); at == 0 || omit != last {
			runs, last = runs+1, omit
		}
	}
	return runs > 1 && len(b.passes[0])/runs < 50
}

// pathWithoutCopy returns the best path that needs no staging table.
func (t *Table) pathWithoutCopy(known *schema.Table) Path {
	if t.refuseArrays(known) != nil {
		return Values
	}
	return Arrays
}

// refuseArrays returns an error that says why rows cannot be sent as arrays, or nil.
func (t *Table) refuseArrays(known *schema.Table) error {
	for _, c := range t.spec.Writes {
		if known.Columns[c.Name].NotArrayElement && !c.Now {
			return &dialect.UnsupportedError{
				Feature: fmt.Sprintf("array whose elements are the values of column %q, which is of type %s", c.Name, known.Types[c.Name]), Dialect: t.spec.Dialect.Name(),
				Hint: "use Via(Copy) or Via(Values)",
			}
		}
	}
	return nil
}

// givesDriverConn reports whether a transaction on the handle will give the driver's connection.
func givesDriverConn(db dbconn.Handle) bool {
	switch db.(type) {
	case *txn.Tx, dbconn.Connector:
		return true
	case dbconn.Rawer:
		return dbconn.CanBegin(db)
	}
	return false
}

// fallBack changes the path if the handle turns out not to have the chosen path and another path is allowed.
func (w *writer) fallBack(r plan) (plan, error) {
	if r.path != Copy || w.session.stage != nil {
		return r, nil
	}
	allows, err := w.table.canLoad(w.session.ctx, w.session.db)
	if err == nil && !allows {
		r.path = Values
	}
	if err != nil || !allows {
		return r, err
	}
	var lacks *dialect.UnsupportedError
	if w.session.stage, err = w.newStage(w.session); errors.As(err, &lacks) && r.auto {
		r.path = w.table.pathWithoutCopy(w.table.catalog.Kept())
		return r, nil
	}
	return r, err
}
