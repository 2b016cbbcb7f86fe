package peer

import (
	"context"

	"github.com/doug-martin/goqu/v9"
	_ "github.com/doug-martin/goqu/v9/dialect/mysql"    // dialect "mysql"
	_ "github.com/doug-martin/goqu/v9/dialect/postgres" // dialect "postgres"
	_ "github.com/doug-martin/goqu/v9/dialect/sqlite3"  // dialect "sqlite3"
	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/place"
	"github.com/goupsert/upsert/bench/internal/row"
)

func goquBatches[R any](dialect string, s *row.Shape[R]) []Peer[R] {
	name := map[string]string{"sqlite": "sqlite3", "postgres": "postgres", "mariadb": "mysql", "mysql": "mysql"}[dialect]
	update := goqu.Record{}
	for _, c := range s.Columns[1:] {
		if isMySQL(dialect) {
			update[c.Name] = goqu.L("VALUES(?)", goqu.C(c.Name))
		} else {
			update[c.Name] = goqu.I("excluded." + c.Name)
		}
	}
	return []Peer[R]{{
		Way: contest.Way{
			Name: "goqu", Driver: Driver(dialect), Kind: contest.Peer,
			How: "`Insert().Rows(structs).OnConflict(goqu.DoUpdate(…))` of 1,000 rows with `Prepared(true)` in `WithTx`.",
		},
		Open: func(_ context.Context, p *place.Place) (Write[R], error) {
			db, err := p.Open(driverName(Driver(dialect)))
			return func(ctx context.Context, rows []R) error {
				return goqu.New(name, db).WithTx(func(tx *goqu.TxDatabase) error {
					return chunks(rows, 1000, func(part []R) error {
						q := tx.Insert("accounts").Rows(part).OnConflict(goqu.DoUpdate(s.Columns[0].Name, update)).Prepared(true)
						_, err := q.Executor().ExecContext(ctx)
						return err
					})
				})
			}, err
		},
	}}
}
