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
	"github.com/goupsert/upsert/internal/pipeline"
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
	hex    []hexes // by column
	text   dialect.StageText
	made   bool
	nth    int
	digits []string // for the dialect, as bytes
	bytes  []string
	splits bool // what is not there can be inserted with no word on conflicts
	// stream has the server read rows by the statements of a stage. It is nil where they can only be sent one by one.
	stream func(ctx context.Context, text dialect.StageText, rows *pipeline.Stream) error
	reader string // the name that the server asks rows by
}

// readers tells the names of readers apart, which a driver keeps for the whole process.
var readers atomic.Int64

// newStage finds the way to stage rows on the runner's handle. It returns a *dialect.UnsupportedError where there is none.
func (w *writer) newStage(r *runner) (*stage, error) {
	g := &stage{table: w.batch.table, style: rowtext.Copy, place: w.rechecks && w.cfg.outcomes, reader: "upsert" + strconv.FormatInt(readers.Add(1), 10)}
	var err error
	if w.traits.Copying == dialect.CopyLoadData {
		g.style, g.place = rowtext.Load, false
		g.stream = g.load(r)
		err = g.askColumns(r.ctx, r.db)
	} else {
		for _, c := range w.writes {
			g.hex = append(g.hex, w.held(c.Name).hexes())
		}
		g.stream, err = g.copyStream(r, w.route.auto)
	}
	if err == nil && g.style == rowtext.Copy && !r.own {
		err = g.number(r)
	}
	if err != nil {
		return nil, err
	}
	g.text, err = g.dialect.Stage(g.described(g.writes))
	return g, err
}

// number finds a name that no stage of a call has in which this one is made, as that of a sequence that writes parents first.
func (g *stage) number(r *runner) error {
	for taken := true; taken; {
		text, err := g.dialect.Stage(g.described(g.writes))
		if err == nil {
			_, err = g.queryRow(r.ctx, r.db, text.Taken, nil, []any{&taken})
		}
		if err != nil {
			return err
		}
		if taken {
			g.nth++
		}
	}
	return nil
}

func (g *stage) described(columns []dialect.Column) dialect.Stage {
	return dialect.Stage{Table: g.ident, Columns: columns, Key: g.target.Columns, Place: g.place, Reader: g.reader, Digits: g.digits, Hex: g.bytes, Nth: g.nth}
}

// fill makes the table what the rows are.
func (g *stage) fill(r *runner, columns []dialect.Column, rows *pipeline.Stream) error {
	text, err := g.empty(r, columns)
	if err != nil {
		return err
	}
	return g.stream(r.ctx, text, rows)
}

// empty makes the table, or takes the last rows out of it, for rows of these columns.
func (g *stage) empty(r *runner, columns []dialect.Column) (dialect.StageText, error) {
	text, err := g.dialect.Stage(g.described(columns))
	if err != nil {
		return text, err
	}
	if g.made && g.style == rowtext.Load { // a column that is not loaded may have no default
		g.made = false
	}
	if g.made {
		_, err = r.db.ExecContext(r.ctx, text.Clear)
	} else {
		err = g.create(r, text)
	}
	return text, err
}

func (g *stage) create(r *runner, text dialect.StageText) error {
	if g.style == rowtext.Load { // one that an end of the caller's transaction has left, with its connection
		if _, err := r.db.ExecContext(r.ctx, text.Drop); err != nil {
			return err
		}
	} else {
		text = g.text // it has all columns, whatever is copied
	}
	if _, err := r.db.ExecContext(r.ctx, text.Create); err != nil {
		return err
	}
	g.made = true
	if !r.own || text.Settle == "" {
		return nil
	}
	var memory sql.NullString
	_, err := g.queryRow(r.ctx, r.db, text.Settle, nil, []any{&g.splits, &memory})
	return err
}

// drop leaves nothing behind. On PostgreSQL the end of the transaction does, if it is the library's. Its error is the only one
// that tells of a transaction which the server has ended since the last statement, as Galera does (hazard E3).
func (g *stage) drop(r *runner) error {
	gone := r.own && g.style == rowtext.Copy
	if !g.made || gone {
		return nil
	}
	_, err := r.db.ExecContext(lasting(r.ctx), g.text.Drop)
	return err
}

// load streams rows through the reader that the driver asks for by its name. LOCAL has turned errors into warnings, since
// the server cannot stop the client: any of them is an error here.
func (g *stage) load(r *runner) func(ctx context.Context, text dialect.StageText, rows *pipeline.Stream) error {
	return func(ctx context.Context, text dialect.StageText, rows *pipeline.Stream) error {
		g.copies.register(g.reader, func() io.Reader { return rows })
		defer g.copies.deregister(g.reader)
		if _, err := r.db.ExecContext(ctx, text.Begin); err != nil {
			return err
		}
		_, err := r.db.ExecContext(ctx, text.Load)
		if err == nil {
			err = g.warnings(ctx, r.db)
		}
		_, ending := r.db.ExecContext(lasting(ctx), text.End)
		return cmp.Or(err, ending)
	}
}

// warnings turns the first warning into an error.
func (g *stage) warnings(ctx context.Context, db DB) error {
	rows, err := db.QueryContext(ctx, "SHOW COUNT(*) WARNINGS")
	if err != nil {
		return err
	}
	count := 0
	if err := each(rows, func() error { return rows.Scan(&count) }); err != nil || count == 0 {
		return err
	}
	if rows, err = db.QueryContext(ctx, "SHOW WARNINGS LIMIT 1"); err != nil {
		return err
	}
	first := &loadWarning{Message: fmt.Sprintf("%d values could not be stored as they are", count)}
	err = each(rows, func() error {
		var level string
		return rows.Scan(&level, &first.Number, &first.Message)
	})
	return cmp.Or(err, error(first))
}

// loadWarning is what the server says of a value that LOAD DATA LOCAL could not store as it is. dialect.MySQLNumber reads its
// Number as it does a driver's.
type loadWarning struct {
	Number  uint16
	Message string
}

func (e *loadWarning) Error() string {
	return fmt.Sprintf("LOAD DATA: Error %d: %s", e.Number, e.Message)
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
	_, err := t.queryRow(ctx, db, "SELECT @@local_infile, CAST(? AS CHAR), CAST(? AS CHAR), CAST(? AS CHAR), CAST(? AS CHAR)", args, dest)
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

// askColumns asks which columns LOAD DATA must be given in another form than text. Bytes, and the number that a BIT is, come in
// hexadecimal; the number of an ENUM's or a SET's member is no member's name.
func (g *stage) askColumns(ctx context.Context, db DB) error {
	known, err := g.askCatalog(ctx, db)
	if err != nil {
		return err
	}
	for _, c := range g.writes {
		hex := loadForm(known.held[c.Name].base, c.Kind == dialect.KindNumber)
		if hex.numbers == rowtext.WholeNumbers {
			g.digits = append(g.digits, c.Name)
		}
		if hex.bytes {
			g.bytes = append(g.bytes, c.Name)
		}
		g.hex = append(g.hex, hex)
	}
	return nil
}

// loadForm is how values of a column of MySQL's type base are written for LOAD DATA. A number is to be stored there as a
// parameter is: what reads the digits as another text gets none (hazard H28).
func loadForm(base string, number bool) hexes {
	base, _, _ = strings.Cut(base, " ") // int unsigned
	switch base {
	case "bit":
		return hexes{bytes: true, text: true, number: true}
	case "tinyint", "smallint", "mediumint", "int", "bigint":
		return hexes{numbers: rowtext.RoundedNumbers}
	case "year":
		return hexes{numbers: rowtext.YearNumbers}
	case "enum", "set":
		if number {
			return hexes{numbers: rowtext.WholeNumbers}
		}
		return hexes{numbers: rowtext.NoNumbers}
	case "json", "date", "time", "datetime", "timestamp":
		return hexes{numbers: rowtext.NoNumbers}
	}
	is := holdsBytes(base)
	return hexes{bytes: is, text: is}
}

// holdsBytes reports whether a type of MySQL's holds bytes rather than text: its manual, "The BLOB and TEXT Types", "The BINARY
// and VARBINARY Types" and, for those that are given as WKB, "Spatial Data Types".
func holdsBytes(name string) bool {
	switch name {
	case "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection":
		return true
	}
	return strings.HasSuffix(name, "blob") || strings.HasSuffix(name, "binary")
}

// hexes is which values of a column are written in hexadecimal, and how numbers are written.
type hexes struct {
	bytes, text, number bool
	numbers             rowtext.Numbers
}
