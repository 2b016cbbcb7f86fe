package peer

import (
	"context"
	"strings"

	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/place"
	"github.com/goupsert/upsert/bench/internal/row"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/jmoiron/sqlx"
)

// namedText is the statement with sqlx's names for its values.
func namedText(dialect string, columns []row.Column) string {
	list := names(columns)
	return "INSERT INTO accounts (" + list + ") VALUES (:" + strings.ReplaceAll(list, ", ", ", :") + ")" + onConflict(dialect, columns)
}

func openSqlx(p *place.Place, driver string, params ...engine.Option) (*sqlx.DB, error) {
	db, err := p.Open(driverName(driver), params...)
	if err != nil {
		return nil, err
	}
	return sqlx.NewDb(db, driverName(driver)), nil
}

// sqlxChoice is a driver and its setting.
type sqlxChoice struct {
	name, driver string
	params       []engine.Option
}

func sqlxChoices(dialect string) []sqlxChoice {
	switch {
	case dialect == "postgres":
		return []sqlxChoice{{"sqlx", libPQ, nil}, {"sqlx", pgx, nil}}
	case isMySQL(dialect):
		return []sqlxChoice{{"sqlx", mySQL, nil}, {"sqlx, interpolated", mySQL, []engine.Option{interpolated()}}}
	}
	return []sqlxChoice{{"sqlx", Driver(dialect), nil}}
}

func sqlxBatches[R any](dialect string, s *row.Shape[R]) []Peer[R] {
	query := namedText(dialect, s.Columns)
	var all []Peer[R]
	for _, c := range sqlxChoices(dialect) {
		all = append(all, Peer[R]{
			Way: contest.Way{
				Name: c.name, Driver: c.driver, Kind: contest.Peer,
				How: "`NamedExecContext` of a slice of 1,000 structs, its README's batch insert, with the conflict clause behind it, in one " +
					"transaction; pgx prepares it by its own cache, and interpolated is `interpolateParams=true`.",
			},
			Open: func(_ context.Context, p *place.Place) (Write[R], error) {
				db, err := openSqlx(p, c.driver, c.params...)
				return func(ctx context.Context, rows []R) error {
					tx, err := db.BeginTxx(ctx, nil)
					if err != nil {
						return err
					}
					defer func() { _ = tx.Rollback() }() // after a commit it does nothing
					err = chunks(rows, 1000, func(part []R) error {
						_, err := tx.NamedExecContext(ctx, query, part)
						return err
					})
					if err != nil {
						return err
					}
					return tx.Commit()
				}, err
			},
		})
	}
	return all
}

func sqlxSingles[R any](dialect string, s *row.Shape[R]) []Peer[R] {
	query := namedText(dialect, s.Columns)
	var all []Peer[R]
	for _, c := range sqlxChoices(dialect) {
		all = append(all, Peer[R]{
			Way: contest.Way{Name: c.name, Driver: c.driver, Kind: contest.Peer, How: "`NamedExecContext` of one struct."},
			Open: func(_ context.Context, p *place.Place) (Write[R], error) {
				db, err := openSqlx(p, c.driver, c.params...)
				return func(ctx context.Context, rows []R) error {
					for i := range rows {
						if _, err := db.NamedExecContext(ctx, query, &rows[i]); err != nil {
							return err
						}
					}
					return nil
				}, err
			},
		})
	}
	return all
}
