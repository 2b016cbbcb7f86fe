package verify_test

import (
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/lab"
)

type (
	item struct {
		ID   int64 `upsert:"key"`
		Name string
	}
	coded struct {
		Code string `upsert:"key"`
		N    int64
	}
	identified struct {
		ID   int64  `upsert:"generated"`
		Code string `upsert:"key"`
	}
	keyOf[K any] struct {
		ID K `upsert:"key"`
	}
	valueOf[V any] struct {
		ID int64 `upsert:"key"`
		V  V
	}
	defaulted struct {
		ID int64 `upsert:"key"`
		V  int64 `upsert:"omitzero"`
	}
	merged struct {
		ID int64  `upsert:"key"`
		V  string `upsert:"merge"`
	}
	twice struct {
		ID   int64  `upsert:"key"`
		Name string `upsert:"key=name"`
	}
)

// opaque is a Valuer, about whose values nothing is known.
type opaque struct{ string }

func (o opaque) Value() (driver.Value, error) { return o.string, nil }

// finding is a table in which Verify finds one thing. tables has the statements that make the table, by an engine or by "sqlite",
// "postgres" or "my" for MySQL and MariaDB; an engine that is not there cannot have the finding.
type finding struct {
	name   string
	tables map[string]string
	of     func(*lab.Lab, string) verifier
	want   string // check, severity, column and index of each finding
}

// tableOf returns the statements for the lab's engine.
func (f *finding) tableOf(l *lab.Lab) (text string, ok bool) {
	family := map[string]string{"sqlite": "sqlite", "postgres": "postgres", "mysql": "my"}[l.Family()]
	if text, ok = f.tables[l.NS.Engine().Name()]; !ok {
		text, ok = f.tables[family]
	}
	return text, ok
}

// same returns the same statements for every engine.
func same(text string) map[string]string {
	return map[string]string{"sqlite": text, "postgres": text, "my": text}
}

const (
	sound = "CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL)"
	bin   = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" // pads
	nopad = " CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
)

var faults = []finding{
	{"no table", same("SELECT 1"), of[item](), `fault no table "" ""`},
	{"no column", same("CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY)"), of[item](), `fault no column "name" ""`},
	{"no key column", same("CREATE TABLE $ (number BIGINT, name VARCHAR(255))"), of[item](), `fault no column "id" ""`},

	{"no unique index", same("CREATE TABLE $ (id BIGINT NOT NULL, name VARCHAR(255))"), of[item](), `fault no unique index "id" ""`},
	{"index that is not unique", same("CREATE TABLE $ (id BIGINT NOT NULL, name VARCHAR(255));\nCREATE INDEX $_x ON $ (id)"), of[item](), `fault no unique index "id" "$_x"`},
	{"index of more columns", same("CREATE TABLE $ (id BIGINT NOT NULL, name VARCHAR(255) NOT NULL);\nCREATE UNIQUE INDEX $_x ON $ (id, name)"), of[item](), `fault no unique index "id" "$_x"`},
	{"partial index", without("my", "CREATE TABLE $ (id BIGINT NOT NULL, name VARCHAR(255));\nCREATE UNIQUE INDEX $_x ON $ (id) WHERE name > ''"), of[item](), `fault no unique index "id" "$_x"`},
	{"another predicate", without("my", "CREATE TABLE $ (id BIGINT NOT NULL, name VARCHAR(255));\nCREATE UNIQUE INDEX $_x ON $ (id) WHERE name > 'b'"), of[item](upsert.IndexWhere("name > 'a'")), `fault no unique index "id" "$_x"`},
	{"an index of every row", without("my", "CREATE TABLE $ (id BIGINT NOT NULL, name VARCHAR(255));\nCREATE UNIQUE INDEX $_x ON $ (id)"), of[item](upsert.IndexWhere("name > 'a'")), `fault no unique index "id" "$_x"`},
	{"expression", without("my", "CREATE TABLE $ (id BIGINT NOT NULL, name VARCHAR(255));\nCREATE UNIQUE INDEX $_x ON $ (abs(id))"), of[item](), `fault no unique index "id" "$_x"`},
	{"collation of the index", map[string]string{
		"sqlite":   "CREATE TABLE $ (code TEXT NOT NULL, n BIGINT);\nCREATE UNIQUE INDEX $_x ON $ (code COLLATE NOCASE)",
		"postgres": "CREATE TABLE $ (code TEXT NOT NULL, n BIGINT);\nCREATE UNIQUE INDEX $_x ON $ (code COLLATE \"C\")",
	}, of[coded](), `fault no unique index "code" "$_x"`},
	{"beginnings of values", map[string]string{"mariadb": "CREATE TABLE $ (code VARCHAR(255)" + nopad + " NOT NULL, n BIGINT, UNIQUE $_x (code(3)))"}, of[coded](), `fault no unique index "code" "$_x"`},
	{"invalid index", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT NOT NULL, name TEXT);\nCREATE UNIQUE INDEX $_x ON $ (id);\nUPDATE pg_index SET indisvalid = false WHERE indexrelid = '$_x'::regclass"}, of[item](), `fault no unique index "id" "$_x"`},
	{"invisible index", map[string]string{
		"mariadb": "CREATE TABLE $ (pk BIGINT AUTO_INCREMENT PRIMARY KEY, id BIGINT NOT NULL, name TEXT, UNIQUE $_x (id) IGNORED)",
		"mysql":   "CREATE TABLE $ (pk BIGINT AUTO_INCREMENT PRIMARY KEY, id BIGINT NOT NULL, name TEXT, UNIQUE $_x (id) INVISIBLE)",
	}, of[item](), `fault no unique index "id" "$_x"`},
	{"deferrable constraint", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT NOT NULL, name TEXT, CONSTRAINT $_x UNIQUE (id) DEFERRABLE)"}, of[item](), `fault no unique index "id" "$_x"`},
	{"deferrable constraint beside an index", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY, name TEXT, CONSTRAINT $_x UNIQUE (id) DEFERRABLE)"}, of[item](), `fault no unique index "id" "$_x"`},
	{"exclusion constraint", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT NOT NULL, name TEXT, CONSTRAINT $_x EXCLUDE USING btree (id WITH =))"}, of[item](), `fault no unique index "id" "$_x"`},
	{"no such constraint", map[string]string{"postgres": sound}, of[item](upsert.OnConstraint("no_such")), `fault no unique index "id" ""`},
	{"constraint of other columns", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY, name TEXT, CONSTRAINT other_columns UNIQUE (name))"}, of[twice](upsert.OnConstraint("other_columns")), `fault constraint of other columns "id" "other_columns"`},

	{"nullable key", same("CREATE TABLE $ (id BIGINT UNIQUE, name VARCHAR(255))"), of[item](), `fault nullable key "id" ""`},
	{"primary key of text", map[string]string{"sqlite": "CREATE TABLE $ (code TEXT PRIMARY KEY, n BIGINT)"}, of[coded](), `fault nullable key "code" ""`},
	{"collation of the key", map[string]string{
		"sqlite":   "CREATE TABLE $ (code TEXT COLLATE NOCASE NOT NULL PRIMARY KEY, n BIGINT)",
		"postgres": "CREATE COLLATION $_c (provider = icu, locale = 'und-u-ks-level2', deterministic = false);\nCREATE TABLE $ (code TEXT COLLATE $_c PRIMARY KEY, n BIGINT)",
		"my":       "CREATE TABLE $ (code VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, n BIGINT)",
	}, of[coded](), `fault key collation "code" ""`},
	{"numbers in a key of text", map[string]string{"sqlite": "CREATE TABLE $ (code STRING NOT NULL PRIMARY KEY, n BIGINT)"}, of[coded](), `fault type "code" ""`},
	{"numbers in a key of a date's text", map[string]string{"sqlite": "CREATE TABLE $ (code DATETIME NOT NULL PRIMARY KEY, n BIGINT)"}, of[coded](), `fault type "code" ""`},
	{"padding of the key", map[string]string{
		"sqlite":  "CREATE TABLE $ (code TEXT COLLATE RTRIM NOT NULL PRIMARY KEY, n BIGINT)",
		"mariadb": "CREATE TABLE $ (code VARCHAR(255)" + bin + " PRIMARY KEY, n BIGINT)",
		"mysql":   "CREATE TABLE $ (code VARCHAR(255)" + bin + " PRIMARY KEY, n BIGINT)",
	}, of[coded](), `fault key padding "code" ""`},
	{"padding of the key on MySQL 5.7", map[string]string{"mysql57": "CREATE TABLE $ (code VARCHAR(255)" + bin + " PRIMARY KEY, n BIGINT)"}, of[coded](), `note key padding "code" ""`},
	{"padding by the key's type", map[string]string{
		"postgres": "CREATE TABLE $ (id CHAR(12) PRIMARY KEY)", "mariadb": "CREATE TABLE $ (id CHAR(12)" + nopad + " PRIMARY KEY)",
	}, of[keyOf[opaque]](), `fault key padding "id" ""`},

	{"engine", map[string]string{"my": sound + " ENGINE=MyISAM"}, of[item](), `fault engine "" ""`},
	{"generated column", map[string]string{
		"sqlite": "CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY, v BIGINT AS (id + 1))", "my": "CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY, v BIGINT AS (id + 1))",
		"postgres": "CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY, v BIGINT GENERATED ALWAYS AS (id + 1) STORED)",
	}, of[valueOf[int64]](), `fault computed column "v" ""`},
	{"identity that is always generated", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT)"}, of[item](), `fault computed column "id" ""`},
	{"mandatory column", same(sound + ";\nALTER TABLE $ ADD COLUMN v BIGINT DEFAULT 1;\nDROP TABLE $;\nCREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(255), more BIGINT NOT NULL)"), of[item](), `fault mandatory column "more" ""`},
	{"omitzero without a default", same("CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY, v BIGINT NOT NULL)"), of[defaulted](), `fault mandatory column "v" ""`},
	{"generated field of a plain column", map[string]string{
		"sqlite": "CREATE TABLE $ (id BIGINT NOT NULL, code TEXT NOT NULL UNIQUE)", "postgres": "CREATE TABLE $ (id BIGINT NOT NULL, code TEXT NOT NULL UNIQUE)",
		"mariadb": "CREATE TABLE $ (id BIGINT NOT NULL, code VARCHAR(255)" + nopad + " NOT NULL UNIQUE)",
	}, of[identified](), `fault mandatory column "id" ""`},
	{"NULL in a field", same("CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY, v BIGINT NOT NULL)"), of[valueOf[*int64]](), `fault not null "v" ""`},
	{"no merge function", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT PRIMARY KEY, v JSONB)"}, of[merged](), `fault no merge function "" ""`},

	{"view that takes no upsert", map[string]string{
		"sqlite":   sound + "_t;\nCREATE VIEW $ AS SELECT * FROM $_t",
		"postgres": sound + "_t;\nCREATE VIEW $ AS SELECT DISTINCT * FROM $_t",
		"my":       sound + "_t;\nCREATE VIEW $ AS SELECT DISTINCT * FROM $_t",
	}, of[item](), `fault not writable "" ""`},
	{"an expression of a view", map[string]string{
		"postgres": "CREATE TABLE $_t (id BIGINT PRIMARY KEY, name TEXT);\nCREATE VIEW $ AS SELECT id, upper(name) AS name FROM $_t",
	}, of[item](), "fault computed column \"name\" \"\"\nnote view \"\" \"\""},
	{"materialized view", map[string]string{"postgres": sound + "_t;\nCREATE MATERIALIZED VIEW $ AS SELECT * FROM $_t"}, of[item](), `fault not writable "" ""`},
	{"virtual table", map[string]string{"sqlite": "CREATE VIRTUAL TABLE $ USING rtree(id, name, more)"}, of[item](), `fault not writable "" ""`},
	{"rule", map[string]string{"postgres": sound + ";\nCREATE RULE $_r AS ON UPDATE TO $ DO ALSO NOTHING"}, of[item](), `fault not writable "" ""`},
}

// without returns the same statements for every engine but some.
func without(engines, text string) map[string]string {
	tables := same(text)
	delete(tables, engines)
	return tables
}

func init() {
	for i := range faults { // sound names the table as $ followed by more
		for e, text := range faults[i].tables {
			if strings.HasPrefix(text, sound+"_t;") {
				faults[i].tables[e] = strings.Replace(sound, "$", "$_t", 1) + strings.TrimPrefix(text, sound+"_t")
			}
		}
	}
}

// TestVerifyFindsFaults checks that Verify finds in each table what is wrong with the table, and nothing else. If the findings are
// ignored, Verify returns nil.
func TestVerifyFindsFaults(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab.Lab) {
		for n, f := range faults {
			text, ok := f.tableOf(l)
			if !ok {
				continue
			}
			name := fmt.Sprintf("t%d", n)
			script(l, name, text)
			wantFindings(l, &f, name)
		}
	})
}

func wantFindings(l *lab.Lab, f *finding, name string) {
	l.Helper()
	verify := f.of(l, name)
	found := findings(l, verify, l.DB)
	var checks []upsert.Check
	for _, p := range found {
		if checks = append(checks, p.Check); p.Why == "" || p.Mend == "" {
			l.Errorf("%s: a problem says too little: %+v", f.name, p)
		}
	}
	if got, want := brief(found), strings.ReplaceAll(f.want, "$", name); simple(got) != simple(want) {
		l.Errorf("%s: got\n%s\nwant\n%s\n%+v", f.name, got, want, found)
	}
	if err := verify(l.Context(), l.DB, upsert.Ignore(checks...), upsert.OnNote(func(p upsert.Problem) { l.Errorf("%s: an ignored note: %s", f.name, p) })); err != nil {
		l.Errorf("%s: with its findings ignored Verify returns %v", f.name, err)
	}
}
