package keysuite

import (
	"context"
	"database/sql"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

func handleBehaviours() []behaviour {
	return []behaviour{
		{"that are no transaction are refused", noTransaction},
		{"that are a sql.Tx are taken", plainTx},
		{"that are an ended claim are refused", endedTx},
		{"that are nil stores are refused", nilStore},
	}
}

func noTransaction(p *place) {
	conn, err := p.db.Connx(p.ctx)
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for _, db := range []upsert.DB{p.db, p.db.DB, conn, conn.Conn, (*sql.Tx)(nil), (*sqlx.Tx)(nil), (*keys.Tx)(nil), nil} {
		_, _, err := keys.Once(p.ctx, p.store, db, p.key("a"), none(), p.never)
		wantText(p, "Once", err, "must be a transaction")
		_, err = keys.Filter(p.ctx, p.store, db, "c", []string{"a"}, same)
		wantText(p, "Filter", err, "must be a transaction")
	}
	if n := p.rows(); n != 0 {
		p.Errorf("%d rows were written", n)
	}
}

func plainTx(p *place) {
	for i := range 2 {
		tx, err := p.db.BeginTx(p.ctx, nil)
		if err != nil {
			p.Fatal(err)
		}
		r, replayed, err := keys.Once(p.ctx, p.store, tx, p.key("a"), none(), pays(p, "a", "paid a"))
		if err != nil || replayed != (i > 0) || r != "paid a" {
			p.Errorf("Once = %q, replayed %v, %v", r, replayed, err)
		}
		fresh, err := keys.Filter(p.ctx, p.store, tx, "c", []string{"m"}, same)
		if err != nil || len(fresh) != 1-i {
			p.Errorf("Filter = %q, %v", fresh, err)
		}
		if err := tx.Commit(); err != nil {
			p.Fatal(err)
		}
	}
	p.wantEffects("a", 1)
}

func endedTx(p *place) {
	var kept *keys.Tx
	tx := p.begin(nil)
	if _, _, err := keys.Once(p.ctx, p.store, tx, p.key("a"), none(), func(_ context.Context, tx *keys.Tx) (string, error) {
		kept = tx
		return "", nil
	}); err != nil {
		p.Fatal(err)
	}
	_, _, err := keys.Once(p.ctx, p.store, kept, p.key("b"), none(), p.never)
	wantText(p, "Once", err, "the claim has ended")
	_, err = keys.Filter(p.ctx, p.store, kept, "c", []string{"a"}, same)
	wantText(p, "Filter", err, "the claim has ended")
}

func nilStore(p *place) {
	_, _, err := keys.Run(p.ctx, nil, p.key("a"), none(), p.never)
	wantText(p, "Run", err, "store is nil")
	tx := p.begin(nil)
	_, _, err = keys.Once(p.ctx, nil, tx, p.key("a"), none(), p.never)
	wantText(p, "Once", err, "store is nil")
	_, err = keys.Filter(p.ctx, nil, tx, "c", []string{"a"}, same)
	wantText(p, "Filter", err, "store is nil")
}
