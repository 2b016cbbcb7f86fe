package upsert_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/jmoiron/sqlx/reflectx"
)

// newRow is a row type whose columns suit the options that the tests combine.
type newRow struct {
	ID      int64     `db:"id" upsert:"key"`
	Email   string    `db:"email" upsert:"key=email"`
	Shop    string    `db:"shop" upsert:"key=number,keep"`
	Number  int64     `db:"number" upsert:"key=number"`
	Balance int64     `db:"balance"`
	Rev     int64     `db:"rev" upsert:"version"`
	At      time.Time `db:"at" upsert:"touch,now"`
	Serial  int64     `db:"serial" upsert:"generated"`
}

// newSays checks the text of an error from New.
func newSays(t *testing.T, what string, err error, want string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("%s: no error; want an error that contains %q", what, want)
	case !strings.HasPrefix(err.Error(), "upsert: ") || !strings.Contains(err.Error(), want):
		t.Errorf("%s: %q, want a text that begins with upsert: and contains %q", what, err, want)
	case strings.Count(err.Error(), "upsert: ") > 1:
		t.Errorf("%s: %q contains upsert: more than once", what, err)
	}
}

func newErr[T any](d dialect.Dialect, name string, opts ...upsert.Option) error {
	_, err := upsert.New[T](d, name, opts...)
	return err
}

func TestOptionIsRefused(t *testing.T) {
	t.Parallel()
	type noDefault struct {
		Email string `db:"email" upsert:"key=email"`
	}
	for name, c := range map[string]struct {
		err  error
		says string
	}{
		"dialect nil":            {newErr[newRow](nil, "t"), "the dialect is nil"},
		"target unknown":         {newErr[newRow](dialect.SQLite, "t", upsert.Target("emial")), `Target: no field is tagged key=emial: is "email" meant?`},
		"target far off":         {newErr[newRow](dialect.SQLite, "t", upsert.Target("zzzzzzzz")), "Target: no field is tagged key=zzzzzzzz"},
		"target empty":           {newErr[newRow](dialect.SQLite, "t", upsert.Target("")), "Target: the name is empty"},
		"columns none":           {newErr[newRow](dialect.SQLite, "t", upsert.Columns()), "Columns: no column is named"},
		"columns unknown":        {newErr[newRow](dialect.SQLite, "t", upsert.Columns("id", "rev", "balnce")), `no column "balnce": is "balance" meant?`},
		"columns far off":        {newErr[newRow](dialect.SQLite, "t", upsert.Columns("id", "rev", "xyzzyxyzzy")), "it has id, email, shop, number, balance, rev, at, serial"},
		"columns by field":       {newErr[newRow](dialect.SQLite, "t", upsert.Columns("id", "rev", "Balance")), `is "balance" meant?`},
		"columns twice":          {newErr[newRow](dialect.SQLite, "t", upsert.Columns("id", "rev", "id")), `Columns: "id" is there twice`},
		"columns without key":    {newErr[newRow](dialect.SQLite, "t", upsert.Columns("rev", "balance")), `Columns: the key column "id" must be among them`},
		"columns without target": {newErr[newRow](dialect.SQLite, "t", upsert.Target("number"), upsert.Columns("rev", "shop")), `the key column "number" must be among them`},
		"columns no version":     {newErr[newRow](dialect.SQLite, "t", upsert.Columns("id", "balance")), `Columns: the version "rev" must be among them`},
		"where empty":            {newErr[newRow](dialect.SQLite, "t", upsert.IndexWhere(" \t")), "IndexWhere: the predicate is empty"},
		"constraint empty":       {newErr[newRow](dialect.Postgres, "t", upsert.OnConstraint("")), "OnConstraint: the name is empty"},
		"constraint NUL":         {newErr[newRow](dialect.Postgres, "t", upsert.OnConstraint("a\x00")), "OnConstraint: identifier"},
		"constraint and where":   {newErr[newRow](dialect.Postgres, "t", upsert.OnConstraint("c"), upsert.IndexWhere("a = 1")), "IndexWhere and OnConstraint exclude each other"},
		"constraint long":        {newErr[newRow](dialect.Postgres, "t", upsert.OnConstraint(strings.Repeat("c", 64))), "OnConstraint: identifier"},
		"mapper nil":             {newErr[newRow](dialect.SQLite, "t", upsert.Mapper(nil)), "Mapper: the mapper is nil"},
		"retries negative":       {newErr[newRow](dialect.SQLite, "t", upsert.Retries(-1)), "Retries: -1 is negative"},
		"column for a struct":    {newErr[newRow](dialect.SQLite, "t", upsert.Column("id", upsert.Key)), `Column "id" is given for upsert_test.newRow: its tags say its columns`},
		"map without columns":    {newErr[map[string]any](dialect.SQLite, "t"), "give New a Column option for each"},
		"map without a key":      {newErr[map[string]any](dialect.SQLite, "t", upsert.Column("a", upsert.Replace)), "say what makes a row the same row"},
		"map column without name": {newErr[map[string]any](dialect.SQLite, "t", upsert.Column("", upsert.Key)),
			"an identifier is empty"},
		"map rule unknown":  {newErr[map[string]any](dialect.SQLite, "t", upsert.Column("a", upsert.Key), upsert.Column("b", upsert.Rule(99))), "Rule(99)"},
		"map column twice":  {newErr[map[string]any](dialect.SQLite, "t", upsert.Column("a", upsert.Key), upsert.Column("a", upsert.Keep)), `field a: column "a"`},
		"map key omitzero":  {newErr[map[string]any](dialect.SQLite, "t", upsert.Column("a", upsert.Key, upsert.OmitZero())), `"omitzero" does not go with "key"`},
		"map now replace":   {newErr[map[string]any](dialect.SQLite, "t", upsert.Column("a", upsert.Key), upsert.Column("b", upsert.Replace, upsert.Now())), `"now" goes with`},
		"map target empty":  {newErr[map[string]any](dialect.SQLite, "t", upsert.Column("a", upsert.Key, upsert.InTarget(""))), "InTarget: a target's name is not empty"},
		"map target comma":  {newErr[map[string]any](dialect.SQLite, "t", upsert.Column("a", upsert.Key, upsert.InTarget("a,b"))), "InTarget: a target's name is not empty and has no comma"},
		"only named target": {newErr[noDefault](dialect.SQLite, "t"), "pick one of its targets with Target: email"},
		"not a row":         {newErr[int](dialect.SQLite, "t"), "a row is a struct or a map[string]any"},
		"pointer":           {newErr[*newRow](dialect.SQLite, "t"), "a row is a struct or a map[string]any"},
	} {
		newSays(t, name, c.err, c.says)
	}
}

func TestTagOfTheWholeRowIsRefused(t *testing.T) {
	t.Parallel()
	type noKey struct{ A, B int }
	type onlyGenerated struct {
		A int `upsert:"generated"`
	}
	type versions struct {
		ID int `upsert:"key"`
		V  int `upsert:"version"`
		At struct {
			W int `upsert:"version"`
		}
	}
	for _, c := range []struct {
		err         error
		field, says string
	}{
		{newErr[noKey](dialect.Postgres, "t"), "", "no field is tagged `upsert:\"key\"`: say what makes a row the same row"},
		{newErr[onlyGenerated](dialect.Postgres, "t"), "", "no field is tagged `upsert:\"key\"`"},
		{newErr[versions](dialect.Postgres, "t"), "At.W", "a row has one version, and V is it already"},
	} {
		var tag *upsert.TagError
		if !errors.As(c.err, &tag) || tag.Field != c.field {
			t.Errorf("%v: want a *TagError of field %q", c.err, c.field)
		}
		newSays(t, "whole row", c.err, c.says)
	}
}

func TestOnlyKeysIsInsertOrNothing(t *testing.T) {
	t.Parallel()
	type numbers struct {
		A int `upsert:"key"`
		B int `upsert:"key"`
	}
	type texts struct {
		A string `upsert:"key"`
	}
	for _, d := range []dialect.Dialect{dialect.SQLite, dialect.Postgres, dialect.MySQL, dialect.MariaDB} {
		table, err := upsert.New[numbers](d, "t")
		if err != nil {
			t.Errorf("%s: %v, want a table of keys to be allowed", d.Name(), err)
			continue
		}
		query, _, err := table.SQL()
		if err != nil || strings.Contains(query, "SET ") {
			t.Errorf("%s: %q, %v, want a statement that sets nothing", d.Name(), query, err)
		}
		if g := table.Guarantee(); g != upsert.RepeatSafe|upsert.OrderFree {
			t.Errorf("%s: the guarantee is %v, want repeat-safe and order-free", d.Name(), g)
		}
	}
	// PostgreSQL: even "key = excluded.key" would lock out inserts of rows that refer to this row, so the key is not
	// assigned at all.
	table, err := upsert.New[texts](dialect.Postgres, "t")
	if err != nil {
		t.Fatal(err)
	}
	if query, _, err := table.SQL(); err != nil || !strings.Contains(query, "DO NOTHING") {
		t.Errorf("postgres: %q, %v, want DO NOTHING", query, err)
	}
}

func TestDialectLacksAnOption(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err           error
		feature, dial string
	}{
		"mysql where":        {newErr[newRow](dialect.MySQL, "t", upsert.IndexWhere("a = 1")), "partial unique index", "mysql"},
		"mariadb where":      {newErr[newRow](dialect.MariaDB, "t", upsert.IndexWhere("a = 1")), "partial unique index", "mariadb"},
		"mysql constraint":   {newErr[newRow](dialect.MySQL, "t", upsert.OnConstraint("c")), "ON CONSTRAINT", "mysql"},
		"mariadb constraint": {newErr[newRow](dialect.MariaDB, "t", upsert.OnConstraint("c")), "ON CONSTRAINT", "mariadb"},
		"sqlite constraint":  {newErr[newRow](dialect.SQLite, "t", upsert.OnConstraint("c")), "ON CONSTRAINT", "sqlite"},
	} {
		var lacks *dialect.UnsupportedError
		if !errors.As(c.err, &lacks) || lacks.Feature != c.feature || lacks.Dialect != c.dial || lacks.Hint == "" {
			t.Errorf("%s: %v, want an *UnsupportedError of feature %q and dialect %q with a hint", name, c.err, c.feature, c.dial)
		}
		newSays(t, name, c.err, c.dial+" has no "+c.feature)
	}
	for _, d := range []dialect.Dialect{dialect.SQLite, dialect.Postgres} {
		if err := newErr[newRow](d, "t", upsert.IndexWhere("balance > 0")); err != nil {
			t.Errorf("IndexWhere on %s: %v", d.Name(), err)
		}
	}
	if err := newErr[newRow](dialect.Postgres, "t", upsert.OnConstraint("accounts_pkey")); err != nil {
		t.Errorf("OnConstraint on postgres: %v", err)
	}
}

func TestTooManyParametersForOneRow(t *testing.T) {
	t.Parallel()
	opts := []upsert.Option{upsert.Column("id", upsert.Key)}
	for i := range 32766 {
		opts = append(opts, upsert.Column("c"+strings.Repeat("x", i%7)+time.Duration(i).String(), upsert.Replace))
	}
	var lacks *dialect.UnsupportedError
	if err := newErr[map[string]any](dialect.SQLite, "t", opts...); !errors.As(err, &lacks) || !strings.Contains(err.Error(), "32767 parameters") {
		t.Errorf("32767 columns on SQLite: %v, want an *UnsupportedError that says so", err)
	}
}

func TestLaterOptionWins(t *testing.T) {
	t.Parallel()
	both, err := upsert.New[newRow](dialect.SQLite, "t", upsert.Target("email"), upsert.Columns("id", "rev"), upsert.Target("number"), upsert.Columns("shop", "number", "rev"))
	if err != nil {
		t.Fatal(err)
	}
	one, err := upsert.New[newRow](dialect.SQLite, "t", upsert.Target("number"), upsert.Columns("shop", "number", "rev"))
	if err != nil {
		t.Fatal(err)
	}
	a, _, _ := both.SQL()
	b, _, _ := one.SQL()
	if a != b || !strings.Contains(a, `ON CONFLICT ("shop", "number")`) {
		t.Errorf("with both options the statement is\n%s\nwith only the later option\n%s", a, b)
	}
}

func TestMapperNamesTheColumns(t *testing.T) {
	t.Parallel()
	type row struct {
		ID   int64  `json:"identity,omitempty" upsert:"key"`
		Name string `json:"fullName"`
	}
	table, err := upsert.New[row](dialect.SQLite, "t", upsert.Mapper(reflectx.NewMapperFunc("json", strings.ToLower)))
	if err != nil {
		t.Fatal(err)
	}
	if query, _, err := table.SQL(); err != nil || !strings.Contains(query, `("identity", "fullName")`) {
		t.Errorf("%q, %v: want the columns to be named by the json tags", query, err)
	}
}

func TestUint64KeysMayBeMixed(t *testing.T) {
	t.Parallel()
	type row struct {
		ID uint64 `upsert:"key"`
	}
	table, err := upsert.New[row](dialect.MySQL, "t")
	if err != nil {
		t.Fatal(err)
	}
	_, args, err := table.SQL(row{math.MaxUint64}, row{1}, row{math.MaxInt64 + 1}, row{math.MaxInt64})
	if err != nil {
		t.Fatalf("keys below and above the greatest int64 in one batch: %v", err)
	}
	var order []uint64
	for _, a := range args {
		switch a := a.(type) {
		case int64:
			order = append(order, uint64(a))
		case uint64:
			order = append(order, a)
		}
	}
	for i, want := range []uint64{1, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64} {
		if i >= len(order) || order[i] != want {
			t.Fatalf("the keys are sent in the order %d; want numerical order", order)
		}
	}
}

func TestColumnsThatDifferByCaseAlone(t *testing.T) {
	t.Parallel()
	type thing struct {
		ID    int `upsert:"key"`
		Lower int `db:"v"`
		Upper int `db:"V"`
	}
	for _, d := range []dialect.Dialect{dialect.SQLite, dialect.MySQL, dialect.MariaDB} {
		newSays(t, d.Name(), newErr[thing](d, "t"), `field Upper: column "V" differs from "v" of Lower by case alone`)
		if err := newErr[thing](d, "t", upsert.Columns("id", "V")); err != nil {
			t.Errorf("%s: New with one of them: %v; want nil", d.Name(), err)
		}
	}
	if err := newErr[thing](dialect.Postgres, "t"); err != nil {
		t.Errorf("postgres: New: %v; want nil", err)
	}
}

type onlyID struct {
	ID int64 `db:"id" upsert:"key"`
}

// quotedTable returns the table's name as the statement quotes it.
func quotedTable(d dialect.Dialect, name string) (string, error) {
	table, err := upsert.New[onlyID](d, name)
	if err != nil {
		return "", err
	}
	query, _, err := table.SQL()
	if err != nil {
		return "", err
	}
	query = strings.TrimPrefix(query, "INSERT INTO ")
	if d.Name() == "mysql" || d.Name() == "mariadb" {
		return query[:strings.Index(query, " (`id`)")], nil
	}
	return query[:strings.Index(query, ` AS "`)], nil
}

func TestTableName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"t": `"t"`, "app.t": `"app"."t"`, "T": `"T"`, "order": `"order"`, "a b": `"a b"`, `"t"`: `"t"`, `"app"."t"`: `"app"."t"`,
		`app."t"`: `"app"."t"`, `"app".t`: `"app"."t"`, `"a.b"`: `"a.b"`, `"a.b"."c.d"`: `"a.b"."c.d"`, `"say ""hi"""`: `"say ""hi"""`,
		`""""`: `""""`, `a"b`: `"a""b"`, "täble": `"täble"`, "x'; DROP TABLE y; --": `"x'; DROP TABLE y; --"`,
		strings.Repeat("é", 31): `"` + strings.Repeat("é", 31) + `"`,
	} {
		if got, err := quotedTable(dialect.Postgres, name); got != want || err != nil {
			t.Errorf("%s is written %s, %v, want %s", name, got, err, want)
		}
	}
	if got, err := quotedTable(dialect.MySQL, "a`b.c"); got != "`a``b`.`c`" || err != nil {
		t.Errorf("on MySQL a`b.c is written %s, %v", got, err)
	}
}

func TestTableNameIsRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 64)
	for _, c := range []struct {
		d          dialect.Dialect
		name, says string
	}{
		{dialect.SQLite, "", "an identifier is empty"},
		{dialect.SQLite, ".", "an identifier is empty"},
		{dialect.SQLite, ".t", "an identifier is empty"},
		{dialect.SQLite, "a.", "an identifier is empty"},
		{dialect.SQLite, `""`, "an identifier is empty"},
		{dialect.SQLite, `"".t`, "an identifier is empty"},
		{dialect.SQLite, `""."t"`, "an identifier is empty"},
		{dialect.SQLite, `a.""`, "an identifier is empty"},
		{dialect.SQLite, "a.b.c", "more than a schema and a table: put a part with a dot in it in double quotes"},
		{dialect.SQLite, `"a"."b"."c"`, "more than a schema and a table"},
		{dialect.SQLite, `"a`, "a quote is not closed"},
		{dialect.SQLite, `"`, "a quote is not closed"},
		{dialect.SQLite, `a."b`, "a quote is not closed"},
		{dialect.SQLite, `"a""`, "a quote is not closed"},
		{dialect.SQLite, `"a"b`, "followed by something else than a dot"},
		{dialect.SQLite, "a\x00b", "has a NUL byte"},
		{dialect.SQLite, "a\x00.b", "has a NUL byte"},
		{dialect.SQLite, "\xff", "not valid UTF-8"},
		{dialect.Postgres, long, "longer than the 63 that postgres keeps"},
		{dialect.Postgres, long + ".t", "longer than the 63 that postgres keeps"},
		{dialect.Postgres, strings.Repeat("é", 32), "longer than the 63"},
		{dialect.MySQL, long + "x", "longer than the 64 that mysql keeps"},
		{dialect.MariaDB, "a." + long + "x", "longer than the 64 that mariadb keeps"},
	} {
		newSays(t, fmt.Sprintf("%q on %s", c.name, c.d.Name()), newErr[onlyID](c.d, c.name), c.says)
	}
	for _, d := range []dialect.Dialect{dialect.MySQL, dialect.MariaDB, dialect.SQLite} {
		if err := newErr[onlyID](d, strings.Repeat("é", 64)); err != nil {
			t.Errorf("64 letters on %s: %v", d.Name(), err)
		}
	}
}

// FuzzTableName checks that no name causes a panic, and that the quoted form of an accepted name reads as the same name.
func FuzzTableName(f *testing.F) {
	for _, seed := range []string{"t", "a.b", "a.b.c", "", ".", `"`, `""`, `""""`, `"a""b".c`, `"a"b`, `""."t"`, "\x00", "\xff.x", "a`b", `a"."b`, `"."."."`, "é.ü"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for _, d := range []dialect.Dialect{dialect.SQLite, dialect.Postgres} {
			quoted, err := quotedTable(d, name)
			if err != nil {
				continue
			}
			if again, err := quotedTable(d, quoted); err != nil || again != quoted {
				t.Errorf("%s: %q is written %s, which reads as %s, %v", d.Name(), name, quoted, again, err)
			}
			if strings.Contains(quoted, `""`) && !strings.Contains(name, `"`) || strings.IndexByte(quoted, 0) >= 0 {
				t.Errorf("%s: %q is written %s", d.Name(), name, quoted)
			}
		}
		_, _ = quotedTable(dialect.MySQL, name) // does not panic
	})
}
