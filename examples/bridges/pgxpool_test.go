package bridges_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/pgxcopy"
)

// openDevices writes through the connections of a program's pgxpool.
func openDevices(ctx context.Context, pool *pgxpool.Pool) (*sqlx.DB, *upsert.Table[Device], error) {
	db := sqlx.NewDb(stdlib.OpenDBFromPool(pool), "pgx")
	d, err := dialect.Detect(ctx, db)
	if err != nil {
		return nil, nil, err
	}
	devices, err := upsert.New[Device](d, "devices", upsert.CopyThrough(pgxcopy.From))
	return db, devices, err
}

func TestPgxPool(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pool, err := pgxpool.New(ctx, engine.Get("postgres").DSN(t, engine.Driver("pgx")))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	db, devices, err := openDevices(ctx, pool)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := pool.Exec(ctx, devicesDDL); err != nil {
		t.Fatal(err)
	}
	rows := []Device{{"d1", "lamp", 1}, {"d2", "fan", 1}}
	for _, want := range []upsert.Result{{Inserted: 2}, {Unchanged: 2}} {
		if got, err := devices.PutAll(ctx, db, rows, upsert.Outcomes(), upsert.Via(upsert.Copy)); got != want || err != nil {
			t.Errorf("PutAll = %v, %v; want %v", got, err, want)
		}
	}
	var n int
	if err := pool.QueryRow(ctx, "SELECT COUNT(*) FROM devices").Scan(&n); n != 2 || err != nil {
		t.Errorf("the pool sees %d rows, %v; want 2", n, err)
	}
}
