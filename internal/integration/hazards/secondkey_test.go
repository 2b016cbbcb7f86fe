package hazards_test

import (
	"fmt"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/lab"
)

// TestHazard_H40_WhichIndexIsMetFirst checks the result if a row conflicts with its own key and also with another row's
// unique key. The column of the other key has the rule keep.
func TestHazard_H40_WhichIndexIsMetFirst(t *testing.T) {
	t.Parallel()
	type byID struct {
		ID    int    `upsert:"key"`
		Email string `upsert:"keep"`
		V     int
	}
	type byEmail struct {
		ID    int    `upsert:"keep"`
		Email string `upsert:"key"`
		V     int
	}
	lab.Each(t, lab.All, func(l *lab.Lab) {
		for name, ddl := range map[string]string{
			"primary first": "(id INT PRIMARY KEY, email VARCHAR(9) NOT NULL, v INT, UNIQUE (email))",
			"primary last":  "(email VARCHAR(9) NOT NULL, v INT, id INT NOT NULL, UNIQUE (email), PRIMARY KEY (id))",
			"id, email":     "(id INT NOT NULL, email VARCHAR(9) NOT NULL, v INT, UNIQUE (id), UNIQUE (email))",
			"email, id":     "(id INT NOT NULL, email VARCHAR(9) NOT NULL, v INT, UNIQUE (email), UNIQUE (id))",
		} {
			// The unique index that MySQL and MariaDB check first.
			first := "id"
			if name == "email, id" {
				first = "email"
			}
			for key, put := range map[string]func() (upsert.Outcome, error){
				"id": func() (upsert.Outcome, error) {
					return lab.Table[byID](l, "things").Put(l.Context(), l.DB, &byID{1, "b", 7})
				},
				"email": func() (upsert.Outcome, error) {
					return lab.Table[byEmail](l, "things").Put(l.Context(), l.DB, &byEmail{1, "b", 7})
				},
			} {
				l.Exec("DROP TABLE IF EXISTS things", "CREATE TABLE things "+ddl, "INSERT INTO things (id, email, v) VALUES (1, 'a', 1), (2, 'b', 2)")
				what := fmt.Sprintf("%s, by %s", name, key)
				o, err := put()
				if l.Family() == "mysql" && first != key {
					l.WantErr(what, err, upsert.ErrOtherKey)
					l.Want(what+": rows", l.Text("SELECT id, email, v FROM things ORDER BY id"), "1|a|1 2|b|2")
					continue
				}
				l.Want(what, fmt.Sprint(o, err), "updated <nil>")
				l.Want(what+": rows", l.Text("SELECT id, email, v FROM things ORDER BY id"), map[string]string{"id": "1|a|7 2|b|2", "email": "1|a|1 2|b|7"}[key])
			}
		}
	})
}
