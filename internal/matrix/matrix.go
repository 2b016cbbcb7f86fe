// Package matrix tests every Go type of a field against every type of a column, over drivers, paths and verbs. A value has one
// meaning: every way of writing the value stores the same or refuses the value. The column types of each database are in
// columns.go and the Go types are in fields.go.
package matrix

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/jmoiron/sqlx"
)

// Driver is a way to reach the database: a driver with one set of driver parameters.
type Driver struct {
	Name string
	DB   *sqlx.DB
	// InTx says that the path Copy also works in the caller's transaction.
	InTx bool
}

// Matrix describes the tests of one database.
type Matrix struct {
	Dialect dialect.Dialect
	// Drivers are the drivers that write. The others are compared with the first driver, which also reads the stored values.
	Drivers []Driver
	Columns []Column
	Options []upsert.Option // Options for New
	Paths   []upsert.Path
	// Stored is an SQL expression that returns the stored value of column v as text.
	Stored string
}

// Column is a column type.
type Column struct {
	Name string
	Type string
	// IsKey says whether values of the type can be a key.
	IsKey bool
	// Own names, on PostgreSQL, the Go values of the column's own kind: "int", "float", "bool", "string", "bytes", "time" or
	// "none". Exec stores other values as the driver encodes them. On other databases Own is "".
	Own string
}

// Run writes values into every column, in one subtest for each column type. A long run uses every Go type, every value and every
// way. A usual run uses a selection that differs from column to column but never from run to run.
func (m *Matrix) Run(t *testing.T) {
	t.Helper()
	for at, column := range m.Columns {
		t.Run(column.Name, func(t *testing.T) {
			t.Parallel()
			fields := Fields()
			choice := rand.New(rand.NewPCG(uint64(at), 0))
			for _, n := range some(choice, 6, len(fields)) {
				f := fields[n]
				f.exercise(&cell{TB: t, m: m, column: column, table: fmt.Sprintf("_%d_%d", at, n), field: f.name, choice: choice})
			}
		})
	}
}

// some selects as many of n numbers as a run uses. A usual run uses few.
func some(choice *rand.Rand, few, n int) []int {
	chosen := choice.Perm(n)[:min(n, engine.Size(few, n))]
	slices.Sort(chosen)
	return chosen
}

// cell is a Go type combined with a column type.
type cell struct {
	testing.TB
	m      *Matrix
	column Column
	table  string // the suffix of the table names
	field  string
	choice *rand.Rand
}

// row has the value in a column beside the key. The type pair has the value in the key.
type row[V any] struct {
	Way int `db:"way" upsert:"key"`
	K   int `db:"k" upsert:"key"`
	V   V   `db:"v"`
}

type pair[V any] struct {
	Way int `db:"way" upsert:"key"`
	V   V   `db:"v" upsert:"key"`
	N   int `db:"n"`
}

// way is a way to write a value.
type way struct {
	driver Driver
	path   upsert.Path
	verb   string
}

// isExec reports whether the way writes without knowing the type of the column.
func (w way) isExec() bool { return strings.HasSuffix(w.verb, "Exec") }

func (w way) String() string { return fmt.Sprintf("%s, %s via %v", w.driver.Name, w.verb, w.path) }

// ways returns all ways. The first way is Put with the first driver.
func (m *Matrix) ways() []way {
	var all []way
	for _, d := range m.Drivers {
		for _, verb := range []string{"Put", "GetOrCreate", "Prepared.Put", "Exec", "Prepared.Exec"} {
			all = append(all, way{d, upsert.Values, verb})
		}
		for _, path := range m.Paths {
			all = append(all, way{d, path, "PutAll"}, way{d, path, "PutSeq"})
			if path != upsert.Copy || d.InTx {
				all = append(all, way{d, path, "PutAll in a transaction"})
			}
		}
	}
	return all
}

// exercise writes the values in every way, each under the number of the way, and compares the results.
func exercise[V any](c *cell, values []V) {
	c.Helper()
	beside := "beside" + c.table
	c.create(beside, "way INT NOT NULL, k INT NOT NULL, v "+c.column.Type+", PRIMARY KEY (way, k)")
	compare(c, tableOf[row[V]](c, beside), beside, values, func(way, n int, v V) row[V] { return row[V]{way, n, v} })
	if !c.column.IsKey {
		return
	}
	inKey := "in_key" + c.table
	c.create(inKey, "way INT NOT NULL, v "+c.column.Type+", n INT NOT NULL, PRIMARY KEY (way, v)")
	if table := tableOf[pair[V]](c, inKey); table != nil {
		compare(c, table, inKey, values, func(way, n int, v V) pair[V] { return pair[V]{way, v, n} })
	}
}

func (c *cell) create(name, columns string) {
	c.Helper()
	if _, err := c.m.Drivers[0].DB.ExecContext(c.Context(), "CREATE TABLE "+name+" ("+columns+")"); err != nil {
		c.Fatal(err)
	}
}

// tableOf returns nil if the Go type cannot be a key.
func tableOf[T any](c *cell, name string) *upsert.Table[T] {
	c.Helper()
	table, err := upsert.New[T](c.m.Dialect, name, c.m.Options...)
	var no *upsert.TagError
	if errors.As(err, &no) {
		return nil
	}
	if err != nil {
		c.Fatal(err)
	}
	return table
}

// compare makes each way write each value twice, under the way's number. Then the first way writes the value under each number.
// If the first way does not find the value that it would have stored, the two ways store or compare differently.
func compare[T, V any](c *cell, table *upsert.Table[T], name string, values []V, rowOf func(way, n int, v V) T) {
	c.Helper()
	ways := c.m.ways()
	for _, n := range some(c.choice, 3, len(values)) {
		v, want := values[n], ""
		for at, number := range append([]int{0}, some(c.choice, 6, len(ways))...) {
			w := ways[number]
			got := c.answer(name, number, func() error {
				return write(c, w, table, rowOf(number, n, v), rowOf(number+len(ways), n, v))
			})
			if !strings.HasPrefix(got, "refused") {
				r := rowOf(number, n, v)
				if o, err := table.Put(c.Context(), c.m.Drivers[0].DB, &r); err != nil || o != upsert.Unchanged {
					got += fmt.Sprintf(", which to %v is %v, %v", ways[0], o, err)
				}
			}
			switch {
			case at == 0:
				want = got
			case number == 0:
			case w.isExec() && c.column.Own != "" && !isOwn(c.column.Own, reflect.TypeOf(v)): // documented behaviour of Exec
			case got != want && !strings.HasPrefix(got, "no path"):
				c.Errorf("%s %#v in %s, %s: %s: %s; want %s as by %v", c.field, v, c.column.Name, name, w, got, want, ways[0])
			}
		}
		c.empty(name)
	}
}

// answer returns the text that write has stored under the way's number, or says that the value was refused.
func (c *cell) answer(name string, number int, write func() error) string {
	c.Helper()
	var lacks *dialect.UnsupportedError
	switch err := write(); {
	case errors.As(err, &lacks), err != nil && strings.Contains(err.Error(), "Scan error"): // GetOrCreate's field cannot hold the value
		return "no path"
	case errors.Is(err, errAgain):
		return err.Error()
	case err != nil:
		return "refused"
	}
	var stored []string
	if err := c.m.Drivers[0].DB.SelectContext(c.Context(), &stored, fmt.Sprintf("SELECT %s FROM %s WHERE way = %d AND v IS NOT NULL", c.m.Stored, name, number)); err != nil {
		c.Fatal(err)
	}
	return strings.Join(stored, " and ")
}

func (c *cell) empty(name string) {
	c.Helper()
	if _, err := c.m.Drivers[0].DB.ExecContext(c.Context(), "DELETE FROM "+name); err != nil {
		c.Fatal(err)
	}
}

// errAgain says that the same way does not recognize its own stored row.
var errAgain = errors.New("written again")

// write writes a new row twice. A batch has a second row with the same value, so that the batch uses the statement for many rows.
func write[T any](c *cell, w way, table *upsert.Table[T], r, second T) error {
	for _, want := range []upsert.Outcome{upsert.Inserted, upsert.Unchanged} {
		if w.isExec() {
			want = upsert.Unknown
		}
		o, err := send(c.Context(), w, table, r, second)
		if err != nil && want == upsert.Unchanged {
			return fmt.Errorf("%w: %w", errAgain, err)
		}
		if err != nil {
			return err
		}
		if o != want {
			return fmt.Errorf("%w: %v, want %v", errAgain, o, want)
		}
	}
	return nil
}

// send writes a row in the given way.
func send[T any](ctx context.Context, w way, table *upsert.Table[T], r, second T) (upsert.Outcome, error) {
	opts := []upsert.PutOption{upsert.Via(w.path), upsert.Outcomes()}
	var result upsert.Result
	var err error
	switch w.verb {
	case "Put":
		return table.Put(ctx, w.driver.DB, &r)
	case "GetOrCreate":
		created, err := table.GetOrCreate(ctx, w.driver.DB, &r)
		if created {
			return upsert.Inserted, err
		}
		return upsert.Unchanged, err
	case "Exec":
		_, err := table.Exec(ctx, w.driver.DB, &r)
		return upsert.Unknown, err
	case "Prepared.Put", "Prepared.Exec":
		stmts, err := table.Prepare(ctx, w.driver.DB)
		if err != nil {
			return upsert.Unknown, err
		}
		defer stmts.Close() //nolint:errcheck // only a test
		if w.isExec() {
			_, err = stmts.Exec(ctx, &r)
			return upsert.Unknown, err
		}
		return stmts.Put(ctx, &r)
	case "PutSeq":
		result, err = table.PutSeq(ctx, w.driver.DB, func(yield func(T, error) bool) { _ = yield(r, nil) && yield(second, nil) }, opts...)
	case "PutAll":
		result, err = table.PutAll(ctx, w.driver.DB, []T{r, second}, opts...)
	default:
		tx, begin := w.driver.DB.BeginTxx(ctx, nil)
		if begin != nil {
			return upsert.Unknown, begin
		}
		if result, err = table.PutAll(ctx, tx, []T{r, second}, opts...); err == nil {
			err = tx.Commit()
		} else {
			_ = tx.Rollback()
		}
	}
	return outcomeOf(result), err
}

// outcomeOf returns the common outcome of both rows.
func outcomeOf(r upsert.Result) upsert.Outcome {
	counts := []int64{r.Inserted, r.Updated, r.Unchanged, r.Stale}
	if at := slices.Index(counts, 2); at >= 0 {
		return []upsert.Outcome{upsert.Inserted, upsert.Updated, upsert.Unchanged, upsert.Stale}[at]
	}
	return upsert.Unknown
}

// isOwn reports whether a Go type belongs to the kind of a column.
func isOwn(kind string, v reflect.Type) bool {
	switch {
	case v == nil:
		return false
	case v == reflect.TypeFor[time.Time]():
		return kind == "time"
	case v == reflect.TypeFor[[]byte]():
		return kind == "bytes"
	case v.Implements(reflect.TypeFor[driver.Valuer]()):
		return false
	}
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return kind == "int"
	case reflect.Float64:
		return kind == "float"
	case reflect.Bool:
		return kind == "bool"
	case reflect.String:
		return kind == "string"
	}
	return false
}
