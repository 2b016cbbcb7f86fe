package hazards_test

import (
	"fmt"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check the hazards of PostgreSQL from P40 on, which are about the choice of the stored row.

func TestHazard_P40_ChildrenHaveRowsOfTheirOwn(t *testing.T) {
	t.Parallel()
	type thing struct {
		ID  int64  `upsert:"generated"`
		K   string `upsert:"key"`
		Rev int    `upsert:"version"`
		V   int
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE parents (id serial, k text UNIQUE, rev int, v int)", "CREATE TABLE children (own int) INHERITS (parents)",
			"INSERT INTO children (id, k, rev, v) VALUES (7, 'a', 1, 1), (8, 'b', 9, 9), (9, 'c', 1, 1)", "INSERT INTO parents (id, k, rev, v) VALUES (70, 'a', 3, 3), (80, 'b', 3, 3)",
			"INSERT INTO children (id, k, rev, v) VALUES (71, 'a', 9, 9)")
		l.Want("hazard: ids that are found", l.Text("SELECT id FROM parents WHERE k = 'a' ORDER BY id"), "7 70 71")
		table := lab.Table[thing](l, "parents")
		for _, c := range []struct {
			row  thing
			want upsert.Outcome
			id   int64
		}{{thing{0, "a", 3, 3}, upsert.Unchanged, 70}, {thing{0, "a", 1, 1}, upsert.Stale, 70}, {thing{0, "b", 4, 4}, upsert.Updated, 80}} {
			row := c.row
			l.Want(fmt.Sprintf("Put(%+v)", c.row), putReading(l, table, &row), c.want)
			l.Want(fmt.Sprintf("id of Put(%+v)", c.row), row.ID, c.id)
		}
		row := thing{0, "a", 5, 5}
		created, err := table.GetOrCreate(l.Context(), l.DB, &row)
		l.Want("GetOrCreate", fmt.Sprint(created, err, row), fmt.Sprint(false, nil, thing{70, "a", 3, 3}))
		row = thing{0, "c", 5, 5}
		created, err = table.GetOrCreate(l.Context(), l.DB, &row)
		l.Want("GetOrCreate of a key that only a child has", fmt.Sprint(created, err, row.V), fmt.Sprint(true, nil, 5))
		r, err := table.PutAll(l.Context(), l.DB, []thing{{0, "a", 3, 3}, {0, "b", 3, 3}, {0, "c", 6, 6}}, upsert.Outcomes())
		l.Want("PutAll", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Updated: 1, Unchanged: 1, Stale: 1}, nil))
		l.Want("the parent's rows", l.Text("SELECT k, rev FROM ONLY parents ORDER BY k"), "a|3 b|4 c|6")
	})
}

func TestHazard_P41_ConstraintOfOtherColumns(t *testing.T) {
	t.Parallel()
	type thing struct {
		K     int `upsert:"key"`
		Email string
		V     int
	}
	type seat struct {
		Email string `upsert:"key"`
		K     int    `upsert:"key"`
		V     int
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k int CONSTRAINT things_k PRIMARY KEY, email text CONSTRAINT things_email UNIQUE, v int, CONSTRAINT things_both UNIQUE (k, email))",
			"INSERT INTO things VALUES (1, 'a', 1), (2, 'b', 2)")
		naive := "INSERT INTO things VALUES (1, 'b', 7) ON CONFLICT ON CONSTRAINT things_email DO UPDATE SET v = EXCLUDED.v"
		l.Want("hazard: the row of key 1", l.TextOn(l.DB, "WITH w AS ("+naive+" RETURNING k) SELECT k FROM w"), "2")
		l.Exec("UPDATE things SET v = 2 WHERE k = 2")
		for _, constraint := range []string{"things_email", "things_both"} {
			table := lab.Table[thing](l, "things", upsert.OnConstraint(constraint))
			row := thing{1, "b", 7}
			_, putting := table.Put(l.Context(), l.DB, &row)
			_, getting := table.GetOrCreate(l.Context(), l.DB, &row)
			_, batching := table.PutAll(l.Context(), l.DB, []thing{row, {3, "c", 3}})
			_, single := table.PutAll(l.Context(), l.DB, []thing{row})
			_, preparing := table.Prepare(l.Context(), l.DB)
			for verb, err := range map[string]error{"Put": putting, "GetOrCreate": getting, "PutAll": batching, "PutAll of one row": single, "Prepare": preparing} {
				l.WantErr(verb, err, nil, "table things", constraint, "not the key's (k)")
				wrong, ok := lab.AsType[*upsert.SchemaError](err)
				if !ok || wrong.Problems[0].Check != upsert.CheckConstraintColumns || wrong.Problems[0].Index != constraint {
					l.Errorf("%s: %v; want a *SchemaError about the constraint's columns", verb, err)
				}
			}
		}
		l.Want("rows", l.Text("SELECT * FROM things ORDER BY k"), "1|a|1 2|b|2")
		l.Want("a constraint of the key's column", lab.Put(l, lab.Table[thing](l, "things", upsert.OnConstraint("things_k")), l.DB, thing{1, "a", 5}), upsert.Updated)
		l.Want("a constraint of the key's columns in another order", lab.Put(l, lab.Table[seat](l, "things", upsert.OnConstraint("things_both")), l.DB, seat{"a", 1, 6}), upsert.Updated)
	})
}
