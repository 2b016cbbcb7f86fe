package keys_test

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// The tests of this file check the effects of locks: K25 and K27 to K30.

func TestHazard_K25_RowNewerThanTheReadView(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (k INT PRIMARY KEY)")
		tx := l.Begin(&sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		l.lab.TextOn(tx, "SELECT * FROM naive") // takes the read view
		l.lab.Exec("INSERT INTO naive VALUES (1)")
		res, err := tx.ExecContext(l.lab.Context(), "INSERT IGNORE INTO naive VALUES (1)")
		if err != nil {
			l.lab.Fatalf("the naive statement: %v", err)
		}
		n, err := res.RowsAffected()
		l.lab.Want("hazard: rows inserted, and what can be read of the one that is there", fmt.Sprint(n, err, l.lab.TextOn(tx, "SELECT k FROM naive")), "0 <nil>")
		l.lab.Want("a locking read", l.lab.TextOn(tx, "SELECT k FROM naive WHERE k = 1 FOR UPDATE"), 1)

		l.run(l.store, "a")
		other := l.Begin(nil)
		_, err = l.filter(l.store, other, "m")
		l.lab.Want("Filter", err, nil)
		l.lab.Commit(other)
		l.lab.Want("Once of a key newer than the read view", l.once(l.open(l.lab.DB), tx, "a"), "replayed a")
		fresh, err := l.filter(l.store, tx, "l", "m", "n")
		l.lab.Want("Filter of messages newer than it", fmt.Sprint(fresh, err), "[l n] <nil>")
		l.lab.Commit(tx)
		l.lab.Want("effects", l.effects("a"), 1)
	})
}

func TestHazard_K27_FirstOfThreeIsRolledBack(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (k INT PRIMARY KEY)")
		const insert = "INSERT IGNORE INTO naive VALUES (1)"
		first, second, third := l.Begin(nil), l.lab.Session("BEGIN"), l.lab.Session("BEGIN")
		l.lab.On(first, insert)
		waiting := func(s *lab.Session) <-chan error {
			done := lab.Later(func() error {
				_, err := s.ExecContext(l.lab.Context(), insert)
				_, _ = s.ExecContext(l.lab.Context(), "COMMIT")
				return err
			})
			l.lab.UntilWaits(s.ID)
			return done
		}
		x, y := waiting(second), waiting(third)
		_ = first.Rollback()
		failed := fmt.Sprint(lab.Code(l.lab.Result(x)), lab.Code(l.lab.Result(y)))
		l.lab.Want("hazard: the error of one of the two that waited", failed, 1213)

		for round := range 5 {
			id := fmt.Sprint("k", round)
			first, got := l.Begin(nil), map[string]int{}
			l.lab.Want("the first", l.once(l.store, first, id), "ran "+id)
			told := make(chan string, 2)
			for range 2 {
				p := l.lab.Pool()
				s := l.open(p.DB)
				go func() { told <- l.run(s, id) }()
				l.lab.UntilWaits(p.ID)
			}
			_ = first.Rollback()
			for range 2 {
				got[<-told]++
			}
			l.lab.Want("the two that waited", got, map[string]int{"ran " + id: 1, "replayed " + id: 1})
			l.lab.Want("effects", l.effects(id), 1)
		}
	})
}

func TestHazard_K28_GapLocks(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (k INT PRIMARY KEY)")
		x, y := l.lab.Session("BEGIN"), l.lab.Session("BEGIN")
		l.lab.TextOn(x, "SELECT * FROM naive WHERE k = 1 FOR UPDATE")
		l.lab.TextOn(y, "SELECT * FROM naive WHERE k = 2 FOR UPDATE")
		done := lab.Later(func() error { _, err := x.ExecContext(l.lab.Context(), "INSERT INTO naive VALUES (1)"); return err })
		l.lab.UntilWaits(x.ID)
		l.lab.Fails(y, "1213", "INSERT INTO naive VALUES (2)")
		l.lab.Want("the other", l.lab.Result(done), nil)
		l.lab.On(x, "ROLLBACK")

		for _, level := range []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable} {
			var open []interface{ Commit() error }
			for i := range 8 { // no transaction waits for another one
				tx := l.Begin(&sql.TxOptions{Isolation: level})
				l.lab.On(tx, "SET SESSION innodb_lock_wait_timeout = 1")
				id := fmt.Sprint(level, i)
				l.lab.Want("Once", l.once(l.store, tx, id), "ran "+id)
				fresh, err := l.filter(l.store, tx, id, id+"'")
				l.lab.Want("Filter", fmt.Sprint(len(fresh), err), "2 <nil>")
				open = append(open, tx)
			}
			for _, tx := range open {
				l.lab.Commit(tx)
			}
		}
	})
}

func TestHazard_K29_BatchesInOneOrder(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB+" "+lab.MySQL+" "+lab.Postgres, func(l *hazardLab) {
		code := "1213"
		if l.lab.Family() == "postgres" {
			code = "40P01"
		}
		l.lab.Exec("CREATE TABLE naive (k INT PRIMARY KEY)")
		x, y := l.lab.Session("BEGIN"), l.lab.Session("BEGIN")
		l.lab.On(x, "INSERT INTO naive VALUES (1)")
		l.lab.On(y, "INSERT INTO naive VALUES (2)")
		insert := func(s *lab.Session, k int) <-chan error {
			return lab.Later(func() error {
				_, err := s.ExecContext(l.lab.Context(), fmt.Sprintf("INSERT INTO naive VALUES (%d)", k))
				_, _ = s.ExecContext(l.lab.Context(), "ROLLBACK")
				return err
			})
		}
		first := insert(x, 2)
		l.lab.UntilWaits(x.ID)
		second := insert(y, 1)
		failed := lab.Code(l.lab.Result(first)) + lab.Code(l.lab.Result(second))
		l.lab.Want("hazard: the error of one of two batches in opposite orders", failed, code)

		// The messages are marked by one statement in one order, whatever order they arrive in.
		db := faults.Open(l.lab, l.lab.NS, nil)
		s, owner := l.open(db.DB), regexp.MustCompile(`\b[0-9a-f]{32}\b`)
		var sent []string
		for _, ids := range [][]string{{"a", "b", "c", "d", "e"}, {"e", "d", "c", "b", "a"}, {"c", "a", "c", "e", "b", "a", "d"}} {
			tx, err := db.BeginTxx(l.lab.Context(), nil)
			if err != nil {
				l.lab.Fatalf("BeginTxx: %v", err)
			}
			at := len(db.Points())
			fresh, err := l.filter(s, tx, ids...)
			l.lab.Want("Filter", fmt.Sprint(len(fresh), err), "5 <nil>")
			points := db.Points()[at:]
			marks := points[0].Text // on MySQL the second statement only reads
			l.lab.Want("statements that mark", strings.Count(marks, "INSERT INTO"), 1)
			sent = append(sent, owner.ReplaceAllString(marks, "owner"))
			_ = tx.Rollback()
		}
		l.lab.Want("the order of the second batch", sent[1], sent[0])
		l.lab.Want("the order of the third batch", sent[2], sent[0])
	})
}

func TestHazard_K30_WriteLockIsTakenFirst(t *testing.T) {
	t.Parallel()
	hazards(t, lab.SQLite, func(l *hazardLab) {
		naive := l.Begin(nil)
		l.lab.TextOn(naive, "SELECT * FROM effects")
		l.lab.Exec("INSERT INTO effects VALUES ('x')")
		l.lab.Fails(naive, "517", "INSERT INTO effects VALUES ('y')")
		_ = naive.Rollback()

		retried := 0
		count := keys.WithHooks(keys.Hooks{Retry: func(context.Context, keys.Event) { retried++ }})
		claims, once := make(chan struct{}), sync.Once{}
		db := faults.Open(l.lab, l.lab.NS, func(p *faults.Point) error {
			if strings.Contains(p.Text, "INSERT INTO") {
				once.Do(func() { close(claims) })
			}
			return nil
		})
		waits, holder, got := l.open(db.DB, count), l.lab.Session("BEGIN IMMEDIATE"), ""
		done := lab.Later(func() error { got = l.run(waits, "a"); return nil })
		<-claims // the transaction has begun and is about to send its claim
		l.lab.On(holder, "INSERT INTO effects VALUES ('z')")
		l.lab.On(holder, "COMMIT")
		_ = l.lab.Result(done)
		l.lab.Want("Run while another writes, and its retries", fmt.Sprint(got, retried), "ran a0")

		// No other connection can write between the reads and the writes of fn.
		s := l.open(l.lab.DB, count)
		other := l.lab.Session("PRAGMA busy_timeout = 0")
		got = told(keys.Run(l.lab.Context(), s, hazardKey("b"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			l.lab.TextOn(tx, "SELECT * FROM effects")
			l.lab.Fails(other, "5", "INSERT INTO effects VALUES ('w')")
			return effect("b")(ctx, tx)
		}))
		l.lab.Want("Run that reads and writes, and its retries", fmt.Sprint(got, retried), "ran b0")

		// If the caller's transaction has read before another connection wrote, it cannot write. The caller must begin a new
		// transaction.
		tx := l.Begin(nil)
		l.lab.TextOn(tx, "SELECT * FROM effects")
		l.lab.Exec("INSERT INTO effects VALUES ('v')")
		_, _, err := keys.Once(l.lab.Context(), s, tx, hazardKey("c"), keys.Fingerprint{}, effect("c"))
		l.wantConflict("Once in a transaction that has read", err, tx)
		tx = l.Begin(nil)
		l.lab.TextOn(tx, "SELECT * FROM effects")
		l.lab.Exec("INSERT INTO effects VALUES ('u')")
		_, err = l.filter(s, tx, "m")
		l.wantConflict("Filter in it", err, tx)
		tx = l.Begin(nil)
		l.lab.Want("Once as the first statement", l.once(s, tx, "c"), "ran c")
		l.lab.Commit(tx)
	})
}
