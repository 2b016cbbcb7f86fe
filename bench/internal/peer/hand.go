package peer

import (
	"context"
	"database/sql"

	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/place"
	"github.com/goupsert/upsert/bench/internal/row"
	"github.com/goupsert/upsert/internal/engine"
)

// handRows is how many rows a hand-written statement has: the best sizes found. SQLite binds more slowly the more
// parameters a statement has.
func handRows(dialect string, columns int) int {
	if dialect == "sqlite" {
		return max(1, 2000/columns)
	}
	return 1000
}

func handBatches[R any](dialect string, s *row.Shape[R]) []Peer[R] {
	prepared := Peer[R]{
		Way: contest.Way{
			Name: "by hand, prepared VALUES", Driver: Driver(dialect), Kind: contest.ByHand,
			How: "One multi-row statement, prepared once in the transaction and executed again for each chunk of 1,000 rows " +
				"(on SQLite 2,000 parameters, 250 rows of eight columns, the best size found).",
		},
		Open: handPrepared(dialect, s),
	}
	switch {
	case dialect == "postgres":
		return append([]Peer[R]{prepared}, handPostgres(s)...)
	case isMySQL(dialect):
		return append([]Peer[R]{prepared}, handMySQL(dialect, s)...)
	}
	return []Peer[R]{prepared}
}

// handPrepared reuses one prepared statement over the chunks of a batch.
func handPrepared[R any](dialect string, s *row.Shape[R]) func(context.Context, *place.Place) (Write[R], error) {
	full := handRows(dialect, len(s.Columns))
	text := upsertText(dialect, s.Columns, full)
	return func(_ context.Context, p *place.Place) (Write[R], error) {
		db, err := p.Open(driverName(Driver(dialect)))
		return func(ctx context.Context, rows []R) error {
			return inTx(ctx, db, func(tx *sql.Tx) error {
				stmt, err := tx.PrepareContext(ctx, text)
				if err != nil {
					return err
				}
				var args []any
				return chunks(rows, full, func(part []R) error {
					args = args[:0]
					for i := range part {
						args = s.Args(args, &part[i])
					}
					if len(part) == full {
						_, err = stmt.ExecContext(ctx, args...)
					} else {
						_, err = tx.ExecContext(ctx, upsertText(dialect, s.Columns, len(part)), args...)
					}
					return err
				})
			})
		}, err
	}
}

// handOnce sends a text of its own for each chunk. The arguments are beside the text or, if a parameter of the driver says so, in
// the text.
func handOnce[R any](dialect string, s *row.Shape[R], params ...engine.Option) func(context.Context, *place.Place) (Write[R], error) {
	full := handRows(dialect, len(s.Columns))
	text := upsertText(dialect, s.Columns, full)
	return func(_ context.Context, p *place.Place) (Write[R], error) {
		db, err := p.Open(driverName(Driver(dialect)), params...)
		return func(ctx context.Context, rows []R) error {
			return inTx(ctx, db, func(tx *sql.Tx) error {
				var args []any
				return chunks(rows, full, func(part []R) error {
					args = args[:0]
					for i := range part {
						args = s.Args(args, &part[i])
					}
					query := text
					if len(part) < full {
						query = upsertText(dialect, s.Columns, len(part))
					}
					_, err := tx.ExecContext(ctx, query, args...)
					return err
				})
			})
		}, err
	}
}

// inTx runs f in a transaction.
func inTx(ctx context.Context, db *sql.DB, f func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func handSingles[R any](dialect string, s *row.Shape[R]) []Peer[R] {
	drivers := []string{Driver(dialect)}
	if dialect == "postgres" {
		drivers = append(drivers, pgx)
	}
	var all []Peer[R]
	for _, driver := range drivers {
		all = append(all, Peer[R]{
			Way: contest.Way{
				Name: "by hand, prepared", Driver: driver, Kind: contest.ByHand,
				How: "One statement of one row, prepared before and executed for each row.",
			},
			Open: handSingle(dialect, driver, s),
		})
	}
	return all
}

func handSingle[R any](dialect, driver string, s *row.Shape[R]) func(context.Context, *place.Place) (Write[R], error) {
	return func(ctx context.Context, p *place.Place) (Write[R], error) {
		db, err := p.Open(driverName(driver))
		if err != nil {
			return nil, err
		}
		stmt, err := db.PrepareContext(ctx, upsertText(dialect, s.Columns, 1))
		if err != nil {
			return nil, err
		}
		p.Cleanup(func() { _ = stmt.Close() }) // the pool is closed next
		return func(ctx context.Context, rows []R) error {
			var args []any
			for i := range rows {
				args = s.Args(args[:0], &rows[i])
				if _, err := stmt.ExecContext(ctx, args...); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}
}
