package peer

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/place"
	"github.com/goupsert/upsert/bench/internal/row"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/driver/pgdriver"
)

const pgDriver = "pgdriver"

// openBun opens bun over a driver. It writes the values into the statement's text, so pgx is told to send that as it is.
func openBun(p *place.Place, driver string) (*bun.DB, error) {
	if driver == pgDriver {
		pool := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(p.DSN("postgres"))))
		p.Cleanup(func() { _ = pool.Close() }) // its place goes away
		return bun.NewDB(pool, pgdialect.New()), nil
	}
	var params []engine.Option
	if driver == pgx {
		params = append(params, engine.Param("default_query_exec_mode", "simple_protocol"))
	}
	pool, err := p.Open(driverName(driver), params...)
	if err != nil {
		return nil, err
	}
	switch p.Dialect() {
	case "sqlite":
		return bun.NewDB(pool, sqlitedialect.New()), nil
	case "postgres":
		return bun.NewDB(pool, pgdialect.New()), nil
	case "mariadb", "mysql":
		return bun.NewDB(pool, mysqldialect.New()), nil
	}
	return nil, fmt.Errorf("there is no bun dialect here for %s", p.Dialect())
}

// bunUpsert is the statement as bun's documentation of INSERT has it.
func bunUpsert(q *bun.InsertQuery, dialect string, columns []row.Column) *bun.InsertQuery {
	q = q.ModelTableExpr("accounts")
	if isMySQL(dialect) {
		return q.On("DUPLICATE KEY UPDATE") // bun adds every column
	}
	q = q.On("CONFLICT (" + columns[0].Name + ") DO UPDATE")
	for _, c := range columns[1:] {
		q = q.Set("? = EXCLUDED.?", bun.Ident(c.Name), bun.Ident(c.Name))
	}
	return q
}

func bunDrivers(dialect string) []string {
	if dialect == "postgres" {
		return []string{pgDriver, pgx}
	}
	return []string{Driver(dialect)}
}

func bunBatches[R any](dialect string, s *row.Shape[R]) []Peer[R] {
	var all []Peer[R]
	for _, driver := range bunDrivers(dialect) {
		all = append(all, Peer[R]{
			Way: contest.Way{
				Name: "bun", Driver: driver, Kind: contest.Peer,
				How: "Bulk `NewInsert().Model(&rows)` of 1,000 rows with `On(\"CONFLICT (id) DO UPDATE\")` and a `Set` for each column " +
					"(`On(\"DUPLICATE KEY UPDATE\")` on MariaDB and MySQL) in `RunInTx`; over pgx in the simple protocol, as its page on drivers says.",
			},
			Open: func(_ context.Context, p *place.Place) (Write[R], error) {
				db, err := openBun(p, driver)
				return func(ctx context.Context, rows []R) error {
					return db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
						return chunks(rows, 1000, func(part []R) error {
							_, err := bunUpsert(tx.NewInsert().Model(&part), dialect, s.Columns).Exec(ctx)
							return err
						})
					})
				}, err
			},
		})
	}
	return all
}

func bunSingles[R any](dialect string, s *row.Shape[R]) []Peer[R] {
	driver := bunDrivers(dialect)[0]
	return []Peer[R]{{
		Way: contest.Way{Name: "bun", Driver: driver, Kind: contest.Peer, How: "The same statement of one row."},
		Open: func(_ context.Context, p *place.Place) (Write[R], error) {
			db, err := openBun(p, driver)
			return func(ctx context.Context, rows []R) error {
				for i := range rows {
					if _, err := bunUpsert(db.NewInsert().Model(&rows[i]), dialect, s.Columns).Exec(ctx); err != nil {
						return err
					}
				}
				return nil
			}, err
		},
	}}
}
