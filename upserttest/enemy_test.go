package upserttest_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"fmt"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/upserttest"
	"github.com/jmoiron/sqlx"
)

type thing struct {
	No   int64     `db:"no" upsert:"generated"`
	Code string    `db:"code" upsert:"key"`
	N    int64     `db:"n" upsert:"max"`
	At   time.Time `db:"at" upsert:"touch,now"`
}

func TestEnemy(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		var d dialect.Dialect
		open := func(t testing.TB) *sqlx.DB {
			db := e.Open(t)
			serial, at := map[string]string{"sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT", "postgres": "BIGSERIAL PRIMARY KEY"}[e.Dialect()], "TIMESTAMP"
			if serial == "" {
				serial, at = "BIGINT AUTO_INCREMENT PRIMARY KEY", "DATETIME(6)"
			}
			db.MustExec("CREATE TABLE things (no " + serial + ", code VARCHAR(40) NOT NULL UNIQUE, n BIGINT NOT NULL, at " + at + " NOT NULL)")
			db.MustExec("INSERT INTO things (code, n, at) VALUES ('old', 1, '2020-01-01 00:00:00'), ('same', 9, '2020-01-01 00:00:00')")
			var err error
			if d, err = dialect.Detect(context.Background(), db); err != nil {
				t.Fatal(err)
			}
			return db
		}
		open(t)
		things, err := upsert.New[thing](d, "things")
		if err != nil {
			t.Fatal(err)
		}
		rows := func() []thing { return []thing{{Code: "old", N: 5}, {Code: "new", N: 3}, {Code: "same", N: 2}} }
		for name, write := range map[string]func(ctx context.Context, db *sqlx.DB) error{
			"put": func(ctx context.Context, db *sqlx.DB) error {
				for _, r := range rows() {
					if _, err := things.Put(ctx, db, &r); err != nil {
						return err
					}
				}
				return nil
			},
			"putold": func(ctx context.Context, db *sqlx.DB) error {
				r := rows()[0]
				_, err := things.Put(ctx, db, &r)
				return err
			},
			"putreturning": func(ctx context.Context, db *sqlx.DB) error {
				r := rows()[1]
				_, err := things.Put(ctx, db, &r, upsert.Returning())
				return err
			},
			"all": func(ctx context.Context, db *sqlx.DB) error {
				_, err := things.PutAll(ctx, db, rows(), upsert.Outcomes(), upsert.Returning())
				return err
			},
			"plainall": func(ctx context.Context, db *sqlx.DB) error {
				_, err := things.PutAll(ctx, db, rows())
				return err
			},
			"seq": func(ctx context.Context, db *sqlx.DB) error {
				_, err := things.PutSeq(ctx, db, lab.Seq(rows()), upsert.ChunkTx(2))
				return err
			},
			"create": func(ctx context.Context, db *sqlx.DB) error {
				r := rows()[1]
				_, err := things.GetOrCreate(ctx, db, &r)
				return err
			},
			"prepare": func(ctx context.Context, db *sqlx.DB) error {
				p, err := things.Prepare(ctx, db)
				if err != nil {
					return err
				}
				defer p.Close()
				r := rows()[0]
				_, err = p.Put(ctx, &r)
				return err
			},
			"plain": func(ctx context.Context, db *sqlx.DB) error {
				p, err := things.Plain(ctx, db, upsert.Ignore(upsert.CheckLength, upsert.CheckKeyCollation, upsert.CheckKeyPadding))
				if err != nil {
					return err
				}
				r := rows()[0]
				_, err = p.Exec(ctx, db, &r)
				return err
			},
			"tx": func(ctx context.Context, db *sqlx.DB) error {
				tx, err := db.BeginTxx(ctx, nil)
				if err != nil {
					return err
				}
				defer tx.Rollback()
				for _, r := range rows() {
					if _, err := things.Put(ctx, tx, &r); err != nil {
						return err
					}
				}
				return tx.Commit()
			},
		} {
			if only := os.Getenv("ONLY"); only != "" && !strings.Contains(only, name) {
				continue
			}
			start := time.Now()
			out, failed := reportOf(t, func(t testing.TB) {
				upserttest.Idempotent(t, open, write, upserttest.Quiet(), upserttest.IgnoreColumns("at"), upserttest.GeneratedID("things.no"), upserttest.MaxSchedules(6))
			})
			fmt.Printf("%s %s: failed=%v %v %s\n", e.Name(), name, failed, time.Since(start).Round(time.Millisecond), out)
		}
	})
}
