package plan

import (
	"database/sql"
	"fmt"
	"reflect"
	"time"
)

// destOf returns what rows.Scan fills f through: its own Scan method or address, but for the types that database/sql
// cannot fill from what some drivers return.
func destOf(f reflect.Value) any {
	t := f.Type()
	switch {
	case t == timeType || t == reflect.TypeFor[*time.Time]() || t == reflect.TypeFor[sql.NullTime]():
		return &timeDest{f}
	case isScanner(t):
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return &bytesDest{f}
	}
	return f.Addr().Interface()
}

// bytesDest fills any byte slice type from text too: go-sqlite3 returns TEXT as a string, which database/sql does not
// convert to a json.RawMessage.
type bytesDest struct{ f reflect.Value }

func (d *bytesDest) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		d.f.SetZero()
	case []byte:
		d.f.SetBytes(append([]byte{}, v...))
	case string:
		d.f.SetBytes([]byte(v))
	default:
		return fmt.Errorf("cannot store a %T in a %s", src, d.f.Type())
	}
	return nil
}

// timeDest fills a time from text too: SQLite has no time type, and a RETURNING column tells its driver no declared one;
// go-sql-driver returns text without parseTime.
type timeDest struct{ f reflect.Value }

// timeLayouts are what go-sqlite3, modernc.org/sqlite, SQLite's own functions and MySQL write.
var timeLayouts = [...]string{
	"2006-01-02 15:04:05.999999999-07:00", "2006-01-02T15:04:05.999999999-07:00", "2006-01-02 15:04:05.999999999 -0700 MST",
	"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z",
	"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02",
}

func (d *timeDest) Scan(src any) error {
	var at time.Time
	switch v := src.(type) {
	case nil:
		if d.f.Type() == timeType {
			return fmt.Errorf("cannot store NULL in a time.Time")
		}
		d.f.SetZero()
		return nil
	case time.Time:
		at = v
	case string:
		var err error
		if at, err = parseTime(v); err != nil {
			return err
		}
	case []byte:
		var err error
		if at, err = parseTime(string(v)); err != nil {
			return err
		}
	default:
		return fmt.Errorf("cannot store a %T in a time.Time", src)
	}
	switch d.f.Type() {
	case timeType:
		d.f.Set(reflect.ValueOf(at))
	case reflect.TypeFor[*time.Time]():
		d.f.Set(reflect.ValueOf(&at))
	default:
		d.f.Set(reflect.ValueOf(sql.NullTime{Time: at, Valid: true}))
	}
	return nil
}

func parseTime(s string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if at, err := time.Parse(layout, s); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("cannot read %q as a time", s)
}

// mapDest puts a column into a map row.
type mapDest struct {
	m    map[string]any
	name string
}

func (d *mapDest) Scan(src any) error {
	if b, ok := src.([]byte); ok {
		src = append([]byte{}, b...)
	}
	d.m[d.name] = src
	return nil
}
