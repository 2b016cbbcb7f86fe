package verify_test

import (
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/lab"
)

// TestVerifyViewsThatRefuse checks that a view is a fault exactly if a write through the view fails.
func TestVerifyViewsThatRefuse(t *testing.T) {
	t.Parallel()
	const function = "CREATE FUNCTION $_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
	views := map[string]map[string]string{
		"postgres": {
			"plain":                      "SELECT 1",
			"instead of insert":          function + ";\nCREATE TRIGGER $_t INSTEAD OF INSERT ON $ FOR EACH ROW EXECUTE FUNCTION $_f()",
			"instead of update":          function + ";\nCREATE TRIGGER $_t INSTEAD OF UPDATE ON $ FOR EACH ROW EXECUTE FUNCTION $_f()",
			"rule of insert":             "CREATE RULE $_r AS ON INSERT TO $ DO INSTEAD INSERT INTO $_t VALUES (NEW.id, NEW.name)",
			"rule beside an insert":      "CREATE RULE $_r AS ON INSERT TO $ DO ALSO NOTHING",
			"rule in place of an update": "CREATE RULE $_r AS ON UPDATE TO $ DO INSTEAD NOTHING",
			"rule of update":             "CREATE RULE $_r AS ON UPDATE TO $ DO ALSO NOTHING",
			"rule of delete":             "CREATE RULE $_r AS ON DELETE TO $ DO ALSO NOTHING",
		},
		"mysql": {
			"plain":  "SELECT 1",
			"a join": "CREATE OR REPLACE VIEW $ AS SELECT $_t.id, $_t.name FROM $_t JOIN $_u ON $_t.id = $_u.id",
		},
	}
	each(t, func(l *lab.Lab) {
		for what, more := range views[l.Family()] {
			name := "v" + strings.ReplaceAll(what, " ", "_")
			script(l, name, "CREATE TABLE $_t (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL);\nCREATE TABLE $_u (id BIGINT NOT NULL PRIMARY KEY);\nCREATE VIEW $ AS SELECT * FROM $_t;\n"+more)
			found := brief(findings(l, of[item]()(l, name), l.DB))
			_, err := lab.Table[item](l, name).Put(l.Context(), l.DB, &item{1, "a"})
			if isFault := strings.Contains(found, "fault not writable"); isFault != (err != nil) {
				l.Errorf("%s: Verify finds %q, and Put returns %v", what, found, err)
			}
		}
	})
}

// TestVerifyEnumeration checks that a missing value of an ENUM is no fault on MySQL and MariaDB, which take the first element.
func TestVerifyEnumeration(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		script(l, "things", strings.TrimSuffix(sound, ")")+", more ENUM('a', 'b') NOT NULL)")
		l.Want("findings", brief(findings(l, of[item]()(l, "things"), l.DB)), "")
		l.Want("Put", lab.Put(l, lab.Table[item](l, "things"), l.DB, item{1, "x"}), upsert.Inserted)
		l.Want("row", l.Text("SELECT id, name, more FROM things"), "1|x|a")
	})
}

// TestVerifyMendKeepsTheCollation checks that a column that loses its limit keeps its collation.
func TestVerifyMendKeepsTheCollation(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec(`CREATE TABLE things (id BIGINT PRIMARY KEY, name VARCHAR(20) COLLATE "C" NOT NULL)`)
		verify := of[item]()(l, "things")
		for _, p := range findings(l, verify, l.DB) {
			mend(l, l.DB, p.Mend)
		}
		l.Want("findings", brief(findings(l, verify, l.DB)), "")
		l.Want("collation", l.Text("SELECT collation_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = 'things' AND column_name = 'name'"), "C")
	})
}

// longKey fills the keys of MySQL and MariaDB to four bytes.
type longKey struct {
	A, B, C string `upsert:"key"`
	N       int64  `upsert:"key"`
}

// TestSchemaOfALongKey checks that the longest key that Schema writes is one that the server takes.
func TestSchemaOfALongKey(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		text, err := lab.Table[longKey](l, "things").Schema()
		l.Want("Schema", err, nil)
		l.Exec(text)
	})
}
