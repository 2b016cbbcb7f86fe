package peer

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/place"
	"github.com/goupsert/upsert/bench/internal/row"
)

// Told are the ways of writing a batch in one transaction that tell what became of each row. The library's way that does
// not tell is there as well, so that it can be seen what the telling costs.
func Told[R any](dialect string, s *row.Shape[R]) []Peer[R] {
	plain := library{name: "upsert", driver: Driver(dialect), how: auto}
	all := []Peer[R]{
		{
			Way:  contest.Way{Name: plain.name, Driver: plain.driver, Kind: contest.Library, How: plain.how},
			Open: libraryBatch[R](plain),
		},
		{
			Way:  contest.Way{Name: "upsert, Outcomes", Driver: plain.driver, Kind: contest.Library, How: "The same with `Outcomes()`."},
			Open: libraryTold[R](plain),
		},
	}
	if isMySQL(dialect) {
		all = append(all, Peer[R]{
			Way: contest.Way{
				Name: "by hand, RowsAffected", Driver: mySQL, Kind: contest.ByHand,
				How: "One statement of one row, prepared in the transaction and executed for each row. Its `RowsAffected` is 1 if it has " +
					"inserted the row, 2 if it has changed it, and 0 if the row was equal.",
			},
			Open: handTold(dialect, s),
		})
	}
	return all
}

// libraryTold fails if a row's outcome is missing.
func libraryTold[R any](l library) func(context.Context, *place.Place) (Write[R], error) {
	return func(ctx context.Context, p *place.Place) (Write[R], error) {
		table, db, err := openLibrary[R](ctx, p, l)
		return func(ctx context.Context, rows []R) error {
			res, err := table.PutAll(ctx, db, rows, upsert.Outcomes())
			if err == nil && (res.Unknown > 0 || res.Rows() != int64(len(rows))) {
				err = fmt.Errorf("outcomes of %d rows are %v", len(rows), res)
			}
			return err
		}, err
	}
}

func handTold[R any](dialect string, s *row.Shape[R]) func(context.Context, *place.Place) (Write[R], error) {
	text := upsertText(dialect, s.Columns, 1)
	return func(_ context.Context, p *place.Place) (Write[R], error) {
		db, err := p.Open(driverName(mySQL))
		return func(ctx context.Context, rows []R) error {
			return inTx(ctx, db, func(tx *sql.Tx) error {
				stmt, err := tx.PrepareContext(ctx, text)
				if err != nil {
					return err
				}
				var args []any
				told := map[int64]int{}
				for i := range rows {
					args = s.Args(args[:0], &rows[i])
					res, err := stmt.ExecContext(ctx, args...)
					if err != nil {
						return err
					}
					n, err := res.RowsAffected()
					if err != nil {
						return err
					}
					told[n]++
				}
				if told[0]+told[1]+told[2] != len(rows) {
					return fmt.Errorf("affected rows of %d statements are %v", len(rows), told)
				}
				return nil
			})
		}, err
	}
}
