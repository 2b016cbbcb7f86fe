package peer

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/place"
	"github.com/goupsert/upsert/bench/internal/row"
	pgxv5 "github.com/jackc/pgx/v5"
	"github.com/lib/pq"
)

const stagingText = "CREATE TEMPORARY TABLE staging (LIKE accounts) ON COMMIT DROP"

func handPostgres[R any](s *row.Shape[R]) []Peer[R] {
	all := []Peer[R]{
		{
			Way: contest.Way{
				Name: "by hand, COPY", Driver: libPQ, Kind: contest.ByHand,
				How: "`COPY … FROM STDIN` as a prepared statement, as lib/pq documents it, into a temporary table, then one `INSERT … SELECT`.",
			},
			Open: handCopyPQ(s),
		},
		{
			Way: contest.Way{
				Name: "by hand, COPY", Driver: pgx, Kind: contest.ByHand,
				How: "pgx without database/sql: `Conn.CopyFrom`, which its documentation calls the fastest way to insert many rows, into " +
					"a temporary table, then one `INSERT … SELECT`.",
			},
			Open: handCopyPgx(s),
		},
		{
			Way: contest.Way{
				Name: "by hand, SendBatch", Driver: pgx, Kind: contest.ByHand,
				How: "pgx without database/sql: a `Batch` of 1,000 queued statements of one row, in one round trip, prepared by its cache.",
			},
			Open: handSendBatch(s),
		},
	}
	if s.Arrays == nil {
		return all
	}
	for _, driver := range []string{libPQ, pgx} {
		all = append(all, Peer[R]{
			Way: contest.Way{
				Name: "by hand, unnest", Driver: driver, Kind: contest.ByHand,
				How: "One `INSERT … SELECT FROM unnest(…)` of the whole batch with an array a column, built in typed slices.",
			},
			Open: handUnnest(driver, s),
		})
	}
	return all
}

func handUnnest[R any](driver string, s *row.Shape[R]) func(context.Context, *place.Place) (Write[R], error) {
	casts := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		casts[i] = fmt.Sprintf("$%d::%s[]", i+1, map[row.Kind]string{
			row.Int: "bigint", row.Text: "text", row.Float: "double precision", row.Bool: "boolean", row.Time: "timestamptz",
		}[c.Kind])
	}
	from := "unnest(" + strings.Join(casts, ", ") + ") AS t (" + names(s.Columns) + ")"
	query := merge("postgres", from, s.Columns)
	return func(_ context.Context, p *place.Place) (Write[R], error) {
		db, err := p.Open(driverName(driver))
		return func(ctx context.Context, rows []R) error {
			args := s.Arrays(rows)
			if driver == libPQ { // pgx takes slices as they are
				for i := range args {
					args[i] = pq.Array(args[i])
				}
			}
			return inTx(ctx, db, func(tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, query, args...)
				return err
			})
		}, err
	}
}

func handCopyPQ[R any](s *row.Shape[R]) func(context.Context, *place.Place) (Write[R], error) {
	return func(_ context.Context, p *place.Place) (Write[R], error) {
		db, err := p.Open(driverName(libPQ))
		return func(ctx context.Context, rows []R) error {
			return inTx(ctx, db, func(tx *sql.Tx) error {
				if _, err := tx.ExecContext(ctx, stagingText); err != nil {
					return err
				}
				stmt, err := tx.PrepareContext(ctx, "COPY staging ("+names(s.Columns)+") FROM STDIN")
				if err != nil {
					return err
				}
				var args []any
				for i := range rows {
					args = s.Args(args[:0], &rows[i])
					if _, err := stmt.ExecContext(ctx, args...); err != nil {
						return err
					}
				}
				if _, err := stmt.ExecContext(ctx); err != nil {
					return err
				}
				if err := stmt.Close(); err != nil {
					return err
				}
				_, err = tx.ExecContext(ctx, merge("postgres", "staging", s.Columns))
				return err
			})
		}, err
	}
}

// connect returns a connection of pgx's own.
func connect(ctx context.Context, p *place.Place) (*pgxv5.Conn, error) {
	conn, err := pgxv5.Connect(ctx, p.DSN(driverName(pgx)))
	if err != nil {
		return nil, err
	}
	p.Cleanup(func() { _ = conn.Close(context.WithoutCancel(ctx)) }) // its place goes away
	return conn, nil
}

func handCopyPgx[R any](s *row.Shape[R]) func(context.Context, *place.Place) (Write[R], error) {
	columns := strings.Split(names(s.Columns), ", ")
	return func(ctx context.Context, p *place.Place) (Write[R], error) {
		conn, err := connect(ctx, p)
		return func(ctx context.Context, rows []R) error {
			return pgxv5.BeginFunc(ctx, conn, func(tx pgxv5.Tx) error {
				if _, err := tx.Exec(ctx, stagingText); err != nil {
					return err
				}
				var args []any
				from := pgxv5.CopyFromSlice(len(rows), func(i int) ([]any, error) {
					args = s.Args(args[:0], &rows[i])
					return args, nil
				})
				if _, err := tx.CopyFrom(ctx, pgxv5.Identifier{"staging"}, columns, from); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, merge("postgres", "staging", s.Columns))
				return err
			})
		}, err
	}
}

func handSendBatch[R any](s *row.Shape[R]) func(context.Context, *place.Place) (Write[R], error) {
	query := upsertText("postgres", s.Columns, 1)
	return func(ctx context.Context, p *place.Place) (Write[R], error) {
		conn, err := connect(ctx, p)
		return func(ctx context.Context, rows []R) error {
			return pgxv5.BeginFunc(ctx, conn, func(tx pgxv5.Tx) error {
				return chunks(rows, 1000, func(part []R) error {
					batch := &pgxv5.Batch{}
					for i := range part {
						batch.Queue(query, s.Args(nil, &part[i])...)
					}
					return tx.SendBatch(ctx, batch).Close()
				})
			})
		}, err
	}
}
