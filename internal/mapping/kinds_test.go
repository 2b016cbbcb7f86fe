package mapping_test

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/goupsert/upsert/internal/mapping"
	"github.com/jmoiron/sqlx/reflectx"
)

// The types that the tests' rows are made of.
type (
	myBool  bool
	myInt   int16
	myUint  uint64
	myText  string
	myFloat float32
	myBytes []byte
	myTime  time.Time // no methods: an opaque struct

	// named has a String method and fields: a struct of columns all the same.
	named struct{ First, Last string }

	// opaque is like big.Int: nothing exported, a String method, neither Scan nor Value.
	opaque struct{ abs []uint }

	// money is a column: its pointer scans, its value is a Valuer.
	money struct{ cents int64 }

	// stamp is a column whose Value method has a pointer receiver.
	stamp struct{ at string }

	// sink can be scanned into and not written.
	sink struct{ seen any }

	// level is a number with a String method: a number.
	level int

	broken struct{}
)

func (n named) String() string { return n.First + " " + n.Last }

func (o *opaque) String() string { return fmt.Sprint(o.abs) }

func (m money) Value() (driver.Value, error) {
	return fmt.Sprintf("%d.%02d", m.cents/100, m.cents%100), nil
}
func (m *money) Scan(src any) error {
	m.cents = src.(int64)
	return nil
}

func (s *stamp) Value() (driver.Value, error) {
	if s == nil {
		return "none", nil
	}
	return s.at, nil
}
func (s *stamp) Scan(src any) error {
	s.at = src.(string)
	return nil
}

func (s *sink) Scan(src any) error {
	s.seen = src
	return nil
}

func (level) String() string { return "a level" }

func (broken) Value() (driver.Value, error) { return nil, errBroken }
func (*broken) Scan(any) error              { return errBroken }

var errBroken = fmt.Errorf("the value is broken")

// sqlxMapper is what sqlx itself uses.
func sqlxMapper() *reflectx.Mapper { return reflectx.NewMapperFunc("db", strings.ToLower) }

func planOf[T any]() (*mapping.Mapping, error) { return mapping.OfStruct(reflect.TypeFor[T](), nil) }

func columnNames(p *mapping.Mapping) []string {
	var names []string
	for _, c := range p.Columns {
		names = append(names, c.Name)
	}
	return names
}

// allKinds is a row with a column of every kind of field.
type allKinds struct {
	ID       int64 `upsert:"key"`
	Bool     bool
	MyBool   myBool
	Int8     int8
	MyInt    myInt
	Uint64   uint64
	MyUint   myUint
	Float32  myFloat
	Text     string
	MyText   myText
	Level    level
	Bytes    []byte
	MyBytes  myBytes
	JSON     json.RawMessage
	Time     time.Time
	PtrInt   *int
	PtrText  *myText
	PtrTime  *time.Time
	PtrPtr   **int
	Null     sql.NullString
	NullTime sql.NullTime
	Generic  sql.Null[int32]
	Money    money
	PtrMoney *money
	Stamp    stamp
	PtrStamp *stamp
	Any      any
	List     []string
	Array    [2]int
}
