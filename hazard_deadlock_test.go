package upsert_test

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
		table := labTable[thing](l, "things")
		setup := []string{"BEGIN"}
		code := "1213"
		if l.D.Name() == "postgres" {
			code, setup = "40P01", []string{"SET deadlock_timeout = '20ms'", "BEGIN"}
		}
		x, y := l.Session(setup...), l.Session(setup...)
		// The wrapping makes the transactions the caller's.
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

// TestOverlappingBatchesNeverDeadlock also has H21: gap locks deadlock even within the order of the keys.
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
		table := labTable[thing](l, "things")
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
					// Every other round asks for outcomes, which takes a transaction of several statements.
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
