package keys_test

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

// The tests of this file check which rows MySQL and MariaDB read and therefore lock, and the features that MySQL before
// version 8 lacks: K39 to K43.

// handled marks n messages as handled, ends their retention, and returns their marks.
func (l *hazardLab) handled(n int) (marks []claimsql.Mark) {
	l.lab.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint("m", i)
	}
	tx := l.Begin(nil)
	fresh, err := l.filter(l.store, tx, ids...)
	l.lab.Want("Filter", fmt.Sprint(len(fresh), err), fmt.Sprint(n, " <nil>"))
	l.lab.Commit(tx)
	l.expire()
	for digits := range strings.FieldsSeq(l.lab.Text("SELECT HEX(key_hash) FROM idempotency_keys ORDER BY key_hash")) {
		b, err := hex.DecodeString(digits)
		if err != nil {
			l.lab.Fatal(err)
		}
		marks = append(marks, claimsql.Mark{Hash: [claimsql.HashSize]byte(b)})
	}
	return marks
}

// inList returns the hashes of the marks as an IN list.
func inList(marks []claimsql.Mark) string {
	literals := make([]string, len(marks))
	for i, m := range marks {
		literals[i] = fmt.Sprintf("x'%x'", m.Hash)
	}
	return strings.Join(literals, ", ")
}

// holds claims a key in a transaction that stays open.
func (l *hazardLab) holds(id string) *sqlx.Tx {
	l.lab.Helper()
	tx := l.Begin(&sql.TxOptions{Isolation: sql.LevelReadCommitted})
	l.lab.Want("a claim under way", l.once(l.store, tx, id), "ran "+id)
	return tx
}

// impatient opens a pool whose statements wait at most one second for a lock.
func (l *hazardLab) impatient() *sqlx.DB {
	l.lab.Helper()
	return l.lab.NS.DB(engine.Param("innodb_lock_wait_timeout", "1"))
}

// naiveDelete returns a DELETE that names the index if the database allows this. Naming the index is not enough.
func (l *hazardLab) naiveDelete(marks []claimsql.Mark) string {
	if l.lab.D.Name() == "mariadb" && len(marks) < 1000 {
		return "DELETE FROM idempotency_keys WHERE key_hash IN (" + inList(marks) + ")"
	}
	return "DELETE k FROM idempotency_keys AS k FORCE INDEX (`PRIMARY`) WHERE key_hash IN (" + inList(marks) + ")"
}

func TestHazard_K39_DeleteReadsWhatItRemoves(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		marks := l.handled(60)
		holder, db := l.holds("busy"), l.impatient()
		l.lab.Fails(db, "1205", l.naiveDelete(marks))
		l.lab.Want("keys removed beside a claim", l.gc(l.unrepeated(db)), 60)
		l.lab.Commit(holder)
		l.lab.Want("the key that was claimed", l.run(l.store, "busy"), "replayed busy")
	})
}

func TestHazard_K40_LongListIsNoTable(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB, func(l *hazardLab) {
		const many = 1500
		marks := l.handled(many)
		holder, db := l.holds("busy"), l.impatient()
		l.lab.Fails(db, "1205", l.naiveDelete(marks))
		l.lab.Want("keys removed beside a claim", l.gc(l.unrepeated(db), keys.GCBatchSize(many)), many)
		l.lab.Commit(holder)
	})
}

// unrepeated opens a store that fails the test if GC begins again, because a new attempt would hide a wait.
func (l *hazardLab) unrepeated(db *sqlx.DB) *keys.Store {
	l.lab.Helper()
	return l.open(db, keys.WithHooks(keys.Hooks{Retry: func(_ context.Context, e keys.Event) { l.lab.Errorf("GC began again: %v", e.Err) }}))
}

func TestHazard_K41_ListOfRows(t *testing.T) {
	t.Parallel()
	hazards(t, "mysql57", func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (k INT PRIMARY KEY)")
		l.lab.Fails(l.lab.DB, "1064", "INSERT INTO naive SELECT * FROM (VALUES ROW(1), ROW(2)) AS m")
		l.lab.Fails(l.lab.DB, "1436", "INSERT INTO naive SELECT * FROM (SELECT 0"+strings.Repeat(" UNION ALL SELECT 1", 10_000)+") AS m")
		l.lab.Want("messages marked", len(l.handled(10_000)), 10_000)
	})
}

func TestHazard_K42_NoLockIsWaitedFor(t *testing.T) {
	t.Parallel()
	hazards(t, "mysql57", func(l *hazardLab) {
		l.lab.Fails(l.lab.DB, "1064", "SELECT * FROM idempotency_keys FOR UPDATE SKIP LOCKED")
		l.handled(200)
		locked := l.Begin(&sql.TxOptions{Isolation: sql.LevelReadCommitted})
		l.lab.Want("rows that another transaction has", l.lab.TextOn(locked, "SELECT COUNT(*) FROM (SELECT id FROM idempotency_keys WHERE id IN ('m0', 'm77', 'm199') FOR UPDATE) AS m"), 3)
		// This session would wait for a lock until the end of the test.
		patient := l.unrepeated(l.lab.NS.DB(engine.Param("innodb_lock_wait_timeout", "1000")))
		l.lab.Want("GC around them", l.lab.Result(lab.Later(func() error {
			l.lab.Want("keys removed", l.gc(patient, keys.GCBatchSize(50), keys.GCShare(1)), 197)
			return nil
		})), nil)
		l.lab.Want("keys left", l.lab.Text("SELECT COUNT(*) FROM idempotency_keys"), 3)
		_ = locked.Rollback()
		l.lab.Want("keys removed later", l.gc(patient), 3)
	})
}

// TestHazard_K43_LevelOfTheNextTransaction checks SET TRANSACTION without a following BEGIN. A session cannot be asked for
// the resulting level.
func TestHazard_K43_LevelOfTheNextTransaction(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		const next = "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED"
		p := l.lab.Pool()
		s, tx := l.open(p.DB), l.Begin(nil)
		l.lab.Want("Once", l.once(s, tx, "a"), "ran a")
		l.lab.On(p, next)
		l.lab.Want("hazard: rows that the next statement sees, and the one after it", l.lab.TextOn(p, "SELECT COUNT(*) FROM idempotency_keys")+l.lab.TextOn(p, "SELECT COUNT(*) FROM idempotency_keys"), "10")
		l.lab.On(p, next)
		_, _, err := keys.Run(l.lab.Context(), s, hazardKey("a"), keys.Fingerprint{}, effect("a"), keys.NoWait())
		l.lab.WantErr("Run beside it", err, nil, "another caller is working on it")
		l.lab.Commit(tx)
		l.lab.Want("Run after its commit", l.run(s, "a"), "replayed a")
	})
}

// TestKeyIsUsed checks that a statement that locks reads only the rows of its keys, however small the table is.
func TestKeyIsUsed(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		all := l.handled(1200)
		for _, stored := range []int{1200, 60, 2} {
			if stored < len(all) {
				l.lab.Exec("DELETE FROM idempotency_keys WHERE key_hash NOT IN (" + inList(all[:stored]) + ")")
			}
			l.lab.Exec("ANALYZE TABLE idempotency_keys")
			for _, named := range []int{1, 2, 60, 1200} {
				for _, q := range l.writers() {
					l.wantKeyUsed(stored, q, all[:named])
				}
			}
		}
	})
}

// writers returns the statements for the server's version, and the statements for older versions whose syntax the server
// accepts.
func (l *hazardLab) writers() (all []*claimsql.SQL) {
	l.lab.Helper()
	older := map[string][]string{"mysql57": nil, "mysql": {"5.7.44", "8.0.18"}, "mariadb": {"10.5.27-MariaDB"}}[l.lab.NS.Engine().Name()]
	dialects := []dialect.Dialect{l.lab.D}
	for _, banner := range older {
		d, err := dialect.FromVersion(banner)
		if err != nil {
			l.lab.Fatal(err)
		}
		dialects = append(dialects, d)
	}
	for _, d := range dialects {
		q, err := claimsql.New(d, dialect.Table{Name: "idempotency_keys"})
		if err != nil {
			l.lab.Fatal(err)
		}
		all = append(all, q)
	}
	return all
}

// TestTextsOfOlderServers checks that a newer server runs the statements for an older server with the same result.
func TestTextsOfOlderServers(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB+" mysql", func(l *hazardLab) {
		want := ""
		for i, q := range l.writers() {
			l.handled(300)
			marks := make([]claimsql.Mark, 200)
			for i := range marks {
				marks[i].Hash[0], marks[i].ID = byte(i), fmt.Sprint("é", 7*i)
			}
			l.lab.On(l.lab.DB, q.Filter("c", [16]byte{1}, -time.Hour, marks).Text)
			got := l.lab.Text("SELECT HEX(key_hash), id, scope, state, HEX(owner) FROM idempotency_keys WHERE scope = 'c' ORDER BY key_hash")
			if i == 0 {
				want = got
			}
			l.lab.Want("what is stored", got, want)
			expired, _, _ := strings.Cut(q.Expired(1000, nil).Text, " FOR UPDATE")
			l.lab.Want("rows that have expired", l.lab.Text("SELECT COUNT(*) FROM ("+expired+") AS e"), 500)
			l.lab.On(l.lab.DB, q.Remove(marks).Text)
			l.lab.Want("rows that are left", l.lab.Text("SELECT COUNT(*) FROM idempotency_keys"), 300)
			l.lab.Exec("DELETE FROM idempotency_keys")
		}
	})
}

// unexplained matches two parts that EXPLAIN must not contain: a time limit, which a busy machine can exceed, and a setting
// for one statement.
var unexplained = regexp.MustCompile(`/\*\+ MAX_EXECUTION_TIME\(\d+\) \*/ |^SET STATEMENT [^,]* FOR `)

func (l *hazardLab) wantKeyUsed(stored int, q *claimsql.SQL, marks []claimsql.Mark) {
	l.lab.Helper()
	for name, s := range map[string]claimsql.Statement{
		"Remove": q.Remove(marks), "Revive": q.Revive(marks), "Marked": q.Marked([16]byte{}, marks), "Lock": q.Lock(marks),
		"Look": q.Look(marks[0].Hash), "Fetch": q.Fetch(marks[0].Hash), "Record": q.Record(marks[0].Hash, [16]byte{}, claimsql.Done, nil, ""),
	} {
		if s.Text == "" || name == "Marked" && q.FilterReturns() {
			continue
		}
		text := unexplained.ReplaceAllString(s.Text, "")
		for row := range strings.SplitSeq(l.lab.Text("EXPLAIN "+text), " ") {
			of := strings.Split(row, "|")
			if len(of) < 5 || of[2] != "k" && of[2] != "idempotency_keys" {
				continue
			}
			if strings.Contains("|ALL|index|", "|"+of[3]+"|") || strings.Contains("|ALL|index|", "|"+of[4]+"|") {
				l.lab.Errorf("%s of %d rows in a table of %d reads all of it: %s", name, len(marks), stored, row)
			}
		}
	}
}

// TestHazard_K44_LockTimeoutThatLosesTheTransaction checks a lock timeout with both values of a setting that the server
// starts with. The setting decides whether the timeout rolls back the statement or the transaction. In both cases the effect
// of fn is stored once, even if fn ignores the error.
func TestHazard_K44_LockTimeoutThatLosesTheTransaction(t *testing.T) {
	t.Parallel()
	run := func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE hot (k INT PRIMARY KEY, n INT)", "INSERT INTO hot VALUES (1, 0)")
		l.lab.Session("BEGIN", "UPDATE hot SET n = 1 WHERE k = 1")
		got, replayed, err := keys.Run(l.lab.Context(), l.open(l.impatient()), hazardKey("a"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			if _, err := effect("before")(ctx, tx); err != nil {
				return "", err
			}
			if tx.Attempt() == 1 {
				l.lab.Fails(tx, "1205", "UPDATE hot SET n = 2 WHERE k = 1")
			}
			_, _ = effect("after")(ctx, tx)
			return "a", nil
		})
		l.lab.Want("Run", told(got, replayed, err), "ran a")
		l.lab.Want("effects before the timeout and after it", fmt.Sprint(l.effects("before"), l.effects("after")), "1 1")
	}
	t.Run("default", func(t *testing.T) {
		t.Parallel()
		hazards(t, lab.OnDuplicateKey, run)
	})
	t.Run("innodb_rollback_on_timeout", func(t *testing.T) {
		t.Parallel()
		lab.EachWith(t, lab.OnDuplicateKey, []string{"--innodb-rollback-on-timeout=ON"}, func(l *lab.Lab) { run(openHazardLab(l)) })
	})
}
