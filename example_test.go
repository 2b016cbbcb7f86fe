package upsert_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"
	"slices"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/jmoiron/sqlx"
	_ "github.com/mattn/go-sqlite3"
)

// Device is the row type of the examples. The newest version of a row wins, in whatever order the rows arrive.
type Device struct {
	ID      string `db:"id" upsert:"key"`
	Name    string `db:"name"`
	Version int64  `db:"version" upsert:"version"`
}

// exampleDB opens an in-memory database with one table.
func exampleDB(ddl string) *sqlx.DB {
	db, err := sqlx.Open("sqlite3", ":memory:")
	if err != nil {
		log.Fatal(err)
	}
	db.SetMaxOpenConns(1) // each connection would have a database of its own
	if _, err := db.Exec(ddl); err != nil {
		log.Fatal(err)
	}
	return db
}

const devicesDDL = `CREATE TABLE devices (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL)`

// must ends the program if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func ExampleTable_Put() {
	ctx, db := context.Background(), exampleDB(devicesDDL)
	defer db.Close()
	devices := must(upsert.New[Device](dialect.SQLite, "devices"))

	for _, d := range []Device{
		{"a", "lamp", 1},
		{"a", "lamp", 1},      // the client tried again
		{"a", "desk lamp", 2}, // a newer version
		{"a", "lamp", 1},      // a retry that arrives late
	} {
		fmt.Println(must(devices.Put(ctx, db, &d)))
	}
	// Output:
	// inserted
	// unchanged
	// updated
	// stale
}

func ExampleTable_PutAll() {
	ctx, db := context.Background(), exampleDB(devicesDDL)
	defer db.Close()
	devices := must(upsert.New[Device](dialect.SQLite, "devices"))

	batch := []Device{{"b", "fan", 1}, {"a", "lamp", 1}, {"b", "ceiling fan", 2}}
	fmt.Println(must(devices.PutAll(ctx, db, batch, upsert.Outcomes())))
	fmt.Println(must(devices.PutAll(ctx, db, batch, upsert.Outcomes())))
	// Output:
	// 2 inserted, 1 updated
	// 2 unchanged, 1 stale
}

func ExampleTable_PutSeq() {
	ctx, db := context.Background(), exampleDB(devicesDDL)
	defer db.Close()
	devices := must(upsert.New[Device](dialect.SQLite, "devices"))

	// A million rows would need no more memory, because PutSeq holds only one chunk of rows at a time.
	var feed iter.Seq2[Device, error] = func(yield func(Device, error) bool) {
		for i := range 1000 {
			if !yield(Device{ID: fmt.Sprint(i), Name: "sensor", Version: 1}, nil) {
				return
			}
		}
	}
	res := must(devices.PutSeq(ctx, db, feed, upsert.Outcomes()))
	fmt.Println(res)
	// Output: 1000 inserted
}

func ExampleTable_PutSeq_chunks() {
	ctx, db := context.Background(), exampleDB(devicesDDL)
	defer db.Close()
	devices := must(upsert.New[Device](dialect.SQLite, "devices"))

	broken := errors.New("the feed broke off")
	var feed iter.Seq2[Device, error] = func(yield func(Device, error) bool) {
		for i := range 250 {
			if !yield(Device{ID: fmt.Sprint(i), Name: "sensor", Version: 1}, nil) {
				return
			}
		}
		yield(Device{}, broken)
	}
	_, err := devices.PutSeq(ctx, db, feed, upsert.ChunkTx(100))
	var partial *upsert.PartialError
	fmt.Println(errors.As(err, &partial), partial.Rows, errors.Is(err, broken))
	// Output: true 200 true
}

func ExampleTable_GetOrCreate() {
	ctx, db := context.Background(), exampleDB(`CREATE TABLE tags (
		id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, color TEXT NOT NULL DEFAULT 'grey')`)
	defer db.Close()
	type Tag struct {
		ID    int64  `db:"id" upsert:"generated"`
		Name  string `db:"name" upsert:"key"`
		Color string `db:"color" upsert:"omitzero"`
	}
	tags := must(upsert.New[Tag](dialect.SQLite, "tags"))

	for _, tag := range []Tag{{Name: "go"}, {Name: "go", Color: "blue"}} {
		created := must(tags.GetOrCreate(ctx, db, &tag))
		fmt.Println(created, tag.ID, tag.Color)
	}
	// Output:
	// true 1 grey
	// false 1 grey
}

func ExampleTable_SQL() {
	for _, d := range []dialect.Dialect{dialect.SQLite, dialect.MySQL} {
		devices := must(upsert.New[struct {
			ID   int64  `db:"id" upsert:"key"`
			Name string `db:"name"`
		}](d, "devices"))
		query, _, err := devices.SQL()
		fmt.Println(must(query, err))
	}
	// Output:
	// INSERT INTO "devices" AS "_t" ("id", "name") VALUES (?, ?) ON CONFLICT ("id") DO UPDATE SET "name" = excluded."name" WHERE "_t"."name" IS NOT excluded."name" COLLATE BINARY
	// INSERT INTO `devices` (`id`, `name`) VALUES (?, ?) ON DUPLICATE KEY UPDATE `id` = IF(`devices`.`id` <=> VALUES(`id`), `devices`.`id`, IF(18446744073709551615 + (COALESCE(LENGTH(`devices`.`id`), 0) + 1) > 0, NULLIF(`devices`.`id`, `devices`.`id`), NULL)), `name` = VALUES(`name`)
}

func ExampleTable_Guarantee() {
	type Page struct {
		Path string `db:"path" upsert:"key"`
		Last int64  `db:"last" upsert:"max"`
	}
	type Counter struct {
		Path string `db:"path" upsert:"key"`
		Hits int64  `db:"hits" upsert:"add"`
	}
	pages := must(upsert.New[Page](dialect.SQLite, "pages"))
	counters := must(upsert.New[Counter](dialect.SQLite, "counters"))
	fmt.Println(pages.Guarantee())
	fmt.Println(counters.Guarantee())

	// Put sends no statement, because a counter may be written only inside a claim.
	_, err := counters.Put(context.Background(), exampleDB("SELECT 1"), &Counter{"/", 1})
	fmt.Println(errors.Is(err, upsert.ErrUnguarded))
	// Output:
	// repeat-safe, order-free
	// order-free
	// true
}

func ExampleTarget() {
	ctx, db := context.Background(), exampleDB(`CREATE TABLE users (id TEXT NOT NULL PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL)`)
	defer db.Close()
	type User struct {
		ID    string `db:"id" upsert:"key"`
		Email string `db:"email" upsert:"key=email"`
		Name  string `db:"name"`
	}
	byEmail := must(upsert.New[User](dialect.SQLite, "users", upsert.Target("email")))

	must(byEmail.Put(ctx, db, &User{"u1", "ada@example.com", "Ada"}))
	// Another system sends the same person with another id. The stored id stays.
	must(byEmail.Put(ctx, db, &User{"u2", "ada@example.com", "Ada Lovelace"}))

	var users []User
	if err := db.Select(&users, "SELECT * FROM users"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(users)
	// Output: [{u1 ada@example.com Ada Lovelace}]
}

func ExampleColumn() {
	ctx, db := context.Background(), exampleDB(`CREATE TABLE zones (tz TEXT NOT NULL PRIMARY KEY, comments TEXT)`)
	defer db.Close()
	zones := must(upsert.New[map[string]any](dialect.SQLite, "zones",
		upsert.Column("tz", upsert.Key), upsert.Column("comments", upsert.Coalesce)))

	rows := []map[string]any{{"tz": "Europe/Paris", "comments": nil}, {"tz": "Europe/Berlin", "comments": "most of Germany"}}
	fmt.Println(must(zones.PutAll(ctx, db, rows, upsert.Outcomes())).Inserted)

	_, err := zones.PutAll(ctx, db, slices.Concat(rows, []map[string]any{{"tz": "Asia/Tokyo"}}))
	fmt.Println(err)
	// Output:
	// 2
	// upsert: table zones: row 2: column "comments" is missing
}
