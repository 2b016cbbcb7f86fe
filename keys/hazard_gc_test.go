package keys_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// The tests of this file check which rows are removed, and when: K15 to K18.

func TestHazard_K15_GCRemovesWhatIsFinishedAndPastItsTime(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		s := l.open(l.lab.DB, keys.MaxAttempts(2))
		l.run(s, "old")
		l.expire()
		l.run(s, "young")
		for _, id := range []string{"waiting", "dead", "dead"} {
			if _, err := s.Fail(l.lab.Context(), "lab", id, nil); err != nil && !errors.As(err, new(*keys.DeadError)) {
				l.lab.Fatalf("Fail: %v", err)
			}
		}
		// An unfinished row must stay, even if the row is old or has a wrong expiry time.
		l.lab.Exec("UPDATE idempotency_keys SET claimed_at = '2000-01-01 00:00:00.000'", "UPDATE idempotency_keys SET expires_at = '2000-01-01 00:00:00.000' WHERE state NOT IN (2, 3)")
		reaper := l.Begin(nil)
		l.lab.On(reaper, "DELETE FROM idempotency_keys WHERE claimed_at < '2001-01-01 00:00:00.000'")
		l.lab.Want("hazard: keys that are left by a reaper that looks at their age", l.lab.TextOn(reaper, "SELECT id FROM idempotency_keys WHERE id IN ('young', 'waiting', 'dead')"), "")
		_ = reaper.Rollback()

		// GC runs beside a claim that takes long. On SQLite it cannot run beside a claim, because SQLite has only one writer.
		if l.lab.Family() != "sqlite" {
			tx := l.Begin(nil)
			l.lab.Want("a claim under way", l.once(s, tx, "claimed"), "ran claimed")
			defer l.lab.Commit(tx)
		}
		l.lab.Want("keys removed", l.gc(s), 1)
		l.lab.Want("keys left", l.lab.Text("SELECT id, state FROM idempotency_keys WHERE id <> 'claimed' ORDER BY id"), "dead|5 waiting|4 young|2")
		l.wantUnknown("old")
		l.lab.Want("a key that was removed", l.run(s, "old"), "ran old")
		l.lab.Want("a key that was not", l.run(s, "young"), "replayed young")
	})
}

func TestHazard_K16_KeyIsRemovedBetweenTheClaimAndTheLook(t *testing.T) {
	t.Parallel()
	hazards(t, lab.Postgres, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (k INT PRIMARY KEY)", "INSERT INTO naive VALUES (1)")
		naive := l.Begin(nil)
		l.lab.On(naive, "INSERT INTO naive VALUES (1) ON CONFLICT (k) DO NOTHING")
		l.lab.Exec("DELETE FROM naive")
		l.lab.Want("hazard: the key that was there", l.lab.TextOn(naive, "SELECT k FROM naive WHERE k = 1 FOR UPDATE"), "")

		l.run(l.store, "a")
		l.expire()
		sweep := func(*faults.Point) error {
			l.lab.Want("keys removed while Run was at it", l.gc(l.store), 1)
			return nil
		}
		// The key can be removed after the claim that meets the key, or after the look at a key that was met before.
		db := faults.Open(l.lab, l.lab.NS, nil)
		s := l.open(db.DB)
		at := db.Next()
		l.lab.Want("a Run that nothing happens to", l.run(s, "a"), "replayed a")
		var claim int
		for _, p := range db.Points() {
			if p.Index >= at && p.Kind == faults.Exec && claim == 0 {
				claim = p.Index - at
			}
		}
		trapped := trapAfter(l, claim, sweep)
		l.lab.Want("Run whose key is removed while it looks", l.run(trapped, "a"), "ran a")
		l.lab.Want("Run again", l.run(l.open(l.lab.DB), "a"), "replayed a")
		l.lab.Want("effects", l.effects("a"), 2)

		l.expire()
		l.lab.Want("keys removed", l.gc(l.store), 1)
		l.lab.Want("Run in a process that has met the key", l.run(s, "a"), "ran a")
	})
}

// trapAfter returns a store that calls do after its nth point from now.
func trapAfter(l *hazardLab, n int, do faults.Hook) *keys.Store {
	l.lab.Helper()
	var trap *faults.Trap
	db := faults.Open(l.lab, l.lab.NS, func(p *faults.Point) error {
		if trap == nil {
			return nil
		}
		return trap.Hook(p)
	})
	s := l.open(db.DB)
	trap = faults.At(db.Next()+n, faults.After, do)
	return s
}

func TestHazard_K17_NothingIsLeftUnfinished(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (k INT PRIMARY KEY, finished INT)", "INSERT INTO naive VALUES (1, NULL)", "DELETE FROM naive WHERE finished < 2000")
		l.lab.Want("hazard: rows that were never finished, after the cleanup", l.lab.Text("SELECT COUNT(*) FROM naive"), 1)

		// A claim that does not end leaves no row to remove.
		func() {
			defer func() { l.lab.Want("fn's panic", recover(), "crash") }()
			_, _, _ = keys.Run(l.lab.Context(), l.store, hazardKey("a"), keys.Fingerprint{}, panics)
		}()
		l.lab.Want("rows", l.lab.Text("SELECT COUNT(*) FROM idempotency_keys"), 0)

		// A message that has failed waits for its next delivery, and a dead message waits for a person. GC removes neither.
		s := l.open(l.lab.DB, keys.MaxAttempts(1))
		if _, err := s.Fail(l.lab.Context(), "lab", "m", errors.New("no")); !errors.As(err, new(*keys.DeadError)) {
			l.lab.Fatalf("Fail: %v, want a *DeadError", err)
		}
		l.lab.Want("keys removed", l.gc(s), 0)
		revived, err := s.Revive(l.lab.Context(), "lab", "m")
		l.lab.Want("messages revived", fmt.Sprint(revived, err), "1 <nil>")
		l.lab.Want("keys removed", l.gc(s), 0)
		tx := l.Begin(nil)
		fresh, err := l.filter(s, tx, "m")
		l.lab.Want("fresh messages", fmt.Sprint(fresh, err), "[m] <nil>")
		l.lab.Commit(tx)
		l.expire()
		l.lab.Want("keys removed once it is handled", l.gc(s), 1)
	})
}

// TestHazard_K17_StatementThatCommits shows the documented behaviour. The library cannot prevent this hazard.
func TestHazard_K17_StatementThatCommits(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	hazards(t, lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		_, _, err := keys.Run(l.lab.Context(), l.store, hazardKey("a"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			_, err := effect("a")(ctx, tx)
			l.lab.On(tx, "CREATE TABLE made (k INT)")
			return "", errors.Join(err, broken)
		})
		l.lab.WantErr("Run", err, broken)
		l.lab.Want("effects of a fn that has failed", l.effects("a"), 1)
		l.expire()
		l.lab.Want("keys removed", l.gc(l.store), 0)
		for _, s := range []*keys.Store{l.store, l.open(l.lab.DB)} {
			_, _, err = keys.Run(l.lab.Context(), s, hazardKey("a"), keys.Fingerprint{}, effect("a"))
			l.lab.WantErr("Run again", err, nil, "lab/do/a", "committed the claim without a result", "remove the row")
		}
		l.lab.Want("effects", l.effects("a"), 1)
	})
}

func TestHazard_K18_GCInBoundedBatchesThatWaitForNobody(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		const all = 35
		for i := range all {
			l.run(l.store, fmt.Sprint("k", i))
		}
		l.expire()
		if l.lab.Family() != "sqlite" {
			l.wantUnblocked()
		}
		var progress []int64
		removed := l.gc(l.store, keys.GCBatchSize(10), keys.GCLimit(25), keys.GCProgress(func(n int64) { progress = append(progress, n) }))
		l.lab.Want("keys removed, and after each batch", fmt.Sprint(removed, progress), "25 [10 20 25]")
		left := l.lab.Text("SELECT COUNT(*) FROM idempotency_keys")
		l.lab.Want("the rest removed", l.gc(l.store, keys.GCBatchSize(10)), left)
	})
}

// wantUnblocked locks an expired row, which blocks a plain DELETE but not GC.
func (l *hazardLab) wantUnblocked() {
	l.lab.Helper()
	l.lab.Exec("UPDATE idempotency_keys SET expires_at = '1999-01-01 00:00:00' WHERE id = 'k0'") // so that GC removes this row first
	holder := l.Begin(&sql.TxOptions{Isolation: sql.LevelReadCommitted})                         // at other levels MariaDB locks all rows that it reads
	l.lab.TextOn(holder, "SELECT id FROM idempotency_keys WHERE id = 'k0' FOR UPDATE")
	naive, code, short := "DELETE FROM idempotency_keys WHERE expires_at < '2001-01-01 00:00:00' AND id = 'k0'", "1205", engine.Param("innodb_lock_wait_timeout", "1")
	if l.lab.Family() == "postgres" {
		code, short = "55P03", engine.Param("lock_timeout", "100")
	}
	impatient := l.lab.NS.DB(short)
	l.lab.Fails(impatient, code, naive)
	l.lab.Want("keys removed beside it", l.gc(l.open(impatient), keys.GCLimit(5)), 5)
	l.lab.Want("the locked key", l.lab.Text("SELECT id FROM idempotency_keys WHERE id = 'k0'"), "k0")
	_ = holder.Rollback()
}
