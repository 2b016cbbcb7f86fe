package conformance

import (
	"context"
	"errors"
	"iter"

	"github.com/goupsert/upsert"
)

func sequenceBehaviours() []behaviour {
	return []behaviour{
		{name: "is written with one chunk of it in memory", run: oneChunk},
		{name: "that ends in an error leaves nothing", run: sequenceError},
		{name: "stops when the context ends", run: sequenceCancelled},
		{name: "of no rows", run: emptySequence},
		{name: "with rows of one key far apart", run: farApart},
		{name: "refuses what needs all rows", run: needsAll},
		{name: "in a transaction of the caller's", run: sequenceInTx},
	}
}

// oneChunk checks that the library reads ahead from a sequence by at most the rows of one statement.
func oneChunk(p *place) {
	const most, part = 30000, 10000
	p.createChecked()
	tab := table[checked](p, "t")
	var n, written, ahead, calls int64
	rows := func(yield func(checked, error) bool) {
		for i := range n {
			if !yield(checked{i, 1}, nil) {
				return
			}
			ahead = max(ahead, i+1-written)
		}
	}
	progress := upsert.Progress(func(rows int64) {
		if rows <= written {
			p.Errorf("Progress(%d) after Progress(%d), want a greater number", rows, written)
		}
		written = rows
		calls++
	})
	for i, opts := range [][]upsert.PutOption{{progress}, {progress, upsert.Outcomes()}, {progress, upsert.ChunkTx(700)}} {
		written, ahead, calls = 0, 0, 0
		if n = 35000; i == 1 && p.d.Name() == "mysql" { // an outcome costs one statement per row here
			n = 1000
		}
		if _, err := tab.PutSeq(p.ctx, p.db, rows, opts...); err != nil {
			p.Fatal(err)
		}
		if ahead > most+1 {
			p.Errorf("%d rows were waiting to be written, want at most %d", ahead, most)
		}
		if written != n || calls < n/part {
			p.Errorf("Progress reported %d rows in %d calls, want %d rows in at least %d calls", written, calls, n, n/part)
		}
	}
	p.wantCount("t", int(n))
}

var errSequence = errors.New("the file ends too early")

// failing yields good rows and then an error.
func failing(good int64) iter.Seq2[checked, error] {
	return func(yield func(checked, error) bool) {
		for i := range good {
			if !yield(checked{i, 1}, nil) {
				return
			}
		}
		if yield(checked{}, errSequence) {
			panic("the sequence is asked for more after its error")
		}
	}
}

func sequenceError(p *place) {
	p.createChecked()
	tab := table[checked](p, "t")
	for _, good := range []int64{0, 3, 2600} {
		res, err := tab.PutSeq(p.ctx, p.db, failing(good), upsert.Outcomes())
		wantIs(p, "PutSeq", err, errSequence)
		wantRowError(p, err, "t", "", int(good))
		wantResult(p, "PutSeq", res, upsert.Result{})
		p.wantCount("t", 0)
	}
	_, err := tab.PutSeq(p.ctx, p.db, failing(25), upsert.ChunkTx(10))
	wantIs(p, "PutSeq with ChunkTx", err, errSequence)
	wantRowError(p, err, "t", "", 25)
	wantPartial(p, err, 20, upsert.Result{Unknown: 20})
	p.wantCount("t", 20)
}

func sequenceCancelled(p *place) {
	p.createChecked()
	tab := table[checked](p, "t")
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	yielded := int64(0)
	endless := func(yield func(checked, error) bool) {
		for yield(checked{yielded, 1}, nil) {
			if yielded++; yielded == 3000 {
				cancel()
			}
		}
	}
	_, err := tab.PutSeq(ctx, p.db, endless)
	wantIs(p, "PutSeq", err, context.Canceled)
	if yielded > 3001 {
		p.Errorf("the call read %d rows, want a stop after 3000", yielded)
	}
	p.wantCount("t", 0)
}

func emptySequence(p *place) {
	p.createChecked()
	res, err := table[checked](p, "t").PutSeq(p.ctx, p.db, sequence[checked](), upsert.Outcomes())
	if err != nil {
		p.Fatal(err)
	}
	wantResult(p, "PutSeq", res, upsert.Result{})
}

// farApart yields the second row of a key in a later chunk or in the same chunk.
func farApart(p *place) {
	p.create("t", readingColumns)
	tab := table[reading](p, "t")
	var rows []reading
	for i := range int64(1500) {
		rows = append(rows, reading{i, 1, "a"})
	}
	rows = append(rows, reading{3, 2, "b"}, reading{3, 2, "b"}, reading{4, 0, "z"}, reading{1499, 2, "b"})
	res, err := tab.PutSeq(p.ctx, p.db, sequence(rows...), upsert.Outcomes())
	if err != nil {
		p.Fatal(err)
	}
	wantResult(p, "PutSeq", res, upsert.Result{Inserted: 1500, Updated: 2, Unchanged: 1, Stale: 1})
	wantRows(p, "SELECT * FROM t WHERE id IN (3, 4, 1499) ORDER BY id", reading{3, 2, "b"}, reading{4, 1, "a"}, reading{1499, 2, "b"})
}

func needsAll(p *place) {
	p.createChecked()
	tab := table[checked](p, "t")
	for name, opt := range map[string]upsert.PutOption{"EachOutcome": upsert.EachOutcome(func(int, upsert.Outcome) {}), "RefuseDuplicates": upsert.RefuseDuplicates()} {
		_, err := tab.PutSeq(p.ctx, p.db, func(func(checked, error) bool) { p.Error("the sequence was read") }, opt)
		if err == nil {
			p.Errorf("PutSeq with %s: no error", name)
		}
	}
}

func sequenceInTx(p *place) {
	p.createChecked()
	tab := tableInTx[checked](p, "t")
	tx := p.begin(nil)
	if _, err := tab.PutSeq(p.ctx, tx, sequence(checked{1, 1}, checked{2, 2})); err != nil {
		p.Fatal(err)
	}
	if err := tx.Rollback(); err != nil {
		p.Fatal(err)
	}
	p.wantCount("t", 0)
}
