package conformance

import (
	"context"
	"errors"
	"slices"

	"github.com/goupsert/upsert"
)

func chunkBehaviours() []behaviour {
	return []behaviour{
		{name: "are committed one by one, and the call can be repeated", run: repeatChunks},
		{name: "of a sequence", run: sequenceChunks},
		{name: "know duplicates of those before", run: chunkDuplicates},
		{name: "are refused where no transaction can be begun", run: chunksRefused},
		{name: "stop with the context", run: chunksStop},
	}
}

func wantPartial(p *place, err error, rows int64, res upsert.Result) {
	p.Helper()
	var partial *upsert.PartialError
	if !errors.As(err, &partial) {
		p.Errorf("error %v (%T), want a *PartialError", err, err)
		return
	}
	if partial.Rows != rows || partial.Result != res {
		p.Errorf("the call stopped after %d rows with %+v, want %d with %+v", partial.Rows, partial.Result, rows, res)
	}
}

func repeatChunks(p *place) {
	p.createChecked()
	tab := table[checked](p, "t")
	rows := badRows(20) // the row at index 15 is refused
	var told []int
	var progress []int64
	opts := []upsert.PutOption{
		upsert.ChunkTx(6), upsert.EachOutcome(func(i int, _ upsert.Outcome) { told = append(told, i) }), upsert.Progress(func(n int64) { progress = append(progress, n) }),
	}
	res, err := tab.PutAll(p.ctx, p.db, rows, opts...)
	want := upsert.Result{Inserted: 12}
	wantPartial(p, err, 12, want)
	wantResult(p, "PutAll", res, want)
	wantFailure(p, "PutAll", err)
	wantRowError(p, err, "t", "", 15)
	p.wantCount("t", 12)
	if w := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}; !slices.Equal(told, w) {
		p.Errorf("EachOutcome reported the rows %v, want the committed rows %v", told, w)
	}
	if !slices.IsSorted(progress) || len(progress) == 0 || progress[0] > 6 || !slices.Contains(progress, 12) {
		p.Errorf("Progress reported %v, want numbers that grow from chunk to chunk", progress)
	}
	rows[15].N = 1
	res, err = tab.PutAll(p.ctx, p.db, rows, upsert.ChunkTx(6), upsert.Outcomes())
	if err != nil {
		p.Fatalf("the repeated call: %v", err)
	}
	wantResult(p, "the repeated call", res, upsert.Result{Inserted: 8, Unchanged: 12})
}

func sequenceChunks(p *place) {
	p.createChecked()
	tab := table[checked](p, "t")
	rows := badRows(20)
	res, err := tab.PutSeq(p.ctx, p.db, sequence(rows...), upsert.ChunkTx(6), upsert.Outcomes())
	wantPartial(p, err, 12, upsert.Result{Inserted: 12})
	wantResult(p, "PutSeq", res, upsert.Result{Inserted: 12})
	wantRowError(p, err, "t", "", 15)
	p.wantCount("t", 12)
	rows[15].N = 1
	var last int64
	res, err = tab.PutSeq(p.ctx, p.db, sequence(rows...), upsert.ChunkTx(6), upsert.Outcomes(), upsert.Progress(func(n int64) { last = n }))
	if err != nil {
		p.Fatalf("the repeated call: %v", err)
	}
	wantResult(p, "the repeated call", res, upsert.Result{Inserted: 8, Unchanged: 12})
	wantSame(p, "the last Progress", last, int64(20))

	p.create("raw", "id {bytes} NOT NULL PRIMARY KEY")
	type raw struct {
		ID []byte `db:"id" upsert:"key"`
	}
	_, err = table[raw](p, "raw").PutSeq(p.ctx, p.db, sequence(raw{[]byte("a")}, raw{[]byte("b")}, raw{}), upsert.ChunkTx(2))
	wantPartial(p, err, 2, upsert.Result{Unknown: 2})
	wantRowError(p, err, "raw", "id", 2)
}

func chunkDuplicates(p *place) {
	p.create("t", readingColumns)
	tab := table[reading](p, "t")
	rows := []reading{{1, 1, "a"}, {2, 1, "a"}, {1, 2, "b"}, {1, 2, "b"}, {2, 0, "z"}}
	var got []upsert.Outcome
	res, err := tab.PutAll(p.ctx, p.db, rows, upsert.ChunkTx(2), upsert.EachOutcome(func(_ int, o upsert.Outcome) { got = append(got, o) }))
	if err != nil {
		p.Fatal(err)
	}
	want := []upsert.Outcome{inserted, inserted, updated, unchanged, stale}
	if !slices.Equal(got, want) {
		p.Errorf("outcomes %v, want %v", got, want)
	}
	wantResult(p, "PutAll", res, resultOf(want))
}

func chunksRefused(p *place) {
	p.createChecked()
	tab := table[checked](p, "t")
	tx := p.begin(nil)
	sent := &recorder{DB: tx}
	for _, db := range []upsert.DB{tx, tx.Tx, sent} {
		if _, err := tab.PutAll(p.ctx, db, []checked{{1, 1}}, upsert.ChunkTx(1)); err == nil {
			p.Errorf("PutAll with ChunkTx on a %T: no error", db)
		}
		if _, err := tab.PutSeq(p.ctx, db, sequence(checked{1, 1}), upsert.ChunkTx(1)); err == nil {
			p.Errorf("PutSeq with ChunkTx on a %T: no error", db)
		}
	}
	sent.wantNothing(p)
	if _, err := tab.PutAll(p.ctx, p.db, []checked{{1, 1}}, upsert.ChunkTx(-1)); err == nil {
		p.Error("ChunkTx(-1): no error")
	}
	if err := tx.Commit(); err != nil {
		p.Fatal(err)
	}
	p.wantCount("t", 0)
}

func chunksStop(p *place) {
	p.createChecked()
	tab := table[checked](p, "t")
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	rows := make([]checked, 100)
	for i := range rows {
		rows[i].ID = int64(i)
	}
	_, err := tab.PutAll(ctx, p.db, rows, upsert.ChunkTx(10), upsert.Progress(func(n int64) {
		if n > 20 {
			cancel()
		}
	}))
	wantIs(p, "PutAll", err, context.Canceled)
	stored := p.count("t") // Progress reports a chunk of one statement after its commit
	if stored != 20 && stored != 30 {
		p.Errorf("%d rows are stored, want 20 or 30", stored)
	}
	wantPartial(p, err, int64(stored), upsert.Result{Unknown: int64(stored)})
}
