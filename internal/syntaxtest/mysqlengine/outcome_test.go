package mysqlengine_test

import (
	"database/sql"
	"slices"
	"testing"

	"github.com/goupsert/upsert"
)

// TestPutOutcomes: each outcome, with the generated number read back whatever it is. LAST_INSERT_ID(expr) inside the
// update reaches the driver on this engine as MySQL's manual has it of mysql_insert_id().
func TestPutOutcomes(t *testing.T) {
	t.Parallel()
	each(t, accounts, func(t *testing.T, s setting, db *sql.DB) {
		accounts := table[account](t, s, "accounts")
		for i, step := range []struct {
			row  account
			want upsert.Outcome
			no   int64
			name string
		}{
			{account{Code: "a", Name: "one", UpdatedAt: monday, Version: 1}, upsert.Inserted, 1, "one"},
			{account{Code: "a", Name: "one", UpdatedAt: tuesday, Version: 1}, upsert.Unchanged, 1, "one"},
			{account{Code: "a", Name: "other", UpdatedAt: tuesday, Version: 1}, upsert.Stale, 1, "one"},
			{account{Code: "a", Name: "two", UpdatedAt: tuesday, Version: 2}, upsert.Updated, 1, "two"},
			{account{Code: "a", Name: "one", UpdatedAt: tuesday, Version: 1}, upsert.Stale, 1, "two"},
			{account{Code: "a", Name: "two", UpdatedAt: tuesday, Version: 2}, upsert.Unchanged, 1, "two"},
		} {
			have, err := accounts.Put(t.Context(), db, &step.row)
			if err != nil || have != step.want || step.row.No != step.no {
				t.Errorf("step %d: want %s of row %d, have %s of row %d, error %v", i, step.want, step.no, have, step.row.No, err)
			}
			if names := stored(t, db, "SELECT name FROM accounts"); !slices.Equal(names, []string{step.name}) {
				t.Errorf("step %d: stored are %v, want %s", i, names, step.name)
			}
		}
		if at := stored(t, db, "SELECT updated_at = '2026-01-06 12:00:00' FROM accounts"); at[0] != "1" {
			t.Error("the touched column did not follow the version")
		}
		other := account{Code: "b", Name: "one", UpdatedAt: monday, Version: 1}
		if o, err := accounts.Put(t.Context(), db, &other); err != nil || o != upsert.Inserted || other.No <= 1 {
			t.Errorf("another row: %s of row %d, error %v", o, other.No, err)
		}
	})
}

// TestTouch: the touched column changes with another and only then, though MySQL assigns from left to right.
func TestTouch(t *testing.T) {
	t.Parallel()
	each(t, notes, func(t *testing.T, s setting, db *sql.DB) {
		notes := table[note](t, s, "notes")
		for i, step := range []struct {
			row     note
			want    upsert.Outcome
			touched string
		}{
			{note{Code: "a", Name: "one", UpdatedAt: monday}, upsert.Inserted, "2026-01-05"},
			{note{Code: "a", Name: "one", UpdatedAt: tuesday}, upsert.Unchanged, "2026-01-05"},
			{note{Code: "a", Name: "One", UpdatedAt: tuesday}, upsert.Updated, "2026-01-06"},
			{note{Code: "a", Name: "One", UpdatedAt: monday}, upsert.Unchanged, "2026-01-06"},
		} {
			have, err := notes.Put(t.Context(), db, &step.row)
			if err != nil || have != step.want {
				t.Errorf("step %d: want %s, have %s, error %v", i, step.want, have, err)
			}
			if at := stored(t, db, "SELECT DATE_FORMAT(updated_at, '%Y-%m-%d') FROM notes"); !slices.Equal(at, []string{step.touched}) {
				t.Errorf("step %d: touched at %v, want %s", i, at, step.touched)
			}
		}
	})
}

// TestPutAll: outcomes of a batch, in which two rows have one key; and the same batch without them.
func TestPutAll(t *testing.T) {
	t.Parallel()
	each(t, accounts, func(t *testing.T, s setting, db *sql.DB) {
		accounts := table[account](t, s, "accounts")
		rows := []account{
			{Code: "b", Name: "b", UpdatedAt: monday, Version: 1},
			{Code: "a", Name: "a", UpdatedAt: monday, Version: 1},
			{Code: "a", Name: "a2", UpdatedAt: monday, Version: 2},
			{Code: "c", Name: "c", UpdatedAt: monday, Version: 1},
			{Code: "a", Name: "a", UpdatedAt: monday, Version: 1},
		}
		var each []upsert.Outcome
		result, err := accounts.PutAll(t.Context(), db, rows, upsert.EachOutcome(func(_ int, o upsert.Outcome) { each = append(each, o) }))
		if want := (upsert.Result{Inserted: 3, Updated: 1, Stale: 1}); err != nil || result != want {
			t.Errorf("want %+v, have %+v, error %v", want, result, err)
		}
		if want := []upsert.Outcome{upsert.Inserted, upsert.Inserted, upsert.Updated, upsert.Inserted, upsert.Stale}; !slices.Equal(each, want) {
			t.Errorf("want %v, have %v", want, each)
		}
		result, err = accounts.PutAll(t.Context(), db, rows, upsert.Outcomes())
		if want := (upsert.Result{Unchanged: 3, Stale: 2}); err != nil || result != want {
			t.Errorf("again: want %+v, have %+v, error %v", want, result, err)
		}
		rows[0].Name, rows[0].Version = "b2", 2
		result, err = accounts.PutAll(t.Context(), db, rows)
		if want := (upsert.Result{Unknown: 5}); err != nil || result != want {
			t.Errorf("without outcomes: want %+v, have %+v, error %v", want, result, err)
		}
		if names := stored(t, db, "SELECT name FROM accounts ORDER BY code"); !slices.Equal(names, []string{"a2", "b2", "c"}) {
			t.Errorf("stored are %v", names)
		}
	})
}

// TestGetOrCreate: the first call makes the row, the second reads it, columns and all. That exactly one of concurrent
// callers makes it is not shown here: this engine has no row locks.
func TestGetOrCreate(t *testing.T) {
	t.Parallel()
	each(t, accounts, func(t *testing.T, s setting, db *sql.DB) {
		accounts := table[account](t, s, "accounts")
		first := account{Code: "a", Name: "one", UpdatedAt: monday, Version: 1}
		second := account{Code: "a", Name: "two", UpdatedAt: tuesday, Version: 2}
		created, err := accounts.GetOrCreate(t.Context(), db, &first)
		if err != nil || !created || first.No != 1 {
			t.Errorf("the first call: created %v, row %d, error %v", created, first.No, err)
		}
		created, err = accounts.GetOrCreate(t.Context(), db, &second)
		if want := (account{No: 1, Code: "a", Name: "one", UpdatedAt: monday, Version: 1}); err != nil || created || second != want {
			t.Errorf("the second call: created %v, %+v, error %v", created, second, err)
		}
	})
}

// TestRowsAffected: 1 for a row that is inserted, 2 for one that is updated, and for one that stays as it is 0 or, with
// CLIENT_FOUND_ROWS, 1. The library does not rely on it, for with that flag the 1 says two things (hazard H14).
func TestRowsAffected(t *testing.T) {
	t.Parallel()
	each(t, notes, func(t *testing.T, s setting, db *sql.DB) {
		same := int64(0)
		if s.params == "parseTime=true&clientFoundRows=true" {
			same = 1
		}
		notes := table[note](t, s, "notes")
		for i, step := range []struct {
			row  note
			want int64
		}{
			{note{Code: "a", Name: "one", UpdatedAt: monday}, 1},
			{note{Code: "a", Name: "one", UpdatedAt: tuesday}, same},
			{note{Code: "a", Name: "two", UpdatedAt: tuesday}, 2},
		} {
			query, args, err := notes.SQL(step.row)
			if err != nil {
				t.Fatal(err)
			}
			result, err := db.ExecContext(t.Context(), query, args...)
			if err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			if have, err := result.RowsAffected(); err != nil || have != step.want {
				t.Errorf("step %d: want %d rows affected, have %d, error %v", i, step.want, have, err)
			}
		}
	})
}
