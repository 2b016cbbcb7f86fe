package upsert_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
)

// TestBulkJoinIsTheSame: where a table has what would make an update that begins as an insert another one, or no unique index
// that can be joined by, the staged rows go the way on which each begins as an insert. It is told by what a
// trigger does to them.
func TestBulkJoinIsTheSame(t *testing.T) {
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
				b.Exec("CREATE TABLE things (k int PRIMARY KEY, v text)", "INSERT INTO things VALUES (1, 'A'), (2, 'x')")
				b.Exec(c.ddl...)
				table := bulkTable[thing](b, "things")
				rows := []thing{{1, "A"}, {2, "B"}, {3, "C"}}
				_, err := table.PutAll(b.Context(), b.DB, rows)
				b.Want("PutAll", err, nil)
				want := c.want
				if c.name == "a trigger before the insert" { // an equal row is left out before
					want = "1|A 2|b 3|c"
				}
				b.Want("rows", b.Text("SELECT * FROM things ORDER BY k"), want)
			})
		})
	}
}

// TestBulkJoinsWhatIsStaged: a MERGE is sent where there is one, and only there.
func TestBulkJoinsWhatIsStaged(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V string
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		for _, c := range []struct {
			name string
			ddl  string
			opts []upsert.PutOption
			want bool
		}{
			{"a plain table", "", nil, true},
			{"outcomes", "", []upsert.PutOption{upsert.Outcomes()}, false},
			{"a trigger", "CREATE TRIGGER t AFTER UPDATE ON things FOR EACH ROW EXECUTE FUNCTION nothing()", nil, false},
			{"a rule", "CREATE RULE r AS ON DELETE TO things DO ALSO NOTIFY gone", nil, false},
			{"row security", "ALTER TABLE things ENABLE ROW LEVEL SECURITY", nil, false},
			{"an heir", "CREATE TABLE heirs () INHERITS (things)", nil, false},
		} {
			l.Exec("DROP TABLE IF EXISTS things CASCADE", "CREATE TABLE things (k int PRIMARY KEY, v text)",
				"CREATE OR REPLACE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
			if c.ddl != "" {
				l.Exec(c.ddl)
			}
			proxy := faults.NewProxy(l, l.NS)
			db, err := sql.Open(faults.DriverName(l.NS), proxy.DSN())
			if err != nil {
				l.Fatal(err)
			}
			_, err = labTable[thing](l, "things").PutAll(l.Context(), db, []thing{{1, "a"}, {2, "b"}}, append(c.opts, upsert.Via(upsert.Copy))...)
			l.Want(c.name, errors.Join(err, db.Close()), nil)
			merges := slices.ContainsFunc(proxy.Requests(), func(r faults.Request) bool { return strings.Contains(r.Text, "MERGE INTO") })
			l.Want("a MERGE is sent for "+c.name, merges, c.want)
		}
	})
}

// TestBulkJoinTakesRowsInKeyOrder: whatever the sizes of the two tables are, and in whatever order theirs are stored (hazard
// P24). The keys of the last table are more than there is room for in one hash table, out of which rows come by its parts. New
// versions are stored at the end, one after the other.
func TestBulkJoinTakesRowsInKeyOrder(t *testing.T) {
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
		for _, c := range []struct{ batch, stored, key int }{{2500, 0, 9}, {2500, 1250, 9}, {2500, 2500, 9}, {2500, 10_000, 9}, {8000, 50_000, 900}} {
			l.Exec("DROP TABLE IF EXISTS things", "CREATE TABLE things (k text PRIMARY KEY, v int) WITH (autovacuum_enabled = off)",
				fmt.Sprintf("INSERT INTO things SELECT lpad(k::text, %d, '0'), 0 FROM generate_series(1, %d) k ORDER BY hashint4(k)", c.key, c.stored), "ANALYZE things")
			rows := make([]thing, c.batch)
			for i := range rows {
				rows[i] = thing{fmt.Sprintf("%0*d", c.key, c.batch-i), 1}
			}
			_, err := labTable[thing](l, "things").PutAll(l.Context(), conn, rows, upsert.Via(upsert.Copy))
			l.Want("PutAll", err, nil)
			l.Want(fmt.Sprintf("rows of %d beside %d, and those that are out of order", c.batch, c.stored),
				l.Text("SELECT COUNT(*), COUNT(*) FILTER (WHERE k < before) FROM (SELECT k, lag(k) OVER (ORDER BY ctid) AS before FROM things WHERE v = 1) r"), fmt.Sprintf("%d|0", c.batch))
		}
	})
}
