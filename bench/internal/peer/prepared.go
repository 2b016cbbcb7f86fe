package peer

import (
	"context"

	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/place"
)

// libraryPrepared is the library's prepared single row.
func libraryPrepared[R any](driver string) []Peer[R] {
	return []Peer[R]{{
		Way: contest.Way{
			Name: "upsert, Prepare", Driver: driver, Kind: contest.Library,
			How: "`Table.Prepare` before, and `Prepared.Put` for each row.",
		},
		Open: func(ctx context.Context, p *place.Place) (Write[R], error) {
			table, db, err := openLibrary[R](ctx, p, library{driver: driver})
			if err != nil {
				return nil, err
			}
			prepared, err := table.Prepare(ctx, db)
			if err != nil {
				return nil, err
			}
			p.Cleanup(func() { _ = prepared.Close() }) // the pool is closed next
			return func(ctx context.Context, rows []R) error {
				for i := range rows {
					if _, err := prepared.Put(ctx, &rows[i]); err != nil {
						return err
					}
				}
				return nil
			}, nil
		},
	}}
}
