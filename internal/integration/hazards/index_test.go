package hazards_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/lab"
)

type indexed struct {
	A int `upsert:"key"`
	B int `upsert:"key"`
	V int
}

func TestHazard_H24_MissingUniqueIndex(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		columns string
		sound   bool
	}{
		"none":                    {"a INT, b INT, v INT", false},
		"not unique":              {"a INT, b INT, v INT, KEY (a, b)", false},
		"on one of the columns":   {"a INT UNIQUE, b INT, v INT", false},
		"on a further column":     {"a INT, b INT, v INT, UNIQUE (a, b, v)", false},
		"on each by itself":       {"a INT UNIQUE, b INT UNIQUE, v INT", false},
		"primary key":             {"a INT, b INT, v INT, PRIMARY KEY (a, b)", true},
		"in another order":        {"a INT, b INT, v INT, UNIQUE (b, a)", true},
		"beside others":           {"id INT AUTO_INCREMENT PRIMARY KEY, a INT, b INT, v INT, UNIQUE (a, b), KEY (v)", true},
		"columns in capitals":     {"A INT, B INT, v INT, UNIQUE (A, B)", true},
		"generated beside":        {"a INT, b INT, v INT, w INT AS (v + 1), UNIQUE (a, b), UNIQUE (a, w)", true},
		"name that needs quoting": {"a INT, b INT, v INT, UNIQUE `a ``b` (a, b)", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
				l.Exec("CREATE TABLE things (" + c.columns + ")")
				if c.sound {
					table := lab.Table[indexed](l, "things")
					l.Want("a row", lab.Put(l, table, l.DB, indexed{1, 2, 3}), upsert.Inserted)
					l.Want("the row again", lab.Put(l, table, l.DB, indexed{1, 2, 3}), upsert.Unchanged)
					return
				}
				wantNoIndex(l)
			})
		})
	}
}

// wantNoIndex wants every verb on every handle to refuse the table. It also wants the statement in the error to correct the
// table.
func wantNoIndex(l *lab.Lab) {
	l.Helper()
	row, rows := indexed{1, 2, 3}, []indexed{{1, 2, 3}, {2, 2, 3}}
	var wrong *upsert.SchemaError
	tx := l.Begin(nil)
	for name, db := range map[string]upsert.DB{"pool": l.DB, "connection": l.Conn(), "transaction": tx, "bare": bare{l.DB}} {
		for verb, call := range map[string]func(*upsert.Table[indexed]) error{
			"Put":         func(t *upsert.Table[indexed]) error { _, err := t.Put(l.Context(), db, &row); return err },
			"PutAll":      func(t *upsert.Table[indexed]) error { _, err := t.PutAll(l.Context(), db, rows); return err },
			"PutSeq":      func(t *upsert.Table[indexed]) error { _, err := t.PutSeq(l.Context(), db, lab.Seq(rows)); return err },
			"GetOrCreate": func(t *upsert.Table[indexed]) error { _, err := t.GetOrCreate(l.Context(), db, &row); return err },
			"Prepare": func(t *upsert.Table[indexed]) error {
				if name == "bare" {
					return &upsert.SchemaError{} // Prepare refuses a bare handle for another reason
				}
				_, err := t.Prepare(l.Context(), db)
				return err
			},
		} {
			table := lab.Table[indexed](l, "things")
			if err := call(table); !errors.As(err, &wrong) {
				l.Errorf("%s on a %s: %v, want a *SchemaError", verb, name, err)
			}
		}
	}
	l.Commit(tx) // the transaction holds the table's metadata lock
	_, err := lab.Table[indexed](l, "things").Put(l.Context(), l.DB, &row)
	l.WantErr("the error", err, nil, "upsert: table things: no unique index has exactly the key's columns (a, b)", "ADD UNIQUE INDEX", "GROUP BY")
	if !errors.As(err, &wrong) {
		return
	}
	p := wrong.Problems[0]
	l.Want("the problem", strings.Join([]string{string(p.Check), p.Severity.String(), p.Column}, "|"), "no unique index|fault|a, b")
	l.Exec("INSERT INTO things (a, b, v) VALUES (1, 2, 3)")
	l.Want("rows that would stop it", l.Text(p.Find), "")
	l.Exec(p.Mend)
	l.Want("the row, when it is mended", lab.Put(l, lab.Table[indexed](l, "things"), l.DB, row), upsert.Unchanged)
}

func TestHazard_H24_RowsThatWouldStopTheIndex(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (a INT, b INT, v INT)",
			"INSERT INTO things VALUES (1, 2, 3) ON DUPLICATE KEY UPDATE v = 3", "INSERT INTO things VALUES (1, 2, 3) ON DUPLICATE KEY UPDATE v = 3")
		l.Want("hazard: rows of one key", l.Text("SELECT COUNT(*) FROM things"), 2)
		var wrong *upsert.SchemaError
		_, err := lab.Table[indexed](l, "things").Put(l.Context(), l.DB, &indexed{1, 2, 3})
		if !errors.As(err, &wrong) {
			l.Fatalf("Put: %v, want a *SchemaError", err)
		}
		l.Want("rows that would stop it", l.Text(wrong.Problems[0].Find), "1|2|2")
		l.Fails(l.DB, "1062", wrong.Problems[0].Mend)
	})
}

// TestHazard_H24_WhatCannotBeAsked checks that a write through a view goes on, and that the library finds the indexes of a
// temporary table that hides another table.
func TestHazard_H24_WhatCannotBeAsked(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE base (a INT, b INT, v INT, PRIMARY KEY (a, b))", "CREATE VIEW things AS SELECT a, b, v FROM base")
		table := lab.Table[indexed](l, "things")
		lab.Put(l, table, l.DB, indexed{1, 2, 3})
		lab.Put(l, table, l.DB, indexed{1, 2, 4})
		l.Want("rows through a view", l.Text("SELECT * FROM base"), "1|2|4")

		conn := l.Conn()
		l.On(conn, "CREATE TEMPORARY TABLE base (a INT, b INT, v INT)")
		_, err := lab.Table[indexed](l, "base").Put(l.Context(), conn, &indexed{1, 2, 3})
		l.WantErr("Put into a temporary table without the index", err, nil, "no unique index")
		l.On(conn, "CREATE TEMPORARY TABLE mine (a INT, b INT, v INT, UNIQUE (a, b))")
		l.Want("Put into a temporary table with it", lab.Put(l, lab.Table[indexed](l, "mine"), conn, indexed{1, 2, 3}), upsert.Inserted)

		_, err = lab.Table[indexed](l, "nowhere").Put(l.Context(), l.DB, &indexed{1, 2, 3})
		l.WantCode("Put into no table", err, "1146")
	})
}

// asking is a pool that counts the questions about indexes.
type asking struct {
	*sql.DB
	asked int
}

func (a *asking) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if strings.HasPrefix(query, "SHOW INDEX") {
		a.asked++
	}
	return a.DB.QueryContext(ctx, query, args...)
}

func TestUniqueIndexIsAskedForOnceAPool(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (a INT, b INT, v INT, PRIMARY KEY (a, b))")
		table, first, second := lab.Table[indexed](l, "things"), &asking{DB: l.DB.DB}, &asking{DB: l.DB.DB}
		for n := range 3 {
			for _, db := range []*asking{first, second} {
				lab.Put(l, table, db, indexed{n, 1, 1})
				if _, err := table.PutAll(l.Context(), db, []indexed{{n, 2, 1}, {n, 3, 1}}); err != nil {
					l.Fatal(err)
				}
			}
		}
		l.Want("questions", first.asked+second.asked, 2)
	})
}
