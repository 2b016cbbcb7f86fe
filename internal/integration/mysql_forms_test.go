package integration_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/jmoiron/sqlx"
)

// form is one of the two forms of the MySQL statement, and the driver parameters of a pool. The parameters change the
// results that the driver reports.
type form struct {
	dialect dialect.Dialect
	params  []engine.Option
}

// eachForm runs f with both forms of the statement, whichever form the server's version would select. A caller who passes
// dialect.MySQL without a version sends VALUES() to MySQL 8 too. The conformance suite tests only the detected form.
func eachForm(t *testing.T, schema string, f func(t *testing.T, m form, db *sqlx.DB)) {
	t.Helper()
	aliased, err := dialect.FromVersion("8.0.36")
	if err != nil {
		t.Fatal(err)
	}
	for _, on := range []struct {
		engine, form string
		dialect      dialect.Dialect
	}{{"mysql57", "VALUES()", dialect.MySQL}, {"mysql", "VALUES()", dialect.MySQL}, {"mysql", "row alias", aliased}} {
		for name, params := range map[string][]engine.Option{
			"default": nil, "clientFoundRows": {engine.Param("clientFoundRows", "true")}, "interpolateParams": {engine.Param("interpolateParams", "true")},
		} {
			t.Run(on.engine+"/"+on.form+"/"+name, func(t *testing.T) {
				t.Parallel()
				db := engine.Get(on.engine).Open(t, params...)
				db.MustExec(schema)
				f(t, form{on.dialect, params}, db)
			})
		}
	}
}

func formTable[T any](t *testing.T, m form, name string) *upsert.Table[T] {
	t.Helper()
	table, err := upsert.New[T](m.dialect, name)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// formStored returns the values of a query with one column.
func formStored(t *testing.T, db *sqlx.DB, query string) (values []string) {
	t.Helper()
	if err := db.Select(&values, query); err != nil {
		t.Fatal(err)
	}
	return values
}

// formAccount has a generated number, so that an insert sets the insert id.
type formAccount struct {
	No        int64     `db:"no" upsert:"generated"`
	Code      string    `db:"code" upsert:"key"`
	Name      string    `db:"name"`
	UpdatedAt time.Time `db:"updated_at" upsert:"touch"`
	Version   int64     `db:"version" upsert:"version"`
}

const formAccounts = "CREATE TABLE accounts (no BIGINT AUTO_INCREMENT PRIMARY KEY, code VARCHAR(40) NOT NULL UNIQUE, name VARCHAR(40) NOT NULL, " +
	"updated_at DATETIME(6) NOT NULL, version BIGINT NOT NULL)"

func TestMySQLFormsPut(t *testing.T) {
	t.Parallel()
	monday := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	tuesday := monday.AddDate(0, 0, 1)
	eachForm(t, formAccounts, func(t *testing.T, m form, db *sqlx.DB) {
		accounts := formTable[formAccount](t, m, "accounts")
		for i, step := range []struct {
			row  formAccount
			want upsert.Outcome
			name string
		}{
			{formAccount{Code: "a", Name: "one", UpdatedAt: monday, Version: 1}, upsert.Inserted, "one"},
			{formAccount{Code: "a", Name: "one", UpdatedAt: tuesday, Version: 1}, upsert.Unchanged, "one"},
			{formAccount{Code: "a", Name: "other", UpdatedAt: tuesday, Version: 1}, upsert.Stale, "one"},
			{formAccount{Code: "a", Name: "two", UpdatedAt: tuesday, Version: 2}, upsert.Updated, "two"},
			{formAccount{Code: "a", Name: "one", UpdatedAt: tuesday, Version: 1}, upsert.Stale, "two"},
			{formAccount{Code: "a", Name: "two", UpdatedAt: tuesday, Version: 2}, upsert.Unchanged, "two"},
		} {
			have, err := accounts.Put(t.Context(), db, &step.row)
			if err != nil || have != step.want || step.row.No != 1 {
				t.Errorf("step %d: want %s of row 1, have %s of row %d, error %v", i, step.want, have, step.row.No, err)
			}
			if names := formStored(t, db, "SELECT name FROM accounts"); !slices.Equal(names, []string{step.name}) {
				t.Errorf("step %d: stored are %v, want %s", i, names, step.name)
			}
		}
		if at := formStored(t, db, "SELECT updated_at = '2026-01-06 12:00:00' FROM accounts"); at[0] != "1" {
			t.Error("the touched column did not follow the version")
		}
		second := formAccount{Code: "a", Name: "late", UpdatedAt: monday, Version: 3}
		created, err := accounts.GetOrCreate(t.Context(), db, &second)
		if want := (formAccount{No: 1, Code: "a", Name: "two", UpdatedAt: tuesday, Version: 2}); err != nil || created || second != want {
			t.Errorf("GetOrCreate: created %v, %+v, error %v; want %+v", created, second, err, want)
		}
	})
}

func TestMySQLFormsPutAll(t *testing.T) {
	t.Parallel()
	monday := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	eachForm(t, formAccounts, func(t *testing.T, m form, db *sqlx.DB) {
		accounts := formTable[formAccount](t, m, "accounts")
		rows := []formAccount{
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
	})
}

// TestMySQLFormsWithoutInsertID checks the outcomes if the table has no AUTO_INCREMENT. An insert must not be taken for an
// update that the same connection reported before.
func TestMySQLFormsWithoutInsertID(t *testing.T) {
	t.Parallel()
	type item struct {
		ID   int64  `db:"id" upsert:"key"`
		Name string `db:"name"`
	}
	eachForm(t, "CREATE TABLE items (id BIGINT PRIMARY KEY, name VARCHAR(40))", func(t *testing.T, m form, db *sqlx.DB) {
		db.SetMaxOpenConns(1)
		items := formTable[item](t, m, "items")
		for i, step := range []struct {
			row  item
			want upsert.Outcome
		}{
			{item{1, "a"}, upsert.Inserted}, {item{1, "a"}, upsert.Unchanged}, {item{1, "b"}, upsert.Updated}, {item{2, "a"}, upsert.Inserted},
		} {
			if have, err := items.Put(t.Context(), db, &step.row); err != nil || have != step.want {
				t.Errorf("step %d: want %s, have %s, error %v", i, step.want, have, err)
			}
		}
	})
}

// TestMySQLFormsOtherKey checks that no row is changed if a row conflicts with another row in another unique key. The test
// covers stored and new rows, and each kind of call.
func TestMySQLFormsOtherKey(t *testing.T) {
	t.Parallel()
	type member struct {
		ID    int64  `db:"id" upsert:"key"`
		Email string `db:"email"`
		Name  string `db:"name"`
	}
	const schema = "CREATE TABLE members (id BIGINT PRIMARY KEY, email VARCHAR(40) NOT NULL UNIQUE, name VARCHAR(40) NOT NULL)"
	eachForm(t, schema, func(t *testing.T, m form, db *sqlx.DB) {
		members := formTable[member](t, m, "members")
		if _, err := members.PutAll(t.Context(), db, []member{{1, "a@example.com", "a"}, {2, "b@example.com", "b"}}); err != nil {
			t.Fatal(err)
		}
		for call, do := range map[string]func() error{
			"an update": func() error {
				_, err := members.Put(t.Context(), db, &member{1, "b@example.com", "changed"})
				return err
			},
			"an insert": func() error {
				_, err := members.Put(t.Context(), db, &member{3, "b@example.com", "changed"})
				return err
			},
			"a batch": func() error {
				_, err := members.PutAll(t.Context(), db, []member{
					{1, "a@example.com", "changed"}, {3, "b@example.com", "changed"}, {4, "c@example.com", "new"},
				})
				return err
			},
			"GetOrCreate": func() error {
				_, err := members.GetOrCreate(t.Context(), db, &member{3, "b@example.com", "changed"})
				return err
			},
		} {
			if err := do(); !errors.Is(err, upsert.ErrOtherKey) {
				t.Errorf("%s: want ErrOtherKey, have %v", call, err)
			}
			want := []string{"1 a@example.com a", "2 b@example.com b"}
			if have := formStored(t, db, "SELECT CONCAT(id, ' ', email, ' ', name) FROM members ORDER BY id"); !slices.Equal(have, want) {
				t.Errorf("%s: stored are %v, want %v", call, have, want)
			}
		}
	})
}

// TestMySQLFormsRules checks the result of each rule for NULL and for other values, with all rules in one statement.
func TestMySQLFormsRules(t *testing.T) {
	t.Parallel()
	type everything struct {
		No   int64           `db:"no" upsert:"generated"`
		ID   int64           `db:"id" upsert:"key"`
		Keep string          `db:"kept" upsert:"keep"`
		Fill *string         `db:"filled" upsert:"fill"`
		Last *string         `db:"last" upsert:"coalesce"`
		High *int64          `db:"high" upsert:"max"`
		Low  *int64          `db:"low" upsert:"min"`
		Seen *bool           `db:"seen" upsert:"or"`
		Good *bool           `db:"good" upsert:"and"`
		Attr json.RawMessage `db:"attr" upsert:"merge"`
	}
	const schema = "CREATE TABLE everythings (no BIGINT AUTO_INCREMENT PRIMARY KEY, id BIGINT NOT NULL UNIQUE, kept VARCHAR(9), filled VARCHAR(9), " +
		"last VARCHAR(9), high BIGINT, low BIGINT, seen BOOLEAN, good BOOLEAN, attr JSON)"
	text, number, flag, patch := func(s string) *string { return &s }, func(n int64) *int64 { return &n }, func(b bool) *bool { return &b }, func(s string) json.RawMessage { return json.RawMessage(s) }
	eachForm(t, schema, func(t *testing.T, m form, db *sqlx.DB) {
		rows := formTable[everything](t, m, "everythings")
		for i, step := range []struct {
			row  everything
			out  upsert.Outcome
			want string
		}{
			{everything{ID: 1, Keep: "a"}, upsert.Inserted, `["a", null, null, null, null, null, null, null]`},
			{everything{ID: 1, Keep: "b"}, upsert.Unchanged, `["a", null, null, null, null, null, null, null]`},
			{
				everything{ID: 1, Fill: text("f"), Last: text("l"), High: number(5), Low: number(5), Seen: flag(false), Good: flag(true), Attr: patch(`{"x": 1}`)},
				upsert.Updated, `["a", "f", "l", 5, 5, 0, 1, {"x": 1}]`,
			},
			{
				everything{ID: 1, Fill: text("g"), Last: text("m"), High: number(4), Low: number(6), Seen: flag(true), Good: flag(false), Attr: patch(`{"y": 2}`)},
				upsert.Updated, `["a", "f", "m", 5, 5, 1, 0, {"x": 1, "y": 2}]`,
			},
			{
				everything{ID: 1, High: number(6), Low: number(4), Seen: flag(false), Good: flag(true), Attr: patch(`{"x": null}`)},
				upsert.Updated, `["a", "f", "m", 6, 4, 1, 0, {"y": 2}]`,
			},
			{everything{ID: 1, Keep: "c", Fill: text("h"), High: number(6)}, upsert.Unchanged, `["a", "f", "m", 6, 4, 1, 0, {"y": 2}]`},
		} {
			have, err := rows.Put(t.Context(), db, &step.row)
			if err != nil || have != step.out {
				t.Errorf("step %d: want %s, have %s, error %v", i, step.out, have, err)
			}
			if v := formStored(t, db, "SELECT JSON_ARRAY(kept, filled, last, high, low, seen, good, attr) FROM everythings"); !slices.Equal(v, []string{step.want}) {
				t.Errorf("step %d: stored are %v, want %s", i, v, step.want)
			}
		}
	})
}
