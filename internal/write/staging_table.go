package write

import (
	"context"
	"database/sql"
	"strconv"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/pipeline"
	"github.com/goupsert/upsert/internal/rowtext"
	"github.com/goupsert/upsert/internal/schema"
)

// stage is a staging table in one transaction.
type stage struct {
	table  *Table
	style  rowtext.Style
	place  bool   // each staged row has its position among the staged rows
	forms  []form // for each written column
	text   dialect.StageText
	made   bool     // the staging table exists
	number int      // the number in the staging table's name
	digits []string // ENUM and SET columns whose values are numbers
	bytes  []string // columns of bytes, given in hexadecimal
	splits bool     // new rows can be inserted without an ON CONFLICT clause
	loader loader   // nil if rows can only be sent one by one
	reader string   // the name by which the server asks for the rows
}

// newStage finds the way to stage rows on the session's handle. It returns a *dialect.UnsupportedError if there is none.
func (w *writer) newStage(r *session) (*stage, error) {
	g := &stage{table: w.batch.table, style: rowtext.Copy, place: w.rechecks && w.options.Outcomes, reader: "upsert" + strconv.FormatInt(readers.Add(1), 10)}
	var err error
	if w.table.traits.Batches.Copying == dialect.CopyLoadData {
		g.style, g.place = rowtext.Load, false
		err = g.askColumns(r.ctx, r.db)
	} else {
		for _, c := range w.table.spec.Writes {
			g.forms = append(g.forms, formOf(w.table.catalog.Column(c.Name)))
		}
	}
	if err == nil {
		g.loader, err = g.newLoader(r, w.plan.auto)
	}
	if err == nil && g.style == rowtext.Copy && !r.ownsTx {
		err = g.findNumber(r)
	}
	if err != nil {
		return nil, err
	}
	g.text, err = g.table.spec.Dialect.Stage(g.described(g.table.spec.Writes))
	return g, err
}

// findNumber finds a name for the stage that no other stage in the transaction has. Another stage can exist if this call runs inside
// another call, for example if a sequence writes parents first.
func (g *stage) findNumber(r *session) error {
	for taken := true; taken; {
		text, err := g.table.spec.Dialect.Stage(g.described(g.table.spec.Writes))
		if err == nil {
			_, err = g.table.txn.QueryRow(r.ctx, r.db, text.Taken, nil, []any{&taken})
		}
		if err != nil {
			return err
		}
		if taken {
			g.number++
		}
	}
	return nil
}

func (g *stage) described(columns []dialect.Column) dialect.Stage {
	return dialect.Stage{Table: g.table.spec.Table, Columns: columns, Key: g.table.spec.Target.Columns, Place: g.place, Reader: g.reader, Digits: g.digits, Hex: g.bytes, Nth: g.number}
}

// fill replaces the content of the staging table with rows.
func (g *stage) fill(r *session, columns []dialect.Column, rows *pipeline.Stream) error {
	text, err := g.empty(r, columns)
	if err != nil {
		return err
	}
	return g.loader.load(r.ctx, text, rows)
}

// empty creates the staging table, or empties it, so that it can take rows with these columns.
func (g *stage) empty(r *session, columns []dialect.Column) (dialect.StageText, error) {
	text, err := g.table.spec.Dialect.Stage(g.described(columns))
	if err != nil {
		return text, err
	}
	if g.made && g.style == rowtext.Load { // make a new table, because a column that is not loaded may have no default
		g.made = false
	}
	if g.made {
		_, err = r.db.ExecContext(r.ctx, text.Clear)
	} else {
		err = g.create(r, text)
	}
	return text, err
}

func (g *stage) create(r *session, text dialect.StageText) error {
	if g.style == rowtext.Load { // drop a table that an earlier caller's transaction has left on this connection
		if _, err := r.db.ExecContext(r.ctx, text.Drop); err != nil {
			return err
		}
	} else {
		text = g.text // the table has all columns, whichever columns are copied
	}
	if _, err := r.db.ExecContext(r.ctx, text.Create); err != nil {
		return err
	}
	g.made = true
	if !r.ownsTx || text.Settle == "" {
		return nil
	}
	var memory sql.NullString
	_, err := g.table.txn.QueryRow(r.ctx, r.db, text.Settle, nil, []any{&g.splits, &memory})
	return err
}

// drop drops the staging table. On PostgreSQL drop does nothing if the transaction is the library's, because the end of the
// transaction drops the table. On MySQL and MariaDB, if the server has ended the transaction since the last statement, as Galera
// does, only the error of drop tells this (hazard E3).
func (g *stage) drop(r *session) error {
	gone := r.ownsTx && g.style == rowtext.Copy
	if !g.made || gone {
		return nil
	}
	_, err := r.db.ExecContext(context.WithoutCancel(r.ctx), g.text.Drop)
	return err
}

// form says which values of a column are written in hexadecimal, and how numbers are written.
type form struct {
	bytes, text, number bool
	numbers             rowtext.Numbers
}

// formOf says which values of a column of PostgreSQL are written in hexadecimal.
func formOf(c schema.Column) form { return form{bytes: c.Base == "bytea", text: c.Base == "bytea"} }
