package conformance

import (
	"context"
	"iter"

	"github.com/goupsert/upsert"
)

type account struct {
	ID   int64  `db:"id" upsert:"key"`
	Name string `db:"name"`
}

const accountColumns = "id {int} NOT NULL PRIMARY KEY, name {text}"

// handle is a kind of DB. Its open method returns a DB and a function that ends the DB. The argument keep says whether the
// written rows are kept.
type handle struct {
	name  string
	open  func(p *place) (db upsert.DB, end func(keep bool))
	table func(p *place, name string, opts ...upsert.Option) *upsert.Table[account]
}

// givenBack returns a function that closes the connection.
func givenBack(p *place, c interface{ Close() error }, err error) func(bool) {
	if err != nil {
		p.Fatal(err)
	}
	return func(bool) {
		if err := c.Close(); err != nil {
			p.Errorf("the connection cannot be given back: %v", err)
		}
	}
}

// ended returns a function that commits the transaction or rolls it back.
func ended(p *place, tx interface {
	Commit() error
	Rollback() error
}, err error,
) func(bool) {
	if err != nil {
		p.Fatal(err)
	}
	return func(keep bool) {
		end := tx.Rollback
		if keep {
			end = tx.Commit
		}
		if err := end(); err != nil {
			p.Errorf("the transaction cannot be ended, so the library has ended it: %v", err)
		}
	}
}

func handles() []handle {
	return []handle{
		{"sql.DB", func(p *place) (upsert.DB, func(bool)) { return p.db.DB, func(bool) {} }, table[account]},
		{"sqlx.DB", func(p *place) (upsert.DB, func(bool)) { return p.db, func(bool) {} }, table[account]},
		{"sql.Conn", func(p *place) (upsert.DB, func(bool)) {
			c, err := p.db.Conn(p.ctx)
			return c, givenBack(p, c, err)
		}, table[account]},
		{"sqlx.Conn", func(p *place) (upsert.DB, func(bool)) {
			c, err := p.db.Connx(p.ctx)
			return c, givenBack(p, c, err)
		}, table[account]},
		{"sql.Tx", func(p *place) (upsert.DB, func(bool)) {
			tx, err := p.db.BeginTx(p.ctx, nil)
			return tx, ended(p, tx, err)
		}, tableInTx[account]},
		{"sqlx.Tx", func(p *place) (upsert.DB, func(bool)) {
			tx, err := p.db.BeginTxx(p.ctx, nil)
			return tx, ended(p, tx, err)
		}, tableInTx[account]},
	}
}

func handleBehaviours() []behaviour {
	var bs []behaviour
	for _, h := range handles() {
		bs = append(bs, behaviour{name: h.name, run: func(p *place) { everyVerb(p, h) }})
	}
	return append(bs,
		behaviour{name: "a transaction of the caller's can be rolled back", run: rollsBack},
		behaviour{name: "a connection is as it was after a call", run: leavesConnection},
	)
}

// everyVerb calls each verb on the handle. The second round puts the rows of the first round again.
func everyVerb(p *place, h handle) {
	p.create("t", accountColumns)
	tab := h.table(p, "t")
	for _, want := range []upsert.Outcome{inserted, unchanged} {
		db, end := h.open(p)
		checkVerbs(p, tab, db, want)
		end(true)
	}
	wantRows(p, "SELECT * FROM t ORDER BY id", account{1, "put"}, account{2, "all"}, account{3, "all"}, account{4, "seq"}, account{5, "create"})
}

func checkVerbs(p *place, tab *upsert.Table[account], db upsert.DB, want upsert.Outcome) {
	p.Helper()
	if o, err := tab.Put(p.ctx, db, &account{1, "put"}); err != nil || o != want {
		p.Errorf("Put = %v, %v; want %v", o, err, want)
	}
	res, err := tab.PutAll(p.ctx, db, []account{{3, "all"}, {2, "all"}}, upsert.Outcomes())
	if w := resultOf([]upsert.Outcome{want, want}); err != nil || res != w {
		p.Errorf("PutAll = %+v, %v; want %+v", res, err, w)
	}
	res, err = tab.PutSeq(p.ctx, db, sequence(account{4, "seq"}), upsert.Outcomes())
	if w := resultOf([]upsert.Outcome{want}); err != nil || res != w {
		p.Errorf("PutSeq = %+v, %v; want %+v", res, err, w)
	}
	row := account{5, "create"}
	if created, err := tab.GetOrCreate(p.ctx, db, &row); err != nil || created != (want == inserted) {
		p.Errorf("GetOrCreate = %v, %v; want %v", created, err, want == inserted)
	}
}

// sequence yields rows without an error.
func sequence[T any](rows ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

func rollsBack(p *place) {
	p.create("t", accountColumns)
	tab := tableInTx[account](p, "t")
	for _, h := range handles()[4:] {
		p.on(h.name, func(p *place) {
			db, end := h.open(p)
			checkVerbs(p, tab, db, inserted)
			end(false)
			p.wantCount("t", 0)
		})
	}
}

// leavesConnection checks that the library leaves no transaction open on the caller's connection, even after an error.
func leavesConnection(p *place) {
	p.createChecked()
	tab := table[checked](p, "t")
	conn := p.conn()
	if _, err := tab.PutAll(p.ctx, conn, []checked{{1, 1}, {2, -1}}, upsert.Outcomes()); err == nil {
		p.Fatal("PutAll of a row that a CHECK refuses: no error")
	}
	if _, err := tab.PutAll(p.ctx, conn, []checked{{1, 1}, {2, 2}}, upsert.Outcomes()); err != nil {
		p.Fatalf("PutAll on a connection on which another PutAll has failed: %v", err)
	}
	p.wantCount("t", 2) // another connection sees the rows, so they are committed
	tx, err := conn.BeginTxx(context.WithoutCancel(p.ctx), nil)
	if err != nil {
		p.Fatalf("no transaction can be begun on the connection: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		p.Error(err)
	}
}
