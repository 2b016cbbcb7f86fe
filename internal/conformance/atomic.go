package conformance

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

// checked is a row type whose table has a CHECK that refuses a negative n.
type checked struct {
	ID int64 `db:"id" upsert:"key"`
	N  int64 `db:"n"`
}

// createChecked creates the table of checked rows. MySQL before 8.0.16 parses a CHECK and ignores it, so createChecked creates
// triggers there that refuse the row.
func (p *place) createChecked() {
	p.Helper()
	p.create("t", "id {int} NOT NULL PRIMARY KEY, n {int} NOT NULL CHECK (n >= 0)")
	if p.d.Name() != "mysql" || dialect.Supports(p.d, dialect.FeatureCheck) {
		return
	}
	for _, event := range []string{"INSERT", "UPDATE"} {
		p.exec("CREATE TRIGGER before_" + event + " BEFORE " + event + " ON t FOR EACH ROW IF NEW.n < 0 THEN SIGNAL SQLSTATE '45000'; END IF")
	}
}

func atomicBehaviours() []behaviour {
	return []behaviour{
		{name: "a row that fails leaves nothing of the batch", run: nothingStays},
		{name: "a transaction of the caller's is not ended", run: callersTransaction},
		{name: "a cancelled context leaves nothing", run: cancelled},
		{name: "batches in opposite orders do not deadlock", run: oppositeOrders},
	}
}

// badRows returns n rows. The row at three quarters of the slice is refused.
func badRows(n int) []checked {
	rows := make([]checked, n)
	for i := range rows {
		rows[i] = checked{int64(i), 1}
	}
	rows[n*3/4].N = -1
	return rows
}

func nothingStays(p *place) {
	p.createChecked()
	tab := table[checked](p, "t")
	p.exec("INSERT INTO t (id, n) VALUES (1, 7)")
	for _, n := range []int{4, 1100} {
		for _, opts := range [][]upsert.PutOption{nil, {upsert.Outcomes()}} {
			res, err := tab.PutAll(p.ctx, p.db, badRows(n), opts...)
			wantFailure(p, "PutAll", err)
			wantRowError(p, err, "t", "", n*3/4)
			wantResult(p, "PutAll that fails", res, upsert.Result{})
			res, err = tab.PutSeq(p.ctx, p.db, sequence(badRows(n)...), opts...)
			wantFailure(p, "PutSeq", err)
			wantRowError(p, err, "t", "", n*3/4)
			wantResult(p, "PutSeq that fails", res, upsert.Result{})
			wantRows(p, "SELECT * FROM t", checked{1, 7})
		}
	}
	if _, err := tab.Put(p.ctx, p.db, &checked{2, -1}); err == nil {
		p.Error("Put of a row that a CHECK refuses: no error")
	}
	p.wantCount("t", 1)
}

// wantFailure expects the error of the CHECK.
func wantFailure(p *place, what string, err error) {
	p.Helper()
	var at *upsert.RowError
	switch {
	case err == nil:
		p.Errorf("%s of a row that a CHECK refuses: no error", what)
	case !errors.As(err, &at) || at.Table != "t":
		p.Errorf("%s: error %v, want a *RowError of the table", what, err)
	case dialect.Classify(err) != dialect.Permanent:
		p.Errorf("%s: error %v is %v, want Permanent", what, err, dialect.Classify(err))
	}
}

// callersTransaction checks that a failed call does not end the caller's transaction. The caller can still commit earlier writes
// or, on a database that makes a transaction unusable after an error, roll the transaction back.
func callersTransaction(p *place) {
	p.createChecked()
	tab := tableInTx[checked](p, "t")
	tx := p.begin(nil)
	if o, err := tab.Put(p.ctx, tx, &checked{100, 1}); err != nil || o != inserted {
		p.Fatalf("Put = %v, %v", o, err)
	}
	_, err := tab.PutAll(p.ctx, tx, badRows(20), upsert.Outcomes())
	wantFailure(p, "PutAll", err)
	if err := tx.Rollback(); err != nil {
		p.Fatalf("Rollback: %v: the library ended the caller's transaction", err)
	}
	p.wantCount("t", 0)
}

func cancelled(p *place) {
	p.createChecked()
	tab := table[checked](p, "t")
	rows := make([]checked, 30000)
	for i := range rows {
		rows[i].ID = int64(i)
	}
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	_, err := tab.PutAll(ctx, p.db, rows, upsert.Progress(func(int64) { cancel() }))
	wantIs(p, "PutAll with a context that is cancelled on the way", err, context.Canceled)
	_, err = tab.Put(ctx, p.db, &rows[0])
	wantIs(p, "Put with a cancelled context", err, context.Canceled)
	_, err = tab.GetOrCreate(ctx, p.db, &rows[0])
	wantIs(p, "GetOrCreate with a cancelled context", err, context.Canceled)
	p.wantCount("t", 0)
	if _, err := tab.PutAll(p.ctx, p.db, rows[:10]); err != nil {
		p.Errorf("PutAll afterwards: %v", err)
	}
	p.wantCount("t", 10)
}

// oppositeOrders runs only a few rounds. A stress test runs the many rounds that find rare deadlocks.
func oppositeOrders(p *place) {
	p.create("t", readingColumns)
	tab := table[reading](p, "t")
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 5))
			for round := range int64(10) {
				rows := make([]reading, 40)
				for i := range rows {
					rows[i] = reading{int64(i), round, "same"}
				}
				r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
				if _, err := tab.PutAll(p.ctx, p.db, rows, upsert.Outcomes()); err != nil {
					p.Errorf("writer %d, round %d: %v", w, round, err)
				}
			}
		})
	}
	writers.Wait()
	wantSame(p, "rows of the last round", get[int](p, "SELECT count(*) FROM t WHERE version = 9"), 40)
}
