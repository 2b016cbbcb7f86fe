package conformance

import (
	"reflect"

	"github.com/goupsert/upsert"
)

func returnRefused(p *place) {
	p.create("t", accountColumns)
	tab := tableInTx[account](p, "t")
	sent := &recorder{DB: p.db}
	rows := []account{{1, "a"}, {2, "a"}}
	_, err := tab.Put(p.ctx, sent, &rows[0], upsert.Returning())
	wantWords(p, "Put", err, "Returning", "BeginTx", "*sql.Tx")
	_, err = tab.PutAll(p.ctx, sent, rows, upsert.Returning())
	wantWords(p, "PutAll", err, "Returning", "BeginTx")
	_, err = tab.PutSeq(p.ctx, sent, sequence(rows...), upsert.EachReturned(func(int, account) {}))
	wantWords(p, "PutSeq", err, "BeginTx")
	sent.wantNothing(p)
	_, err = tab.PutSeq(p.ctx, p.db, sequence(rows...), upsert.Returning())
	wantWords(p, "PutSeq", err, "Returning", "EachReturned")
	p.wantCount("t", 0)
}

func putRefuses(p *place) {
	p.create("t", accountColumns)
	tab := table[account](p, "t")
	prepared := prepare(p, tab, p.db)
	for name, o := range map[string]upsert.PutOption{
		"ChunkTx": upsert.ChunkTx(5), "RefuseDuplicates": upsert.RefuseDuplicates(), "Progress": upsert.Progress(func(int64) {}), "EachReturned": upsert.EachReturned(func(int, account) {}),
	} {
		_, err := tab.Put(p.ctx, p.db, &account{1, "a"}, upsert.Outcomes(), o)
		wantWords(p, "Put", err, name+" is for Put")
		_, err = prepared.Put(p.ctx, &account{1, "a"}, o)
		wantWords(p, "Prepared.Put", err, name+" is for Put")
	}
	if _, err := tab.Put(p.ctx, p.db, &account{1, "a"}, nil); err == nil {
		p.Error("Put with an option that is nil: no error")
	}
	p.wantCount("t", 0)
}

func putAccepts(p *place) {
	p.create("t", accountColumns)
	tab := table[account](p, "t")
	var told []upsert.Outcome
	each := upsert.EachOutcome(func(i int, o upsert.Outcome) {
		if i != 0 {
			p.Errorf("EachOutcome was called for row %d, want 0", i)
		}
		told = append(told, o)
	})
	prepared := prepare(p, tab, p.db)
	for n, opts := range [][]upsert.PutOption{{each, upsert.Outcomes()}, {upsert.InOrder(), each}, {upsert.Via(upsert.Arrays), each, upsert.Returning()}} {
		o, err := tab.Put(p.ctx, p.db, &account{int64(n), "a"}, opts...)
		if err != nil || o != inserted {
			p.Errorf("Put = %v, %v; want Inserted", o, err)
		}
		if o, err := prepared.Put(p.ctx, &account{int64(n), "b"}, opts...); err != nil || o != updated {
			p.Errorf("Prepared.Put = %v, %v; want Updated", o, err)
		}
	}
	wantSame(p, "what EachOutcome was told", told, []upsert.Outcome{inserted, updated, inserted, updated, inserted, updated})
}

func returnOtherType(p *place) {
	p.create("t", accountColumns)
	tab := table[account](p, "t")
	other := upsert.EachReturned(func(int, *account) {})
	for name, call := range map[string]func() error{
		"PutAll": func() error { _, err := tab.PutAll(p.ctx, p.db, []account{{1, "a"}}, other); return err },
		"PutSeq": func() error { _, err := tab.PutSeq(p.ctx, p.db, sequence(account{1, "a"}), other); return err },
	} {
		wantWords(p, name, call(), "EachReturned", "*conformance.account", "give it a func(row int, stored conformance.account)")
	}
	_, err := tab.PutAll(p.ctx, p.db, []account{{1, "a"}}, upsert.EachReturned[account](nil))
	wantWords(p, "PutAll", err, "EachReturned", "nil")
	p.wantCount("t", 0)
	var got []account
	_, err = tab.PutAll(p.ctx, p.db, []account{{2, "b"}, {1, "a"}}, upsert.EachReturned(func(_ int, stored account) { got = append(got, stored) }))
	if err != nil || !reflect.DeepEqual(got, []account{{2, "b"}, {1, "a"}}) {
		p.Errorf("EachReturned of PutAll was given %v, %v; want the rows in their order", got, err)
	}
}
