package hazards_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
)

func TestHazard_P24_UnsortedKeysDeadlock(t *testing.T) {
	t.Parallel()
	type thing struct {
		K string `upsert:"key"`
		V int
	}
	lab.Each(t, lab.OnDuplicateKey+" "+lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k VARCHAR(9) PRIMARY KEY, v INT)", "INSERT INTO things VALUES ('a', 0), ('b', 0)")
		table := lab.Table[thing](l, "things")
		setup := []string{"BEGIN"}
		code := "1213"
		if l.D.Name() == "postgres" {
			code, setup = "40P01", []string{"SET deadlock_timeout = '20ms'", "BEGIN"}
		}
		x, y := l.Session(setup...), l.Session(setup...)
		// The wrapper hides BeginTx, so that the library treats the transactions as the caller's.
		put := func(s *lab.Session, k string, v int) error {
			_, err := table.Put(l.Context(), struct{ upsert.DB }{s}, &thing{k, v})
			return err
		}
		if err := put(x, "a", 1); err != nil {
			l.Fatalf("Put: %v", err)
		}
		if err := put(y, "b", 2); err != nil {
			l.Fatalf("Put: %v", err)
		}
		waiting := lab.Later(func() error { return put(x, "b", 1) })
		l.UntilWaits(x.ID)
		mine := lab.Later(func() error { return put(y, "a", 2) })
		var errs []error
		for range 2 {
			select {
			case err := <-waiting:
				errs = append(errs, err)
				l.On(x, "ROLLBACK")
			case err := <-mine:
				errs = append(errs, err)
				l.On(y, "ROLLBACK")
			}
		}
		lost := slices.IndexFunc(errs, func(err error) bool { return err != nil })
		if lost < 0 || errs[1-lost] != nil {
			l.Fatalf("hazard: two transactions in opposite orders: %v; want one of them to fail", errs)
		}
		l.WantCode("the one that failed", errs[lost], code)
		l.Want("its class", dialect.Classify(errs[lost]), dialect.Retryable)

		_, args, err := table.SQL(thing{"c", 1}, thing{"a", 2}, thing{"b", 3})
		l.Want("what a batch sends", fmt.Sprintln(args, err), "[a 2 b 3 c 1] <nil>\n")
	})
}

// TestOverlappingBatchesNeverDeadlock also tests H21: gap locks can deadlock even if all transactions use the key order.
func TestOverlappingBatchesNeverDeadlock(t *testing.T) {
	t.Parallel()
	const writers, keys = 8, 24
	rounds := 1000
	if testing.Short() {
		rounds = 100
	}
	type thing struct {
		K    string `upsert:"key"`
		High int    `upsert:"max"`
		Last int
	}
	lab.Each(t, lab.All, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k VARCHAR(9) PRIMARY KEY, high INT, last INT)")
		table := lab.Table[thing](l, "things")
		l.DB.SetMaxOpenConns(writers)
		var group sync.WaitGroup
		for w := range writers {
			group.Go(func() {
				for round := w; round < rounds; round += writers {
					var batch []thing
					for k := range keys / 2 {
						batch = append(batch, thing{fmt.Sprintf("k%d", (round+k)%keys), round, w})
					}
					if w%2 == 1 {
						slices.Reverse(batch)
					}
					// Every second round requests outcomes, which needs a transaction of several statements.
					var opts []upsert.PutOption
					if round/writers%2 == 1 {
						opts = append(opts, upsert.Outcomes())
					}
					if r, err := table.PutAll(l.Context(), l.DB, batch, opts...); err != nil || r.Rows() != int64(len(batch)) {
						l.Errorf("round %d of writer %d: %+v, err %v; want all %d rows counted and no error", round, w, r, err, len(batch))
						return
					}
				}
			})
		}
		group.Wait()
		for k := range keys {
			high := 0
			for round := range rounds {
				if (k-round%keys+keys)%keys < keys/2 {
					high = round
				}
			}
			l.Want("the highest round of a key", l.Text(fmt.Sprintf("SELECT high FROM things WHERE k = 'k%d'", k)), high)
		}
	})
}

// TestLockTimeoutThatEndsTheTransaction checks innodb_rollback_on_timeout. With this setting a lock timeout rolls back the
// whole transaction instead of only the statement. The call then repeats the whole transaction.
func TestLockTimeoutThatEndsTheTransaction(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int `upsert:"omitzero"` // so that rows with a value need a separate statement
	}
	lab.EachWith(t, lab.OnDuplicateKey, []string{"--innodb-rollback-on-timeout=ON"}, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT DEFAULT 7)", "INSERT INTO things VALUES (3, 1)")
		holder := l.Session("BEGIN", "UPDATE things SET v = 2 WHERE k = 3")
		conn := l.Conn()
		l.On(conn, "SET SESSION innodb_lock_wait_timeout = 1")
		retries := 0
		table := lab.Table[thing](l, "things", upsert.OnRetry(func(err error) {
			l.WantCode("OnRetry", err, "1205")
			if retries++; retries == 1 {
				l.On(holder, "COMMIT")
			}
		}))
		r, err := table.PutAll(l.Context(), conn, []thing{{K: 1}, {K: 2}, {3, 5}}, upsert.Outcomes())
		l.Want("PutAll", fmt.Sprint(r, err), "2 inserted, 1 updated <nil>")
		l.Want("the rows", l.Text("SELECT * FROM things ORDER BY k"), "1|7 2|7 3|5")
		if retries == 0 {
			l.Error("nothing was retried, so the timeout was not met")
		}
	})
}
