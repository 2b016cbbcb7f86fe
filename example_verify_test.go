package upsert_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

func ExampleTable_Verify() {
	ctx, db := context.Background(), exampleDB("CREATE TABLE devices (id TEXT PRIMARY KEY, name TEXT, version INTEGER)")
	defer db.Close()
	devices := must(upsert.New[Device](dialect.SQLite, "devices"))

	if err := devices.Verify(ctx, db); err != nil {
		var wrong *upsert.SchemaError
		if errors.As(err, &wrong) {
			for _, p := range wrong.Problems {
				fmt.Println(p.Severity, p.Check, p.Column)
			}
		}
	}
	fmt.Println(devices.Verify(ctx, db, upsert.Ignore(upsert.CheckNullableKey)))
	// Output:
	// fault nullable key id
	// <nil>
}

func ExampleTable_Schema() {
	type Account struct {
		ID      int64  `upsert:"key"`
		Owner   string // text that is not NULL
		Balance string // a decimal
	}
	accounts := must(upsert.New[Account](dialect.Postgres, "accounts", upsert.ColumnType("balance", "numeric(12,2)")))
	fmt.Println(must(accounts.Schema()))
	// Output:
	// CREATE TABLE "accounts" (
	//   "id" bigint NOT NULL,
	//   "owner" text NOT NULL,
	//   "balance" numeric(12,2) NOT NULL,
	//   PRIMARY KEY ("id")
	// )
}

func ExampleTable_Plain() {
	type Item struct {
		ID   int64 `upsert:"key"`
		Name string
	}
	ctx, db := context.Background(), exampleDB("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
	defer db.Close()
	items := must(upsert.New[Item](dialect.SQLite, "items"))

	plain := must(items.Plain(ctx, db))

	query, _, _ := plain.SQL()
	fmt.Println(query)
	fmt.Println(must(plain.Put(ctx, db, &Item{1, "lamp"})), must(plain.Put(ctx, db, &Item{1, "lamp"})))
	// Output:
	// INSERT INTO "items" ("id", "name") VALUES (?, ?) ON CONFLICT ("id") DO UPDATE SET "name" = EXCLUDED."name" WHERE "items"."name" IS NOT EXCLUDED."name"
	// inserted unchanged
}
