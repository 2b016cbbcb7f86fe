package upsert

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goupsert/upsert/internal/plan"
)

// binder is the arguments of a statement while they are gathered.
type binder struct {
	table   *table
	args    []any
	size    int             // about how many bytes they are on the wire
	merge   bool            // the column at hand is a merge patch
	removes bool            // a merge patch removes members
	wide    bool            // an integer is beyond what a float holds, and there are columns that make it one
	times   strings.Builder // the texts of times: one piece of memory for many rows
	err     error
}

var _ plan.Sink = (*binder)(nil)

func (b *binder) add(v any, size int) {
	b.args, b.size = append(b.args, v), b.size+size
}

// Null implements plan.Sink, as the methods below do.
func (b *binder) Null()       { b.add(nil, 1) }
func (b *binder) Bool(v bool) { b.add(v, 1) }
func (b *binder) Other(v any) { b.add(v, 8) }

// Int is what a REAL column of SQLite's may round.
func (b *binder) Int(v int64) {
	const exact = 1 << 53
	b.wide = b.wide || (v > exact || v < -exact) && b.table.traits.UTC
	b.add(v, 8)
}

// Float refuses what would be stored as NULL.
func (b *binder) Float(v float64) {
	if b.table.traits.NullNaN && math.IsNaN(v) && b.err == nil {
		b.err = errors.New("NaN would be stored as NULL: use a pointer or sql.Null for what may be missing")
	}
	b.add(v, 8)
}

// Time is text where it is stored as text: drivers write it in forms of their own (hazard S18).
func (b *binder) Time(v time.Time) {
	at := b.table.instant(v)
	if !b.table.traits.UTC {
		b.add(at, 27)
		return
	}
	if err := checkYear(at); b.err == nil {
		b.err = err
	}
	var room [len(timeLayout)]byte
	start := b.times.Len()
	b.times.Write(at.AppendFormat(room[:0], timeLayout))
	b.add(b.times.String()[start:], len(timeLayout))
}

// timeLayout is the form that go-sqlite3 writes and SQLite's functions read. Its order is the order in time.
const timeLayout = "2006-01-02 15:04:05.999999999-07:00"

// checkYear refuses a time whose text would be in another place than the time.
func checkYear(at time.Time) error {
	if y := at.Year(); y < 0 || y > 9999 {
		return fmt.Errorf("a time of the year %d has no text whose order is the order in time: the years are 0 to 9999", y)
	}
	return nil
}

// Uint is text to PostgreSQL, which has no such type and reads it as the column's; database/sql would refuse it.
func (b *binder) Uint(v uint64) {
	if b.table.traits.Typed {
		b.add(strconv.FormatUint(v, 10), 20)
	} else {
		b.add(v, 8)
	}
}

func (b *binder) Text(v string) {
	if b.merge && b.err == nil {
		b.err = checkPatch(v)
		b.removes = b.removes || removesMembers(v)
	}
	b.add(v, len(v))
}

func (b *binder) RawText(v []byte) { b.Text(string(v)) }

// Bytes that are a merge patch are text, for some databases take no bytes for JSON.
func (b *binder) Bytes(v []byte) {
	if b.merge {
		b.Text(string(v))
	} else {
		b.add(v, len(v))
	}
}

// instant is a time as it is bound. Where times are text it is in UTC, so that their order is the order in time; elsewhere
// it has no more than the microseconds that a server keeps, or drivers and servers would round it in ways of their own.
// The monotonic clock, which one driver would write into the text, is gone.
func (t *table) instant(at time.Time) time.Time {
	if t.traits.UTC {
		return at.UTC().Round(0)
	}
	return at.Truncate(time.Microsecond)
}

// bind appends the arguments of a row.
func (b *batch) bind(to *binder, i int32, omit uint64) error {
	row := b.rows.at(int(i))
	for c := range b.cols {
		if !b.sends(omit, c) {
			continue
		}
		to.merge = b.writes[c].Rule == Merge
		if err := b.giveOne(to, i, c, row, &to.err); err != nil {
			return err
		}
	}
	return nil
}

// giveOne gives the value of a row's column to a sink, which leaves what it has against it in failed.
func (b *batch) giveOne(to plan.Sink, i int32, c int, row reflect.Value, failed *error) error {
	var err error
	if place := b.keyPlace[c]; place >= 0 {
		b.keyed[place].give(i, to)
	} else {
		err = b.cols[c].Give(row, to)
	}
	if err == nil {
		err = *failed
	}
	if err != nil {
		return b.fail(int(i), b.cols[c].Name, err)
	}
	return nil
}
