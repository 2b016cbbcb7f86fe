package hazards_test

import (
	"fmt"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check the hazards of MySQL and MariaDB from H26 to H30, which are about stored values.

type anyKeyed struct {
	K any `upsert:"key"`
	V int
}

// keyedVerbs returns functions that write one row, for each verb and path.
func keyedVerbs[T any](l *lab.Lab, table func(...upsert.Option) *upsert.Table[T]) map[string]func(row T) error {
	return map[string]func(row T) error{
		"Put": func(row T) error {
			_, err := table().Put(l.Context(), l.DB, &row)
			return err
		},
		"GetOrCreate": func(row T) error {
			_, err := table().GetOrCreate(l.Context(), l.DB, &row)
			return err
		},
		"Prepared": func(row T) error {
			p, err := table().Prepare(l.Context(), l.DB)
			if err != nil {
				return err
			}
			defer p.Close() //nolint:errcheck // the test is about what it writes
			_, err = p.Put(l.Context(), &row)
			return err
		},
		"PutAll": func(row T) error {
			_, err := table().PutAll(l.Context(), l.DB, []T{row})
			return err
		},
		"PutAll by Copy": func(row T) error {
			_, err := table(lab.Load, upsert.Via(upsert.Copy)).PutAll(l.Context(), l.DB, []T{row}, upsert.Outcomes())
			return err
		},
		"PutSeq": func(row T) error {
			_, err := table().PutSeq(l.Context(), l.DB, func(yield func(T, error) bool) { yield(row, nil) })
			return err
		},
	}
}

func TestHazard_H26_ZeroIsTheNextNumber(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT AUTO_INCREMENT PRIMARY KEY, v INT)", "CREATE TABLE plain (k INT PRIMARY KEY, v INT)",
			"INSERT INTO things VALUES (0, 1)", "INSERT INTO things VALUES (0, 1) ON DUPLICATE KEY UPDATE v = 1")
		l.Want("hazard: rows of key 0", l.Text("SELECT k FROM things"), "1 2")
		for verb, do := range keyedVerbs(l, func(o ...upsert.Option) *upsert.Table[anyKeyed] { return lab.Table[anyKeyed](l, "things", o...) }) {
			for _, zero := range []any{0, false, "0", "-0.0", 0.25, []byte("0")} {
				l.WantErr(fmt.Sprintf("%s of %T %v", verb, zero, zero), do(anyKeyed{zero, 2}), nil, "column k", "the key is 0", "AUTO_INCREMENT")
			}
		}
		l.Want("rows", l.Text("SELECT k, v FROM things"), "1|1 2|1")
		for verb, do := range keyedVerbs(l, func(o ...upsert.Option) *upsert.Table[anyKeyed] { return lab.Table[anyKeyed](l, "plain", o...) }) {
			l.Want(verb+" of 0 elsewhere", do(anyKeyed{0, 2}), nil)
		}
		l.Want("rows elsewhere", l.Text("SELECT k, v FROM plain"), "0|2")

		pool := l.NS.DB(engine.Param("sql_mode", "'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO'"))
		table := lab.Table[anyKeyed](l, "things")
		l.Want("Put of 0 that is 0", lab.Put(l, table, pool, anyKeyed{0, 3}), upsert.Inserted)
		l.Want("Put of 0 again", lab.Put(l, table, pool, anyKeyed{0, 3}), upsert.Unchanged)
	})
}

// ordered has columns whose types define an order.
type ordered[V any] struct {
	K   int `upsert:"key"`
	Max V   `upsert:"max"`
	Min V   `upsert:"min"`
}

type orderedVersion struct {
	K int    `upsert:"key"`
	S string `upsert:"version"`
}

func TestHazard_H27_EnumsAreOrderedByPosition(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, `max` ENUM('new', 'paid', 'done'), `min` SET('new', 'paid', 'done'))", "INSERT INTO things VALUES (1, 'done', 'new')")
		l.Want("hazard: by letters, and by position", l.Text("SELECT `max` > 'new', `max` + 0 > 1 FROM things"), "0|1")
		l.Exec("CREATE TABLE versions (k INT PRIMARY KEY, s ENUM('new', 'paid', 'done'))")
		for verb, do := range keyedVerbs(l, func(o ...upsert.Option) *upsert.Table[ordered[string]] {
			return lab.Table[ordered[string]](l, "things", o...)
		}) {
			if verb == "GetOrCreate" {
				continue
			}
			l.Exec("DELETE FROM things")
			for _, s := range []string{"paid", "done", "new"} {
				if err := do(ordered[string]{1, s, s}); err != nil {
					l.Errorf("%s: %v", verb, err)
				}
			}
			l.Want(verb, l.Text("SELECT `max`, `min` FROM things"), "done|new")
		}
		for verb, do := range keyedVerbs(l, func(o ...upsert.Option) *upsert.Table[ordered[int]] {
			return lab.Table[ordered[int]](l, "things", o...)
		}) {
			if verb == "GetOrCreate" {
				continue
			}
			l.Exec("DELETE FROM things")
			for _, n := range []int{2, 3, 1} {
				if err := do(ordered[int]{1, n, n}); err != nil {
					l.Errorf("%s: %v", verb, err)
				}
			}
			l.Want(verb+" of positions", l.Text("SELECT `max`, `min` FROM things"), "done|new")
		}
		table := lab.Table[orderedVersion](l, "versions")
		var got []upsert.Outcome
		for _, s := range []string{"paid", "done", "new", "done"} {
			got = append(got, lab.Put(l, table, l.DB, orderedVersion{1, s}))
		}
		l.Want("versions", fmt.Sprint(got), fmt.Sprint([]upsert.Outcome{upsert.Inserted, upsert.Updated, upsert.Stale, upsert.Unchanged}))
	})
}

func TestHazard_H29_SessionThatIsNotStrict(t *testing.T) {
	t.Parallel()
	type thing struct {
		K string `upsert:"key"`
		V int
	}
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k VARCHAR(3) PRIMARY KEY, v INT)", "INSERT INTO things VALUES ('abc', 1)")
		lax := l.NS.DB(engine.Param("sql_mode", "''"))
		l.On(lax, "INSERT INTO things VALUES ('abcd', 2) ON DUPLICATE KEY UPDATE v = 2")
		l.Want("hazard: a key that is too long", l.Text("SELECT * FROM things"), "abc|2")
		strict := l.DB
		l.DB = lax
		for verb, do := range keyedVerbs(l, func(o ...upsert.Option) *upsert.Table[thing] { return lab.Table[thing](l, "things", o...) }) {
			l.WantErr(verb, do(thing{"abcd", 3}), nil, "table things", "strict mode", "sql_mode", "STRICT_TRANS_TABLES")
		}
		tx := l.Begin(nil)
		_, err := lab.Table[thing](l, "things").Put(l.Context(), tx, &thing{"abcd", 3})
		l.WantErr("Put in a transaction", err, nil, "strict mode")
		l.DB = strict
		l.Want("rows", l.Text("SELECT * FROM things"), "abc|2")
	})
}

// TestHazard_H30_LastInsertIDOfTheSession checks that the library changes LAST_INSERT_ID() of the session, and the
// workaround that the documentation of Put describes.
func TestHazard_H30_LastInsertIDOfTheSession(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)", "INSERT INTO things VALUES (1, 1)", "CREATE TABLE orders (id INT AUTO_INCREMENT PRIMARY KEY)")
		tx := l.Begin(nil)
		res, err := tx.ExecContext(l.Context(), "INSERT INTO orders VALUES ()")
		if err != nil {
			l.Fatal(err)
		}
		l.Want("before", l.TextOn(tx, "SELECT LAST_INSERT_ID()"), 1)
		l.Want("Put", lab.Put(l, lab.Table[thing](l, "things"), tx, thing{1, 2}), upsert.Updated)
		l.Want("hazard: after", l.TextOn(tx, "SELECT LAST_INSERT_ID() > 9223372036854775800"), 1)
		id, err := res.LastInsertId()
		l.Want("what the Result says", fmt.Sprint(id, err), "1 <nil>")
	})
}
