package hazards_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check how PostgreSQL arbitrates a conflict and which rows it returns: P1 to P10, P22.

func TestHazard_P1_PartialIndexPredicateIsLiteral(t *testing.T) {
	t.Parallel()
	type thing struct {
		K    int `upsert:"key"`
		Live int `upsert:"keep"`
		V    int
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k int, live int, v int)", "CREATE UNIQUE INDEX ON things (k) WHERE live = 1")
		s := l.Session("SET plan_cache_mode = force_generic_plan")
		l.Fails(s, "42P10", "INSERT INTO things VALUES ($1, 1, 1) ON CONFLICT (k) WHERE live = $2 DO UPDATE SET v = 1", 1, 1)

		table := lab.Table[thing](l, "things", upsert.IndexWhere("live = 1"))
		query, args, err := table.SQL(thing{K: 1, Live: 1, V: 7})
		if err != nil {
			l.Fatalf("SQL: %v", err)
		}
		stmt, err := s.PrepareContext(l.Context(), query)
		if err != nil {
			l.Fatalf("prepare %s: %v", query, err)
		}
		defer func() { _ = stmt.Close() }()
		for n := range 8 {
			if _, err := stmt.ExecContext(l.Context(), args...); err != nil {
				l.Errorf("execution %d of %s: %v, want no error", n+1, query, err)
			}
		}
		l.Want("the outcome on a generic plan", lab.Put(l, table, s, thing{1, 1, 8}), upsert.Updated)
		l.Exec("INSERT INTO things VALUES (1, 0, 0)") // causes no conflict, because the row is outside of the index
		l.Want("rows", l.Text("SELECT * FROM things ORDER BY live"), "1|0|0 1|1|8")
	})
}

func TestHazard_P2_OutcomeOfPartitionedTableAndView(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE plain (k int PRIMARY KEY, v int)", "CREATE VIEW seen AS SELECT k, v FROM plain",
			"CREATE TABLE parted (k int PRIMARY KEY, v int) PARTITION BY HASH (k)", "CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 1, REMAINDER 0)")
		naive := "INSERT INTO %s AS t VALUES (9, 1) ON CONFLICT (k) DO UPDATE SET v = 1 RETURNING t.xmax = 0"
		l.Fails(l.DB, "0A000", fmt.Sprintf(naive, "parted"))
		l.Fails(l.DB, "42703", fmt.Sprintf(naive, "seen"))

		tells := strings.HasPrefix(l.D.Version(), "18")
		for _, name := range []string{"parted", "seen", "plain"} {
			table := lab.Table[thing](l, name)
			want := []upsert.Outcome{upsert.Inserted, upsert.Updated, upsert.Unchanged}
			if !tells && name != "plain" {
				want = []upsert.Outcome{upsert.Unknown, upsert.Unknown, upsert.Unchanged}
			}
			var got []upsert.Outcome
			for _, v := range []int{1, 2, 2} {
				got = append(got, lab.Put(l, table, l.DB, thing{len(name), v}))
			}
			l.Want("outcomes of Put on "+name, got, want)
			got = nil
			each := upsert.EachOutcome(func(_ int, o upsert.Outcome) { got = append(got, o) })
			if _, err := table.PutAll(l.Context(), l.DB, []thing{{100 + len(name), 1}, {len(name), 3}, {200 + len(name), 1}}, each); err != nil {
				l.Errorf("PutAll on %s: %v", name, err)
			}
			l.Want("outcomes of PutAll on "+name, got, []upsert.Outcome{want[0], want[1], want[0]})
		}
		// The update of a row that the same transaction has inserted must not be reported as an insert because of the xmax of
		// the fresh row.
		tx := l.Begin(nil)
		plain := lab.Table[thing](l, "plain")
		l.Want("an insert in a transaction", lab.Put(l, plain, tx, thing{50, 1}), upsert.Inserted)
		l.Want("an update in the same transaction", lab.Put(l, plain, tx, thing{50, 2}), upsert.Updated)
	})
}

func TestHazard_P3_SkippedRowsAreNotReturned(t *testing.T) {
	t.Parallel()
	type thing struct {
		K  int `upsert:"key"`
		V  int
		ID int `upsert:"generated"`
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (id serial, k int PRIMARY KEY, v int)", "INSERT INTO things (k, v) VALUES (1, 1), (2, 2)")
		l.Want("hazard: what DO NOTHING returns of a row that is there", l.Text("INSERT INTO things (k, v) VALUES (1, 1) ON CONFLICT (k) DO NOTHING RETURNING id"), "")
		l.Want("hazard: what a false WHERE returns of a row that is there",
			l.Text("INSERT INTO things (k, v) VALUES (1, 1) ON CONFLICT (k) DO UPDATE SET v = 1 WHERE things.v <> 1 RETURNING id"), "")

		table := lab.Table[thing](l, "things")
		row := thing{K: 2, V: 2}
		if o, err := table.Put(l.Context(), l.DB, &row); err != nil || o != upsert.Unchanged || row.ID != 2 {
			l.Errorf("Put of an unchanged row: %v, id %d, err %v; want unchanged with the stored row's id 2", o, row.ID, err)
		}
		// The rows are not in key order, and the skipped row is between two returned rows.
		var got []upsert.Outcome
		each := upsert.EachOutcome(func(i int, o upsert.Outcome) {
			l.Want("the row that an outcome is told of", i, len(got))
			got = append(got, o)
		})
		if _, err := table.PutAll(l.Context(), l.DB, []thing{{K: 3, V: 3}, {K: 2, V: 2}, {K: 0, V: 0}, {K: 1, V: 9}}, each); err != nil {
			l.Errorf("PutAll: %v", err)
		}
		l.Want("outcomes in the order of the rows", got, []upsert.Outcome{upsert.Inserted, upsert.Unchanged, upsert.Inserted, upsert.Updated})
	})
}

func TestHazard_P4_GetOrCreateSeesARowCommittedWhileItWaited(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k int PRIMARY KEY, v int)")
		first, s := l.Begin(nil), l.Session()
		l.On(first, "INSERT INTO things VALUES (1, 1)")
		var naive string
		done := lab.Later(func() error {
			naive = l.TextOn(s, "WITH ins AS (INSERT INTO things VALUES (1, 2) ON CONFLICT (k) DO NOTHING RETURNING v) SELECT v FROM ins UNION ALL SELECT v FROM things WHERE k = 1")
			return nil
		})
		l.UntilWaits(s.ID)
		l.Commit(first)
		if err := l.Result(done); err != nil || naive != "" {
			l.Errorf("hazard: the statement that waited returned %q, err %v; want no row", naive, err)
		}

		second := l.Begin(nil)
		l.On(second, "INSERT INTO things VALUES (2, 1)")
		row, created := thing{2, 2}, false
		done = lab.Later(func() (err error) {
			created, err = lab.Table[thing](l, "things").GetOrCreate(l.Context(), s, &row)
			return err
		})
		l.UntilWaits(s.ID)
		l.Commit(second)
		if err := l.Result(done); err != nil || created || row.V != 1 {
			l.Errorf("GetOrCreate that waited: created %v, row %+v, err %v; want the other's row with v 1", created, row, err)
		}
	})
}

func TestHazard_P5_DuplicateKeyInABatch(t *testing.T) {
	t.Parallel()
	type thing struct {
		K     int `upsert:"key"`
		V     int
		First int `upsert:"keep"`
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k int PRIMARY KEY, v int, first int)")
		l.Fails(l.DB, "21000", "INSERT INTO things VALUES (1, 1, 1), (1, 2, 2) ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v")
		table := lab.Table[thing](l, "things")
		if _, err := table.PutAll(l.Context(), l.DB, []thing{{1, 1, 1}, {2, 5, 5}, {1, 2, 2}, {1, 3, 3}}); err != nil {
			l.Errorf("PutAll with a key three times: %v", err)
		}
		l.Want("rows, the last one's values and the first one's kept", l.Text("SELECT * FROM things ORDER BY k"), "1|3|1 2|5|5")
		_, err := table.PutAll(l.Context(), l.DB, []thing{{3, 1, 1}, {4, 1, 1}, {3, 2, 2}}, upsert.RefuseDuplicates())
		l.WantErr("PutAll with RefuseDuplicates", err, upsert.ErrDuplicateKey, "row 2")
		l.Want("rows that a refused batch left", l.Text("SELECT * FROM things WHERE k > 2"), "")
	})
}

func TestHazard_P6_RowNewerThanTheSnapshot(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k int PRIMARY KEY, v int)")
		for i, level := range []string{"repeatable read", "serializable"} {
			for j, put := range []func(*upsert.Table[thing], upsert.DB, *thing) error{
				func(t *upsert.Table[thing], db upsert.DB, r *thing) error {
					_, err := t.Put(l.Context(), db, r)
					return err
				},
				func(t *upsert.Table[thing], db upsert.DB, r *thing) error {
					_, err := t.GetOrCreate(l.Context(), db, r)
					return err
				},
			} {
				retried := 0
				table := lab.Table[thing](l, "things", upsert.OnRetry(func(err error) {
					retried++
					l.WantCode("what is retried", err, "40001")
				}))
				row := thing{10*i + j, 2}
				first, s := l.Begin(nil), l.Session("SET default_transaction_isolation = '"+level+"'")
				l.On(first, fmt.Sprintf("INSERT INTO things VALUES (%d, 1)", row.K))

				own := lab.Later(func() error { return put(table, s, &row) })
				l.UntilWaits(s.ID)
				old := l.Begin(nil)
				l.On(old, "SET TRANSACTION ISOLATION LEVEL "+level)
				l.TextOn(old, "SELECT COUNT(*) FROM things") // takes the snapshot
				l.Commit(first)
				if err := l.Result(own); err != nil || retried != 1 {
					l.Errorf("%s, the library's transaction: %v after %d retries; want success after one", level, err, retried)
				}
				l.Want("the row", l.Text(fmt.Sprintf("SELECT v FROM things WHERE k = %d", row.K)), 2-j)

				// In the caller's transaction even DO NOTHING fails, and only the caller can repeat the transaction.
				err := put(table, old, &row)
				l.WantCode(level+", the caller's transaction", err, "40001")
				l.Want("its class", dialect.Classify(err), dialect.Retryable)
				l.Want("retries", retried, 1)
			}
		}
	})
}

func TestHazard_P7_TargetIsExplicit(t *testing.T) {
	t.Parallel()
	type keyless struct{ K, V int }
	type thing struct {
		K     int `upsert:"key"`
		Other int `upsert:"keep"`
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k int PRIMARY KEY, other int UNIQUE)", "INSERT INTO things VALUES (1, 1)",
			"CREATE TABLE late (k int PRIMARY KEY DEFERRABLE, other int)")
		l.Fails(l.DB, "42601", "INSERT INTO things VALUES (1, 1) ON CONFLICT DO UPDATE SET other = 2")
		l.Fails(l.DB, "", "INSERT INTO things VALUES (2, 1) ON CONFLICT DO NOTHING")
		l.Want("hazard: rows after a lost insert that reported success", l.Text("SELECT * FROM things"), "1|1")
		l.Fails(l.DB, "55000", "INSERT INTO late VALUES (1, 1) ON CONFLICT DO NOTHING")

		if _, err := upsert.New[keyless](l.D, "things"); err == nil || !errors.As(err, new(*upsert.TagError)) {
			l.Errorf("New without a key: %v, want a *TagError", err)
		}
		row := thing{2, 1}
		_, err := lab.Table[thing](l, "things").Put(l.Context(), l.DB, &row)
		l.WantErr("insert-or-nothing of a row that meets another key", err, upsert.ErrOtherKey)
		_, err = lab.Table[thing](l, "late").Put(l.Context(), l.DB, &row)
		l.WantErr("Put on a deferrable key", err, nil, "NOT DEFERRABLE")
		l.WantCode("Put on a deferrable key", err, "55000")
	})
}

func TestHazard_P8_SecondUniqueIndexIsAnError(t *testing.T) {
	t.Parallel()
	type thing struct {
		K     int `upsert:"key"`
		Email string
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k int PRIMARY KEY, email text UNIQUE)", "INSERT INTO things VALUES (1, 'a'), (2, 'b')")
		l.Fails(l.DB, "23505", "INSERT INTO things VALUES (3, 'a') ON CONFLICT (k) DO UPDATE SET email = EXCLUDED.email")
		table := lab.Table[thing](l, "things", upsert.OnRetry(func(err error) { l.Errorf("retried after %v, want no retry", err) }))
		for _, row := range []thing{{3, "a"}, {2, "a"}} {
			_, err := table.Put(l.Context(), l.DB, &row)
			l.WantErr("Put", err, upsert.ErrOtherKey)
			l.Want("its class", dialect.Classify(err), dialect.UniqueViolation)
			_, err = table.PutAll(l.Context(), l.DB, []thing{{9, "z"}, row}, upsert.Outcomes())
			l.WantErr("PutAll", err, upsert.ErrOtherKey)
		}
		l.Want("rows", l.Text("SELECT * FROM things ORDER BY k"), "1|a 2|b")
	})
}

func TestHazard_P9_ConstraintNameIsNoIndexName(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k int, v int)", "CREATE UNIQUE INDEX things_index ON things (k)",
			"CREATE TABLE named (k int, v int, CONSTRAINT things_once UNIQUE (k))")
		l.Fails(l.DB, "42704", "INSERT INTO things VALUES (1, 1) ON CONFLICT ON CONSTRAINT things_index DO NOTHING")
		row := thing{1, 1}
		_, err := lab.Table[thing](l, "things", upsert.OnConstraint("things_index")).Put(l.Context(), l.DB, &row)
		l.WantCode("OnConstraint with an index", err, "42704")
		l.WantErr("OnConstraint with an index", err, nil, "name of a constraint")
		for _, table := range []*upsert.Table[thing]{lab.Table[thing](l, "things"), lab.Table[thing](l, "named", upsert.OnConstraint("things_once"))} {
			l.Want("the first Put", lab.Put(l, table, l.DB, thing{1, 1}), upsert.Inserted)
			l.Want("the second Put", lab.Put(l, table, l.DB, thing{1, 2}), upsert.Updated)
		}
	})
}

func TestHazard_P10_InferenceMatchesExactly(t *testing.T) {
	t.Parallel()
	type whole struct {
		A string `upsert:"key"`
		B string `upsert:"key"`
		V int
	}
	type part struct {
		A string `upsert:"key"`
		B string
		V int
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec(`CREATE TABLE things (a text COLLATE "C", b text COLLATE "C", v int, UNIQUE (b, a))`)
		l.Fails(l.DB, "42P10", "INSERT INTO things VALUES ('a', 'b', 1) ON CONFLICT (a) DO NOTHING")
		l.Fails(l.DB, "42P10", `INSERT INTO things VALUES ('a', 'b', 1) ON CONFLICT (b, a COLLATE "POSIX") DO NOTHING`)
		table := lab.Table[whole](l, "things")
		l.Want("Put with the columns in another order", lab.Put(l, table, l.DB, whole{"a", "b", 1}), upsert.Inserted)
		l.Want("Put with the columns in another order", lab.Put(l, table, l.DB, whole{"a", "b", 2}), upsert.Updated)
		row := part{"a", "c", 1}
		_, err := lab.Table[part](l, "things").Put(l.Context(), l.DB, &row)
		l.WantCode("Put with a part of the index", err, "42P10")
		l.WantErr("Put with a part of the index", err, nil, "no unique index has exactly the key's columns", "table things")
	})
}

func TestHazard_P22_ExclusionConstraintCannotArbitrateAnUpdate(t *testing.T) {
	t.Parallel()
	type booking struct {
		During string `upsert:"key"`
		Who    string
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE bookings (during int4range, who text, CONSTRAINT alone EXCLUDE USING gist (during WITH &&))",
			"INSERT INTO bookings VALUES ('[1,5)', 'a')")
		l.Fails(l.DB, "", "INSERT INTO bookings VALUES ('[2,3)', 'b') ON CONFLICT ON CONSTRAINT alone DO NOTHING")
		l.Fails(l.DB, "42809", "INSERT INTO bookings VALUES ('[2,3)', 'b') ON CONFLICT ON CONSTRAINT alone DO UPDATE SET who = 'b'")
		row := booking{"[2,3)", "b"}
		_, err := lab.Table[booking](l, "bookings", upsert.OnConstraint("alone")).Put(l.Context(), l.DB, &row)
		l.WantCode("Put", err, "42809")
		l.WantErr("Put", err, nil, "exclusion constraint cannot arbitrate an update")
		l.Want("rows", l.Text("SELECT * FROM bookings"), "[1,5)|a")
	})
}
