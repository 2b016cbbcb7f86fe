package peer

import (
	"context"

	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/place"
	"github.com/goupsert/upsert/bench/internal/row"
)

// limit is the server upserting a table that is there already: no row comes from a client.
func limit[R any](dialect string, s *row.Shape[R]) Peer[R] {
	return Peer[R]{
		Way: contest.Way{
			Name: "server-side limit", Kind: contest.Limit,
			How: "`INSERT … SELECT` with the same conflict clause, from a table that holds the batch already: no row comes from the client.",
		},
		Open: func(_ context.Context, p *place.Place) (Write[R], error) {
			db, err := p.Open(driverName(Driver(dialect)))
			query := merge(dialect, "ready", s.Columns)
			return func(ctx context.Context, _ []R) error {
				_, err := db.ExecContext(ctx, query)
				return err
			}, err
		},
	}
}
