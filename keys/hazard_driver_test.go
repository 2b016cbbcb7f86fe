package keys_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// The tests of this file check the hazards of drivers and poolers: E1, E2 and E8. pooler_test.go tests a real PgBouncer.

func TestHazard_E1_LostReplyCountsOnceInsideRun(t *testing.T) {
	t.Parallel()
	type counter struct {
		K int `upsert:"key"`
		N int `upsert:"add"`
	}
	hazards(t, lab.Postgres, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE counters (k INT PRIMARY KEY, n INT)", "INSERT INTO counters VALUES (1, 0), (2, 0)")
		db := l.lab.LostReplies()
		const raise = "INSERT INTO counters VALUES ($1, 1) ON CONFLICT (k) DO UPDATE SET n = counters.n + 1"
		db.LoseNext(raise)
		_, err := db.ExecContext(l.lab.Context(), raise, 1)
		db.WantLost(l.lab, "the naive statement")
		l.lab.Want("hazard: a counter that was raised once, and the error", fmt.Sprintln(l.lab.Text("SELECT n FROM counters WHERE k = 1"), err), "2 <nil>\n")

		table, err := upsert.New[counter](l.lab.D, "counters")
		if err != nil {
			l.lab.Fatalf("New: %v", err)
		}
		s := l.open(db.DB)
		for i, words := range []string{`INSERT INTO "idempotency_keys"`, "n = counters.n + 1", `INSERT INTO "counters"`, `UPDATE "idempotency_keys"`, "COMMIT"} {
			db.LoseNext(words)
			calls := 0
			got, replayed, err := keys.Run(l.lab.Context(), s, hazardKey(words), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (int, error) {
				calls++
				if _, err := tx.ExecContext(ctx, raise, 2); err != nil {
					return 0, err
				}
				_, err := table.Put(ctx, tx, &counter{2, 1})
				return i, err
			})
			db.WantLost(l.lab, "Run")
			l.lab.Want("Run with "+words+"'s answer lost", fmt.Sprintln(got, replayed, err), fmt.Sprintln(i, false, nil))
			l.lab.Want("the counter, raised by two in each Run", l.lab.Text("SELECT n FROM counters WHERE k = 2"), 2*(i+1))
			if words == "COMMIT" {
				l.lab.Want("calls of fn", calls, 1)
			}
		}
	})
}

func TestHazard_E2_NothingIsPrepared(t *testing.T) {
	t.Parallel()
	hazards(t, lab.Postgres, func(l *hazardLab) {
		proxy := faults.NewProxy(l.lab, l.lab.NS)
		db := faults.OpenDSN(l.lab, faults.DriverName(l.lab.NS), proxy.DSN(), nil).DB
		db.SetMaxOpenConns(1)
		named, err := db.PreparexContext(l.lab.Context(), "SELECT $1::int")
		if err != nil {
			l.lab.Fatalf("Prepare: %v", err)
		}
		const left = "SELECT COUNT(*) FROM pg_prepared_statements"
		l.lab.Want("hazard: statements left on a pooler's server by Prepare", l.lab.TextOn(db, left), 1)
		if err := named.Close(); err != nil {
			l.lab.Errorf("Close: %v", err)
		}
		n := len(proxy.Requests())
		if _, err := db.ExecContext(l.lab.Context(), "UPDATE effects SET k = $1", "x"); err != nil {
			l.lab.Errorf("the naive statement: %v", err)
		}
		l.lab.Want("hazard: round trips of a statement with an argument", len(proxy.Requests())-n, 2)

		s := l.open(db)
		n = len(proxy.Requests())
		l.callAll(s, db.DB)
		for _, r := range proxy.Requests()[n:] {
			if r.Kind == faults.Prepare || r.Kind == faults.Exec || r.Text == "" || strings.Contains(r.Text, "$1") {
				l.lab.Errorf("request %v %q: want no prepared statement", r.Kind, r.Text)
			}
		}
		l.lab.Want("statements left on the server", l.lab.TextOn(db, left), 0)
	})
}

// callAll makes every call of a store once, in the store's own transactions and in a transaction of db.
func (l *hazardLab) callAll(s *keys.Store, db *sql.DB) {
	l.lab.Helper()
	none := func(context.Context, *keys.Tx) (int, error) { return 0, nil }
	_, _, err := keys.Run(l.lab.Context(), s, hazardKey("run"), keys.FingerprintBytes(nil), none, keys.MaxWait(lab.Patience))
	l.lab.Want("Run", err, nil)
	_, _, err = keys.Run(l.lab.Context(), s, hazardKey("run"), keys.FingerprintBytes(nil), none)
	l.lab.Want("Run again", err, nil)
	tx, err := db.BeginTx(l.lab.Context(), nil)
	if err != nil {
		l.lab.Fatalf("BeginTx: %v", err)
	}
	_, _, err = keys.Once(l.lab.Context(), s, tx, hazardKey("once"), keys.Fingerprint{}, none, keys.NoWait())
	l.lab.Want("Once", err, nil)
	_, err = l.filter(s, tx, "m", "n")
	l.lab.Want("Filter", err, nil)
	l.lab.Commit(tx)
	err = keys.Consume(l.lab.Context(), s, "lab", []string{"n", "o"}, func(id string) string { return id }, func(context.Context, *keys.Tx, []string) error { return nil })
	l.lab.Want("Consume", err, nil)
	_, err = s.Fail(l.lab.Context(), "lab", "p", nil)
	l.lab.Want("Fail", err, nil)
	_, err = s.Dead(l.lab.Context(), "lab", 1)
	l.lab.Want("Dead", err, nil)
	_, err = s.Revive(l.lab.Context(), "lab", "p")
	l.lab.Want("Revive", err, nil)
	_, err = s.Inspect(l.lab.Context(), hazardKey("run"))
	l.lab.Want("Inspect", err, nil)
	l.expire()
	l.gc(s)
}

func TestHazard_E8_NoSettingIsLeftBehind(t *testing.T) {
	t.Parallel()
	settings := map[string]string{
		"sqlite":   "PRAGMA busy_timeout",
		"postgres": "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')",
		"mysql":    "SELECT @@innodb_lock_wait_timeout, @@lock_wait_timeout",
	}
	set := map[string]string{"sqlite": "PRAGMA busy_timeout = 4321", "postgres": "SET lock_timeout = '4321ms'", "mysql": "SET SESSION innodb_lock_wait_timeout = 43"}
	hazards(t, lab.All, func(l *hazardLab) {
		naive, show := l.lab.Pool(), settings[l.lab.Family()]
		before := l.lab.TextOn(naive, show)
		tx, err := naive.BeginTx(l.lab.Context(), nil)
		if err != nil {
			l.lab.Fatalf("BeginTx: %v", err)
		}
		l.lab.On(tx, set[l.lab.Family()])
		l.lab.Commit(tx)
		if after := l.lab.TextOn(naive, show); after == before {
			l.lab.Errorf("hazard: a setting that a transaction changed is %s again after it; want it to have stayed", after)
		}
		l.lab.Want("the setting of another connection", l.lab.Text(show), before)

		pool := l.lab.Pool()
		l.callAll(l.open(pool.DB), pool.DB.DB)
		l.lab.Want("the settings after every call", l.lab.TextOn(pool, show), before)
	})
}
