package drivertest_test

import (
	"fmt"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

// eachMode runs f on each PostgreSQL server with pgx in each of its modes, on a pool of one connection.
func eachMode(t *testing.T, f func(p *place)) {
	t.Helper()
	for _, mode := range pgxModes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			each(t, pgxServers, func(p *place) {
				p.db = p.one(pgxMode(mode)...)
				f(p)
			})
		})
	}
}

// TestHazard_P39_StalePlanIsMadeAgain checks that the verbs for one row send a statement again if the server refuses it. pgx
// keeps statements, and the server refuses a kept statement if the types of its result have changed.
func TestHazard_P39_StalePlanIsMadeAgain(t *testing.T) {
	t.Parallel()
	eachMode(t, func(p *place) {
		tab := p.generated()
		verbs := map[string]func(n int) error{
			"Put": func(n int) error {
				row := withGenerated{ID: "c", V: n}
				if o, err := tab.Put(p.Context(), p.db, &row); err != nil || o == upsert.Unchanged || row.D != "7" {
					return fmt.Errorf("%v, row %+v, %w", o, row, err)
				}
				return nil
			},
			"GetOrCreate": func(n int) error {
				row := withGenerated{ID: "a", V: n}
				created, err := tab.GetOrCreate(p.Context(), p.db, &row)
				if err != nil || created || row.V != 1 || row.D != "7" {
					return fmt.Errorf("created is %v, row %+v, %w", created, row, err)
				}
				return nil
			},
		}
		for at, typ := range []string{"INT", "TEXT", "BIGINT USING d::bigint", "TEXT"} {
			p.must(p.db, "ALTER TABLE t ALTER COLUMN d TYPE "+typ)
			for verb, f := range verbs {
				if err := f(at); err != nil {
					p.Errorf("%s after d has become %s: %v", verb, typ, err)
				}
			}
		}
	})
}

// TestHazard_P39_StalePlanInATransaction checks the caller's transaction: the caller gets the error, whose class says that
// the whole transaction can be repeated.
func TestHazard_P39_StalePlanInATransaction(t *testing.T) {
	t.Parallel()
	eachMode(t, func(p *place) {
		tab := p.generated()
		row := withGenerated{ID: "c", V: 1}
		if _, err := tab.Put(p.Context(), p.db, &row); err != nil {
			p.Fatal(err)
		}
		p.must(p.db, "ALTER TABLE t ALTER COLUMN d TYPE text")
		for attempt := range 2 {
			tx := p.begin(p.db, nil)
			row.V = 2
			_, err := tab.Put(p.Context(), tx, &row)
			if err == nil {
				err = tx.Commit()
			} else {
				_ = tx.Rollback()
			}
			if err == nil {
				break
			}
			if p.classified("Put", err, dialect.Retryable); attempt > 0 {
				p.Errorf("Put again: %v", err)
			}
		}
		if got := p.number(p.db, "SELECT v FROM t WHERE id = 'c'"); got != 2 {
			p.Errorf("v is %d, want 2", got)
		}
	})
}

// TestHazard_P39_TableThatBecamePartitioned checks that Put writes the row if the table has become partitioned. The
// statement for a plain table reads a system column, which a partitioned table lacks before PostgreSQL 18.
func TestHazard_P39_TableThatBecamePartitioned(t *testing.T) {
	t.Parallel()
	each(t, postgresServers, func(p *place) {
		tab := p.table()
		row := thing{"a", 5}
		if o, err := tab.Put(p.Context(), p.db, &row); err != nil || o != upsert.Updated {
			p.Fatalf("Put = %v, %v", o, err)
		}
		p.must(p.db, "ALTER TABLE t RENAME TO part")
		p.must(p.db, "CREATE TABLE t (id VARCHAR(20) PRIMARY KEY, v INT NOT NULL) PARTITION BY RANGE (id)")
		p.must(p.db, "ALTER TABLE t ATTACH PARTITION part DEFAULT")
		row.V = 6
		if o, err := tab.Put(p.Context(), p.db, &row); err != nil || o != upsert.Updated && o != upsert.Unknown {
			p.Errorf("the first Put on the partitioned table = %v, %v; want the row written", o, err)
		}
		if got := p.number(p.db, "SELECT v FROM t WHERE id = 'a'"); got != 6 {
			p.Errorf("v is %d, want 6", got)
		}
	})
}

// TestHazard_P39_NewTableHasTheTypesOfNow checks that a new Table does not use the old Table's statements if the types of
// the columns have changed. A statement that pgx keeps converts values to the original types of its parameters.
func TestHazard_P39_NewTableHasTheTypesOfNow(t *testing.T) {
	t.Parallel()
	type row struct {
		K int    `db:"k" upsert:"key"`
		V string `db:"v"`
	}
	eachMode(t, func(p *place) {
		for at, c := range [][4]string{ // the first type with a value, and the second type with a value
			{"real", "1", "double precision", "0.1"}, {"integer", "1", "numeric", "2.5"}, {"date", "2026-01-02", "timestamp", "2026-01-02 03:04:05"},
			{"text", "{}", "jsonb", `{"a": 1}`}, {"timestamp", "2026-01-02 03:04:05", "timestamptz", "2026-01-02 03:04:05+00"}, {"integer", "1", "text", "abc"}, {"char(3)", "a", "text", "a  "},
		} {
			name := fmt.Sprintf("changing_%d", at)
			p.must(p.db, "SET timezone = 'Asia/Tokyo'")
			p.must(p.db, "CREATE TABLE "+name+" (k int PRIMARY KEY, v "+c[0]+")")
			for n, v := range []string{c[1], c[3]} {
				if n == 1 {
					p.must(p.db, "ALTER TABLE "+name+" ALTER COLUMN v TYPE "+c[2]+" USING v::text::"+c[2])
				}
				d, err := dialect.Detect(p.Context(), p.db)
				if err != nil {
					p.Fatal(err)
				}
				tab, err := upsert.New[row](d, name)
				if err != nil {
					p.Fatal(err)
				}
				if o, err := tab.Put(p.Context(), p.db, &row{1, v}); err != nil {
					p.Errorf("%s that was %s: Put of %s = %v, %v", c[2], c[0], v, o, err)
				}
			}
			if got := p.number(p.db, "SELECT count(*) FROM "+name+" WHERE v = "+"'"+c[3]+"'::"+c[2]); got != 1 {
				var stored string
				_ = p.db.Get(&stored, "SELECT v::text FROM "+name)
				p.Errorf("%s that was %s: stored %s, want %s", c[2], c[0], stored, c[3])
			}
		}
	})
}
