package bulk_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check changes by other transactions after a batch has compared the stored rows and before the batch
// writes.

// TestBulkMeetsAnothersChange checks that a statement decides by the rows that it finds after it has waited for a lock, even
// if it compared the stored rows before.
func TestBulkMeetsAnothersChange(t *testing.T) {
	t.Parallel()
	type thing struct {
		K    int    `upsert:"key"`
		V    string // rule replace
		High int    `upsert:"max"`
	}
	for _, c := range []struct {
		name, does string
		row        thing // the second of three rows; the stored row is 2|b|2
		want       upsert.Outcome
		stored     string
	}{
		{"the same change", "UPDATE things SET v = 'new' WHERE k = 2", thing{2, "new", 2}, upsert.Unchanged, "2|new|2"},
		{"another change", "UPDATE things SET v = 'other' WHERE k = 2", thing{2, "new", 2}, upsert.Updated, "2|new|2"},
		{"a greater maximum", "UPDATE things SET high = 9 WHERE k = 2", thing{2, "b", 5}, upsert.Unchanged, "2|b|9"},
		{"a lesser maximum", "UPDATE things SET high = 3 WHERE k = 2", thing{2, "b", 5}, upsert.Updated, "2|b|5"},
		{"a change of a row that would not be written", "UPDATE things SET v = 'other' WHERE k = 2", thing{2, "b", 5}, upsert.Updated, "2|b|5"},
		{"the row gone", "DELETE FROM things WHERE k = 2", thing{2, "new", 1}, upsert.Inserted, "2|new|1"},
		{"a row that was not there", "INSERT INTO things VALUES (3, 'other', 9)", thing{3, "new", 5}, upsert.Updated, "2|b|2 3|new|9"},
		{"the same row that was not there", "INSERT INTO things VALUES (3, 'new', 9)", thing{3, "new", 5}, upsert.Unchanged, "2|b|2 3|new|9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bulkEach(t, lab.Postgres, func(b *bulkLab) {
				b.lab.Exec("CREATE TABLE things (k int PRIMARY KEY, v text, high int)", "INSERT INTO things VALUES (1, 'a', 1), (2, 'b', 2), (4, 'd', 4)")
				table, pool, holder := bulkTable[thing](b, "things"), b.lab.Pool(), b.lab.Begin(nil)
				b.lab.On(holder, c.does)
				var r upsert.Result
				done := lab.Later(func() (err error) {
					r, err = table.PutAll(b.lab.Context(), pool, []thing{{4, "d", 4}, c.row, {1, "a", 1}, {5, "e", 5}}, upsert.Outcomes())
					return err
				})
				b.lab.UntilWaits(pool.ID)
				b.lab.Commit(holder)
				err := b.lab.Result(done)
				want := upsert.Result{Inserted: 1, Unchanged: 2}
				switch c.want {
				case upsert.Inserted:
					want.Inserted++
				case upsert.Updated:
					want.Updated++
				default:
					want.Unchanged++
				}
				b.lab.Want("PutAll", fmt.Sprint(r, err), fmt.Sprint(want, nil))
				b.lab.Want("rows", b.lab.Text("SELECT * FROM things ORDER BY k"), "1|a|1 "+c.stored+" 4|d|4 5|e|5")
			})
			bulkEach(t, lab.Postgres, func(b *bulkLab) { // without outcomes
				b.lab.Exec("CREATE TABLE things (k int PRIMARY KEY, v text, high int)", "INSERT INTO things VALUES (1, 'a', 1), (2, 'b', 2), (4, 'd', 4)")
				table, pool, holder := bulkTable[thing](b, "things"), b.lab.Pool(), b.lab.Begin(nil)
				b.lab.On(holder, c.does)
				done := lab.Later(func() error {
					_, err := table.PutAll(b.lab.Context(), pool, []thing{{4, "d", 4}, c.row, {1, "a", 1}, {5, "e", 5}})
					return err
				})
				b.lab.UntilWaits(pool.ID)
				b.lab.Commit(holder)
				b.lab.Want("PutAll", b.lab.Result(done), nil)
				b.lab.Want("rows", b.lab.Text("SELECT * FROM things ORDER BY k"), "1|a|1 "+c.stored+" 4|d|4 5|e|5")
			})
		})
	}
}

// TestBulkVersionMeetsAnothersChange checks rows that the statement skips. After the statement, the library can no longer
// ask for the previous state of such a row.
func TestBulkVersionMeetsAnothersChange(t *testing.T) {
	t.Parallel()
	type thing struct {
		K   int `upsert:"key"`
		V   string
		Rev int `upsert:"version"`
	}
	for _, c := range []struct {
		name, does string
		want       upsert.Outcome
		stored     string
	}{
		{"a newer version", "UPDATE things SET v = 'newer', rev = 9 WHERE k = 2", upsert.Stale, "2|newer|9"},
		{"the same version", "UPDATE things SET v = 'new', rev = 5 WHERE k = 2", upsert.Unchanged, "2|new|5"},
		{"the same version with another content", "UPDATE things SET v = 'other', rev = 5 WHERE k = 2", upsert.Stale, "2|other|5"},
		{"an older version", "UPDATE things SET v = 'other', rev = 4 WHERE k = 2", upsert.Updated, "2|new|5"},
		{"the row gone", "DELETE FROM things WHERE k = 2", upsert.Inserted, "2|new|5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
				b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v VARCHAR(9), rev INT)", "INSERT INTO things VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)")
				table, pool, holder := bulkTable[thing](b, "things"), b.lab.Pool(), b.lab.Begin(nil)
				b.lab.On(holder, c.does)
				var got []upsert.Outcome
				done := lab.Later(func() error {
					_, err := table.PutAll(b.lab.Context(), pool, []thing{{3, "x", 2}, {2, "new", 5}, {1, "a", 1}}, upsert.EachOutcome(func(_ int, o upsert.Outcome) { got = append(got, o) }))
					return err
				})
				b.lab.UntilWaits(pool.ID)
				b.lab.Commit(holder)
				err := b.lab.Result(done)
				b.lab.Want("outcomes", fmt.Sprint(got, err), fmt.Sprint([]upsert.Outcome{upsert.Stale, c.want, upsert.Unchanged}, nil))
				b.lab.Want("rows", b.lab.Text("SELECT * FROM things ORDER BY k"), "1|a|1 "+c.stored+" 3|c|3")
			})
			bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) { // without outcomes
				b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v VARCHAR(9), rev INT)", "INSERT INTO things VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)")
				table, pool, holder := bulkTable[thing](b, "things"), b.lab.Pool(), b.lab.Begin(nil)
				b.lab.On(holder, c.does)
				done := lab.Later(func() error {
					_, err := table.PutAll(b.lab.Context(), pool, []thing{{3, "x", 2}, {2, "new", 5}, {1, "a", 1}})
					return err
				})
				b.lab.UntilWaits(pool.ID)
				b.lab.Commit(holder)
				b.lab.Want("PutAll", b.lab.Result(done), nil)
				b.lab.Want("rows", b.lab.Text("SELECT * FROM things ORDER BY k"), "1|a|1 "+c.stored+" 3|c|3")
			})
		})
	}
}

// TestBulkBatchesInOppositeOrder checks that two batches in opposite orders lock their rows in the same order.
func TestBulkBatchesInOppositeOrder(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	bulkEach(t, lab.Postgres, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k int PRIMARY KEY, v int)", "INSERT INTO things SELECT k, 0 FROM generate_series(0, 2499) k ORDER BY random()", "ANALYZE things")
		table := bulkTable[thing](b, "things", upsert.OnRetry(func(err error) { b.lab.Errorf("retried after %v; want no retry", err) }))
		up := make([]thing, 2500)
		for i := range up {
			up[i] = thing{i, 1}
		}
		down := slices.Clone(up)
		slices.Reverse(down)
		for i := range down {
			down[i].V = 2
		}
		holder := b.lab.Begin(nil)
		b.lab.On(holder, "UPDATE things SET v = 9 WHERE k = 1250")
		first, second := b.lab.Pool(), b.lab.Pool()
		put := func(pool *lab.Pool, rows []thing) <-chan error {
			return lab.Later(func() error {
				_, err := table.PutAll(b.lab.Context(), pool, rows)
				return err
			})
		}
		one := put(first, up)
		b.lab.UntilWaits(first.ID)
		two := put(second, down)
		b.lab.UntilWaits(second.ID)
		b.lab.Commit(holder)
		b.lab.Want("errors", fmt.Sprint(b.lab.Result(one), b.lab.Result(two)), "<nil> <nil>")
		b.lab.Want("rows of the batch that came last", b.lab.Text("SELECT v, COUNT(*) FROM things GROUP BY v"), "2|2500")
	})
}

// TestBulkPartialIndexIsNotFiltered checks rows outside of a partial index, which cause no conflict and therefore must not
// be filtered.
func TestBulkPartialIndexIsNotFiltered(t *testing.T) {
	t.Parallel()
	type thing struct {
		K    int `upsert:"key"`
		Live int `upsert:"keep"`
		V    int
	}
	bulkEach(t, lab.Postgres, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k int, live int, v int)", "CREATE UNIQUE INDEX ON things (k) WHERE live = 1")
		table := bulkTable[thing](b, "things", upsert.IndexWhere("live = 1"))
		rows := []thing{{1, 1, 1}, {2, 0, 1}, {3, 0, 1}, {4, 1, 1}}
		b.lab.Want("the first time", bulkPut(b, table, b.lab.DB, rows), upsert.Result{Inserted: 4})
		b.lab.Want("the second time", bulkPut(b, table, b.lab.DB, rows), upsert.Result{Inserted: 2, Unchanged: 2})
		b.lab.Want("rows", b.lab.Text("SELECT * FROM things ORDER BY k"), "1|1|1 2|0|1 2|0|1 3|0|1 3|0|1 4|1|1")
	})
}

// TestBulkFoldedKeys checks keys that only a collation or a type treats as equal to the stored key. Such rows must not be
// filtered either.
func TestBulkFoldedKeys(t *testing.T) {
	t.Parallel()
	type thing struct {
		K string `upsert:"key"`
		V int
	}
	type kept struct {
		K string `upsert:"key"`
		V int    `upsert:"keep"`
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE EXTENSION citext", "CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
			"CREATE TABLE first (k citext PRIMARY KEY, v int)", "CREATE TABLE second (k varchar(9) COLLATE folding PRIMARY KEY, v int)")
		for _, via := range bulkPaths() {
			for _, name := range []string{"first", "second"} {
				b := &bulkLab{l, via}
				b.lab.Exec("TRUNCATE "+name, "INSERT INTO "+name+" VALUES ('a', 1), ('b', 1)")
				what := fmt.Sprintf("%v to %s", via, name)
				for rest, v := range []int{1, 2} {
					rows := []thing{{"z", 3}, {"A", v}, {"b", 1}}
					_, err := bulkTable[thing](b, name).PutAll(b.lab.Context(), b.lab.DB, rows)
					b.lab.WantErr(what, err, upsert.ErrOtherKey, "row 1")
					_, err = bulkTable[thing](b, name).PutAll(b.lab.Context(), b.lab.DB, rows, upsert.Outcomes())
					b.lab.WantErr(what+", with outcomes", err, upsert.ErrOtherKey, "row 1")
					_, err = bulkTable[kept](b, name).PutAll(b.lab.Context(), b.lab.DB, []kept{{"z", 3}, {"A", v}, {"b", rest}})
					b.lab.WantErr(what+" that writes no row that is there", err, upsert.ErrOtherKey, "row 1")
				}
				_, err := bulkTable[thing](b, name).PutAll(b.lab.Context(), b.lab.DB, []thing{{"x", 3}, {"X", 3}})
				b.lab.WantErr(what+": two rows of one key", err, upsert.ErrOtherKey)
				b.lab.Want(what+": rows", b.lab.Text("SELECT * FROM "+name+" ORDER BY k"), "a|1 b|1")
			}
		}
	})
}
