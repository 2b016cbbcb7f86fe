package upsert_test

import (
	"context"
	"fmt"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/jmoiron/sqlx"
)

type Sensor struct {
	ID        string    `db:"id" upsert:"key"`
	Name      string    `db:"name"`
	Owner     *string   `db:"owner" upsert:"coalesce"`       // NULL is "not said"
	LastSeen  time.Time `db:"last_seen" upsert:"max"`        // a late message cannot turn it back
	UpdatedAt time.Time `db:"updated_at" upsert:"touch,now"` // only if something changed
}

type Sensors struct {
	db    *sqlx.DB
	table *upsert.Table[Sensor]
}

func NewSensors(ctx context.Context, db *sqlx.DB) (*Sensors, error) {
	d, err := dialect.Detect(ctx, db) // asks the server what it is
	if err != nil {
		return nil, err
	}
	table, err := upsert.New[Sensor](d, "sensors") // wrong tags are an error here, not in production
	return &Sensors{db, table}, err
}

func (r *Sensors) Save(ctx context.Context, s *Sensor) (upsert.Outcome, error) {
	return r.table.Put(ctx, r.db, s) // or on a *sqlx.Tx
}

func (r *Sensors) Sync(ctx context.Context, all []Sensor) (upsert.Result, error) {
	return r.table.PutAll(ctx, r.db, all, upsert.Outcomes()) // all rows or none
}

func Example_repository() {
	ctx := context.Background()
	db := exampleDB(`CREATE TABLE sensors (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, owner TEXT,
		last_seen TIMESTAMP NOT NULL, updated_at TIMESTAMP NOT NULL)`)
	defer func() { _ = db.Close() }()
	sensors := must(NewSensors(ctx, db))

	ada, noon := "ada", time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	fmt.Println(sensors.Save(ctx, &Sensor{ID: "s1", Name: "door", Owner: &ada, LastSeen: noon}))
	// This message is late and has no owner, so it changes no column.
	fmt.Println(sensors.Save(ctx, &Sensor{ID: "s1", Name: "door", LastSeen: noon.Add(-time.Hour)}))
	fmt.Println(sensors.Sync(ctx, []Sensor{{ID: "s2", Name: "gate", LastSeen: noon}, {ID: "s1", Name: "front door", LastSeen: noon}}))
	// Output:
	// inserted <nil>
	// unchanged <nil>
	// 1 inserted, 1 updated <nil>
}
