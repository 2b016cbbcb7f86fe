package mysqlengine_test

import (
	"database/sql"
	"errors"
	"slices"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

type member struct {
	ID    int64  `db:"id" upsert:"key"`
	Email string `db:"email"`
	Name  string `db:"name"`
}

const members = "CREATE TABLE members (id BIGINT PRIMARY KEY, email VARCHAR(40) NOT NULL UNIQUE, name VARCHAR(40) NOT NULL)"

// put writes two members that any further row can conflict with.
func put(t *testing.T, s setting, db *sql.DB) *upsert.Table[member] {
	t.Helper()
	members := table[member](t, s, "members")
	if _, err := members.PutAll(t.Context(), db, []member{{1, "a@example.com", "a"}, {2, "b@example.com", "b"}}); err != nil {
		t.Fatal(err)
	}
	return members
}

func unchanged(t *testing.T, db *sql.DB) {
	t.Helper()
	want := []string{"1 a@example.com a", "2 b@example.com b"}
	if have := stored(t, db, "SELECT CONCAT(id, ' ', email, ' ', name) FROM members ORDER BY id"); !slices.Equal(have, want) {
		t.Errorf("stored are %v, want %v", have, want)
	}
}

// TestOtherKeyByUpdate: the row is there and would take a value that another row has in another unique key. Nothing is
// changed, and the error is ErrOtherKey.
func TestOtherKeyByUpdate(t *testing.T) {
	t.Parallel()
	each(t, members, func(t *testing.T, s setting, db *sql.DB) {
		_, err := put(t, s, db).Put(t.Context(), db, &member{1, "b@example.com", "changed"})
		if !errors.Is(err, upsert.ErrOtherKey) || dialect.Classify(err) != dialect.UniqueViolation {
			t.Errorf("want ErrOtherKey, have %v", err)
		}
		unchanged(t, db)
	})
}

// TestOtherKeyByInsert: the row is not there and meets another in another unique key. ON DUPLICATE KEY UPDATE would write
// over that one (hazard H10); the guard fails the statement, in a batch as well, and nothing is changed.
//
// What is not shown: the failure's number, and with it ErrOtherKey. MySQL's is 1690, for the guard's addition is beyond BIGINT
// UNSIGNED. This engine's arithmetic wraps, so the guard comes to the NULL behind it, which no key column takes: see
// TestOverflowWraps. MariaDB shows the number, in the conformance suite.
func TestOtherKeyByInsert(t *testing.T) {
	t.Parallel()
	each(t, members, func(t *testing.T, s setting, db *sql.DB) {
		members := put(t, s, db)
		_, err := members.Put(t.Context(), db, &member{3, "b@example.com", "changed"})
		engineSays(t, err, nullKey)
		unchanged(t, db)
		_, err = members.PutAll(t.Context(), db, []member{{1, "a@example.com", "changed"}, {3, "b@example.com", "changed"}, {4, "c@example.com", "new"}})
		engineSays(t, err, nullKey)
		_, err = members.GetOrCreate(t.Context(), db, &member{3, "b@example.com", "changed"})
		engineSays(t, err, nullKey)
		unchanged(t, db)
	})
}

// nullKey is what this engine says of a key that ON DUPLICATE KEY UPDATE sets to NULL.
const nullKey = "invalid type: %!s(<nil>)"

// engineSays holds fast that the engine fails, and by what it differs from MySQL.
func engineSays(t *testing.T, err error, text string) {
	t.Helper()
	var known *mysql.MySQLError
	if !errors.As(err, &known) || known.Number != 1105 || known.Message != text {
		t.Errorf("want the engine's %q, have %v: does it do as MySQL does by now?", text, err)
	}
}
