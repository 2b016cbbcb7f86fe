package peer

import (
	"context"
	"fmt"

	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/place"
	"github.com/goupsert/upsert/internal/engine"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
)

// gormDriver is what GORM's own package for the database brings.
func gormDriver(dialect string) string {
	if dialect == "postgres" {
		return pgx
	}
	return Driver(dialect)
}

// tuned is what GORM's page on performance says: no transaction around every statement, and prepared statements.
func tuned() *gorm.Config { return &gorm.Config{SkipDefaultTransaction: true, PrepareStmt: true} }

func openGorm(ctx context.Context, p *place.Place, config *gorm.Config, params ...engine.Option) (*gorm.DB, error) {
	config.Logger = logger.Discard
	dsn := p.DSN(driverName(gormDriver(p.Dialect())), params...)
	var dialector gorm.Dialector
	switch p.Dialect() {
	case "sqlite":
		dialector = sqlite.Open(dsn)
	case "postgres":
		dialector = postgres.Open(dsn)
	case "mariadb", "mysql":
		dialector = mysql.Open(dsn)
	default:
		return nil, fmt.Errorf("there is no GORM driver here for %s", p.Dialect())
	}
	db, err := gorm.Open(dialector, config)
	if err != nil {
		return nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	p.Cleanup(func() { _ = pool.Close() }) // its place goes away
	return db.WithContext(ctx).Table("accounts").Session(&gorm.Session{}), nil
}

func gormBatches[R any](dialect string) []Peer[R] {
	const page = "https://gorm.io/docs/performance.html"
	all := []Peer[R]{{
		Way: contest.Way{
			Name: "GORM", Driver: gormDriver(dialect), Kind: contest.Peer,
			How: "`CreateInBatches(rows, 1000)` with `clause.OnConflict{UpdateAll: true}` in one transaction, `SkipDefaultTransaction` and " +
				"`PrepareStmt`, as " + page + " has it; its own driver package.",
		},
		Open: gormBatch[R](tuned),
	}}
	if isMySQL(dialect) {
		all = append(all, Peer[R]{
			Way: contest.Way{
				Name: "GORM, interpolated", Driver: mySQL, Kind: contest.Peer,
				How: "The same without `PrepareStmt` and with `interpolateParams=true`, to which the same page points for MySQL.",
			},
			Open: gormBatch[R](func() *gorm.Config { return &gorm.Config{SkipDefaultTransaction: true} }, interpolated()),
		})
	}
	return all
}

func gormBatch[R any](config func() *gorm.Config, params ...engine.Option) func(context.Context, *place.Place) (Write[R], error) {
	return func(ctx context.Context, p *place.Place) (Write[R], error) {
		db, err := openGorm(ctx, p, config(), params...)
		return func(ctx context.Context, rows []R) error {
			return db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
				return tx.Table("accounts").Clauses(clause.OnConflict{UpdateAll: true}).CreateInBatches(rows, 1000).Error
			})
		}, err
	}
}

func gormSingles[R any](dialect string) []Peer[R] {
	return []Peer[R]{
		{
			Way: contest.Way{
				Name: "GORM, as it comes", Driver: gormDriver(dialect), Kind: contest.Peer,
				How: "`Create` of one row with `clause.OnConflict{UpdateAll: true}` and GORM's default settings.",
			},
			Open: gormSingle[R](func() *gorm.Config { return &gorm.Config{} }),
		},
		{
			Way: contest.Way{
				Name: "GORM, tuned", Driver: gormDriver(dialect), Kind: contest.Peer,
				How: "The same with `SkipDefaultTransaction` and `PrepareStmt`; on SQLite also with `_stmt_cache_size=100`.",
			},
			Open: gormSingle[R](tuned, gormParams(dialect)...),
		},
	}
}

// gormParams are the driver's settings that help GORM's prepared statements too.
func gormParams(dialect string) []engine.Option {
	if dialect == "sqlite" {
		return oneStep(gormDriver(dialect))
	}
	return nil
}

func gormSingle[R any](config func() *gorm.Config, params ...engine.Option) func(context.Context, *place.Place) (Write[R], error) {
	return func(ctx context.Context, p *place.Place) (Write[R], error) {
		db, err := openGorm(ctx, p, config(), params...)
		return func(ctx context.Context, rows []R) error {
			for i := range rows {
				one := db.WithContext(ctx).Table("accounts").Clauses(clause.OnConflict{UpdateAll: true})
				if err := one.Create(&rows[i]).Error; err != nil {
					return err
				}
			}
			return nil
		}, err
	}
}
