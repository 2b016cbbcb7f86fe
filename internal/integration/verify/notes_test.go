package verify_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/lab"
)

// audited makes a trigger on a table. function is the body of a trigger's function on PostgreSQL.
func onPostgres(function, when string) string {
	return sound + ";\nCREATE FUNCTION $_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN " + function + " END';\nCREATE TRIGGER $_t " + when + " EXECUTE FUNCTION $_f()"
}

const triggerNote = `note trigger "" ""`

var notes = []finding{
	{"further unique index", same("CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL);\nCREATE UNIQUE INDEX $_x ON $ (name)"), of[item](), `note other unique index "name" "$_x"`},
	{"index of every row beside a partial one", without("my", "CREATE TABLE $ (id BIGINT NOT NULL, name VARCHAR(255));\nCREATE UNIQUE INDEX $_x ON $ (id);\nCREATE UNIQUE INDEX $_y ON $ (id) WHERE name > 'a'"), of[item](upsert.IndexWhere("name > 'a'")), `note other unique index "id" "$_x"`},
	{"further exclusion constraint", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT PRIMARY KEY, name TEXT, CONSTRAINT $_x EXCLUDE USING btree (name WITH =))"}, of[item](), `note other unique index "name" "$_x"`},
	{"further index with another collation", map[string]string{
		"sqlite":   "CREATE TABLE $ (code TEXT NOT NULL PRIMARY KEY, n BIGINT);\nCREATE UNIQUE INDEX $_x ON $ (code COLLATE NOCASE)",
		"postgres": "CREATE COLLATION $_c (provider = icu, locale = 'und-u-ks-level2', deterministic = false);\nCREATE TABLE $ (code TEXT PRIMARY KEY, n BIGINT);\nCREATE UNIQUE INDEX $_x ON $ (code COLLATE $_c)",
	}, of[coded](), `note other unique index "code" "$_x"`},
	{"exclusion constraint of the key", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT PRIMARY KEY, name TEXT, CONSTRAINT $_x EXCLUDE USING btree (id WITH =))"}, of[item](), `note other unique index "id" "$_x"`},
	{"further index on an expression", without("my", sound+";\nCREATE UNIQUE INDEX $_x ON $ (lower(name))"), of[item](), `note other unique index "" "$_x"`},

	{"trigger before an insert", map[string]string{
		"sqlite": sound + ";\nCREATE TRIGGER $_t BEFORE INSERT ON $ BEGIN SELECT RAISE(IGNORE); END", "postgres": onPostgres("NEW.name := upper(NEW.name); RETURN NEW;", "BEFORE INSERT ON $ FOR EACH ROW"),
		"my": sound + ";\nCREATE TRIGGER $_t BEFORE INSERT ON $ FOR EACH ROW SET NEW.name = UPPER(NEW.name)",
	}, of[item](), triggerNote},
	{"trigger before an update", map[string]string{
		"sqlite": sound + ";\nCREATE TRIGGER $_t UPDATE OF name ON $ BEGIN SELECT 1; END", "postgres": onPostgres("NEW.name := upper(NEW.name); RETURN NEW;", "BEFORE UPDATE ON $ FOR EACH ROW"),
		"my": sound + ";\nCREATE TRIGGER $_t BEFORE UPDATE ON $ FOR EACH ROW SET NEW.name = UPPER(NEW.name)",
	}, of[item](), triggerNote},
	{"trigger that changes the row afterwards", map[string]string{"sqlite": sound + ";\nCREATE TRIGGER $_t AFTER INSERT ON $ BEGIN UPDATE $ SET name = upper(name); END"}, of[item](), triggerNote},
	{"trigger that removes the row afterwards", map[string]string{"sqlite": sound + ";\nCREATE TRIGGER $_t AFTER INSERT ON $ BEGIN DELETE FROM $ WHERE id = NEW.id; END"}, of[item](), triggerNote},
	{"trigger after an update", map[string]string{"my": sound + ";\nCREATE TRIGGER $_t AFTER UPDATE ON $ FOR EACH ROW SET @x = 1"}, of[item](), triggerNote},
	{"trigger after an insert", map[string]string{"mysql57": sound + ";\nCREATE TRIGGER $_t AFTER INSERT ON $ FOR EACH ROW SET @x = 1", "mysql": sound + ";\nCREATE TRIGGER $_t AFTER INSERT ON $ FOR EACH ROW SET @x = 1"}, of[item](), triggerNote},
	{"trigger of a statement", map[string]string{"postgres": onPostgres("RETURN NULL;", "AFTER INSERT ON $ FOR EACH STATEMENT")}, of[item](), triggerNote},

	{"row-level security", map[string]string{"postgres": sound + ";\nALTER TABLE $ ENABLE ROW LEVEL SECURITY"}, of[item](), `note row-level security "" ""`},
	{"unlogged", map[string]string{"postgres": "CREATE UNLOGGED TABLE $ (id BIGINT PRIMARY KEY, name TEXT)"}, of[item](), `note unlogged "" ""`},
	{"view", map[string]string{"postgres": "CREATE TABLE $_t (id BIGINT PRIMARY KEY, name TEXT);\nCREATE VIEW $ AS SELECT * FROM $_t", "my": "CREATE TABLE $_t (id BIGINT PRIMARY KEY, name TEXT);\nCREATE VIEW $ AS SELECT * FROM $_t"}, of[item](), `note view "" ""`},
	{"partitions", map[string]string{
		"postgres": "CREATE TABLE $ (id BIGINT PRIMARY KEY, name TEXT) PARTITION BY RANGE (id);\nCREATE TABLE $_p PARTITION OF $ DEFAULT", "my": "CREATE TABLE $ (id BIGINT PRIMARY KEY, name TEXT) PARTITION BY HASH (id) PARTITIONS 2",
	}, of[item](), `note partitions "" ""`},
	{"inheritance", map[string]string{"postgres": sound + ";\nCREATE TABLE $_c () INHERITS ($)"}, of[item](), `note partitions "" ""`},
	{"constraint that is not enforced", map[string]string{
		"postgres18": sound + ";\nALTER TABLE $ ADD CONSTRAINT $_k CHECK (id > 0) NOT ENFORCED", "mysql": sound + ";\nALTER TABLE $ ADD CONSTRAINT $_k CHECK (id > 0) NOT ENFORCED",
	}, of[item](), `note constraint that is not enforced "" ""`},
}

// TestVerifyFindsNotes checks that Verify finds in each table what is good to know of the table, and nothing else.
func TestVerifyFindsNotes(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab.Lab) {
		for n, f := range notes {
			if text, ok := f.tableOf(l); ok {
				name := fmt.Sprintf("t%d", n)
				script(l, name, text)
				wantFindings(l, &f, name)
			}
		}
	})
}

type (
	dated struct {
		ID      int64     `upsert:"key"`
		Created time.Time `upsert:"keep,now"`
	}
	paired struct {
		A, B int64 `upsert:"key"`
	}
)

// sounds are tables in which Verify finds nothing.
var sounds = []finding{
	{"a table", same(sound), of[item](), ""},
	{"a name in quotes", map[string]string{"sqlite": `CREATE TABLE "$ Id" ("id" BIGINT NOT NULL PRIMARY KEY, name TEXT)`, "postgres": `CREATE TABLE "$ Id" ("id" BIGINT NOT NULL PRIMARY KEY, name TEXT)`}, func(l *lab.Lab, name string) verifier { return of[item]()(l, name+" Id") }, ""},
	{"rowid", map[string]string{"sqlite": "CREATE TABLE $ (id INTEGER PRIMARY KEY, name TEXT)"}, of[item](), ""},
	{"rowid that is unique twice", map[string]string{"sqlite": "CREATE TABLE $ (id INTEGER PRIMARY KEY UNIQUE, name TEXT)"}, of[item](), ""},
	{"without rowid", map[string]string{"sqlite": "CREATE TABLE $ (code TEXT PRIMARY KEY, n BIGINT) WITHOUT ROWID"}, of[coded](), ""},
	{"strict", map[string]string{"sqlite": "CREATE TABLE $ (code TEXT PRIMARY KEY, n INTEGER) STRICT"}, of[coded](), ""},
	{"columns in another order", same("CREATE TABLE $ (a BIGINT NOT NULL, b BIGINT NOT NULL, UNIQUE (b, a))"), of[paired](), ""},
	{"a partial index", without("my", "CREATE TABLE $ (id BIGINT NOT NULL, name VARCHAR(255));\nCREATE UNIQUE INDEX $_x ON $ (id) WHERE name > ''"), of[item](upsert.IndexWhere("name > ''")), ""},
	{"a constraint", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT NOT NULL, name TEXT, CONSTRAINT $_c UNIQUE (id))"}, func(l *lab.Lab, name string) verifier { return of[item](upsert.OnConstraint(name+"_c"))(l, name) }, ""},
	{"an index with more columns in its leaves", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT NOT NULL, name TEXT);\nCREATE UNIQUE INDEX ON $ (id) INCLUDE (name)"}, of[item](), ""},
	{"a declared target", same("CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL);\nCREATE UNIQUE INDEX $_x ON $ (name)"), of[twice](), ""},
	{"a generated key", map[string]string{
		"sqlite": "CREATE TABLE $ (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL UNIQUE)", "postgres": "CREATE TABLE $ (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code TEXT NOT NULL UNIQUE)",
		"mariadb": "CREATE TABLE $ (id BIGINT AUTO_INCREMENT PRIMARY KEY, code VARCHAR(255)" + nopad + " NOT NULL UNIQUE)",
	}, of[identified](), ""},
	{"a generated key that is unique twice", map[string]string{"sqlite": `CREATE TABLE $ ("id" INTEGER NOT NULL UNIQUE, code TEXT NOT NULL UNIQUE, PRIMARY KEY("id" AUTOINCREMENT))`}, of[identified](), ""},
	{"a serial key", map[string]string{"postgres": "CREATE TABLE $ (id BIGSERIAL PRIMARY KEY, code TEXT NOT NULL UNIQUE)"}, of[identified](), ""},
	{"the database's clock", map[string]string{
		"sqlite": "CREATE TABLE $ (id INTEGER PRIMARY KEY, created TIMESTAMP NOT NULL)", "postgres": "CREATE TABLE $ (id BIGINT PRIMARY KEY, created TIMESTAMPTZ NOT NULL)", "my": "CREATE TABLE $ (id BIGINT PRIMARY KEY, created DATETIME(6) NOT NULL)",
	}, of[dated](), ""},
	{"a column with a default", same("CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(255), more VARCHAR(9) NOT NULL DEFAULT '')"), of[item](), ""},
	{"a default for omitzero", same("CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY, v BIGINT NOT NULL DEFAULT 0)"), of[defaulted](), ""},
	{"a trigger after a change", map[string]string{
		"sqlite":   sound + ";\nCREATE TABLE $_log (id BIGINT);\nCREATE TRIGGER $_t AFTER UPDATE ON $ BEGIN INSERT INTO $_log VALUES (NEW.id); END",
		"postgres": onPostgres("RETURN NULL;", "AFTER INSERT OR UPDATE ON $ FOR EACH ROW"), "mariadb": sound + ";\nCREATE TRIGGER $_t AFTER INSERT ON $ FOR EACH ROW SET @x = 1",
	}, of[item](), ""},
	{"a trigger before a delete", map[string]string{"sqlite": sound + ";\nCREATE TRIGGER $_t BEFORE DELETE ON $ BEGIN SELECT 1; END", "my": sound + ";\nCREATE TRIGGER $_t BEFORE DELETE ON $ FOR EACH ROW SET @x = 1"}, of[item](), ""},
	{"a nullable column", same("CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY, v BIGINT)"), of[valueOf[*int64]](), ""},
	{"a key of bytes", map[string]string{"my": "CREATE TABLE $ (id VARBINARY(255) PRIMARY KEY)", "postgres": "CREATE TABLE $ (id BYTEA PRIMARY KEY)", "sqlite": "CREATE TABLE $ (id BLOB NOT NULL PRIMARY KEY)"}, of[keyOf[[]byte]](), ""},
	{"an enumeration as key", map[string]string{"my": "CREATE TABLE $ (id ENUM('a', 'b') PRIMARY KEY)"}, of[keyOf[string]](), ""},
}

// TestVerifyFindsNothing checks that Verify finds nothing in sound tables: not on a pool, in a transaction that only reads, or on a
// connection.
func TestVerifyFindsNothing(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab.Lab) {
		for n, f := range sounds {
			text, ok := f.tableOf(l)
			if !ok {
				continue
			}
			name := fmt.Sprintf("t%d", n)
			script(l, name, text)
			for _, p := range findings(l, f.of(l, name), l.DB) {
				l.Errorf("%s: %s", f.name, p)
			}
		}
	})
}
