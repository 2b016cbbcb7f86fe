package upsert_test

import (
	"context"
	"fmt"
	"slices"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

// Ticket has columns whose stored values the program does not know: a number, a DEFAULT and a value that is kept.
type Ticket struct {
	No    int64  `db:"no" upsert:"generated"`
	Code  string `db:"code" upsert:"key"`
	Title string `db:"title"`
	State string `db:"state" upsert:"omitzero"`
	By    string `db:"opened_by" upsert:"keep"`
}

const ticketsDDL = `CREATE TABLE tickets (no INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, title TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'open', opened_by TEXT NOT NULL)`

func ExampleReturning() {
	ctx, db := context.Background(), exampleDB(ticketsDDL)
	defer db.Close()
	tickets := must(upsert.New[Ticket](dialect.SQLite, "tickets"))

	ticket := Ticket{Code: "a", Title: "no light", By: "ann"}
	fmt.Println(must(tickets.Put(ctx, db, &ticket, upsert.Returning())), ticket)
	batch := []Ticket{{Code: "b", Title: "no water", By: "bob"}, {Code: "a", Title: "no light", By: "cid"}}
	must(tickets.PutAll(ctx, db, batch, upsert.Returning()))
	fmt.Println(batch)
	// Output:
	// inserted {1 a no light open ann}
	// [{2 b no water open bob} {1 a no light open ann}]
}

func ExampleEachReturned() {
	ctx, db := context.Background(), exampleDB(ticketsDDL)
	defer db.Close()
	tickets := must(upsert.New[Ticket](dialect.SQLite, "tickets"))

	incoming := func(yield func(Ticket, error) bool) {
		for _, code := range slices.Backward([]string{"a", "b"}) {
			if !yield(Ticket{Code: code, Title: "no light", By: "ann"}, nil) {
				return
			}
		}
	}
	must(tickets.PutSeq(ctx, db, incoming, upsert.ChunkTx(1000), upsert.EachReturned(func(row int, stored Ticket) {
		fmt.Println(row, stored.Code, stored.No, stored.State)
	})))
	// Output:
	// 0 b 2 open
	// 1 a 1 open
}
