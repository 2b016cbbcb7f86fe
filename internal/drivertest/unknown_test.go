package drivertest_test

import (
	"fmt"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

// listed has values that only pgx can encode.
type listed struct {
	K    int      `upsert:"key"`
	Tags []string `db:"tags"`
	Doc  []doc    `db:"doc"`
}

// doc is a struct that is stored as a JSON document.
type doc struct {
	N int `json:"n"`
}

func listedRows(n int) []listed {
	rows := make([]listed, n)
	for i := range rows {
		if rows[i] = (listed{K: i}); i%3 > 0 {
			rows[i].Tags, rows[i].Doc = []string{"a", fmt.Sprint(i)}, []doc{{i}}
		}
	}
	return rows
}

// TestPgxValuesOnlyTheDriverKnows checks rows that can be neither copied nor sent as arrays. The library still sends many
// rows in one statement.
func TestPgxValuesOnlyTheDriverKnows(t *testing.T) {
	t.Parallel()
	each(t, pgxServers, func(p *place) {
		for i, c := range []struct {
			tags string // for text[] the library refuses arrays in advance
			rows int
		}{{"text[]", 5000}, {"text[]", 500}, {"jsonb", 5000}, {"jsonb", 500}} {
			name := fmt.Sprint("listed", i)
			p.must(p.db, "CREATE TABLE "+name+" (k int PRIMARY KEY, tags "+c.tags+", doc jsonb)")
			p.must(p.db, "CREATE SEQUENCE "+name+"_inserts")
			p.must(p.db, fmt.Sprintf("CREATE FUNCTION %s_count() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('%s_inserts'); RETURN NULL; END $$", name, name))
			p.must(p.db, fmt.Sprintf("CREATE TRIGGER count BEFORE INSERT ON %s FOR EACH STATEMENT EXECUTE PROCEDURE %s_count()", name, name))
			d, err := dialect.Detect(p.Context(), p.db)
			if err != nil {
				p.Fatal(err)
			}
			tab, err := upsert.New[listed](d, name, throughPgx)
			if err != nil {
				p.Fatal(err)
			}
			rows := listedRows(c.rows)
			for _, want := range []upsert.Result{{Inserted: int64(c.rows)}, {Unchanged: int64(c.rows)}} {
				if got, err := tab.PutAll(p.Context(), p.db, rows, upsert.Outcomes()); err != nil || got != want {
					p.Errorf("%d rows with %s: %v, %v; want %v", c.rows, c.tags, got, err, want)
				}
			}
			// A statement of values takes 1,000 rows, and a split statement inserts twice.
			if got, most := p.number(p.db, "SELECT last_value FROM "+name+"_inserts"), int64(2*(c.rows/1000+5)); got > most {
				p.Errorf("%d rows with %s took %d inserts for two batches, want %d at most", c.rows, c.tags, got, most)
			}
		}
	})
}
