package conformance

import (
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/jmoiron/sqlx"
)

func retryBehaviours() []behaviour {
	return []behaviour{
		{name: "of the library's transaction are bounded", run: retriesBounded},
		{name: "of the library's transaction succeed once the lock is free", run: retriesSucceed},
		{name: "of the caller's transaction are the caller's", run: retriesCallers},
		{name: "of a sequence begin before it is read", run: retriesSequence},
		{name: "concurrent writers of one row leave the newest", run: newestWins},
	}
}

// locked creates a table with a row that another transaction has locked, and a connection with a short lock timeout.
func locked(p *place) (conn *sqlx.Conn, free func()) {
	p.Helper()
	p.create("t", readingColumns)
	p.exec("INSERT INTO t (id, version, v) VALUES (1, 1, 'a')")
	conn = p.conn()
	wait := p.pick("PRAGMA busy_timeout = 1", "SET lock_timeout = 20", "SET SESSION innodb_lock_wait_timeout = "+map[bool]string{true: "0", false: "1"}[p.d.Name() == "mariadb"])
	if _, err := conn.ExecContext(p.ctx, wait); err != nil {
		p.Fatal(err)
	}
	tx := p.begin(nil)
	if _, err := tx.ExecContext(p.ctx, "UPDATE t SET v = 'locked' WHERE id = 1"); err != nil {
		p.Fatal(err)
	}
	return conn, func() { _ = tx.Rollback() }
}

func retriesBounded(p *place) {
	conn, free := locked(p)
	defer free()
	var retried int
	tab := table[reading](p, "t", upsert.Retries(2), upsert.OnRetry(func(error) { retried++ }))
	row := reading{1, 2, "b"}
	for verb, do := range map[string]func() error{
		"Put":    func() error { _, err := tab.Put(p.ctx, conn, &row); return err },
		"PutAll": func() error { _, err := tab.PutAll(p.ctx, conn, []reading{row, row}, upsert.Outcomes()); return err },
	} {
		retried = 0
		err := do()
		if c := dialect.Classify(err); c != dialect.LockTimeout {
			p.Errorf("%s of a locked row: %v, classified %v; want LockTimeout", verb, err, c)
		} else if !strings.Contains(err.Error(), "after 3 attempts") {
			p.Errorf("%s: error %q, want an error that mentions 3 attempts", verb, err)
		}
		if retried != 2 {
			p.Errorf("%s: OnRetry was called %d times, want 2", verb, retried)
		}
	}
	once := table[reading](p, "t", upsert.Retries(0), upsert.OnRetry(func(error) { p.Error("Retries(0) retried") }))
	if _, err := once.Put(p.ctx, conn, &row); dialect.Classify(err) != dialect.LockTimeout {
		p.Errorf("Put: %v, want a lock timeout", err)
	}
}

func retriesSucceed(p *place) {
	conn, free := locked(p)
	retried := 0
	tab := table[reading](p, "t", upsert.OnRetry(func(err error) {
		if retried++; retried == 2 {
			free()
		}
		if dialect.Classify(err) != dialect.LockTimeout {
			p.Errorf("OnRetry got %v, want the lock timeout", err)
		}
	}))
	var told []upsert.Outcome
	res, err := tab.PutAll(p.ctx, conn, []reading{{2, 1, "x"}, {1, 2, "b"}, {2, 1, "x"}}, upsert.EachOutcome(func(_ int, o upsert.Outcome) { told = append(told, o) }))
	if err != nil {
		p.Fatal(err)
	}
	if retried != 2 {
		p.Errorf("retried %d times, want 2", retried)
	}
	// A failed attempt is rolled back, so the outcomes come from the last attempt.
	wantSame(p, "outcomes", told, []upsert.Outcome{inserted, updated, unchanged})
	wantResult(p, "PutAll", res, resultOf(told))
	wantRows(p, "SELECT * FROM t ORDER BY id", reading{1, 2, "b"}, reading{2, 1, "x"})
}

func retriesCallers(p *place) {
	conn, free := locked(p)
	defer free()
	tx, err := conn.BeginTxx(p.ctx, nil)
	if err != nil {
		p.Fatal(err)
	}
	tab := table[reading](p, "t", upsert.OnRetry(func(error) { p.Error("a statement of the caller's transaction was retried") }))
	_, err = tab.Put(p.ctx, tx, &reading{1, 2, "b"})
	if c := dialect.Classify(err); c != dialect.LockTimeout {
		p.Errorf("Put of a locked row: %v, classified %v; want LockTimeout", err, c)
	}
	wantRowError(p, err, "t", "", -1)
	if err := tx.Rollback(); err != nil {
		p.Error(err)
	}
}

// retriesSequence checks that a call is not retried after the first row of a sequence, because a sequence can be read only once.
func retriesSequence(p *place) {
	conn, free := locked(p)
	defer free()
	read := 0
	rows := func(yield func(reading, error) bool) {
		read++
		_ = yield(reading{2, 1, "x"}, nil) && yield(reading{1, 2, "b"}, nil)
	}
	_, err := table[reading](p, "t", upsert.Retries(2)).PutSeq(p.ctx, conn, rows)
	if c := dialect.Classify(err); c != dialect.LockTimeout {
		p.Errorf("PutSeq: %v, classified %v; want LockTimeout", err, c)
	}
	if read > 1 {
		p.Errorf("the sequence was read %d times, want at most once", read)
	}
	free()
	wantRows(p, "SELECT * FROM t", reading{1, 1, "a"})
}

// newestWins lets writers put the versions of one row in any order. One writer inserts the row, and the newest version stays.
func newestWins(p *place) {
	const writers, versions = 8, 10
	p.create("t", readingColumns)
	tab := table[reading](p, "t")
	var made atomic.Int64
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			order := rand.New(rand.NewPCG(uint64(w), 6)).Perm(versions)
			for _, version := range order {
				o, err := tab.Put(p.ctx, p.db, &reading{1, int64(version), "v"})
				if err != nil {
					p.Errorf("writer %d: %v", w, err)
				}
				if o == inserted {
					made.Add(1)
				}
				if o == upsert.Unknown {
					p.Errorf("writer %d: the outcome is unknown, want a known outcome", w)
				}
			}
		})
	}
	all.Wait()
	wantSame(p, "writers that inserted the row", made.Load(), int64(1))
	wantRows(p, "SELECT * FROM t", reading{1, versions - 1, "v"})
}
