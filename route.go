package upsert

import (
	"context"
	"errors"
	"fmt"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/txn"
)

// route says how a batch is sent.
type route struct {
	path   Path
	auto   bool // another path may be taken if the handle turns out not to have this one
	filter bool // rows that would change nothing are left out before the insert
}

// copyFrom is the number of rows from which on a staging table is worth the time to create it.
const copyFrom = 2000

// choose finds the route of a batch on a handle. It returns an error if the call names a path that the database or the table's
// types do not have.
func (b *batch) choose(ctx context.Context, db dbconn.Handle, cfg *putConfig) (route, error) {
	if cfg.inOrder {
		return route{path: Values}, nil
	}
	r := route{path: cfg.via, auto: cfg.via == Auto}
	if err := b.table.ready(ctx, db); err != nil {
		return r, err
	}
	if !b.table.traits.Filter {
		return b.chooseElsewhere(r, cfg)
	}
	// The statement's own condition compares a single row, because planning a filter takes longer.
	if b.rows.n < 2 && r.path <= Values {
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
		return route{path: Values}, nil
	}
	// A row that is not in a partial index does not conflict through the index, and only the insert knows whether the row is in
	// the index.
	r.filter = b.table.spec.Target.Where == "" && b.tellsApart(known)
	misfit := b.table.misfit(known)
	switch {
	case r.path == Arrays && misfit != nil:
		return r, misfit
	case r.path == Copy && !known.TempTables:
		return r, &dialect.UnsupportedError{Feature: "right for this user to make the temporary table of Via(Copy)", Dialect: b.table.dialect.Name(), Hint: "grant TEMPORARY on the database, or use Via(Arrays)"}
	case !r.auto:
	case b.scattered():
		r.path = Values
	case b.rows.n >= copyFrom && known.TempTables && givesConn(db):
		r.path = Copy
	default:
		r.path = b.table.besideCopy(known)
	}
	return r, nil
}

// chooseElsewhere is choose for a database that has only one path beside Copy.
func (b *batch) chooseElsewhere(r route, cfg *putConfig) (route, error) {
	switch {
	case r.path == Arrays:
		return r, dialect.RefuseSource(b.table.dialect, dialect.FromArrays)
	case r.path == Copy && b.table.traits.Copying == dialect.CopyLoadData && b.table.copies.register == nil:
		return r, &dialect.UnsupportedError{Feature: "reader of rows for Via(Copy)", Dialect: b.table.dialect.Name(), Hint: "give New LoadThrough(mysql.RegisterReaderHandler, mysql.DeregisterReaderHandler), or use Via(Values)"}
	case r.path == Copy:
		if err := dialect.RefuseSource(b.table.dialect, dialect.FromStage); err != nil || !b.table.oneByOne(cfg) {
			return r, err
		}
	}
	r.path = Values
	return r, nil
}

// oneByOne reports whether each row needs a statement of its own: because a statement tells the outcome of one row only, or
// because only an insert tells whether a row is in the partial index.
func (t *table) oneByOne(cfg *putConfig) bool {
	switch t.traits.Reporting {
	case dialect.ReportLastID:
		return cfg.outcomes
	case dialect.ReportBeforehand:
		return cfg.outcomes && t.spec.Target.Where != ""
	}
	return false
}

// tellsApart reports whether all keys of the batch are different keys to the database too. Otherwise the filter must not be used:
// the filter compares all rows before any row is written, so it would not see that one row of the batch changes the stored row
// that another row of the batch meets.
func (b *batch) tellsApart(known *schema.Table) bool {
	for place, c := range b.table.keys {
		if h := known.Columns[b.table.spec.Writes[c].Name]; !b.keyed[place].IsDistinctIn(h.Base, h.Exact) {
			return false
		}
	}
	return true
}

// scattered reports whether omitzero splits the rows into many small groups, because each statement takes only neighbouring rows
// that omit the same columns. Then a statement would have only few rows on any path.
func (b *batch) scattered() bool {
	if len(b.table.spec.Zeros) == 0 {
		return false
	}
	runs, last := 0, uint64(0)
	for at, i := range b.passes[0] {
		if omit := b.omitted(i); at == 0 || omit != last {
			runs, last = runs+1, omit
		}
	}
	return runs > 1 && len(b.passes[0])/runs < 50
}

// besideCopy returns the best path that needs no staging table.
func (t *table) besideCopy(known *schema.Table) Path {
	if t.misfit(known) != nil {
		return Values
	}
	return Arrays
}

// misfit returns an error that says why rows cannot be sent as arrays, or nil.
func (t *table) misfit(known *schema.Table) error {
	for _, c := range t.spec.Writes {
		if known.Columns[c.Name].NotArrayElement && !c.Now {
			return &dialect.UnsupportedError{
				Feature: fmt.Sprintf("array whose elements are the values of column %q, which is of type %s", c.Name, known.Types[c.Name]), Dialect: t.dialect.Name(),
				Hint: "use Via(Copy) or Via(Values)",
			}
		}
	}
	return nil
}

// givesConn reports whether a transaction on the handle will give the driver's connection.
func givesConn(db dbconn.Handle) bool {
	switch db.(type) {
	case *txn.Tx, dbconn.Connector:
		return true
	case dbconn.Rawer:
		return dbconn.CanBegin(db)
	}
	return false
}

// settle changes the path if the handle turns out not to have the chosen path and another path is allowed.
func (w *writer) settle(r route) (route, error) {
	if r.path != Copy || w.runner.stage != nil {
		return r, nil
	}
	if w.batch.table.traits.Copying == dialect.CopyLoadData {
		on, err := w.batch.table.loads(w.runner.ctx, w.runner.db)
		if err == nil && !on {
			r.path = Values
		}
		if err != nil || !on {
			return r, err
		}
	}
	var err error
	var lacks *dialect.UnsupportedError
	if w.runner.stage, err = w.newStage(w.runner); errors.As(err, &lacks) && r.auto {
		r.path = w.batch.table.besideCopy(w.batch.table.catalog.Kept())
		return r, nil
	}
	return r, err
}
