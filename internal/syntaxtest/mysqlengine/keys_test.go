package mysqlengine_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/syntaxtest"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

// store opens the store of keys on an engine of its own, with a table of effects beside it that refuses nothing.
func store(t *testing.T, params string, opts ...keys.Option) (*keys.Store, *sqlx.DB) {
	t.Helper()
	db := sqlx.NewDb(open(t, serve(t, "CREATE TABLE effects (id VARCHAR(40) NOT NULL)"), params), "mysql")
	s, err := keys.Open(t.Context(), db, opts...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, db
}

// eachDriver runs f with every setting of the driver that changes what it says.
func eachDriver(t *testing.T, f func(t *testing.T, params string)) {
	t.Helper()
	for _, params := range []string{"", "clientFoundRows=true", "interpolateParams=true", "parseTime=true"} {
		t.Run(params, func(t *testing.T) {
			t.Parallel()
			f(t, params)
		})
	}
}

// effect leaves a row that can be counted.
func effect(id string, err error) func(context.Context, *keys.Tx) (string, error) {
	return func(ctx context.Context, tx *keys.Tx) (string, error) {
		if _, e := tx.ExecContext(ctx, "INSERT INTO effects VALUES (?)", id); e != nil {
			return "", e
		}
		return "done " + id, err
	}
}

func effects(t *testing.T, db *sqlx.DB, want ...string) {
	t.Helper()
	if have := stored(t, db.DB, "SELECT id FROM effects ORDER BY id"); !slices.Equal(have, want) {
		t.Errorf("the effects are %v, want %v", have, want)
	}
}

// TestKeysRun: one execution and then replays, by the process that ran it and by another; another fingerprint is refused.
func TestKeysRun(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, params string) {
		s, db := store(t, params)
		again, err := keys.Open(t.Context(), db) // which has met no key
		if err != nil {
			t.Fatal(err)
		}
		k := keys.Key{Scope: "shop", Op: "pay", ID: "7'; --\x00\xff"}
		fp := keys.FingerprintBytes([]byte("five euros"))
		for i, by := range []*keys.Store{s, s, again, again} {
			have, replayed, err := keys.Run(t.Context(), by, k, fp, effect("one", nil))
			if err != nil || have != "done one" || replayed != (i > 0) {
				t.Errorf("call %d: %q, replayed %v, error %v", i, have, replayed, err)
			}
		}
		for _, by := range []*keys.Store{s, again} {
			if _, _, err := keys.Run(t.Context(), by, k, keys.FingerprintBytes([]byte("six euros")), effect("two", nil)); !errors.Is(err, keys.ErrMismatch) {
				t.Errorf("want ErrMismatch, have %v", err)
			}
		}
		effects(t, db, "one")
		info, err := s.Inspect(t.Context(), k)
		if err != nil || info.Key != k || info.State != keys.StateDone || string(info.Result) != `"done one"` || info.Fingerprint != fp || info.FinishedAt.IsZero() {
			t.Errorf("known of it is %+v, error %v", info, err)
		}
	})
}

// TestKeysErrors: an error leaves no trace, and a final one is remembered without the effect.
func TestKeysErrors(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	eachDriver(t, func(t *testing.T, params string) {
		s, db := store(t, params, keys.KnownErrors(refused))
		k := keys.Key{Scope: "shop", Op: "pay", ID: "8"}
		if _, _, err := keys.Run(t.Context(), s, k, keys.Fingerprint{}, effect("one", refused)); !errors.Is(err, refused) {
			t.Errorf("want fn's error, have %v", err)
		}
		if _, err := s.Inspect(t.Context(), k); !errors.Is(err, keys.ErrNotFound) {
			t.Errorf("want ErrNotFound, have %v", err)
		}
		effects(t, db)
		for i := range 3 {
			_, replayed, err := keys.Run(t.Context(), s, k, keys.Fingerprint{}, effect("one", keys.Final(refused)))
			var final *keys.FinalError
			if !errors.As(err, &final) || !errors.Is(err, refused) || replayed != (i > 0) {
				t.Errorf("call %d: replayed %v, error %v", i, replayed, err)
			}
		}
		effects(t, db)
	})
}

// TestKeysTooOld: a key that carries its own time is compared with the engine's clock.
func TestKeysTooOld(t *testing.T) {
	t.Parallel()
	s, db := store(t, "")
	k := keys.Key{Scope: "s", Op: "o", ID: "01890a5d-ac96-774b-bcce-b302099a8057"} // a UUIDv7 of July 2023
	if _, _, err := keys.Run(t.Context(), s, k, keys.Fingerprint{}, effect("old", nil)); !errors.Is(err, keys.ErrTooOld) {
		t.Errorf("want ErrTooOld, have %v", err)
	}
	if _, _, err := keys.Run(t.Context(), s, k, keys.Fingerprint{}, effect("young", nil), keys.Retain(100*365*24*time.Hour)); err != nil {
		t.Error(err)
	}
	effects(t, db, "young")
}

// TestKeysFail: attempts are counted, the third is the last, and what is dead can be revived.
func TestKeysFail(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, params string) {
		s, _ := store(t, params, keys.MaxAttempts(3))
		for round := range 2 {
			for want := 1; want <= 3; want++ {
				have, err := s.Fail(t.Context(), "mailer", "m1", errors.New("no route"), keys.Payload([]byte{0, 1}))
				var dead *keys.DeadError
				if have != want || errors.As(err, &dead) != (want == 3) || dead == nil && err != nil {
					t.Errorf("round %d: attempt %d counts %d, error %v", round, want, have, err)
				}
			}
			all, err := s.Dead(t.Context(), "mailer", 10)
			if err != nil || len(all) != 1 || all[0].ID != "m1" || all[0].Attempts != 3 || all[0].Error != "no route" || string(all[0].Payload) != "\x00\x01" {
				t.Errorf("dead are %+v, error %v", all, err)
			}
			if other, err := s.Dead(t.Context(), "Mailer", 10); err != nil || len(other) != 0 {
				t.Errorf("another consumer's dead are %+v, error %v", other, err)
			}
			if n, err := s.Retry(t.Context(), "mailer", "m1", "m2"); err != nil || n != 1 {
				t.Errorf("revived are %d, error %v", n, err)
			}
		}
	})
}

// TestKeysGC: what is finished and past its time goes, in batches, and nothing else.
func TestKeysGC(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, params string) {
		s, db := store(t, params)
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			if _, _, err := keys.Run(t.Context(), s, keys.Key{Scope: "s", Op: "o", ID: id}, keys.Fingerprint{}, effect(id, nil)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Fail(t.Context(), "mailer", "m1", nil); err != nil {
			t.Fatal(err)
		}
		if n, err := s.GC(t.Context()); err != nil || n != 0 {
			t.Errorf("removed before their time are %d, error %v", n, err)
		}
		if _, err := db.ExecContext(t.Context(), "UPDATE idempotency_keys SET expires_at = '2020-01-01' WHERE id IN ('a', 'b', 'c', 'm1')"); err != nil {
			t.Fatal(err)
		}
		if n, err := s.GC(t.Context(), keys.BatchSize(2)); err != nil || n != 3 {
			t.Errorf("removed are %d, error %v", n, err)
		}
		if left := stored(t, db.DB, "SELECT id FROM idempotency_keys ORDER BY id"); !slices.Equal(left, []string{"d", "e", "m1"}) {
			t.Errorf("left are %v", left)
		}
	})
}

// The tests from here on hold fast what this engine cannot do, as those in differs_test.go: one that fails says that more
// can be shown with it.

// TestKeysLacks: what Once, MaxWait and Filter need of MySQL and this engine has not. MariaDB shows them, in the tests of
// package keys.
func TestKeysLacks(t *testing.T) {
	t.Parallel()
	s, db := store(t, "")
	k := keys.Key{Scope: "s", Op: "o", ID: "i"}
	inTransaction := func(f func(tx *sqlx.Tx) error) error {
		tx, err := db.BeginTxx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		return f(tx)
	}
	engineSays(t, inTransaction(func(tx *sqlx.Tx) error {
		_, _, err := keys.Once(t.Context(), s, tx, k, keys.Fingerprint{}, effect("once", nil))
		return err
	}), "savepoints are not supported in memory sessions")
	engineSays(t, inTransaction(func(tx *sqlx.Tx) error {
		_, err := keys.Filter(t.Context(), s, tx, "mailer", []string{"m1"}, strings.Clone)
		return err
	}), "unsupported feature: Unsupported type of common table expression *sqlparser.ValuesStatement")
	_, _, err := keys.Run(t.Context(), s, k, keys.Fingerprint{}, effect("wait", nil), keys.MaxWait(time.Second))
	engineSays(t, err, "Variable 'innodb_lock_wait_timeout' is a GLOBAL variable and should be set with SET GLOBAL")
	effects(t, db)
}

// TestKeysStatements: each statement of package keys runs, on the engine's own parser and planner, but for those that it
// lacks something for; see TestKeysLacks.
func TestKeysStatements(t *testing.T) {
	t.Parallel()
	_, db := store(t, "")
	all, err := syntaxtest.ClaimStatements("mysql-8.0.36")
	if err != nil {
		t.Fatal(err)
	}
	lacks := []string{"filter", "savepoint", "savepoint-back", "savepoint-release", "wait-set", "wait-set-none", "wait-back"}
	for _, s := range all {
		if s.Case.Name == "claim-table" {
			continue // its table is not there
		}
		if err := drain(db.QueryContext(t.Context(), s.Text, s.Args...)); (err != nil) != slices.Contains(lacks, s.Case.Name) {
			t.Errorf("%s: %v\n%s", s, err, s.Text)
		}
	}
}

// drain reads rows to their end, where an engine may say what is wrong.
func drain(rows *sql.Rows, err error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		continue
	}
	return rows.Err()
}
