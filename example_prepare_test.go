package upsert_test

import (
	"context"
	"fmt"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

func ExampleTable_Prepare() {
	ctx, db := context.Background(), exampleDB(devicesDDL)
	defer db.Close()
	devices := must(upsert.New[Device](dialect.SQLite, "devices"))

	// Once, at the start of the service: its handlers share it.
	prepared := must(devices.Prepare(ctx, db))
	defer func() { _ = prepared.Close() }()

	for _, d := range []Device{{"a", "lamp", 1}, {"a", "desk lamp", 2}, {"a", "lamp", 1}} {
		fmt.Println(must(prepared.Put(ctx, &d)))
	}
	// Output:
	// inserted
	// updated
	// stale
}

func ExampleTable_Prepare_transaction() {
	ctx, db := context.Background(), exampleDB(devicesDDL)
	defer db.Close()
	devices := must(upsert.New[Device](dialect.SQLite, "devices"))

	tx := must(db.BeginTxx(ctx, nil))
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	prepared := must(devices.Prepare(ctx, tx))
	fmt.Println(must(prepared.Put(ctx, &Device{"a", "lamp", 1})))

	// It ends with the transaction. Behind a pooler its statements must be closed before that.
	if err := prepared.Close(); err != nil {
		fmt.Println(err)
	}
	fmt.Println(tx.Commit())
	// Output:
	// inserted
	// <nil>
}
