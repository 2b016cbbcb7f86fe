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

	// Prepare once, when the service starts. All handlers share the statements.
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

	// The statements end with the transaction. Behind a pooler, close them before the transaction ends.
	if err := prepared.Close(); err != nil {
		fmt.Println(err)
	}
	fmt.Println(tx.Commit())
	// Output:
	// inserted
	// <nil>
}
