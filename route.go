package upsert

import (
	"context"
	"errors"
	"fmt"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/txn"
)

// route is how a batch goes.
type route struct {
	path   Path
	auto   bool // another path may be taken where this one turns out not to be there
	filter bool // rows that would change nothing are left out before the insert
}

// copyFrom is the number of rows from which on a staging table is worth its making.
const copyFrom = 2000

// choose finds the route of a batch on a handle. It is where a path is refused that the database or the table's types do
// not have.
func (b *batch) choose(ctx context.Context, db DB, cfg *putConfig) (route, error) {
	if cfg.inOrder {
		return route{path: Values}, nil
	}
	r := route{path: cfg.via, auto: cfg.via == Auto}
	if err := b.ready(ctx, db); err != nil {
		return r, err
	}
	if !b.traits.Filter {
		return b.chooseElsewhere(r, cfg)
	}
	// A single row is looked at by its statement's own condition, for to plan a filter takes longer than that.
	if b.rows.n < 2 && r.path <= Values {
		r.path = Values
		return r, nil
	}
	if c := b.catalog.Load(); r.path == Copy && c != nil && !c.stages { // the right may have been granted since
		b.stale.Store(true)
		b.known = nil
	}
	known := b.known
	if known == nil {
		var err error
		if known, err = b.look(ctx, db); err != nil {
			return r, err
		}
		b.known = known
	}
	if !known.has(b.writes) { // the statement that needs no types says best what is wrong
		return route{path: Values}, nil
	}
	// A row that is not in a partial index does not conflict through it, and whether it is in it only the insert knows.
	r.filter = b.target.Where == "" && b.tellsApart(known)
	misfit := b.misfit(known)
	switch {
	case r.path == Arrays && misfit != nil:
		return r, misfit
	case r.path == Copy && !known.stages:
		return r, &dialect.UnsupportedError{Feature: "right for this user to make the temporary table of Via(Copy)", Dialect: b.dialect.Name(), Hint: "grant TEMPORARY on the database, or use Via(Arrays)"}
	case !r.auto:
	case b.scattered():
		r.path = Values
	case b.rows.n >= copyFrom && known.stages && givesConn(db):
		r.path = Copy
	default:
		r.path = b.besideCopy(known)
	}
	return r, nil
}

// chooseElsewhere is choose where there is one path beside Copy.
func (b *batch) chooseElsewhere(r route, cfg *putConfig) (route, error) {
	switch {
	case r.path == Arrays:
		return r, dialect.RefuseSource(b.dialect, dialect.FromArrays)
	case r.path == Copy && b.traits.Copying == dialect.CopyLoadData && b.copies.register == nil:
		return r, &dialect.UnsupportedError{Feature: "reader of rows for Via(Copy)", Dialect: b.dialect.Name(), Hint: "give New LoadThrough(mysql.RegisterReaderHandler, mysql.DeregisterReaderHandler), or use Via(Values)"}
	case r.path == Copy:
		if err := dialect.RefuseSource(b.dialect, dialect.FromStage); err != nil || !b.oneByOne(cfg) {
			return r, err
		}
	}
	r.path = Values
	return r, nil
}

// oneByOne reports whether each row goes in a statement of its own: because a statement tells of one row only, or because only
// an insert tells whether a row is in the partial index.
func (t *table) oneByOne(cfg *putConfig) bool {
	switch t.traits.Reporting {
	case dialect.ReportLastID:
		return cfg.outcomes
	case dialect.ReportBeforehand:
		return cfg.outcomes && t.target.Where != ""
	}
	return false
}

// tellsApart reports whether the database takes two keys of the batch for two: the filter looks at all rows before any is
// written, and so would not see that one of them changes what another one finds.
func (b *batch) tellsApart(known *catalog) bool {
	for place, c := range b.keys {
		if h := known.held[b.writes[c].Name]; !b.keyed[place].IsDistinctIn(h.base, h.exact) {
			return false
		}
	}
	return true
}

// scattered reports whether rows that omit other columns than those before them are so many that one statement would have
// but few rows on any path.
func (b *batch) scattered() bool {
	if len(b.zeros) == 0 {
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

// besideCopy is the best path that needs no staging table.
func (t *table) besideCopy(known *catalog) Path {
	if t.misfit(known) != nil {
		return Values
	}
	return Arrays
}

// misfit is why rows cannot come as arrays.
func (t *table) misfit(known *catalog) error {
	for _, c := range t.writes {
		if known.held[c.Name].whole && !c.Now {
			return &dialect.UnsupportedError{
				Feature: fmt.Sprintf("array whose elements are the values of column %q, which is of type %s", c.Name, known.types[c.Name]), Dialect: t.dialect.Name(),
				Hint: "use Via(Copy) or Via(Values)",
			}
		}
	}
	return nil
}

// has reports whether the catalog knows all the columns.
func (c *catalog) has(columns []dialect.Column) bool {
	for _, col := range columns {
		if c.types[col.Name] == "" {
			return false
		}
	}
	return true
}

// givesConn reports whether a transaction on the handle will give the driver's connection.
func givesConn(db DB) bool {
	switch db.(type) {
	case *txn.Tx, dbconn.Connector:
		return true
	case dbconn.Rawer:
		return dbconn.CanBegin(db)
	}
	return false
}

// settle takes another path where the handle turns out not to have the chosen one, and that may be.
func (w *writer) settle(r route) (route, error) {
	if r.path != Copy || w.stage != nil {
		return r, nil
	}
	if w.traits.Copying == dialect.CopyLoadData {
		on, err := w.loads(w.ctx, w.db)
		if err == nil && !on {
			r.path = Values
		}
		if err != nil || !on {
			return r, err
		}
	}
	var err error
	var lacks *dialect.UnsupportedError
	if w.stage, err = w.newStage(w.runner); errors.As(err, &lacks) && r.auto {
		r.path = w.besideCopy(w.catalog.Load())
		return r, nil
	}
	return r, err
}
