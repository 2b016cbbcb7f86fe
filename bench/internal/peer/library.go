package peer

import (
	"context"
	"database/sql"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/place"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
)

// library is one way of using the library for a batch.
type library struct {
	name, driver string
	how          string
	options      []upsert.Option
	put          []upsert.PutOption
	params       []engine.Option
}

func libraryBatches[R any](dialect string) []Peer[R] {
	var all []Peer[R]
	for _, l := range libraries(dialect) {
		all = append(all, Peer[R]{
			Way:  contest.Way{Name: l.name, Driver: l.driver, Kind: contest.Library, How: l.how},
			Open: libraryBatch[R](l),
		})
	}
	return all
}

func libraryBatch[R any](l library) func(context.Context, *place.Place) (Write[R], error) {
	return func(ctx context.Context, p *place.Place) (Write[R], error) {
		table, db, err := openLibrary[R](ctx, p, l)
		return func(ctx context.Context, rows []R) error {
			_, err := table.PutAll(ctx, db, rows, l.put...)
			return err
		}, err
	}
}

func openLibrary[R any](ctx context.Context, p *place.Place, l library) (*upsert.Table[R], *sql.DB, error) {
	db, err := p.Open(driverName(l.driver), l.params...)
	if err != nil {
		return nil, nil, err
	}
	table, err := NewTable[R](ctx, db, l.options...)
	return table, db, err
}

// NewTable is the table accounts of the database that db says it is.
func NewTable[R any](ctx context.Context, db *sql.DB, opts ...upsert.Option) (*upsert.Table[R], error) {
	d, err := dialect.Detect(ctx, db)
	if err != nil {
		return nil, err
	}
	return upsert.New[R](d, "accounts", opts...)
}

func librarySingles[R any](dialect string) []Peer[R] {
	drivers := []string{Driver(dialect)}
	if dialect == "postgres" {
		drivers = append(drivers, pgx)
	}
	var all []Peer[R]
	for _, driver := range drivers {
		all = append(all, libraryPrepared[R](driver)...)
		all = append(all, Peer[R]{
			Way:  contest.Way{Name: "upsert, Put", Driver: driver, Kind: contest.Library, How: "`Table.Put`, with the driver's setting that the README names for it: `binary_parameters=yes` for lib/pq, `interpolateParams=true` for go-sql-driver, `_stmt_cache_size=100` for go-sqlite3."},
			Open: libraryPut[R](driver),
		})
		all = append(all, plainSingles[R](driver)...)
	}
	return all
}

func libraryPut[R any](driver string) func(context.Context, *place.Place) (Write[R], error) {
	return func(ctx context.Context, p *place.Place) (Write[R], error) {
		table, db, err := openLibrary[R](ctx, p, library{driver: driver, params: oneStep(driver)})
		return func(ctx context.Context, rows []R) error {
			for i := range rows {
				if _, err := table.Put(ctx, db, &rows[i]); err != nil {
					return err
				}
			}
			return nil
		}, err
	}
}

// oneStep is the driver's setting with which a statement that the caller does not prepare costs no more than a prepared one.
func oneStep(driver string) []engine.Option {
	switch driver {
	case Driver("sqlite"):
		return []engine.Option{engine.Param("_stmt_cache_size", "100")}
	case Driver("postgres"):
		return []engine.Option{engine.Param("binary_parameters", "yes")}
	case Driver("mysql"):
		return []engine.Option{engine.Param("interpolateParams", "true")}
	}
	return nil
}
