package bulk_test

import (
	"fmt"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
)

// TestBulkRowsBeginAsInserts checks that triggers, constraints and other additions to a table act on every path as with
// INSERT … ON CONFLICT, which first tries to insert each row.
func TestBulkRowsBeginAsInserts(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V string
	}
	const lower = `CREATE FUNCTION lower_v() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.v := lower(NEW.v); RETURN NEW; END $$`
	for _, c := range []struct {
		name string
		ddl  []string
		want string
	}{
		{"nothing", nil, "1|A 2|B 3|C"},
		{"a trigger before the insert", []string{lower, "CREATE TRIGGER low BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION lower_v()"}, "1|a 2|b 3|c"},
		{"a trigger before the update", []string{lower, "CREATE TRIGGER low BEFORE UPDATE ON things FOR EACH ROW EXECUTE FUNCTION lower_v()"}, "1|A 2|b 3|C"},
		{"a foreign key", []string{"CREATE TABLE of (k int REFERENCES things)", "INSERT INTO of VALUES (1)"}, "1|A 2|B 3|C"},
		{"a check", []string{"ALTER TABLE things ADD CHECK (v <> 'none')"}, "1|A 2|B 3|C"},
		{"another unique index", []string{"CREATE UNIQUE INDEX ON things (lower(v), k)"}, "1|A 2|B 3|C"},
		{"a unique constraint that is deferred", []string{"ALTER TABLE things ADD UNIQUE (v) DEFERRABLE INITIALLY DEFERRED"}, "1|A 2|B 3|C"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bulkEach(t, lab.Postgres, func(b *bulkLab) {
				b.lab.Exec("CREATE TABLE things (k int PRIMARY KEY, v text)", "INSERT INTO things VALUES (1, 'A'), (2, 'x')")
				b.lab.Exec(c.ddl...)
				table := bulkTable[thing](b, "things")
				rows := []thing{{1, "A"}, {2, "B"}, {3, "C"}}
				_, err := table.PutAll(b.lab.Context(), b.lab.DB, rows)
				b.lab.Want("PutAll", err, nil)
				want := c.want
				if c.name == "a trigger before the insert" { // the batch omits an equal row before the trigger can run
					want = "1|A 2|b 3|c"
				}
				b.lab.Want("rows", b.lab.Text("SELECT * FROM things ORDER BY k"), want)
			})
		})
	}
}

// TestBulkRefusesWhatAnInsertRefuses checks stored rows whose new values break a constraint. Such a row is refused, although
// the rules would not store these values.
func TestBulkRefusesWhatAnInsertRefuses(t *testing.T) {
	t.Parallel()
	type thing struct {
		K    int  `upsert:"key"`
		Kept *int `upsert:"keep"`
		High int  `upsert:"max"`
		V    int
	}
	one := 1
	bulkEach(t, lab.Postgres, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k int PRIMARY KEY, kept int NOT NULL, high int CHECK (high >= 0), v int)", "INSERT INTO things VALUES (1, 1, 3, 0), (2, 1, 3, 0)")
		table := bulkTable[thing](b, "things")
		for code, row := range map[string]thing{"23502": {2, nil, 4, 5}, "23514": {2, &one, -7, 5}} {
			_, err := table.PutAll(b.lab.Context(), b.lab.DB, []thing{{1, &one, 3, 5}, row, {3, &one, 3, 5}})
			b.lab.WantCode("PutAll", err, code)
			b.lab.WantErr("PutAll", err, nil, "row 1")
		}
		b.lab.Want("rows", b.lab.Text("SELECT * FROM things ORDER BY k"), "1|1|3|0 2|1|3|0")
	})
}

// TestBulkRowsOfAKeyAlone checks rows in which only the key is set. Every other column is zero and gets its DEFAULT.
func TestBulkRowsOfAKeyAlone(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int `upsert:"omitzero"`
	}
	bulkEach(t, lab.Postgres, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k int PRIMARY KEY, v int DEFAULT 7)", "INSERT INTO things VALUES (1, 1)")
		_, err := bulkTable[thing](b, "things").PutAll(b.lab.Context(), b.lab.DB, []thing{{1, 0}, {2, 0}, {3, 9}})
		b.lab.Want("PutAll", err, nil)
		b.lab.Want("rows", b.lab.Text("SELECT * FROM things ORDER BY k"), "1|1 2|7 3|9")
	})
}

// TestBulkStagedRowsAreTakenInKeyOrder checks that staged rows are written in key order, whatever the sizes and the physical
// orders of the two tables are (hazard P24). The keys of the last sizes do not fit one hash table, and a hash table in
// several parts returns rows part by part. New row versions are stored at the end of the table, so that their physical order
// shows the order of the writes.
func TestBulkStagedRowsAreTakenInKeyOrder(t *testing.T) {
	t.Parallel()
	type thing struct {
		K string `upsert:"key"`
		V int
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		conn, err := l.DB.Conn(l.Context())
		if err != nil {
			l.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		l.On(conn, "SET hash_mem_multiplier = 1")
		sizes := []struct{ batch, stored, key int }{{2500, 0, 9}, {2500, 1250, 9}, {2500, 2500, 9}, {2500, 10_000, 9}}
		if engine.IsLong() {
			sizes = append(sizes, []struct{ batch, stored, key int }{{8000, 50_000, 900}, {40_000, 39_000, 900}}...)
		}
		for _, c := range sizes {
			l.Exec("DROP TABLE IF EXISTS things", "CREATE TABLE things (k text PRIMARY KEY, v int) WITH (autovacuum_enabled = off)",
				fmt.Sprintf("INSERT INTO things SELECT lpad(k::text, %d, '0'), 0 FROM generate_series(1, %d) k ORDER BY hashint4(k)", c.key, c.stored), "ANALYZE things")
			rows := make([]thing, c.batch)
			for i := range rows {
				rows[i] = thing{fmt.Sprintf("%0*d", c.key, c.batch-i), 1}
			}
			_, err := lab.Table[thing](l, "things").PutAll(l.Context(), conn, rows, upsert.Via(upsert.Copy))
			l.Want("PutAll", err, nil)
			l.Want(fmt.Sprintf("rows of %d beside %d, and those that are out of order", c.batch, c.stored),
				l.Text("SELECT COUNT(*), COUNT(*) FILTER (WHERE k < before) FROM (SELECT k, lag(k) OVER (ORDER BY ctid) AS before FROM things WHERE v = 1) r"), fmt.Sprintf("%d|0", c.batch))
		}
	})
}
