package peer

import (
	"context"
	"database/sql"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/place"
)

// plainSingles are a plain table's ways of writing single rows: the statement alone, and the statement with its outcome.
func plainSingles[R any](driver string) []Peer[R] {
	way := func(name, how string, open func(context.Context, *upsert.Table[R], *sql.DB, *place.Place) (func(context.Context, *R) error, error)) Peer[R] {
		return Peer[R]{
			Way: contest.Way{Name: name, Driver: driver, Kind: contest.Library, How: how},
			Open: func(ctx context.Context, p *place.Place) (Write[R], error) {
				table, db, err := openPlain[R](ctx, p, driver)
				if err != nil {
					return nil, err
				}
				one, err := open(ctx, table, db, p)
				return func(ctx context.Context, rows []R) error {
					for i := range rows {
						if err := one(ctx, &rows[i]); err != nil {
							return err
						}
					}
					return nil
				}, err
			},
		}
	}
	return []Peer[R]{
		way("upsert, plain Exec", "`Table.Plain` with `TrustUniqueIndexes` before, and `Exec` for each row, with the driver's setting as for `Put`.",
			func(_ context.Context, table *upsert.Table[R], db *sql.DB, _ *place.Place) (func(context.Context, *R) error, error) {
				return func(ctx context.Context, row *R) error { _, err := table.Exec(ctx, db, row); return err }, nil
			}),
		way("upsert, plain Prepared.Put", "The same with `Prepare` before, and `Prepared.Put` for each row.",
			func(ctx context.Context, table *upsert.Table[R], db *sql.DB, p *place.Place) (func(context.Context, *R) error, error) {
				prepared, err := table.Prepare(ctx, db)
				if err != nil {
					return nil, err
				}
				p.Cleanup(func() { _ = prepared.Close() }) // the pool is closed next
				return func(ctx context.Context, row *R) error { _, err := prepared.Put(ctx, row); return err }, nil
			}),
	}
}

// openPlain opens a plain table. The columns of the contest are not those that Verify would choose, so faults of their types are left out.
func openPlain[R any](ctx context.Context, p *place.Place, driver string) (*upsert.Table[R], *sql.DB, error) {
	table, db, err := openLibrary[R](ctx, p, library{driver: driver, params: oneStep(driver)})
	if err != nil {
		return nil, nil, err
	}
	plain, err := table.Plain(ctx, db, upsert.TrustUniqueIndexes(), upsert.Ignore(upsert.CheckPrecision, upsert.CheckLength, upsert.CheckType))
	return plain, db, err
}
