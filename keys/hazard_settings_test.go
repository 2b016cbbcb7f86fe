package keys_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

// TestHazard_K46_SettingsThatAreRefused checks that Open refuses a session whose settings would break the promises of keys.
// The error names the setting to change.
func TestHazard_K46_SettingsThatAreRefused(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		refused := map[string]string{"autocommit": "0", "completion_type": "CHAIN"}
		modes := []string{}
		if l.lab.D.Name() == "mariadb" {
			modes = []string{"SIMULTANEOUS_ASSIGNMENT", "EMPTY_STRING_IS_NULL"}
		}
		s := l.lab.Session("SET autocommit = 0", "SELECT 1")
		l.lab.On(s, "INSERT INTO effects VALUES ('x')")
		l.lab.On(s, "ROLLBACK")
		l.lab.Want("hazard: effects of a statement that has succeeded", l.effects("x"), 0)
		for name, value := range refused {
			_, err := keys.Open(l.lab.Context(), l.lab.NS.DB(engine.Param(name, quoted(value))))
			l.lab.WantErr(name, err, nil, "keys: Open: ", name, "set ")
		}
		for _, mode := range modes {
			_, err := keys.Open(l.lab.Context(), l.lab.NS.DB(engine.Param("sql_mode", "'STRICT_ALL_TABLES,"+mode+"'")))
			l.lab.WantErr(mode, err, nil, "keys: Open: ", mode)
		}
	})
	hazards(t, lab.SQLite, func(l *hazardLab) {
		wide := l.lab.NS.Engine().Namespace(l.lab).DB()
		wide.MustExec("PRAGMA encoding = 'UTF-16le'")
		wide.MustExec("CREATE TABLE naive (v TEXT)")
		l.lab.Want("hazard: a text of two bytes", l.lab.TextOn(wide, "SELECT length(CAST(x'6162' AS TEXT))"), 1)
		_, err := keys.Open(l.lab.Context(), wide)
		l.lab.WantErr("UTF-16", err, nil, "keys: Open: ", "UTF-8")

		shared, err := sqlx.Open("sqlite3", "file:"+l.lab.NS.Name()+"?cache=shared")
		if err != nil {
			l.lab.Fatal(err)
		}
		defer shared.Close()
		shared.SetMaxOpenConns(1)
		shared.MustExec("PRAGMA read_uncommitted = 1")
		_, err = keys.Open(l.lab.Context(), shared)
		l.lab.WantErr("read_uncommitted", err, nil, "keys: Open: ", "read_uncommitted")
	})
}

func quoted(value string) string {
	if value == "0" || value == "1" {
		return value
	}
	return "'" + value + "'"
}

// TestHazard_K46_SafeUpdates checks GC, whose DELETE has a join that the setting refuses. The library has another form, but
// not for MySQL before 8.0.19.
func TestHazard_K46_SafeUpdates(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		l.run(l.store, "a")
		l.expire()
		safe := l.lab.NS.DB(engine.Param("sql_safe_updates", "1"))
		l.lab.Fails(safe, "1175", "DELETE k FROM (SELECT 0) AS m STRAIGHT_JOIN idempotency_keys AS k ON k.attempts > 0")
		s, err := keys.Open(l.lab.Context(), safe)
		if l.lab.D.Name() == "mysql" && !dialect.Supports(l.lab.D, dialect.FeatureIndexHint) {
			l.lab.WantErr("Open", err, nil, "keys: Open: ", "sql_safe_updates", "set ")
			return
		}
		l.lab.Want("Open", err, nil)
		l.lab.Want("keys removed", l.gc(s), 1)
		l.lab.Want("Run", l.run(s, "b"), "ran b")
		l.wantFailures(s)
	})
}

// TestHazard_K46_StatementsInTheBinaryLog checks that the calls work if the server logs statements. Such a server refuses
// every write at READ COMMITTED.
func TestHazard_K46_StatementsInTheBinaryLog(t *testing.T) {
	t.Parallel()
	lab.EachWith(t, lab.MariaDB, []string{"--log-bin", "--binlog-format=STATEMENT"}, func(plain *lab.Lab) {
		l := openHazardLab(plain)
		s := l.lab.Session("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
		l.lab.Fails(s, "1665", "INSERT INTO effects VALUES ('naive')")
		l.lab.Want("Run", l.run(l.store, "a"), "ran a")
		l.lab.Want("Run again", l.run(l.store, "a"), "replayed a")
		l.wantFailures(l.store)
		l.expire()
		l.lab.Want("keys and messages removed", l.gc(l.store), 2)
	})
}

// wantFailures wants a message to fail until the message is dead, and to be fresh after Revive.
func (l *hazardLab) wantFailures(s *keys.Store) {
	l.lab.Helper()
	var err error
	for n := 0; n < 10 && err == nil; n++ {
		_, err = s.Fail(l.lab.Context(), "lab", "m", errors.New("no"))
	}
	l.lab.WantErr("the last Fail", err, nil, "is dead after 10 attempts")
	l.lab.Want("a dead message", l.filtered(s, "m"), "[] <nil>")
	n, err := s.Revive(l.lab.Context(), "lab", "m")
	l.lab.Want("messages that Revive found", fmt.Sprint(n, err), "1 <nil>")
	l.lab.Want("a message after Revive", l.filtered(s, "m"), "[m] <nil>")
}

// TestHazard_K47_TriggerThatSwallowsAClaim checks that no call succeeds if a trigger discards its insert, although
// PostgreSQL reports success. Open refuses such a trigger. If the trigger is created later, each call returns an error.
func TestHazard_K47_TriggerThatSwallowsAClaim(t *testing.T) {
	t.Parallel()
	hazards(t, lab.Postgres, func(l *hazardLab) {
		const trigger = "CREATE TRIGGER watch %s INSERT ON idempotency_keys FOR EACH ROW EXECUTE FUNCTION swallow()"
		l.lab.Want("a message that is seen before", l.filtered(l.store, "seen"), "[seen] <nil>")
		l.lab.Exec("CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$", fmt.Sprintf(trigger, "BEFORE"))
		l.lab.Exec("INSERT INTO idempotency_keys SELECT * FROM idempotency_keys") // hazard: success, though the row is there
		l.wantSwallowed()
		_, err := keys.Open(l.lab.Context(), l.lab.DB)
		l.lab.WantErr("Open", err, nil, "watch", "discard a claim")

		l.lab.Exec("DROP TRIGGER watch ON idempotency_keys", "CREATE RULE instead AS ON INSERT TO idempotency_keys DO INSTEAD NOTHING")
		_, err = keys.Open(l.lab.Context(), l.lab.DB)
		l.lab.WantErr("Open with a rule", err, nil, "instead", "discard a claim")

		l.lab.Exec("DROP RULE instead ON idempotency_keys", fmt.Sprintf(trigger, "AFTER"))
		l.lab.Want("Run beside an AFTER trigger", l.run(l.open(l.lab.DB), "a"), "ran a")
	})
	hazards(t, lab.SQLite, func(l *hazardLab) {
		l.lab.Want("a message that is seen before", l.filtered(l.store, "seen"), "[seen] <nil>")
		l.lab.Exec("CREATE TRIGGER watch BEFORE INSERT ON idempotency_keys BEGIN SELECT RAISE(IGNORE); END")
		l.lab.Exec("INSERT INTO idempotency_keys SELECT * FROM idempotency_keys") // hazard: success, though the row is there
		l.wantSwallowed()
	})
	hazards(t, lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		l.lab.Exec("CREATE TRIGGER watch BEFORE INSERT ON idempotency_keys FOR EACH ROW SET NEW.key_hash = x'" + strings.Repeat("00", 32) + "'")
		l.wantSwallowed()
	})
}

// wantSwallowed wants Filter, Consume and Once to fail if a trigger keeps their rows from the table.
func (l *hazardLab) wantSwallowed() {
	l.lab.Helper()
	tx := l.Begin(nil)
	_, err := l.filter(l.store, tx, "seen", "new")
	l.lab.WantErr("Filter", err, nil, "consumer lab", "neither marked nor stored", "trigger")
	_ = tx.Rollback()
	err = l.consume(l.store, func(context.Context, *keys.Tx) error { return nil }, "new")
	l.lab.WantErr("Consume", err, nil, "neither marked nor stored", "trigger")
	tx = l.Begin(nil)
	_, _, err = keys.Once(l.lab.Context(), l.store, tx, hazardKey("new"), keys.Fingerprint{}, effect("new"))
	_ = tx.Rollback()
	if !errors.Is(err, keys.ErrClaimLost) { // an altered claim is noticed when its result is recorded
		l.lab.WantErr("Once", err, nil, "not inserted and no row is stored", "trigger")
	}
	l.lab.Want("effects", l.effects("new"), 0)
}

// filtered returns the result of Filter in a new transaction.
func (l *hazardLab) filtered(s *keys.Store, ids ...string) string {
	l.lab.Helper()
	tx := l.Begin(nil)
	fresh, err := l.filter(s, tx, ids...)
	l.lab.Commit(tx)
	return fmt.Sprint(fresh, err)
}

// TestHazard_K48_LimitOfTheSession checks sql_select_limit. MySQL and MariaDB then cut the result of a SELECT without a
// LIMIT.
func TestHazard_K48_LimitOfTheSession(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (k INT PRIMARY KEY)", "INSERT INTO naive VALUES (1), (2), (3)")
		cut := l.lab.NS.DB(engine.Param("sql_select_limit", "2"))
		l.lab.Want("hazard: rows of a table of three", l.lab.TextOn(cut, "SELECT k FROM naive"), "1 2")
		s := l.open(cut)
		tx := cut.MustBegin()
		fresh, err := l.filter(s, tx, "a", "b", "c", "d")
		l.lab.Commit(tx)
		l.lab.Want("fresh messages of four", fmt.Sprint(len(fresh), err), "4 <nil>")
	})
}

// TestOpenWithQuotedIdentifiers checks that Open accepts the table if a setting of PostgreSQL changes the text of a type in
// the catalog.
func TestOpenWithQuotedIdentifiers(t *testing.T) {
	t.Parallel()
	hazards(t, lab.Postgres, func(l *hazardLab) {
		l.lab.Want("Run", l.run(l.open(l.lab.NS.DB(engine.Param("quote_all_identifiers", "on"))), "a"), "ran a")
	})
}
