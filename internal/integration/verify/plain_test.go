package verify_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/conformance"
	"github.com/goupsert/upsert/internal/engine"
	sent "github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/jmoiron/sqlx"
)

type plainItem struct {
	ID   int64  `db:"id" upsert:"key"`
	Name string `db:"name"`
}

const plainItems = "CREATE TABLE items (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL)"

// plainTexts are the statements of one row of items, by database.
var plainTexts = map[string]string{
	"postgres":     `INSERT INTO "items" ("id", "name") VALUES ($1, $2) ON CONFLICT ("id") DO UPDATE SET "name" = EXCLUDED."name" WHERE "items"."name" IS DISTINCT FROM EXCLUDED."name"`,
	"sqlite":       `INSERT INTO "items" ("id", "name") VALUES (?, ?) ON CONFLICT ("id") DO UPDATE SET "name" = EXCLUDED."name" WHERE "items"."name" IS NOT EXCLUDED."name"`,
	"mysql":        "INSERT INTO `items` (`id`, `name`) VALUES (?, ?) ON DUPLICATE KEY UPDATE `name` = VALUES(`name`)",
	"mysql 8.0.19": "INSERT INTO `items` (`id`, `name`) VALUES (?, ?) AS `_new` ON DUPLICATE KEY UPDATE `name` = `_new`.`name`",
}

func plainText(d dialect.Dialect) string {
	switch {
	case d.Name() == "mariadb":
		return plainTexts["mysql"]
	case d.Name() == "mysql" && dialect.AtLeast(d.Version(), 8, 0, 19):
		return plainTexts["mysql 8.0.19"]
	}
	return plainTexts[d.Name()]
}

// plain calls Plain, which must succeed.
func plain[T any](l *lab.Lab, table *upsert.Table[T], opts ...upsert.VerifyOption) *upsert.Table[T] {
	l.Helper()
	p, err := table.Plain(l.Context(), l.DB, opts...)
	if err != nil || p == nil {
		l.Fatalf("Plain: %v, %v", p, err)
	}
	return p
}

func sqlOf[T any](l *lab.Lab, table *upsert.Table[T], rows ...T) string {
	l.Helper()
	text, _, err := table.SQL(rows...)
	if err != nil {
		l.Fatalf("SQL: %v", err)
	}
	return text
}

// TestPlainText checks that a plain table sends what a person would have written, and that the text of neither table changes.
func TestPlainText(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab.Lab) {
		l.Exec(plainItems)
		guarded := lab.Table[plainItem](l, "items")
		before := sqlOf(l, guarded)
		table := plain(l, guarded, upsert.TrustUniqueIndexes())
		l.Want("the plain text", sqlOf(l, table), plainText(l.D))
		l.Want("the guarded text afterwards", sqlOf(l, guarded), before)
		db := sent.Open(l, l.NS, nil)
		l.Want("outcome", lab.Put(l, table, upsert.DB(db.DB), plainItem{1, "a"}), upsert.Inserted)
		begin := db.Next()
		if _, err := table.Exec(l.Context(), db.DB, &plainItem{1, "b"}); err != nil {
			l.Fatalf("Exec: %v", err)
		}
		var texts []string
		for _, p := range db.Points() {
			if p.Index >= begin && p.Text != "" {
				texts = append(texts, p.Text)
			}
		}
		l.Want("Exec sends (a driver may prepare and run it)", strings.Join(slices.Compact(texts), "; "), plainText(l.D))
		for _, want := range []struct {
			row plainItem
			o   upsert.Outcome
		}{{plainItem{1, "b"}, upsert.Unchanged}, {plainItem{1, "B"}, upsert.Updated}, {plainItem{2, ""}, upsert.Inserted}} {
			l.Want("outcome", lab.Put(l, table, l.DB, want.row), want.o)
		}
		r, err := table.PutAll(l.Context(), l.DB, []plainItem{{1, "B"}, {2, "x"}, {3, "y"}, {3, "z"}}, upsert.Outcomes())
		l.Want("PutAll", err, nil)
		l.Want("outcomes of PutAll", r, upsert.Result{Inserted: 1, Updated: 2, Unchanged: 1})
		l.Want("rows", l.Text("SELECT id, name FROM items ORDER BY id"), "1|B 2|x 3|z")
		l.Want("the text at last", sqlOf(l, table), plainText(l.D))
	})
}

// TestPlainPutAddsTheReport checks that Put sends the text of SQL and what reports the outcome, on the databases that report it in
// the statement.
func TestPlainPutAddsTheReport(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec(plainItems)
		table := plain(l, lab.Table[plainItem](l, "items"))
		db := sent.Open(l, l.NS, nil)
		lab.Put(l, table, upsert.DB(db.DB), plainItem{1, "a"})
		begin := db.Next()
		lab.Put(l, table, upsert.DB(db.DB), plainItem{1, "b"})
		report := ` RETURNING "items".xmax = 0`
		if dialect.AtLeast(l.D.Version(), 18) {
			report = ` RETURNING WITH (OLD AS "_o") "_o"."id" IS NULL`
		}
		for _, p := range db.Points() {
			if p.Index >= begin && strings.HasPrefix(p.Text, "INSERT") {
				l.Want("Put sends", p.Text, plainTexts["postgres"]+report)
			}
		}
	})
}

// TestPlainKeepsWhatIsNeeded checks that a comparison by bytes stays if the column takes different values for equal, so that a plain
// table corrects such a value as the guarded one does.
func TestPlainKeepsWhatIsNeeded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, engines, column, from, to string }{
		{"an amount with zeros", lab.Postgres, "numeric", "1.0", "1.00"},
		{"a collation that folds case", lab.SQLite, "TEXT COLLATE NOCASE", "a", "A"},
		{"a collation that folds blanks", lab.SQLite, "TEXT COLLATE RTRIM", "a", "a "},
		{"spelling of json", lab.Postgres, "json", `{"a":1}`, `{"a": 1}`},
		{"a text", lab.All, "VARCHAR(20)", "a", "A"},
		{"a blank", lab.All, "VARCHAR(20)", "a", "a "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			lab.Each(t, c.engines, func(l *lab.Lab) {
				l.Exec("CREATE TABLE items (id BIGINT NOT NULL PRIMARY KEY, name " + c.column + " NOT NULL)")
				table := plain(l, lab.Table[plainItem](l, "items"), upsert.TrustUniqueIndexes(), upsert.Ignore(upsert.CheckType, upsert.CheckLength))
				lab.Put(l, table, l.DB, plainItem{1, c.from})
				l.Want("outcome", lab.Put(l, table, l.DB, plainItem{1, c.to}), upsert.Updated)
				l.Want("again", lab.Put(l, table, l.DB, plainItem{1, c.to}), upsert.Unchanged)
				if _, err := table.Exec(l.Context(), l.DB, &plainItem{1, c.from}); err != nil {
					l.Fatalf("Exec: %v", err)
				}
				l.Want("stored", lab.Put(l, table, l.DB, plainItem{1, c.from}), upsert.Unchanged)
			})
		})
	}
}

// TestPlainKeyThatFolds checks that the refusal of a second key stays, if the caller has left the fault of its collation out.
func TestPlainKeyThatFolds(t *testing.T) {
	t.Parallel()
	type named struct {
		ID string `db:"id" upsert:"key"`
		N  int    `db:"n"`
	}
	each(t, func(l *lab.Lab) {
		switch l.Family() {
		case "sqlite":
			l.Exec("CREATE TABLE items (id TEXT NOT NULL COLLATE NOCASE PRIMARY KEY, n INTEGER NOT NULL)")
		case "postgres":
			l.Exec("CREATE COLLATION folds (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
				"CREATE TABLE items (id TEXT COLLATE folds PRIMARY KEY, n BIGINT NOT NULL)")
		default:
			l.Exec("CREATE TABLE items (id VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL PRIMARY KEY, n BIGINT NOT NULL)")
		}
		guarded := lab.Table[named](l, "items")
		if table, err := guarded.Plain(l.Context(), l.DB); err == nil || table != nil {
			l.Errorf("Plain: %v, %v; want nil and the fault", table, err)
		}
		table := plain(l, guarded, upsert.TrustUniqueIndexes(), upsert.Ignore(upsert.CheckKeyCollation, upsert.CheckType, upsert.CheckLength))
		lab.Put(l, table, l.DB, named{"a", 1})
		_, err := table.Put(l.Context(), l.DB, &named{"A", 2})
		l.WantErr("a second key", err, upsert.ErrOtherKey)
		_, err = table.Exec(l.Context(), l.DB, &named{"A", 2})
		if err == nil {
			l.Errorf("Exec of a second key: nil; want an error")
		}
		l.Want("rows", l.Text("SELECT id, n FROM items"), "a|1")
	})
}

// TestPlainTrustsUniqueIndexes shows what TrustUniqueIndexes gives up on MySQL and MariaDB: a unique index that is added later makes a
// plain statement update another row than the key's, without an error. The guarded table refuses such a row.
func TestPlainTrustsUniqueIndexes(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab.Lab) {
		if l.Family() != "mysql" {
			return // a conflict with another index is an error of the database
		}
		l.Exec(plainItems)
		guarded := lab.Table[plainItem](l, "items")
		trusting, careful := plain(l, guarded, upsert.TrustUniqueIndexes()), plain(l, guarded)
		l.Want("without trust the guard stays", sqlOf(l, careful), sqlOf(l, guarded))
		lab.Put(l, trusting, l.DB, plainItem{1, "a"})
		l.Exec("CREATE UNIQUE INDEX later ON items (name)")
		for what, table := range map[string]*upsert.Table[plainItem]{"guarded": guarded, "careful": careful, "of now": plain(l, guarded, upsert.TrustUniqueIndexes())} {
			_, err := table.Put(l.Context(), l.DB, &plainItem{2, "a"})
			l.WantErr(what, err, upsert.ErrOtherKey)
		}
		if _, err := trusting.Exec(l.Context(), l.DB, &plainItem{2, "a"}); err != nil {
			l.Errorf("the trusting table: %v; want no error, which is what its docs warn of", err)
		}
		l.Want("rows", l.Text("SELECT id, name FROM items"), "1|a")
	})
}

// TestPlainTrustsOnlyWhatItHasRead checks that the guard stays on MySQL and MariaDB if no unique index was read: through a view, and
// of a table that is not there yet.
func TestPlainTrustsOnlyWhatItHasRead(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab.Lab) {
		if l.Family() != "mysql" {
			return
		}
		l.Exec(plainItems, "CREATE UNIQUE INDEX more ON items (name)", "CREATE VIEW seen AS SELECT id, name FROM items", "CREATE TABLE bare (id BIGINT NOT NULL, name VARCHAR(255) NOT NULL)")
		for _, name := range []string{"seen", "bare", "missing"} {
			guarded := lab.Table[plainItem](l, name)
			table := plain(l, guarded, upsert.TrustUniqueIndexes(), upsert.Ignore(upsert.CheckNoTable, upsert.CheckNoUniqueIndex))
			l.Want(name, sqlOf(l, table), sqlOf(l, guarded))
		}
		lab.Put(l, lab.Table[plainItem](l, "items"), l.DB, plainItem{1, "a"})
		if _, err := plain(l, lab.Table[plainItem](l, "seen"), upsert.TrustUniqueIndexes()).Exec(l.Context(), l.DB, &plainItem{2, "a"}); err == nil {
			l.Errorf("a row that meets another: nil; want an error")
		}
		l.Want("rows", l.Text("SELECT id, name FROM items"), "1|a")
	})
}

// TestPlainBesideAnError checks that Plain returns no table if it cannot look.
func TestPlainBesideAnError(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab.Lab) {
		table, err := lab.Table[plainItem](l, "items").Plain(l.Context(), l.DB)
		l.WantErr("without the table", err, nil, "items")
		if table != nil {
			l.Errorf("Plain without the table: a table beside an error")
		}
	})
}

// TestPlainConformance runs the conformance suite with plain tables: a plain table means the same as the guarded one.
func TestPlainConformance(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		if !engine.IsLong() && e.Dialect() != "sqlite" {
			t.Skip("only SQLite in a usual run")
		}
		if e.Name() == "postgres16" || e.Name() == "postgres17" {
			t.Skip("PostgreSQL 15 stands for the versions before 18")
		}
		conformance.Exercise(t, conformance.Server{
			Name: "plain", Dialect: e.Dialect(), Plain: true, Brief: !engine.IsLong(),
			Open: func(t testing.TB) *sqlx.DB { return e.Open(t) },
		})
	})
}
