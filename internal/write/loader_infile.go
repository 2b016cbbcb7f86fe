package write

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/pipeline"
	"github.com/goupsert/upsert/internal/rowtext"
	"github.com/goupsert/upsert/internal/txn"
)

// infileLoader runs LOAD DATA LOCAL.
type infileLoader struct {
	stage *stage
	db    dbconn.Handle
}

// load streams rows through the reader that the driver asks for by its name. LOCAL turns errors into warnings, because the server
// cannot stop the client. So load returns any warning as an error.
func (l infileLoader) load(ctx context.Context, text dialect.StageText, rows *pipeline.Stream) error {
	copies := &l.stage.table.copies
	copies.Register(l.stage.reader, func() io.Reader { return rows })
	defer copies.Deregister(l.stage.reader)
	if _, err := l.db.ExecContext(ctx, text.Begin); err != nil {
		return err
	}
	_, err := l.db.ExecContext(ctx, text.Load)
	if err == nil {
		err = l.firstWarning(ctx)
	}
	_, ending := l.db.ExecContext(context.WithoutCancel(ctx), text.End)
	return cmp.Or(err, ending)
}

// firstWarning returns the statement's first warning as an error.
func (l infileLoader) firstWarning(ctx context.Context) error {
	rows, err := l.db.QueryContext(ctx, "SHOW COUNT(*) WARNINGS") //nolint:rowserrcheck // Each checks it
	if err != nil {
		return err
	}
	count := 0
	if err := txn.Each(rows, func() error { return rows.Scan(&count) }); err != nil || count == 0 {
		return err
	}
	if rows, err = l.db.QueryContext(ctx, "SHOW WARNINGS LIMIT 1"); err != nil { //nolint:rowserrcheck // Each checks it
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

// loadsLocal reports whether the server takes LOAD DATA LOCAL, and returns an error if the driver writes times in another zone than
// UTC.
func (t *Table) loadsLocal(ctx context.Context, db dbconn.Handle) (bool, error) {
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
			return false, &dialect.UnsupportedError{Feature: "way to know the zone in which this connection writes times, as Via(Copy) must", Dialect: t.spec.Dialect.Name(), Hint: "leave the driver's parameter loc at UTC, or use Via(Values)"}
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

// readers numbers the readers, because a driver keeps their names for the whole process.
var readers atomic.Int64
