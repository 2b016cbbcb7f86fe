package hazards_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
)

// triggers are the triggers that a table may have. Each of them hides part of a statement's result.
var triggers = map[string][]string{
	"none":                       nil,
	"before update":              {"CREATE TRIGGER tr BEFORE UPDATE ON things FOR EACH ROW SET @x = 1"},
	"after update, which writes": {"CREATE TRIGGER tr AFTER UPDATE ON things FOR EACH ROW INSERT INTO log (v) VALUES (1)"},
	"before insert":              {"CREATE TRIGGER tr BEFORE INSERT ON things FOR EACH ROW SET @x = 1"},
	"after insert, which writes": {"CREATE TRIGGER tr AFTER INSERT ON things FOR EACH ROW INSERT INTO log (v) VALUES (1)"},
	"another LAST_INSERT_ID":     {"CREATE TRIGGER tr BEFORE UPDATE ON things FOR EACH ROW SET @x = LAST_INSERT_ID(77)"},
	"both": {
		"CREATE TRIGGER tr BEFORE INSERT ON things FOR EACH ROW SET @x = 1", "CREATE TRIGGER tr2 AFTER UPDATE ON things FOR EACH ROW INSERT INTO log (v) VALUES (1)",
	},
}

type triggered struct {
	K   string `upsert:"key"`
	Rev int    `upsert:"version"`
	V   int
}

// triggeredRows are rows in the order of their Puts, with their outcomes.
var triggeredRows = []struct {
	row  triggered
	want upsert.Outcome
}{
	{triggered{"a", 1, 1}, upsert.Inserted},
	{triggered{"a", 1, 1}, upsert.Unchanged},
	{triggered{"a", 2, 2}, upsert.Updated},
	{triggered{"a", 1, 3}, upsert.Stale},
	{triggered{"b", 1, 1}, upsert.Inserted},
	{triggered{"b", 2, 1}, upsert.Updated},
}

// putRow puts one row.
type putRow func(*triggered) (upsert.Outcome, error)

// putWays are the ways to put one row. Each way uses a handle on which outcomes are exact.
var putWays = map[string]func(l *lab.Lab, t *upsert.Table[triggered]) (put putRow, end func()){
	"pool":   func(l *lab.Lab, t *upsert.Table[triggered]) (putRow, func()) { return putOn(l, t, l.DB) },
	"sql.DB": func(l *lab.Lab, t *upsert.Table[triggered]) (putRow, func()) { return putOn(l, t, l.DB.DB) },
	"transaction": func(l *lab.Lab, t *upsert.Table[triggered]) (putRow, func()) {
		tx := l.Begin(nil)
		put, _ := putOn(l, t, tx)
		return put, func() { l.Commit(tx) }
	},
	"connection":         func(l *lab.Lab, t *upsert.Table[triggered]) (putRow, func()) { return putOn(l, t, l.Conn()) },
	"prepared on a pool": func(l *lab.Lab, t *upsert.Table[triggered]) (putRow, func()) { return preparedOn(l, t, l.DB) },
	"prepared on a connection": func(l *lab.Lab, t *upsert.Table[triggered]) (putRow, func()) {
		return preparedOn(l, t, l.Conn())
	},
	"prepared in a transaction": func(l *lab.Lab, t *upsert.Table[triggered]) (putRow, func()) {
		tx := l.Begin(nil)
		put, end := preparedOn(l, t, tx)
		return put, func() { end(); l.Commit(tx) }
	},
	"batch": func(l *lab.Lab, t *upsert.Table[triggered]) (putRow, func()) {
		return func(row *triggered) (o upsert.Outcome, err error) {
			each := upsert.EachOutcome(func(_ int, told upsert.Outcome) { o = told })
			_, err = t.PutAll(l.Context(), l.DB, []triggered{*row}, each)
			return o, err
		}, func() {}
	},
}

func putOn(l *lab.Lab, t *upsert.Table[triggered], db upsert.DB) (putRow, func()) {
	return func(row *triggered) (upsert.Outcome, error) { return t.Put(l.Context(), db, row) }, func() {}
}

func preparedOn(l *lab.Lab, t *upsert.Table[triggered], db upsert.DB) (putRow, func()) {
	l.Helper()
	p, err := t.Prepare(l.Context(), db)
	if err != nil {
		l.Fatalf("Prepare: %v", err)
	}
	return func(row *triggered) (upsert.Outcome, error) { return p.Put(l.Context(), row) }, func() { _ = p.Close() }
}

// createTriggered creates the table. If auto is true, the table has an AUTO_INCREMENT column beside the key.
func createTriggered(l *lab.Lab, auto bool, triggers []string) {
	l.Helper()
	id := ""
	if auto {
		id = "id BIGINT AUTO_INCREMENT PRIMARY KEY, "
	}
	l.Exec("CREATE TABLE log (id BIGINT AUTO_INCREMENT PRIMARY KEY, v INT)",
		"CREATE TABLE things ("+id+"k VARCHAR(99) NOT NULL UNIQUE, rev INT, v INT)")
	l.Exec(triggers...)
}

func TestHazard_H23_TriggerHidesTheInsertID(t *testing.T) {
	t.Parallel()
	for settings, params := range map[string][]engine.Option{
		"default": nil, "found rows": {engine.Param("clientFoundRows", "true"), engine.Param("interpolateParams", "true")},
	} {
		for name, statements := range triggers {
			for _, auto := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/auto increment %t/%s", name, auto, settings), func(t *testing.T) {
					t.Parallel()
					lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
						createTriggered(l, auto, statements)
						for way := range putWays {
							wantTriggeredOutcomes(l, way)
						}
					}, params...)
				})
			}
		}
	}
}

func wantTriggeredOutcomes(l *lab.Lab, way string) {
	l.Helper()
	put, end := putWays[way](l, lab.Table[triggered](l, "things"))
	defer end()
	for n, c := range triggeredRows {
		row := c.row
		row.K = way + " " + row.K
		o, err := put(&row)
		l.Want(fmt.Sprintf("%s: row %d, %v", way, n, row), fmt.Sprint(o, err), fmt.Sprint(c.want, nil))
	}
}

// TestHazard_H23_IsReal shows that a naive use of the insert id takes an updated row for an inserted row.
func TestHazard_H23_IsReal(t *testing.T) {
	t.Parallel()
	const put = "INSERT INTO things (k, v) VALUES ('a', 2) ON DUPLICATE KEY UPDATE v = IF(LAST_INSERT_ID(5), VALUES(v), v)"
	lab.Each(t, lab.MySQL, func(l *lab.Lab) {
		createTriggered(l, false, triggers["before update"])
		l.Exec("INSERT INTO things (k, v) VALUES ('a', 1)")
		tx := l.Begin(nil)
		res, err := tx.ExecContext(l.Context(), put)
		if err != nil {
			l.Fatal(err)
		}
		id, _ := res.LastInsertId()
		l.Want("hazard: the result's insert id and LAST_INSERT_ID()", fmt.Sprint(id, " ", l.TextOn(tx, "SELECT LAST_INSERT_ID()")), "0 5")
	})
}

// bare has only the two methods of upsert.DB, so that the library cannot know whether the handle stays on one connection.
type bare struct{ upsert.DB }

func TestHazard_H23_UnknownOnABareHandle(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.MySQL, func(l *lab.Lab) {
		createTriggered(l, false, triggers["both"])
		table, db := lab.Table[triggered](l, "things"), bare{l.DB}
		for n, c := range triggeredRows {
			l.Want(fmt.Sprintf("row %d", n), lab.Put(l, table, db, c.row), upsert.Unknown)
		}
		_, err := table.GetOrCreate(l.Context(), db, &triggered{"a", 1, 1})
		l.WantErr("GetOrCreate", err, nil, "mysql has no way to tell who created a row", "hazard H23", "*sql.DB")
	})
}

func TestHazard_H23_WhoCreatedTheRow(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		createTriggered(l, true, triggers["both"])
		table := lab.Table[triggered](l, "things")
		for _, want := range []bool{true, false, false} {
			row := triggered{K: "a", Rev: 1, V: 1}
			created, err := table.GetOrCreate(l.Context(), l.DB, &row)
			l.Want("GetOrCreate", fmt.Sprint(created, err), fmt.Sprint(want, nil))
		}
	})
}

// TestHazard_H23_QuestionThatFails checks that the library sends no statement again if the question for the code fails,
// because the row is already written.
func TestHazard_H23_QuestionThatFails(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.MySQL, func(l *lab.Lab) {
		createTriggered(l, false, []string{"CREATE TRIGGER tr BEFORE INSERT ON things FOR EACH ROW INSERT INTO log (v) VALUES (1)"})
		db := faults.Open(l, l.NS, func(p *faults.Point) error {
			if p.Moment == faults.Before && strings.HasPrefix(p.Text, "SELECT LAST_INSERT_ID") {
				return driver.ErrBadConn
			}
			return nil
		})
		o, err := lab.Table[triggered](l, "things").Put(l.Context(), db, &triggered{"a", 1, 1})
		l.WantErr("Put", err, nil, "table things: the row was written, but what happened to it could not be asked")
		l.Want("its class", dialect.Classify(err), dialect.Ambiguous)
		l.Want("the outcome", o, upsert.Unknown)
		l.Want("how often the row was sent", l.Text("SELECT COUNT(*) FROM log"), 1)
	})
}

// TestHazard_H23_ThroughAView checks that outcomes are exact if the statement names a view, whose underlying table has the
// triggers.
func TestHazard_H23_ThroughAView(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		createTriggered(l, false, triggers["both"])
		l.Exec("CREATE VIEW seen AS SELECT k, rev, v FROM things")
		for _, way := range []string{"pool", "prepared on a pool", "batch"} {
			put, end := putWays[way](l, lab.Table[triggered](l, "seen"))
			for n, c := range triggeredRows {
				row := c.row
				row.K = way + row.K
				o, err := put(&row)
				l.Want(fmt.Sprintf("%s: row %d", way, n), fmt.Sprint(o, err), fmt.Sprint(c.want, nil))
			}
			end()
		}
	})
}

// TestHazard_H23_TriggerThatComesLater checks that the library notices a trigger even if the trigger is created after the
// library has asked for triggers. The first changed row whose code the trigger hides reveals the trigger.
func TestHazard_H23_TriggerThatComesLater(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.MySQL, func(l *lab.Lab) {
		createTriggered(l, true, nil)
		table := lab.Table[triggered](l, "things")
		l.Want("a row", lab.Put(l, table, l.DB, triggered{"a", 1, 1}), upsert.Inserted)
		l.Exec(triggers["both"]...)
		for n, c := range triggeredRows {
			c.row.Rev++
			want := c.want
			if n == 0 {
				want = upsert.Updated
			}
			l.Want(fmt.Sprintf("row %d", n), lab.Put(l, table, l.DB, c.row), want)
		}
	})
}

// TestHazard_H23_KeysAreStoredAsAnInsertStoresThem checks the text of the statement: an expression around the key's
// parameter would change the parameter's type on MySQL 8. A key in a column of another character set would then be stored
// without conversion.
func TestHazard_H23_KeysAreStoredAsAnInsertStoresThem(t *testing.T) {
	t.Parallel()
	type thing struct {
		K any `upsert:"key"`
		V int
	}
	for typ, keys := range map[string][]any{
		"VARCHAR(40) CHARACTER SET latin1": {"é", "b"}, "VARCHAR(40) CHARACTER SET ucs2": {"ab", "é"}, "VARCHAR(40) CHARACTER SET utf8mb4": {1, "é", "😀", 1.5},
		"ENUM('2','1','é') CHARACTER SET latin1": {"é", "2"}, "BIGINT UNSIGNED": {uint64(1 << 63), 5}, "VARBINARY(40)": {[]byte{0xff, 0}, "x", 7}, "YEAR": {"2001", 1999},
	} {
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
				l.Exec("CREATE TABLE things (k "+typ+" NOT NULL PRIMARY KEY, v INT)", "CREATE TABLE naive LIKE things")
				table := lab.Table[thing](l, "things")
				p, err := table.Prepare(l.Context(), l.DB)
				if err != nil {
					l.Fatal(err)
				}
				defer func() { _ = p.Close() }()
				for _, k := range keys {
					if _, err := l.DB.ExecContext(l.Context(), "INSERT INTO naive VALUES (?, 1)", k); err != nil {
						l.Fatalf("the naive INSERT of %v: %v", k, err)
					}
					l.Want(fmt.Sprintf("Put of %v", k), lab.Put(l, table, l.DB, thing{k, 1}), upsert.Inserted)
					o, err := p.Put(l.Context(), &thing{k, 1})
					l.Want(fmt.Sprintf("Prepared.Put of %v", k), fmt.Sprint(o, err), fmt.Sprint(upsert.Unchanged, nil))
				}
				l.Want("keys", l.Text("SELECT HEX(k + 0), HEX(k) FROM things ORDER BY k"), l.Text("SELECT HEX(k + 0), HEX(k) FROM naive ORDER BY k"))
			})
		})
	}
}

// counting is a connection that counts the statements sent on it.
type counting struct {
	*sql.Conn
	sent int
}

func (c *counting) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	c.sent++
	return c.Conn.ExecContext(ctx, query, args...)
}

func (c *counting) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	c.sent++
	return c.Conn.QueryContext(ctx, query, args...)
}

// TestPutIsOneStatementWithoutATrigger checks that Put needs one statement. This also holds if AUTO_INCREMENT generates a
// number, which must not be taken for a code.
func TestPutIsOneStatementWithoutATrigger(t *testing.T) {
	t.Parallel()
	for _, auto := range []bool{false, true} {
		t.Run(fmt.Sprintf("auto increment %t", auto), func(t *testing.T) {
			t.Parallel()
			lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
				createTriggered(l, auto, nil)
				table := lab.Table[triggered](l, "things")
				lab.Put(l, table, l.Conn(), triggered{"first", 1, 1}) // asks for the indexes
				db := &counting{Conn: l.Conn()}
				for _, c := range triggeredRows {
					lab.Put(l, table, db, c.row)
				}
				l.Want("statements", db.sent, len(triggeredRows))
			})
		})
	}
}
