package upsert_test

import (
	"fmt"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/lab"
)

// PostgreSQL: from P40 on, about which row is the stored one.

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
		table := labTable[thing](l, "parents")
		for _, c := range []struct {
			row  thing
			want upsert.Outcome
			id   int64
		}{{thing{0, "a", 3, 3}, upsert.Unchanged, 70}, {thing{0, "a", 1, 1}, upsert.Stale, 70}, {thing{0, "b", 4, 4}, upsert.Updated, 80}} {
			row := c.row
			l.Want(fmt.Sprintf("Put(%+v)", c.row), labPutRow(l, table, &row), c.want)
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
