package mysqlengine_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

// The tests in this file hold fast where the engine is known to differ from MySQL's documentation. One that fails says
// that the engine has come nearer to MySQL, and that more can be shown with it.

type item struct {
	ID   int64  `db:"id" upsert:"key"`
	Name string `db:"name"`
}

const itemsSchema = "CREATE TABLE items (id BIGINT PRIMARY KEY, name VARCHAR(40))"

// TestInsertIDOfThePrevious: an insert into a table without AUTO_INCREMENT has insert id 0 on MySQL, whatever the statements
// before it did (C API guide, mysql_insert_id: it is "always zero unless explicitly updated" by that statement). This
// engine answers with the session's last value, so after a reported update an insert looks like one. With a connection
// that has reported nothing yet, or with AUTO_INCREMENT, the answer is MySQL's.
func TestInsertIDOfThePrevious(t *testing.T) {
	t.Parallel()
	db := open(t, serve(t, itemsSchema), "")
	db.SetMaxOpenConns(1)
	items := table[item](t, setting{dialect: dialect.MySQL}, "items")
	for i, step := range []struct {
		row  item
		want upsert.Outcome
	}{
		{item{1, "a"}, upsert.Inserted},
		{item{1, "a"}, upsert.Unchanged},
		{item{1, "b"}, upsert.Updated},
		{item{2, "a"}, upsert.Updated}, // MySQL: Inserted
	} {
		if have, err := items.Put(t.Context(), db, &step.row); err != nil || have != step.want {
			t.Errorf("step %d: want %s, have %s, error %v", i, step.want, have, err)
		}
	}
	db.SetMaxIdleConns(0) // from here on each statement has a connection of its own
	for i, step := range []struct {
		row  item
		want upsert.Outcome
	}{{item{3, "a"}, upsert.Inserted}, {item{3, "b"}, upsert.Updated}, {item{4, "a"}, upsert.Inserted}} {
		if have, err := items.Put(t.Context(), db, &step.row); err != nil || have != step.want {
			t.Errorf("step %d on connections of their own: want %s, have %s, error %v", i, step.want, have, err)
		}
	}
}

// TestOverflowWraps: an addition beyond BIGINT UNSIGNED is error 1690 on MySQL, in every sql_mode. This engine goes on with
// what the wrapped number says, so the guard's failing expression is the NULL that stands for that case, and only its
// assignment fails, by another number. What MySQL does as well: the expression is evaluated only where IF comes to it.
func TestOverflowWraps(t *testing.T) {
	t.Parallel()
	db := open(t, serve(t, itemsSchema, "INSERT INTO items VALUES (1, 'a')"), "")
	const beyond = "IF(18446744073709551615 + (LENGTH(items.id) + 1) > 0, NULL, NULL)"
	const duplicate = "INSERT INTO items VALUES (1, 'a') ON DUPLICATE KEY UPDATE "
	for _, step := range []struct {
		query string
		want  uint16
	}{
		{"UPDATE items SET id = IF(id = 1, id, " + beyond + ")", 0},
		{"UPDATE items SET id = IF(id <> 1, id, " + beyond + ")", 1048}, // MySQL: 1690
		{duplicate + "id = IF(items.id = 1, items.id, " + beyond + ")", 0},
		{duplicate + "id = IF(items.id <> 1, items.id, " + beyond + ")", 1105}, // MySQL: 1690
		{duplicate + "id = NULL", 1105},                                        // MySQL: 1048
		{"INSERT INTO items VALUES (9, 'b') ON DUPLICATE KEY UPDATE id = " + beyond, 0},
	} {
		_, err := db.ExecContext(t.Context(), step.query)
		var known *mysql.MySQLError
		if errors.As(err, &known); step.want == 0 && err != nil || step.want != 0 && (known == nil || known.Number != step.want) {
			t.Errorf("want error %d, have %v for\n%s", step.want, err, step.query)
		}
	}
	for query, want := range map[string]string{
		"SELECT 18446744073709551615 + 1":    "-9223372036854775808", // MySQL: error 1690
		"SELECT " + beyond + " FROM items":   "NULL",                 // MySQL: error 1690
		"SELECT CONCAT(id, name) FROM items": "1a",
	} {
		if have := stored(t, db, query+" LIMIT 1"); len(have) != 1 || have[0] != want {
			t.Errorf("want %s, have %v for\n%s", want, have, query)
		}
	}
}

// TestUniqueKeysKnowNoCollation: MySQL's unique key takes 'ADA' for the stored 'ada' where its collation does, ON DUPLICATE
// KEY fires, and the guard, which compares bytes, fails the statement (hazard H18). This engine's keys compare bytes
// themselves, so nothing of it is shown here. MariaDB shows it, in the conformance suite.
func TestUniqueKeysKnowNoCollation(t *testing.T) {
	t.Parallel()
	type person struct {
		Code string `db:"code" upsert:"key"`
		Name string `db:"name"`
	}
	db := open(t, serve(t, "CREATE TABLE people (code VARCHAR(40) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY, name VARCHAR(40))"), "")
	people := table[person](t, setting{dialect: dialect.MySQL}, "people")
	for _, p := range []person{{"ada", "a"}, {"ADA", "b"}} {
		if o, err := people.Put(t.Context(), db, &p); err != nil || o != upsert.Inserted { // MySQL: ErrOtherKey for the second
			t.Errorf("%s: %s, error %v", p.Code, o, err)
		}
	}
	if same := stored(t, db, "SELECT COUNT(*) FROM people WHERE code = 'ada'"); same[0] != "2" {
		t.Errorf("the collation takes %s rows for one, want 2", same[0])
	}
}

// TestSelectWithDuplicates: a merge patch that removes a member is written by INSERT … SELECT … ON DUPLICATE KEY UPDATE with
// VALUES(), which MySQL documents. This engine takes VALUES() there for a column of its own row alias and refuses the
// statement. MariaDB shows it, in the conformance suite.
func TestSelectWithDuplicates(t *testing.T) {
	t.Parallel()
	db := open(t, serve(t, everythings), "")
	rows := table[everything](t, setting{dialect: dialect.MySQL}, "everythings")
	_, err := rows.Put(t.Context(), db, &everything{ID: 1, Attr: json.RawMessage(`{"x": null}`)})
	engineSays(t, err, "expected ON DUPLICATE KEY ... VALUES() to reference a column, found: __new_ins.id")
}
