package upsert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/rowtext"
)

// copies is what the path Copy was given of a driver.
type copies struct {
	through    CopyFunc
	register   func(string, func() io.Reader)
	deregister func(string)
}

// stage is a staging table in one transaction.
type stage struct {
	*table
	style  rowtext.Style
	place  bool
	hex    []bool // by column: PostgreSQL's bytea
	text   dialect.StageText
	made   bool
	filled bool
	// stream has the server read rows with the statement load. It is nil where they can only be sent one by one.
	stream func(ctx context.Context, load string, rows *lines) error
	reader string // the name that the server asks rows by
}

// readers tells the names of readers apart, which a driver keeps for the whole process.
var readers atomic.Int64

// newStage finds the way to stage rows on the runner's handle. It returns a *dialect.UnsupportedError where there is none.
func (w *writer) newStage(r *runner) (*stage, error) {
	g := &stage{table: w.table, style: rowtext.Copy, place: w.versioned && w.cfg.outcomes, reader: "upsert" + strconv.FormatInt(readers.Add(1), 10)}
	for _, c := range w.writes {
		g.hex = append(g.hex, w.held(c.Name).bytes)
	}
	var err error
	if w.traits.Copying == dialect.CopyLoadData {
		g.style, g.place = rowtext.Load, false
		g.stream = g.load(r)
	} else {
		g.stream, err = g.copyStream(r)
	}
	if err != nil {
		return nil, err
	}
	g.text, err = g.dialect.Stage(dialect.Stage{Table: g.ident, Columns: g.writes, Place: g.place, Reader: g.reader})
	return g, err
}

// fill makes the table what the rows are.
func (g *stage) fill(r *runner, columns []dialect.Column, rows *lines) error {
	if err := g.empty(r); err != nil {
		return err
	}
	text, err := g.dialect.Stage(dialect.Stage{Table: g.ident, Columns: columns, Place: g.place, Reader: g.reader})
	if err != nil {
		return err
	}
	g.filled = true
	return g.stream(r.ctx, text.Load, rows)
}

// empty makes the table, or takes the last rows out of it.
func (g *stage) empty(r *runner) (err error) {
	switch {
	case !g.made:
		_, err = r.db.ExecContext(r.ctx, g.text.Create)
		g.made = err == nil
	case g.filled:
		_, err = r.db.ExecContext(r.ctx, g.text.Clear)
	}
	return err
}

// drop leaves nothing behind. On PostgreSQL the end of the transaction does, if it is the library's.
func (g *stage) drop(r *runner) {
	if g.made && !(r.own && g.style == rowtext.Copy) {
		_, _ = r.db.ExecContext(lasting(r.ctx), g.text.Drop)
	}
}

// load streams rows through the reader that the driver asks for by its name. LOCAL has turned errors into warnings, since
// the server cannot stop the client: any of them is an error here.
func (g *stage) load(r *runner) func(ctx context.Context, load string, rows *lines) error {
	return func(ctx context.Context, load string, rows *lines) error {
		g.copies.register(g.reader, func() io.Reader { return rows })
		defer g.copies.deregister(g.reader)
		if _, err := r.db.ExecContext(ctx, load); err != nil {
			return err
		}
		return g.warnings(ctx, r.db)
	}
}

// warnings turns the first warning into an error. A note is no warning: it tells of digits that are rounded away.
func (g *stage) warnings(ctx context.Context, db DB) error {
	rows, err := db.QueryContext(ctx, "SHOW WARNINGS")
	if err != nil {
		return err
	}
	var first error
	err = each(rows, func() error {
		var level, text string
		var code int
		if err := rows.Scan(&level, &code, &text); err != nil || level == "Note" || first != nil {
			return err
		}
		first = &loadWarning{code: uint16(code), text: text}
		return nil
	})
	return errors.Join(err, first)
}

// loadWarning is what the server says of a value that LOAD DATA LOCAL could not store as it is.
type loadWarning struct {
	code uint16
	text string
}

func (e *loadWarning) Error() string {
	return fmt.Sprintf("LOAD DATA: Error %d: %s", e.code, e.text)
}

// zoneTimes are times that tell the zones apart which people live in.
var zoneTimes = [...]time.Time{
	time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC), time.Date(2026, 7, 15, 12, 0, 0, 0, time.UTC),
	time.Date(1995, 1, 15, 12, 0, 0, 0, time.UTC), time.Date(1995, 7, 15, 12, 0, 0, 0, time.UTC),
}

// loads reports whether the server takes LOAD DATA LOCAL, and refuses a driver that writes times in another zone than UTC.
func (t *table) loads(ctx context.Context, db DB) (bool, error) {
	var on bool
	var got [len(zoneTimes)]string
	args, dest := []any{}, []any{&on}
	for i := range got {
		args, dest = append(args, zoneTimes[i]), append(dest, &got[i])
	}
	_, err := queryRow(ctx, db, "SELECT @@local_infile, CAST(? AS CHAR), CAST(? AS CHAR), CAST(? AS CHAR), CAST(? AS CHAR)", args, dest)
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
