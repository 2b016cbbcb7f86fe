package hazards_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check hazard P42 of PostgreSQL: rows that a statement has neither written nor seen.

// unseen is a row type. Rows with the value 9 are kept out.
type unseen struct {
	K   int `upsert:"key"`
	Rev int `upsert:"keep"`
	V   int
}

// unseenRev is unseen with a version.
type unseenRev struct {
	K   int `upsert:"key"`
	Rev int `upsert:"version"`
	V   int
}

// keepOut are the ways to keep rows out of the table things.
var keepOut = map[string][]string{
	"a trigger before the insert": {"CREATE TRIGGER skip BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION skip()"},
	"a trigger of a partition": {
		"DROP TABLE things", "CREATE TABLE things (k int PRIMARY KEY, rev int, v int) PARTITION BY RANGE (k)", "CREATE TABLE part PARTITION OF things FOR VALUES FROM (0) TO (1000000)",
		"CREATE TRIGGER skip BEFORE INSERT ON part FOR EACH ROW EXECUTE FUNCTION skip()",
	},
	"a trigger behind a view": {
		"ALTER TABLE things RENAME TO hidden", "CREATE VIEW things AS SELECT * FROM hidden", "CREATE TRIGGER skip BEFORE INSERT ON hidden FOR EACH ROW EXECUTE FUNCTION skip()",
	},
	"a policy": {
		"ALTER TABLE things ENABLE ROW LEVEL SECURITY", "DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO pg_monitor', current_schema()); END $$", "CREATE POLICY hides ON things USING (owner = 'me') WITH CHECK (true)", "GRANT ALL ON things TO pg_monitor", "INSERT INTO things VALUES (1, 1, 9, 'you')",
	},
}

// keepsOut creates the table and returns a session to which the policy applies.
func keepsOut(l *lab.Lab, how string) *lab.Session {
	l.Helper()
	l.Exec("CREATE TABLE things (k int PRIMARY KEY, rev int, v int, owner text DEFAULT 'me')",
		"CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.v = 9 THEN RETURN NULL; END IF; RETURN NEW; END $$")
	l.Exec(keepOut[how]...)
	if how == "a policy" {
		return l.Session("SET ROLE pg_monitor")
	}
	return l.Session()
}

func TestHazard_P42_RowThatIsNeitherWrittenNorSeen(t *testing.T) {
	t.Parallel()
	for how := range keepOut {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			lab.Each(t, lab.Postgres, func(l *lab.Lab) {
				s := keepsOut(l, how)
				before := l.Text("SELECT * FROM things WHERE k = 1")
				if how != "a policy" {
					naive := "INSERT INTO things VALUES (1, 1, 9) ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v WHERE things.v IS DISTINCT FROM EXCLUDED.v RETURNING k"
					l.Want("hazard: what a naive statement returns", l.TextOn(s, naive), "")
				}
				put := func(what string, o upsert.Outcome, err error) {
					l.Helper()
					l.Want(what, fmt.Sprint(o, err), "unknown <nil>")
				}
				row, rev := unseen{1, 1, 9}, unseenRev{1, 1, 9}
				o, err := lab.Table[unseen](l, "things").Put(l.Context(), s, &row)
				put("Put", o, err)
				o, err = lab.Table[unseenRev](l, "things").Put(l.Context(), s, &rev)
				put("Put with a version", o, err)
				o, err = lab.Prepare(l, lab.Table[unseen](l, "things"), s).Put(l.Context(), &row)
				put("Prepared.Put", o, err)
				wantKeptOut(l, s, lab.Table[unseen](l, "things"), row, unseen{2, 1, 2}, unseen{3, 1, 3})
				wantKeptOut(l, s, lab.Table[unseenRev](l, "things"), rev, unseenRev{2, 1, 2}, unseenRev{3, 1, 3})
				l.Want("the row", l.Text("SELECT * FROM things WHERE k = 1"), before)
			})
		})
	}
}

// wantKeptOut wants the outcome of the first row of a batch to be unknown on each path.
func wantKeptOut[T any](l *lab.Lab, s *lab.Session, table *upsert.Table[T], rows ...T) {
	l.Helper()
	for _, via := range []upsert.Path{upsert.Values, upsert.Arrays, upsert.Copy} {
		for _, n := range []int{1, len(rows)} {
			var each []upsert.Outcome
			r, err := table.PutAll(l.Context(), s, rows[:n], upsert.Via(via), upsert.EachOutcome(func(_ int, o upsert.Outcome) { each = append(each, o) }))
			if err != nil || r.Unknown < 1 || len(each) != n || each[0] != upsert.Unknown {
				l.Errorf("PutAll of %d rows, %T, by %v: %v, each %v, err %v; want the first one unknown", n, rows[0], via, r, each, err)
			}
			r, err = table.PutAll(l.Context(), s, rows[:n], upsert.Via(via), upsert.Outcomes())
			if want := (upsert.Result{Unknown: 1, Unchanged: int64(n - 1)}); err != nil || r != want {
				l.Errorf("PutAll of %d rows, %T, by %v: %v, err %v; want %v", n, rows[0], via, r, err, want)
			}
		}
	}
}

// TestHazard_P42_GetOrCreateSaysWhatItSaw checks that GetOrCreate reports a missing row as an error and that the trigger
// runs only once.
func TestHazard_P42_GetOrCreateSaysWhatItSaw(t *testing.T) {
	t.Parallel()
	type thing struct {
		ID int `upsert:"generated"`
		K  int `upsert:"key"`
		V  int
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (id serial, k int PRIMARY KEY, v int)", "CREATE TABLE moved (k int, v int)",
			"CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO moved VALUES (NEW.k, NEW.v); RETURN NULL; END $$",
			"CREATE TRIGGER move BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION move()")
		table, row := lab.Table[thing](l, "things"), thing{K: 1, V: 2}
		created, err := table.GetOrCreate(l.Context(), l.DB, &row)
		l.WantErr("GetOrCreate", err, nil, "table things", "neither inserted nor visible", "trigger")
		l.Want("created", created, false)
		l.Want("rows that the trigger has moved", l.Text("SELECT * FROM moved"), "1|2")
		_, err = table.Put(l.Context(), l.DB, &row)
		l.WantErr("Put, which must read the id back", err, nil, "neither inserted nor visible")
		l.Want("rows that the trigger has moved", l.Text("SELECT * FROM moved"), "1|2 1|2")
		o, err := lab.Table[pair](l, "things").Put(l.Context(), l.DB, &pair{1, 2})
		l.Want("Put", fmt.Sprint(o, err), "unknown <nil>")
		l.Want("rows that the trigger has moved", l.Text("SELECT * FROM moved"), "1|2 1|2 1|2")
	})
}

// TestHazard_P42_HiddenRowThatDiffersIsTheDatabasesError checks that a hidden row that differs causes an error of the
// database. Only the database may reveal the contents of a hidden row.
func TestHazard_P42_HiddenRowThatDiffersIsTheDatabasesError(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		s := keepsOut(l, "a policy")
		row := unseen{1, 1, 8}
		_, err := lab.Table[unseen](l, "things").Put(l.Context(), s, &row)
		l.WantCode("Put", err, "42501")
		l.Want("its class", dialect.Classify(err), dialect.Permanent)
		_, err = lab.Table[unseen](l, "things").PutAll(l.Context(), s, []unseen{{2, 1, 1}, row}, upsert.Outcomes())
		l.WantCode("PutAll", err, "42501")
		if created, err := lab.Table[unseen](l, "things").GetOrCreate(l.Context(), s, &row); created || err == nil || !strings.Contains(err.Error(), "policy") {
			l.Errorf("GetOrCreate = %v, %v; want an error that names a policy", created, err)
		}
	})
}
