package conformance

import (
	"strings"

	"github.com/goupsert/upsert"
)

func otherKeyBehaviours() []behaviour {
	return []behaviour{
		{name: "a row that is there, named", run: otherKeyNamed},
		{name: "a row of the same batch, named", run: otherKeyNamedInBatch},
		{name: "two unique keys beside the target, named", run: otherKeysNamed},
		{name: "a key that is the same to a collation, named", run: foldedKeyNamed},
		{name: "the detail of a foreign key", run: errorDetail, only: "postgres"},
	}
}

// wantWords expects an error whose text contains each of the words exactly once.
func wantWords(p *place, what string, err error, words ...string) {
	p.Helper()
	if err == nil {
		p.Errorf("%s: no error, want an error with %q", what, words)
		return
	}
	for _, w := range words {
		if n := strings.Count(err.Error(), w); n != 1 {
			p.Errorf("%s: error %q contains %d times %q, want once", what, err, n, w)
		}
	}
}

type seat struct {
	ID   int64  `db:"id" upsert:"key"`
	Hall string `db:"hall"`
	No   int64  `db:"no"`
	V    string `db:"v"`
}

const seatColumns = "id {int} NOT NULL PRIMARY KEY, hall {exact} NOT NULL, no {int} NOT NULL, v {text}, CONSTRAINT one_seat UNIQUE (hall, no)"

// seatWords returns the words that every error about a conflict with the seat (a, 7) must contain.
func seatWords(p *place) []string {
	switch {
	case p.sqlite(): // SQLite names only the columns
		return []string{"unique key that is not the conflict target (id)", "seats.hall, seats.no"}
	case p.postgres():
		return []string{"conflict target (id)", "one_seat", "(hall, no)=(a, 7)"}
	}
	return []string{"conflict target (id)", "one_seat", "a", "7"}
}

// wantSeat expects the error of a row that conflicts with the seat (a, 7).
func wantSeat(p *place, what string, err error, row int) {
	p.Helper()
	wantOtherKey(p, what, err)
	wantRowError(p, err, "seats", "", row)
	text := strings.ReplaceAll(err.Error(), "Duplicate entry 'a-7'", "(a, 7)") // MariaDB's own text for the key
	for _, w := range seatWords(p) {
		if !strings.Contains(text, w) {
			p.Errorf("%s: error %q, want an error with %q", what, err, w)
		}
	}
}

func otherKeyNamed(p *place) {
	p.create("seats", seatColumns)
	tab := table[seat](p, "seats")
	putAll(p, tab, []seat{{1, "a", 7, ""}, {2, "b", 7, ""}}, inserted, inserted)
	for _, row := range []seat{{9, "a", 7, "new"}, {2, "a", 7, "moved"}} {
		_, err := tab.Put(p.ctx, p.db, &row)
		wantSeat(p, "Put", err, -1)
		tx := p.begin(nil)
		_, err = tab.Put(p.ctx, tx, &row)
		wantSeat(p, "Put in a transaction", err, -1)
		if err := tx.Rollback(); err != nil {
			p.Fatal(err)
		}
		rows := []seat{{5, "e", 1, ""}, {6, "f", 1, ""}, row, {7, "g", 1, ""}}
		_, err = tab.PutAll(p.ctx, p.db, rows)
		wantSeat(p, "PutAll", err, 2)
		_, err = tab.PutAll(p.ctx, p.db, rows, upsert.Outcomes())
		wantSeat(p, "PutAll with Outcomes", err, 2)
		_, err = tab.PutSeq(p.ctx, p.db, sequence(rows...))
		wantSeat(p, "PutSeq", err, 2)
	}
	_, err := tab.GetOrCreate(p.ctx, p.db, &seat{9, "a", 7, "new"})
	wantSeat(p, "GetOrCreate", err, -1) // this call comes last, because its transaction stays open until the end of the test
	prepared, err := tab.Prepare(p.ctx, p.begin(nil))
	if err != nil {
		p.Fatal(err)
	}
	_, err = prepared.Put(p.ctx, &seat{9, "a", 7, "new"})
	wantSeat(p, "Prepared.Put", err, -1)
}

// otherKeyNamedInBatch checks which row fails. The row with the greater key is sent later, so that row fails.
func otherKeyNamedInBatch(p *place) {
	p.create("seats", seatColumns)
	tab := table[seat](p, "seats")
	rows := []seat{{5, "a", 7, ""}, {6, "f", 1, ""}, {4, "a", 7, ""}}
	for _, opts := range [][]upsert.PutOption{nil, {upsert.Outcomes()}, {upsert.EachOutcome(func(int, upsert.Outcome) {})}} {
		_, err := tab.PutAll(p.ctx, p.db, rows, opts...)
		wantSeat(p, "PutAll", err, 0)
	}
	p.wantCount("seats", 0)
}

// otherKeysNamed checks that the error names the index of the conflict and no other index.
func otherKeysNamed(p *place) {
	type row struct {
		ID int64   `db:"id" upsert:"key"`
		A  string  `db:"a"`
		B  *string `db:"b"`
	}
	p.create("t", "id {int} NOT NULL PRIMARY KEY, a {exact} NOT NULL, b {exact}, CONSTRAINT one_a UNIQUE (a), CONSTRAINT one_b UNIQUE (b)")
	tab := table[row](p, "t")
	putAll(p, tab, []row{{1, "x", ptr("y")}, {2, "z", nil}}, inserted, inserted)
	_, err := tab.Put(p.ctx, p.db, &row{3, "new", ptr("y")})
	wantOtherKey(p, "Put", err)
	words := p.pick("t.b", "(b)=(y)", "(b)=(y)")
	wantWords(p, "Put", err, words)
	_, err = tab.Put(p.ctx, p.db, &row{3, "z", nil})
	wantOtherKey(p, "Put beside a NULL", err)
	wantWords(p, "Put beside a NULL", err, p.pick("t.a", "(a)=(z)", "(a)=(z)"))
}

func foldedKeyNamed(p *place) {
	type row struct {
		ID string `db:"id" upsert:"key"`
		V  string `db:"v"`
	}
	createFolding(p)
	tab := table[row](p, "t")
	put(p, tab, &row{"a", "1"}, inserted)
	words := []string{"key (id) that is the same only to a collation", "(id)=(A)"}
	_, err := tab.Put(p.ctx, p.db, &row{"A", "2"})
	wantWords(p, "Put", err, words...)
	_, err = tab.GetOrCreate(p.ctx, p.db, &row{"A", "2"})
	wantWords(p, "GetOrCreate", err, words...)
	for _, opts := range [][]upsert.PutOption{nil, {upsert.Outcomes()}, {upsert.EachOutcome(func(int, upsert.Outcome) {})}} {
		_, err = tab.PutAll(p.ctx, p.db, []row{{"c", "1"}, {"A", "2"}, {"d", "1"}}, opts...)
		wantWords(p, "PutAll", err, append(words, "row 1")...)
		_, err = tab.PutAll(p.ctx, p.db, []row{{"c", "1"}, {"d", "1"}, {"D", "1"}}, opts...)
		wantOtherKey(p, "PutAll of both keys", err)
		wantWords(p, "PutAll of both keys", err, "key (id) that is the same only to a collation")
		// Rows are sent in the byte order of their keys, which decides the later row.
		wantWords(p, "PutAll of both keys", err, "row 1", "(id)=(d)")
	}
	p.wantCount("t", 1)
}

// errorDetail checks that the error contains the DETAIL of PostgreSQL, which has the values for every kind of constraint.
func errorDetail(p *place) {
	type row struct {
		ID  int64 `db:"id" upsert:"key"`
		Ref int64 `db:"ref"`
	}
	p.create("parents", "id {int} NOT NULL PRIMARY KEY")
	p.create("t", "id {int} NOT NULL PRIMARY KEY, ref {int} REFERENCES parents (id)")
	tab := table[row](p, "t")
	_, err := tab.Put(p.ctx, p.db, &row{1, 2})
	wantWords(p, "Put", err, `Key (ref)=(2) is not present in table "parents".`)
	_, err = tab.PutAll(p.ctx, p.db, []row{{1, 2}, {2, 2}})
	wantWords(p, "PutAll", err, `Key (ref)=(2) is not present in table "parents".`, "row 0")
}
