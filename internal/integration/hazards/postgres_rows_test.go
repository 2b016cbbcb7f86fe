package hazards_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/lib/pq"
)

// The tests of this file check the hazards of PostgreSQL that are about writing rows and about concurrent transactions: P11,
// P13, P14, P16, P17, P19, P23, P25.

func TestHazard_P11_KeyIsNeverAssigned(t *testing.T) {
	t.Parallel()
	type parent struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE parents (k int PRIMARY KEY, v int)", "CREATE TABLE children (k int REFERENCES parents)", "INSERT INTO parents VALUES (1, 1)")
		child := l.Session("SET lock_timeout = '50ms'")
		naive := l.Begin(nil)
		l.On(naive, "INSERT INTO parents VALUES (1, 2) ON CONFLICT (k) DO UPDATE SET k = EXCLUDED.k, v = EXCLUDED.v")
		l.Fails(child, "55P03", "INSERT INTO children VALUES (1)")
		_ = naive.Rollback()

		tx := l.Begin(nil)
		l.Want("Put", lab.Put(l, lab.Table[parent](l, "parents"), tx, parent{1, 3}), upsert.Updated)
		if _, err := child.ExecContext(l.Context(), "INSERT INTO children VALUES (1)"); err != nil {
			l.Errorf("a child of a row that Put has just written: %v, want it not to wait", err)
		}
		l.Commit(tx)
	})
}

func TestHazard_P13_UnchangedRowIsNotWritten(t *testing.T) {
	t.Parallel()
	type thing struct {
		K    int `upsert:"key"`
		Name string
		Max  *int `upsert:"max"`
		Seen int  `upsert:"touch"`
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k int PRIMARY KEY, name text, max int, seen int)", "INSERT INTO things VALUES (1, 'a', 5, 1)")
		before := l.Text("SELECT ctid, xmin FROM things")
		l.Exec("INSERT INTO things VALUES (1, 'a', 5, 1) ON CONFLICT (k) DO UPDATE SET name = EXCLUDED.name")
		after := l.Text("SELECT ctid, xmin FROM things")
		if after == before {
			l.Errorf("hazard: the row is still at %s; want a new one for the same values", after)
		}
		table, lesser := lab.Table[thing](l, "things"), 4
		for _, row := range []thing{{1, "a", nil, 2}, {1, "a", &lesser, 3}} {
			l.Want("Put of what changes nothing", lab.Put(l, table, l.DB, row), upsert.Unchanged)
			r, err := table.PutAll(l.Context(), l.DB, []thing{row, row}, upsert.Outcomes())
			l.Want("PutAll of what changes nothing", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Unchanged: 2}, nil))
		}
		l.Want("the row's place and transaction", l.Text("SELECT ctid, xmin FROM things"), after)
	})
}

// claim is a claim that is held as long as its handle exists.
type claim struct{ upsert.DB }

func (claim) UpsertClaim() error { return nil }

func TestHazard_P14_StoredColumnsAreQualified(t *testing.T) {
	t.Parallel()
	// A careless statement would confuse these names.
	type thing struct {
		K        int `upsert:"key"`
		V        int `upsert:"add"`
		Excluded int `upsert:"max"`
		Alias    int `db:"_t" upsert:"fill"`
		Things   *int
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k int PRIMARY KEY, v int, excluded int, _t int, things int)", "INSERT INTO things VALUES (1, 1, 1, NULL, 1)")
		insert := "INSERT INTO things AS t VALUES (1, 1) ON CONFLICT (k) DO UPDATE SET "
		l.Fails(l.DB, "42702", insert+"v = v + 1")
		l.Fails(l.DB, "42P01", insert+"v = things.v + 1")
		l.Fails(l.DB, "42703", insert+"t.v = t.v + 1")

		tx, seven := l.Begin(nil), 7
		table := lab.Table[thing](l, "things")
		l.Want("Put", lab.Put(l, table, claim{tx}, thing{1, 2, 3, 4, &seven}), upsert.Updated)
		l.Want("Put", lab.Put(l, table, claim{tx}, thing{1, 2, 2, 5, nil}), upsert.Updated)
		l.Commit(tx)
		l.Want("the row", l.Text("SELECT * FROM things"), "1|5|3|4|NULL")
	})
}

func TestHazard_P16_GeneratedColumnsAreNotWritten(t *testing.T) {
	t.Parallel()
	type thing struct {
		ID     int `upsert:"generated"`
		K      int `upsert:"key"`
		V      int
		Double int `upsert:"generated"`
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (id int GENERATED ALWAYS AS IDENTITY, k int PRIMARY KEY, v int, double int GENERATED ALWAYS AS (v * 2) STORED)")
		l.Fails(l.DB, "428C9", "INSERT INTO things (id, k) VALUES (1, 1)")
		l.Fails(l.DB, "428C9", "INSERT INTO things (k, double) VALUES (1, 1)")
		table := lab.Table[thing](l, "things")
		var ids []int
		for _, v := range []int{4, 5, 5} {
			row := thing{ID: 99, K: 1, V: v, Double: 99}
			putReading(l, table, &row)
			l.Want("the generated column read back", row.Double, 2*v)
			ids = append(ids, row.ID)
		}
		l.Want("the identity read back", ids, []int{1, 1, 1})
		l.Want("rows", l.Text("SELECT * FROM things"), "1|1|5|10")
	})
}

// putReading calls Put, which must succeed and reads the generated columns back into the row.
func putReading[T any](l *lab.Lab, table *upsert.Table[T], row *T) upsert.Outcome {
	l.Helper()
	o, err := table.Put(l.Context(), l.DB, row)
	if err != nil {
		l.Fatalf("Put(%+v): %v", *row, err)
	}
	return o
}

func TestHazard_P17_ParametersHaveTheirColumnsTypes(t *testing.T) {
	t.Parallel()
	type thing struct {
		K    time.Time `upsert:"key"`
		Rev  int       `upsert:"version"`
		On   bool
		Tags pq.StringArray
		Cost *float64
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k timestamptz PRIMARY KEY, rev int, on_ bool, tags text[], cost numeric)", "ALTER TABLE things RENAME on_ TO \"on\"")
		l.Fails(l.DB, "42804", "MERGE INTO things t USING (VALUES ($1, $2)) AS s (rev, cost) ON t.rev = s.rev::int WHEN NOT MATCHED THEN INSERT (rev) VALUES (s.rev)", 1, 1)
		l.Fails(l.DB, "42804", "INSERT INTO things (rev) SELECT rev FROM (VALUES ($1)) AS s (rev)", 1)
		l.Fails(l.DB, "42725", "SELECT * FROM unnest($1, $2)", "{1}", "{1}")

		// A SELECT over a list of parameters detects a stale row.
		table, cost, noon := lab.Table[thing](l, "things"), 1.5, time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
		row := thing{noon, 2, true, pq.StringArray{"a", "b"}, &cost}
		l.Want("the row", lab.Put(l, table, l.DB, row), upsert.Inserted)
		l.Want("the row again", lab.Put(l, table, l.DB, row), upsert.Unchanged)
		old := thing{noon, 1, false, nil, nil}
		l.Want("an older row", lab.Put(l, table, l.DB, old), upsert.Stale)
		fresh := thing{noon.Add(1), 1, false, nil, nil}
		fresh.K = noon.Add(time.Second)
		r, err := table.PutAll(l.Context(), l.DB, []thing{old, fresh}, upsert.Outcomes())
		l.Want("a batch of both", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Inserted: 1, Stale: 1}, nil))
		l.Want("the row", l.Text(`SELECT rev, "on", tags, cost FROM things WHERE rev = 2`), "2|true|{a,b}|1.5")
	})
}

func TestHazard_P19_MergeIsNeverUsed(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k int PRIMARY KEY, v int)")
		naive := "MERGE INTO things t USING (VALUES (%d, 2)) AS s (k, v) ON t.k = s.k WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.k, s.v)"
		race := func(k int, f func(s *lab.Session) error) error {
			first, s := l.Begin(nil), l.Session()
			l.On(first, fmt.Sprintf("INSERT INTO things VALUES (%d, 1)", k))
			done := lab.Later(func() error { return f(s) })
			l.UntilWaits(s.ID)
			l.Commit(first)
			return l.Result(done)
		}
		l.WantCode("hazard: a MERGE that loses a race", race(1, func(s *lab.Session) error {
			_, err := s.ExecContext(l.Context(), fmt.Sprintf(naive, 1))
			return err
		}), "23505")
		table := lab.Table[thing](l, "things", upsert.Retries(0))
		var o upsert.Outcome
		if err := race(2, func(s *lab.Session) (err error) {
			o, err = table.Put(l.Context(), s, &thing{2, 2})
			return err
		}); err != nil || o != upsert.Updated {
			l.Errorf("Put that loses the race: %v, err %v; want updated", o, err)
		}
		l.Want("rows", l.Text("SELECT * FROM things ORDER BY k"), "1|1 2|2")
		if query, _, err := table.SQL(); err != nil || !strings.HasPrefix(query, "INSERT INTO ") {
			l.Errorf("SQL: %s, err %v; want an INSERT", query, err)
		}
	})
}

func TestHazard_P23_ConflictLeavesTheTransactionUsable(t *testing.T) {
	t.Parallel()
	type thing struct {
		K     int `upsert:"key"`
		Email string
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k int PRIMARY KEY, email text UNIQUE)", "INSERT INTO things VALUES (1, 'a')")
		naive := l.Begin(nil)
		l.Fails(naive, "23505", "INSERT INTO things VALUES (1, 'b')")
		l.Fails(naive, "25P02", "UPDATE things SET email = 'b'")
		_ = naive.Rollback()

		tx, table := l.Begin(nil), lab.Table[thing](l, "things")
		l.Want("Put on a row that is there", lab.Put(l, table, tx, thing{1, "b"}), upsert.Updated)
		if created, err := table.GetOrCreate(l.Context(), tx, &thing{1, "c"}); err != nil || created {
			l.Errorf("GetOrCreate after it: created %v, err %v; want no creation and no error", created, err)
		}
		// An error ends the transaction, so that no row of the transaction is kept.
		_, err := table.Put(l.Context(), tx, &thing{2, "b"})
		l.WantErr("Put that meets another key", err, upsert.ErrOtherKey)
		_, err = table.Put(l.Context(), tx, &thing{3, "c"})
		l.WantCode("Put after an error", err, "25P02")
		_ = tx.Rollback()
		l.Want("rows", l.Text("SELECT * FROM things"), "1|a")
	})
}

func TestHazard_P25_WaitsForAnInsertInFlight(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k int PRIMARY KEY, v int)")
		var retried []error
		table := lab.Table[thing](l, "things", upsert.Retries(2), upsert.OnRetry(func(err error) { retried = append(retried, err) }))

		first := l.Begin(nil)
		l.On(first, "INSERT INTO things VALUES (1, 1)")
		hasty := l.Session("SET lock_timeout = '10ms'")
		_, err := table.Put(l.Context(), hasty, &thing{1, 2})
		l.WantCode("Put with a lock_timeout", err, "55P03")
		l.Want("its class", dialect.Classify(err), dialect.LockTimeout)
		l.Want("retries in a transaction of the library's", len(retried), 2)
		own := l.Begin(nil)
		l.On(own, "SET LOCAL lock_timeout = '10ms'")
		_, err = table.Put(l.Context(), own, &thing{1, 2})
		l.WantCode("Put with a lock_timeout in a transaction of the caller's", err, "55P03")
		l.Want("retries in a transaction of the caller's", len(retried)-2, 0)

		for _, end := range []struct {
			f       func() error
			created bool
			v       int
		}{{first.Rollback, true, 3}, {nil, false, 4}} {
			if end.f == nil {
				next := l.Begin(nil)
				l.On(next, "UPDATE things SET v = 4; DELETE FROM things; INSERT INTO things VALUES (1, 4)")
				end.f = next.Commit
			}
			s, row, created := l.Session(), thing{1, 3}, false
			done := lab.Later(func() (err error) {
				created, err = table.GetOrCreate(l.Context(), s, &row)
				return err
			})
			l.UntilWaits(s.ID)
			if err := end.f(); err != nil {
				l.Fatalf("end of the first: %v", err)
			}
			if err := l.Result(done); err != nil || created != end.created || row.V != end.v {
				l.Errorf("GetOrCreate that waited: created %v, v %d, err %v; want created %v, v %d", created, row.V, err, end.created, end.v)
			}
		}
	})
}
