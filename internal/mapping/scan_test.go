package mapping_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/mapping"
)

// answer is a database that returns one row of one value, so that database/sql itself fills the destinations.
type answer struct{ value driver.Value }

func (a answer) Connect(context.Context) (driver.Conn, error) { return a, nil }
func (a answer) Driver() driver.Driver                        { return nil }
func (a answer) Prepare(string) (driver.Stmt, error)          { return nil, driver.ErrSkip }
func (a answer) Begin() (driver.Tx, error)                    { return nil, driver.ErrSkip }
func (a answer) Close() error                                 { return nil }
func (a answer) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &oneRow{value: a.value}, nil
}

type oneRow struct {
	value driver.Value
	done  bool
}

func (r *oneRow) Columns() []string { return []string{"v"} }
func (r *oneRow) Close() error      { return nil }
func (r *oneRow) Next(dest []driver.Value) error {
	if r.done {
		return io.EOF
	}
	r.done, dest[0] = true, r.value
	return nil
}

// scan fills dest as rows.Scan does.
func scan(t *testing.T, value driver.Value, dest any) error {
	t.Helper()
	db := sql.OpenDB(answer{value})
	defer db.Close()
	return db.QueryRowContext(t.Context(), "").Scan(dest)
}

// fills checks that value arrives in a field of want's type that has another value before.
func fills[T any](t *testing.T, before T, value driver.Value, want T) {
	t.Helper()
	type row struct {
		V T `db:"v"`
	}
	p, err := planOf[row]()
	if err != nil {
		t.Fatal(err)
	}
	r := row{before}
	if err := scan(t, value, p.Columns[0].ScanTarget(reflect.ValueOf(&r).Elem())); err != nil {
		t.Errorf("a %T %v does not go into a %T: %v", value, value, want, err)
		return
	}
	if got, ok := any(r.V).(time.Time); ok {
		if !got.Equal(any(want).(time.Time)) {
			t.Errorf("%v became %v, want %v", value, got, want)
		}
		return
	}
	if !reflect.DeepEqual(r.V, want) {
		t.Errorf("a %T %v in a %T became %v, want %v", value, value, want, r.V, want)
	}
}

func TestDestOfTimes(t *testing.T) {
	t.Parallel()
	second := noon.Truncate(time.Second)
	for _, text := range []string{
		"2026-05-04 12:00:00.123456789+00:00", "2026-05-04T12:00:00.123456789+00:00", "2026-05-04T12:00:00.123456789Z",
		"2026-05-04 12:00:00.123456789 +0000 UTC", "2026-05-04 12:00:00.123456789", "2026-05-04T12:00:00.123456789",
		"2026-05-04 14:00:00.123456789+02:00", "2026-05-04 12:00:00.123456789Z",
	} {
		fills(t, time.Now(), text, noon)
		fills(t, time.Now(), []byte(text), noon)
	}
	fills(t, noon, driver.Value(second), second)
	fills(t, noon, "2026-05-04 12:00:00", second)
	fills(t, noon, "2026-05-04 12:00:00+00:00", second)
	fills(t, noon, "2026-05-04 12:00", second)
	fills(t, noon, "2026-05-04T12:00", second)
	fills(t, noon, "2026-05-04", second.Truncate(24*time.Hour))
}

func TestDestOfNullableTimes(t *testing.T) {
	t.Parallel()
	utc := noon.In(time.UTC)
	const text = "2026-05-04 12:00:00.123456789"
	fills(t, &time.Time{}, nil, nil)
	fills(t, nil, text, &utc)
	fills(t, sql.NullTime{Valid: true}, nil, sql.NullTime{})
	fills(t, sql.NullTime{}, text, sql.NullTime{Time: utc, Valid: true})
	fills(t, sql.NullTime{}, driver.Value(noon), sql.NullTime{Time: noon, Valid: true})
	fills(t, sql.Null[time.Time]{}, text, sql.Null[time.Time]{V: utc, Valid: true})
	fills(t, sql.Null[time.Time]{Valid: true}, nil, sql.Null[time.Time]{})
	fills(t, nil, text, ptr(sql.NullTime{Time: utc, Valid: true}))
}

func TestDestOfBytesAndJSON(t *testing.T) {
	t.Parallel()
	fills(t, json.RawMessage("old"), `{"a":1}`, json.RawMessage(`{"a":1}`))
	fills(t, json.RawMessage("old"), []byte(`{"a":1}`), json.RawMessage(`{"a":1}`))
	fills(t, json.RawMessage("old"), nil, nil)
	fills(t, []byte("old"), "text", []byte("text"))
	fills(t, []byte("old"), []byte("bytes"), []byte("bytes"))
	fills(t, []byte("old"), nil, nil)
	fills(t, []byte(nil), []byte{}, []byte{})
	fills(t, myBytes(nil), "text", myBytes("text"))
	fills(t, nil, `{"a":1}`, ptr(json.RawMessage(`{"a":1}`)))
	fills(t, nil, "text", ptr(myBytes("text")))
	fills(t, ptr(json.RawMessage("old")), nil, nil)
	fills(t, sql.Null[json.RawMessage]{}, `{"a":1}`, sql.Null[json.RawMessage]{V: json.RawMessage(`{"a":1}`), Valid: true})
}

func TestDestOfTheRestIsDatabaseSQLs(t *testing.T) {
	t.Parallel()
	fills(t, 0, int64(5), 5)
	fills(t, "", []byte("x"), "x")
	fills(t, myText(""), "x", myText("x"))
	fills(t, myBool(false), int64(1), myBool(true))
	fills(t, nil, int64(5), ptr(5))
	fills(t, ptr(5), nil, nil)
	fills(t, money{}, int64(7), money{7})
	fills(t, nil, int64(7), &money{7})
	fills(t, sql.NullString{}, "x", sql.NullString{String: "x", Valid: true})
	fills(t, nil, "x", any("x"))
}

func TestDestRefuses(t *testing.T) {
	t.Parallel()
	type row struct {
		At    time.Time
		Bytes []byte
		N     int
	}
	p, err := planOf[row]()
	if err != nil {
		t.Fatal(err)
	}
	r := row{At: noon, N: 1}
	for _, c := range []struct {
		column int
		value  driver.Value
		says   string
	}{
		{0, nil, "NULL in a time.Time"},
		{0, "yesterday", `"yesterday" as a time`},
		{0, []byte("0000-00-00 00:00:00"), "as a time"},
		{0, int64(5), "a int64 in a time.Time"},
		{1, int64(5), "a int64 in a []uint8"},
		{2, nil, "NULL"},
	} {
		err := scan(t, c.value, p.Columns[c.column].ScanTarget(reflect.ValueOf(&r).Elem()))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%T %v into column %s: %v, want an error that has %q", c.value, c.value, p.Columns[c.column].Name, err, c.says)
		}
	}
	if !r.At.Equal(noon) || r.N != 1 {
		t.Errorf("a refused value changed the row to %+v", r)
	}
}

func TestDestKeepsNothingOfTheDriversMemory(t *testing.T) {
	t.Parallel()
	var r struct{ V []byte }
	p, err := mapping.OfStruct(reflect.TypeOf(r), nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.OfMap([]mapping.MapColumn{{Name: "v"}})
	if err != nil {
		t.Fatal(err)
	}
	row, lent := map[string]any{}, []byte("abc")
	for _, dest := range []any{p.Columns[0].ScanTarget(reflect.ValueOf(&r).Elem()), m.Columns[0].ScanTarget(reflect.ValueOf(row))} {
		if err := dest.(sql.Scanner).Scan(lent); err != nil {
			t.Fatal(err)
		}
	}
	lent[0] = 'X'
	if string(r.V) != "abc" || string(row["v"].([]byte)) != "abc" {
		t.Errorf("the row has %q, the map %q: the driver may reuse its bytes, want a copy of abc", r.V, row["v"])
	}
}

func TestDestAllocatesNilPointersOnTheWay(t *testing.T) {
	t.Parallel()
	type row struct {
		ID int
		*Audit
		Work *struct{ Home *Address }
	}
	p, err := planOf[row]()
	if err != nil {
		t.Fatal(err)
	}
	var r row
	v := reflect.ValueOf(&r).Elem()
	for name, value := range map[string]driver.Value{"created_at": noon, "created_by": "me", "work.home.town": "Bern"} {
		if err := scan(t, value, p.Columns[p.Index(name)].ScanTarget(v)); err != nil {
			t.Fatal(err)
		}
	}
	if r.Audit == nil || !r.CreatedAt.Equal(noon) || r.CreatedBy != "me" || r.Work == nil || r.Work.Home == nil || r.Work.Home.City != "Bern" {
		t.Errorf("the row is %+v: not all arrived", r)
	}
}

func TestDestOfMaps(t *testing.T) {
	t.Parallel()
	p, err := mapping.OfMap([]mapping.MapColumn{{Name: "a"}, {Name: "b"}})
	if err != nil {
		t.Fatal(err)
	}
	row := map[string]any{"a": "old"}
	v := reflect.ValueOf(row)
	for i, value := range []driver.Value{nil, int64(3)} {
		if err := scan(t, value, p.Columns[i].ScanTarget(v)); err != nil {
			t.Fatal(err)
		}
	}
	if want := map[string]any{"a": nil, "b": int64(3)}; !reflect.DeepEqual(row, want) {
		t.Errorf("the row is %v, want %v", row, want)
	}
}
