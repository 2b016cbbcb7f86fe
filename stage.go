package upsert

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/pipeline"
	"github.com/goupsert/upsert/internal/rowtext"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/txn"
)

// copies holds the driver's functions that New was given for the path Copy.
type copyFuncs struct {
	through    CopyFunc
	register   func(string, func() io.Reader)
	deregister func(string)
}

// stage is a staging table in one transaction.
type stage struct {
	table  *table
	style  rowtext.Style
	place  bool   // each staged row has its position among the staged rows
	forms  []form // for each written column
	text   dialect.StageText
	made   bool     // the staging table exists
	number int      // the number in the staging table's name
	digits []string // ENUM and SET columns whose values are numbers
	bytes  []string // columns of bytes, given in hexadecimal
	splits bool     // new rows can be inserted without an ON CONFLICT clause
	// stream makes the server read rows by the statements of a stage. stream is nil if rows can only be sent one by one.
	stream func(ctx context.Context, text dialect.StageText, rows *pipeline.Stream) error
	reader string // the name by which the server asks for the rows
}

// readers numbers the readers, because a driver keeps their names for the whole process.
var readers atomic.Int64

// newStage finds the way to stage rows on the runner's handle. It returns a *dialect.UnsupportedError if there is none.
func (w *writer) newStage(r *session) (*stage, error) {
	g := &stage{table: w.batch.table, style: rowtext.Copy, place: w.rechecks && w.cfg.outcomes, reader: "upsert" + strconv.FormatInt(readers.Add(1), 10)}
	var err error
	if w.table.traits.Copying == dialect.CopyLoadData {
		g.style, g.place = rowtext.Load, false
		g.stream = g.load(r)
		err = g.askColumns(r.ctx, r.db)
	} else {
		for _, c := range w.table.spec.Writes {
			g.forms = append(g.forms, formOf(w.table.catalog.Column(c.Name)))
		}
		g.stream, err = g.copyStream(r, w.plan.auto)
	}
	if err == nil && g.style == rowtext.Copy && !r.ownsTx {
		err = g.findNumber(r)
	}
	if err != nil {
		return nil, err
	}
	g.text, err = g.table.dialect.Stage(g.described(g.table.spec.Writes))
	return g, err
}

// number finds a name for the stage that no other stage in the transaction has. Another stage can exist if this call runs inside
// another call, for example if a sequence writes parents first.
func (g *stage) findNumber(r *session) error {
	for taken := true; taken; {
		text, err := g.table.dialect.Stage(g.described(g.table.spec.Writes))
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
	return g.stream(r.ctx, text, rows)
}

// empty creates the staging table, or empties it, so that it can take rows with these columns.
func (g *stage) empty(r *session, columns []dialect.Column) (dialect.StageText, error) {
	text, err := g.table.dialect.Stage(g.described(columns))
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

// load streams rows through the reader that the driver asks for by its name. LOCAL turns errors into warnings, because the server
// cannot stop the client. So load returns any warning as an error.
func (g *stage) load(r *session) func(ctx context.Context, text dialect.StageText, rows *pipeline.Stream) error {
	return func(ctx context.Context, text dialect.StageText, rows *pipeline.Stream) error {
		g.table.copies.register(g.reader, func() io.Reader { return rows })
		defer g.table.copies.deregister(g.reader)
		if _, err := r.db.ExecContext(ctx, text.Begin); err != nil {
			return err
		}
		_, err := r.db.ExecContext(ctx, text.Load)
		if err == nil {
			err = g.warnings(ctx, r.db)
		}
		_, ending := r.db.ExecContext(context.WithoutCancel(ctx), text.End)
		return cmp.Or(err, ending)
	}
}

// warnings returns the statement's first warning as an error.
func (g *stage) warnings(ctx context.Context, db dbconn.Handle) error {
	rows, err := db.QueryContext(ctx, "SHOW COUNT(*) WARNINGS")
	if err != nil {
		return err
	}
	count := 0
	if err := txn.Each(rows, func() error { return rows.Scan(&count) }); err != nil || count == 0 {
		return err
	}
	if rows, err = db.QueryContext(ctx, "SHOW WARNINGS LIMIT 1"); err != nil {
		return err
	}
	first := &loadWarning{Message: fmt.Sprintf("%d values could not be stored as they are", count)}
	err = txn.Each(rows, func() error {
		var level string
		return rows.Scan(&level, &first.Number, &first.Message)
	})
	return cmp.Or(err, error(first))
}

// loadWarning is the server's warning about a value that LOAD DATA LOCAL could not store unchanged. dialect.MySQLNumber reads the
// field Number, as it reads a driver's error.
type loadWarning struct {
	Number  uint16
	Message string
}

func (e *loadWarning) Error() string {
	return fmt.Sprintf("LOAD DATA: Error %d: %s", e.Number, e.Message)
}

// zoneTimes are times by which a zone that people live in can be told from UTC.
var zoneTimes = [...]time.Time{
	time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC), time.Date(2026, 7, 15, 12, 0, 0, 0, time.UTC),
	time.Date(1995, 1, 15, 12, 0, 0, 0, time.UTC), time.Date(1995, 7, 15, 12, 0, 0, 0, time.UTC),
}

// loads reports whether the server takes LOAD DATA LOCAL, and returns an error if the driver writes times in another zone than
// UTC.
func (t *table) loadsLocal(ctx context.Context, db dbconn.Handle) (bool, error) {
	var on bool
	var got [len(zoneTimes)]string
	args, dest := []any{}, []any{&on}
	for i := range got {
		args, dest = append(args, zoneTimes[i]), append(dest, &got[i])
	}
	_, err := t.txn.QueryRow(ctx, db, "SELECT @@local_infile, CAST(? AS CHAR), CAST(? AS CHAR), CAST(? AS CHAR), CAST(? AS CHAR)", args, dest)
	if err != nil || !on {
		return false, err
	}
	for i, at := range zoneTimes {
		want := at.Format(time.DateTime)
		if len(got[i]) < len(want) || got[i][:len(want)] != want {
			return false, &dialect.UnsupportedError{Feature: "way to know the zone in which this connection writes times, as Via(Copy) must", Dialect: t.dialect.Name(), Hint: "leave the driver's parameter loc at UTC, or use Via(Values)"}
		}
	}
	return true, nil
}

// askColumns asks which columns LOAD DATA must be given in a form other than text. Bytes come in hexadecimal, and so does the
// number of a BIT. The number of a member of an ENUM or a SET must not be taken for a member's name.
func (g *stage) askColumns(ctx context.Context, db dbconn.Handle) error {
	known, err := g.table.catalog.Ask(ctx, db)
	if err != nil {
		return err
	}
	for _, c := range g.table.spec.Writes {
		hex := loadForm(known.Columns[c.Name].Base, c.Kind == dialect.KindNumber)
		if hex.numbers == rowtext.WholeNumbers {
			g.digits = append(g.digits, c.Name)
		}
		if hex.bytes {
			g.bytes = append(g.bytes, c.Name)
		}
		g.forms = append(g.forms, hex)
	}
	return nil
}

// loadForm returns how values of a column of MySQL's type base are written for LOAD DATA. A number must be stored as if it were a
// parameter. So a type that would read the digits as another text gets no numbers (hazard H28).
func loadForm(base string, number bool) form {
	base, _, _ = strings.Cut(base, " ") // for example int unsigned
	switch base {
	case "bit":
		return form{bytes: true, text: true, number: true}
	case "tinyint", "smallint", "mediumint", "int", "bigint":
		return form{numbers: rowtext.RoundedNumbers}
	case "year":
		return form{numbers: rowtext.YearNumbers}
	case "enum", "set":
		if number {
			return form{numbers: rowtext.WholeNumbers}
		}
		return form{numbers: rowtext.NoNumbers}
	case "json", "date", "time", "datetime", "timestamp":
		return form{numbers: rowtext.NoNumbers}
	}
	is := holdsBytes(base)
	return form{bytes: is, text: is}
}

// holdsBytes reports whether a type of MySQL holds bytes rather than text. MySQL's manual lists these types in "The BLOB and TEXT
// Types", "The BINARY and VARBINARY Types" and, for types whose values are given as WKB, "Spatial Data Types".
func holdsBytes(name string) bool {
	switch name {
	case "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection":
		return true
	}
	return strings.HasSuffix(name, "blob") || strings.HasSuffix(name, "binary")
}

// hexes says which values of a column are written in hexadecimal, and how numbers are written.
type form struct {
	bytes, text, number bool
	numbers             rowtext.Numbers
}

// hexesOf says which values of a column of PostgreSQL are written in hexadecimal.
func formOf(c schema.Column) form { return form{bytes: c.Base == "bytea", text: c.Base == "bytea"} }
